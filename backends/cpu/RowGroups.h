//===- RowGroups.h - row ops into row programs --------------------------------===//
#ifndef LATHE_BACKENDS_CPU_ROWGROUPS_H
#define LATHE_BACKENDS_CPU_ROWGROUPS_H

#include "backends/halide/RowProgram.h"
#include "ir/xf/XfDialect.h"

#include "llvm/ADT/SmallVector.h"

namespace lathe {

/// What an op computes from each row, and the values that stand behind the program's inputs, in their order: rows, and
/// vectors of weights.
struct RowGroup {
  RowProgram program;
  llvm::SmallVector<mlir::Value> inputs;
};

/// Whether `value` is computed from weights and constants alone. It is never stored: who reads it computes it.
bool isSharedByRows(mlir::Value value);

/// Translates an xf.row_group, or one primitive, whose results then are the program's. Fails with a message at the op
/// if the width of a row is not known.
mlir::FailureOr<RowGroup> translateRows(mlir::Operation *op);

} // namespace lathe

#endif
