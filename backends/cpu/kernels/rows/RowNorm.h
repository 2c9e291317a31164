// The second half of layer normalisation, shared by the kernels that end in it.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ROWS_ROWNORM_H
#define LATHE_BACKENDS_CPU_KERNELS_ROWS_ROWNORM_H

#include "backends/cpu/kernels/KernelBuilder.h"

namespace lathe {

/// What every row of a layer normalisation has in common.
struct NormOperands {
  mlir::Value gamma, beta, epsilon, width;
};

/// Rows that one panel of a row-wise kernel covers: 16 tokens still keep two threads busy.
constexpr int64_t rowsPerPanel = 8;

/// Emits y = (x - mean) / sqrt(variance + epsilon) * gamma + beta for one row, given `laneSums`, the row added up by
/// lanes. The variance is taken around the mean in a second pass: one pass over squares would lose it when the mean is
/// large against it. `y` may be `x`.
void emitNormalizedRow(KernelBuilder &b, const NormOperands &norm, mlir::Value x, mlir::Value y, mlir::Value laneSums);

/// Emits body(row) for every row of the panels [b.begin, b.end).
void forPanelRows(KernelBuilder &b, mlir::Value rows, KernelBuilder::LoopBody body);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ROWS_ROWNORM_H
