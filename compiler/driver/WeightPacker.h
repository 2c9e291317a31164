//===- WeightPacker.h - from the checkpoint into the weights file -------------===//
#ifndef LATHE_COMPILER_DRIVER_WEIGHTPACKER_H
#define LATHE_COMPILER_DRIVER_WEIGHTPACKER_H

#include "compiler/import/checkpoint/Checkpoint.h"
#include "lathe/program.h"

#include "mlir/IR/BuiltinOps.h"

#include <array>

namespace lathe {

/// What a written weights file is; its header still lacks the build id, which depends on the code too.
struct PackedWeights {
  lathe_weights_header header = {};
  uint64_t tensorCount = 0;
};

/// Writes the file of a scheduled module's xf.packed_weight ops, and the tokenizer's tables, to `path`. Tensors go from
/// the mapped checkpoint straight to the file, a few rows at a time; pages read are given back.
llvm::Expected<PackedWeights> packWeights(mlir::ModuleOp module, const Checkpoint &checkpoint,
                                          llvm::ArrayRef<uint8_t> tokenizerTables, llvm::StringRef path);

/// Completes the header in the file.
llvm::Error stampBuildId(llvm::StringRef path, PackedWeights &weights, llvm::StringRef buildId);

} // namespace lathe

#endif
