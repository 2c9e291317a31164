//===- Sharing.h - what storing equal weights once has saved ------------------===//
#ifndef LATHE_COMPILER_DRIVER_SHARING_H
#define LATHE_COMPILER_DRIVER_SHARING_H

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <utility>
#include <vector>

namespace lathe {

/// A tensor of the weights file that the model reads in several places: of several layers, or of embedding and head.
struct SharedTensor {
  std::vector<std::string> sources; ///< the checkpoint's tensors that it joins
  uint64_t uses;                    ///< in how many places, 2 or more
  uint64_t bytes;                   ///< as stored, once
};

struct WeightSharing {
  std::vector<SharedTensor> tensors;
  std::vector<std::pair<std::string, std::string>>
      equal;               ///< a tensor of the checkpoint, and the one whose content it has
  uint64_t bytesSaved = 0; ///< what the file would have more if each place had a tensor of its own
};

/// Of a module at stage `schedule`.
WeightSharing describeSharing(mlir::ModuleOp scheduled);

} // namespace lathe

#endif
