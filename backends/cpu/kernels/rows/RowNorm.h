// The second half of layer normalisation, shared by the kernels that end in it, which may store a row once more as the
// products that read it need it.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ROWS_ROWNORM_H
#define LATHE_BACKENDS_CPU_KERNELS_ROWS_ROWNORM_H

#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Quantized.h"

namespace lathe {

/// The parameter of kernels that can store rows as factors of products besides: none, in bf16 as round_bf16 does, or in
/// bytes as quantize_u8 does, perhaps smoothed; and their slots for them.
constexpr llvm::StringRef roundedForms[] = {"none", "bf16", "u8"};
constexpr Parameter roundedParameter = Parameter::choice("rounded", roundedForms);
constexpr Parameter smoothedParameter = Parameter::flag("smoothed");
constexpr Slot roundedSlots[] = {
    {"rounded", SlotKind::Pointer, "rows [M][ldrounded], as round_bf16 or quantize_u8 stores them"},
    {"ldrounded", SlotKind::Integer, "elements from a row of rounded to the next, of bytes with their header"},
    {"smoothing", SlotKind::Pointer, "[H], what columns are multiplied with before they are bytes, with smoothed"},
};
/// Where code for it differs.
llvm::ArrayRef<IsaLevel> roundedLevels(const Parameters &params);

/// The places of rows of factors; of one row where a kernel is about to write it.
struct RoundedRows {
  llvm::StringRef form = roundedForms[0];
  mlir::Value base, stride;
  mlir::Value smoothing; ///< null where there is none

  /// What a kernel with roundedParameter and smoothedParameter is told, its slots from `firstSlot` on.
  static RoundedRows of(KernelBuilder &b, const Parameters &params, unsigned firstSlot);
  RoundedRows row(KernelBuilder &b, mlir::Value row) const;
};

/// Sixteen of a row's numbers from a column on, as they become bytes.
using LoadColumns = llvm::function_ref<mlir::Value(mlir::Value column, mlir::Value mask)>;

/// How far a row goes to both sides of 0, by lanes.
struct RowRange {
  mlir::Value above, below;

  static RowRange of(KernelBuilder &b, LoadColumns load, mlir::Value width);
  QuantizedSteps steps(KernelBuilder &b) const;
};
/// Sixteen columns of a row before they are bytes: times their factors in `smoothing`, if that is not null.
mlir::Value emitSmoothed(KernelBuilder &b, mlir::Value vector, mlir::Value smoothing, mlir::Value column,
                         mlir::Value mask);
/// Emits what quantize_u8 stores of a row of these numbers, its header first.
void emitQuantizedRow(KernelBuilder &b, LoadColumns load, mlir::Value width, const QuantizedSteps &steps,
                      mlir::Value y);

/// The parameter of kernels that end in a norm: there is no beta.
constexpr Parameter unbiasedParameter = Parameter::flag("unbiased");

/// What every row of a layer normalisation has in common.
struct NormOperands {
  mlir::Value gamma, beta /* null: 0 */, epsilon, width;
};

/// Rows that one panel of a row-wise kernel covers: 16 tokens still keep two threads busy.
constexpr int64_t rowsPerPanel = 8;

/// A row added up by lanes: its numbers or, where the mean is to stay, their squares.
struct RowSums {
  mlir::Value values = {}, squares = {};
};

/// Emits y = (x - mean) / sqrt(variance + epsilon) * gamma + beta for one row, or of a row of which the squares are
/// given y = x / sqrt(mean square + epsilon) * gamma. The variance is taken around the mean in a second pass: one pass
/// over squares would lose it when the mean is large against it. `y` may be `x`. The row is also stored in `rounded`,
/// where that has a form.
void emitNormalizedRow(KernelBuilder &b, const NormOperands &norm, mlir::Value x, mlir::Value y, const RowSums &sums,
                       const RoundedRows &rounded);

/// Emits body(row) for every row of the panels [b.begin, b.end).
void forPanelRows(KernelBuilder &b, mlir::Value rows, KernelBuilder::LoopBody body);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ROWS_ROWNORM_H
