//===- EdgeMemory.h - what layers were given of the tokens before -------------===//
#ifndef LATHE_IR_INTERPRETER_EDGEMEMORY_H
#define LATHE_IR_INTERPRETER_EDGEMEMORY_H

#include "ir/interpreter/Edge.h"

namespace lathe {

/// Whether an input is "mems.N".
bool isMemory(llvm::StringRef input);

/// The second axis of an entry with memories: rows that stand before each sequence's tokens, and then these.
struct RememberedRows {
  int64_t before = 0;   ///< rows of each sequence that stand before its tokens
  NamedTensors rows;    ///< mems.N, [batch, before + seq, width]
  NamedTensors columns; ///< and types, [batch, before + seq]
  std::vector<bool> present;
};

/// Of `batch` sequences of `seq` columns, whose tokens are `present` and of these types.
llvm::Expected<RememberedRows> rememberedRows(mlir::func::FuncOp entry, const NamedTensors &given, int64_t batch,
                                              int64_t seq, const std::vector<bool> &present, const Tensor &types);

/// [batch, rows, width] as the caller has it, [rows, batch, width], the last ones: `kept` at most, 0: all.
Tensor keptRows(const Tensor &rows, int64_t kept);

} // namespace lathe

#endif
