// What the forms of a matrix product share: its slots, and what follows the sums. Gemm.cpp says what a product is.
#ifndef LATHE_BACKENDS_CPU_KERNELS_GEMM_GEMM_H
#define LATHE_BACKENDS_CPU_KERNELS_GEMM_GEMM_H

#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/MicroTile.h"
#include "backends/cpu/kernels/Quantized.h"

#include <optional>

namespace lathe::gemm {

enum { X, LdX, W, Bias, Residual, LdR, Y, LdY, M, N, K, Range };

/// A product's slots, read. What x and W hold is counted in words of 4 bytes.
struct Operands {
  Operands(KernelBuilder &b, const Parameters &params, Words words);

  const Parameters &params;
  const Words words;
  const bool narrow; ///< y is bf16
  /// Where y is bytes, behind headers.
  std::optional<QuantizedSteps> steps;
  mlir::Value x, ldx, w, bias, residual, ldr, y, ldy, rows, columns, depth;
  mlir::Value panelStride; ///< from a panel of W to the next

  /// Where the words of a row of x begin, and the lines of the panel of W in which a column is; headers lie before.
  mlir::Value xAt(KernelBuilder &b, mlir::Value row) const;
  mlir::Value wAt(KernelBuilder &b, mlir::Value column) const;
  mlir::Value yAt(KernelBuilder &b, mlir::Value row, mlir::Value column) const;
  mlir::Value residualAt(KernelBuilder &b, mlir::Value row, mlir::Value column) const;
  /// What 16 sums of a row are the sums of: of bytes, the zero point is taken out and scales are applied.
  mlir::Value scaled(KernelBuilder &b, mlir::Value sums, mlir::Value row, mlir::Value column) const;

private:
  /// Words before a row of x.
  int64_t rowHeader() const;
};

/// Adds what follows the product to `width` staged sums of a row, from `column` on, and stores them in y.
void emitEpilogue(KernelBuilder &b, const Operands &operands, mlir::Value staged, mlir::Value row, mlir::Value column,
                  mlir::Value width);
/// Asks for what the epilogue will need of rows [from, to) and so many columns, a tile's time before it does.
void emitEpiloguePrefetch(KernelBuilder &b, const Operands &operands, mlir::Value from, mlir::Value to,
                          mlir::Value column, int64_t columns);

/// The product on AMX's tiles, which shares out `panels` in its own way, and the scratch that it takes.
void emitTiled(KernelBuilder &b, const Operands &operands, mlir::Value panels);
int64_t tiledScratchBytes();

} // namespace lathe::gemm
#endif // LATHE_BACKENDS_CPU_KERNELS_GEMM_GEMM_H
