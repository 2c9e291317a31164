//===- EagerContender.h - PyTorch, as lathe bench times it --------------------===//
#ifndef LATHE_COMPILER_DRIVER_EAGERCONTENDER_H
#define LATHE_COMPILER_DRIVER_EAGERCONTENDER_H

#include "compiler/driver/Bench.h"

namespace lathe {

struct EagerOptions {
  std::string model;  ///< the model directory that the artifact was compiled from
  std::string python; ///< an interpreter that has torch, transformers and safetensors
  std::string task;   ///< the artifact's
  int64_t threads;
};

/// Starts a Python process that runs Eager.py (beside this file) on the padded inputs. It ends with the object.
llvm::Expected<std::unique_ptr<Contender>> makeEagerContender(const EagerOptions &options, const Workload &workload);

} // namespace lathe

#endif
