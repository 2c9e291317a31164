// What the forms of a matrix product share: its slots, and what follows the sums. Gemm.cpp says what a product is.
#ifndef LATHE_BACKENDS_CPU_KERNELS_GEMM_GEMM_H
#define LATHE_BACKENDS_CPU_KERNELS_GEMM_GEMM_H

#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/MicroTile.h"
#include "backends/cpu/kernels/Quantized.h"

#include <optional>

namespace lathe::gemm {

enum { X, LdX, W, Bias, Residual, LdR, Y, LdY, M, N, K, Range };

/// Rows of x in one tile whose weights are in int4: what takes these apart needs registers, too.
constexpr int64_t int4TileRows = 4;

/// What a tile computes of weights in int4, apart from how many rows and panels.
struct Int4Tile {
  mlir::Value from, length; ///< words of K, `from` an even one; one more is stored and multiplied if the length is odd
  Rows x = {}, y = {};      ///< as those of MicroTile.h, x from word `from` on
  Prefetch ahead;           ///< with each word, asked for with every second one
  Panels bytes;             ///< where these words become lines of bytes
  mlir::Value sumsOfBytes;  ///< [panels][16] of i32
  mlir::Value accumulate;   ///< y's sums and those of bytes go on from what is there
};

/// Neighbouring panels of weights in int4, as layouts/Int4.cpp stores them.
struct Int4Panels {
  static constexpr int64_t unpackedPanels = 2; ///< that emitUnpacking takes at most

  mlir::Value base;
  mlir::Value stride;    ///< words from a panel to the next
  mlir::Value firstLine; ///< words of a panel before its lines
  int64_t group;

  /// Of `depth` codes in a row.
  static Int4Panels of(KernelBuilder &b, mlir::Value base, mlir::Value depth, int64_t group);

  /// Emits a call that computes a tile of rows in [1, 4] and panels in [1, 3].
  void emitTile(KernelBuilder &b, const Int4Tile &tile, mlir::Value rows, mlir::Value panels) const;
  /// Asks for what lies before the lines of so many panels.
  void emitHeaderPrefetch(KernelBuilder &b, mlir::Value panels) const;
  /// Emits a tile without rows in place: the bytes of panels in [1, 2] and their sums.
  void emitUnpacking(KernelBuilder &b, const Int4Tile &tile, mlir::Value panels) const;
};

/// How W is stored: as words that are multiplied, or in int4 in groups of so many.
struct Storage {
  Words words;
  int64_t int4Group = 0;
};

/// A product's slots, read. What x and W hold is counted in words of 4 bytes.
struct Operands {
  Operands(KernelBuilder &b, const Parameters &params, Storage storage);

  const Parameters &params;
  const Words words;
  const int64_t int4Group;
  const bool narrow; ///< y is bf16
  /// Where y is bytes, behind headers.
  std::optional<QuantizedSteps> steps;
  mlir::Value x, ldx, w, bias, residual, ldr, y, ldy, rows, columns, depth;
  mlir::Value panelStride; ///< from a panel of W to the next
  mlir::Value panelHeader; ///< words of a panel of W before its lines

  /// Where the words of a row of x begin, and where word k of the panel of W in which a column is; headers lie before.
  mlir::Value xAt(KernelBuilder &b, mlir::Value row) const;
  mlir::Value wAt(KernelBuilder &b, mlir::Value column, mlir::Value k) const;
  /// Bytes in which a word of each of the 16 columns is stored.
  int64_t storedLineBytes() const { return KernelBuilder::lanes * sizeof(float) / (int4Group ? 2 : 1); }
  /// The panels of int4 that begin with that of a column.
  Int4Panels int4PanelsAt(KernelBuilder &b, mlir::Value column) const;
  mlir::Value yAt(KernelBuilder &b, mlir::Value row, mlir::Value column) const;
  mlir::Value residualAt(KernelBuilder &b, mlir::Value row, mlir::Value column) const;
  /// What 16 sums of a row are the sums of: of bytes, the zero point is taken out and scales are applied. Sums of
  /// weights lie with the panels, or where they were put when these were unpacked.
  mlir::Value scaled(KernelBuilder &b, mlir::Value sums, mlir::Value row, mlir::Value column,
                     mlir::Value sumsOfBytes) const;

private:
  mlir::Value panelAt(KernelBuilder &b, mlir::Value column) const;
  /// Words before a row of x.
  int64_t rowHeader() const;
};

/// Adds what follows the product to `width` staged sums of a row, from `column` on, and stores them in y. Of int4, the
/// sums of these columns' weights are given.
void emitEpilogue(KernelBuilder &b, const Operands &operands, mlir::Value staged, mlir::Value row, mlir::Value column,
                  mlir::Value width, mlir::Value sumsOfBytes);
/// Asks for what the epilogue will need of rows [from, to) and so many columns, a tile's time before it does.
void emitEpiloguePrefetch(KernelBuilder &b, const Operands &operands, mlir::Value from, mlir::Value to,
                          mlir::Value column, int64_t columns);

/// The product on AMX's tiles, which shares out `panels` in its own way, and the scratch that it takes.
void emitTiled(KernelBuilder &b, const Operands &operands, mlir::Value panels);
int64_t tiledScratchBytes(bool isInt4);

} // namespace lathe::gemm
#endif // LATHE_BACKENDS_CPU_KERNELS_GEMM_GEMM_H
