// Bringing row-major matrices into the panels that emitTile multiplies with.
#ifndef LATHE_BACKENDS_CPU_KERNELS_PACKING_H
#define LATHE_BACKENDS_CPU_KERNELS_PACKING_H

#include "backends/cpu/kernels/MicroTile.h"

namespace lathe {

/// Packs the rows of `source` side by side: row r becomes lane r % 16 of panel r / 16, zero from `rows` up to the end
/// of the last panel. So a product with the panels is one with the transposed rows. Reads `depth` elements per row.
void emitPackTransposed(KernelBuilder &b, Rows source, mlir::Value rows, mlir::Value depth, Panels target);

/// Packs as they stand: element (r, c) of `source` becomes lane c % 16 of line r of panel c / 16, zero from `columns`
/// up to the end of the last panel.
void emitPack(KernelBuilder &b, Rows source, mlir::Value rows, mlir::Value columns, Panels target);

/// The same of rows of bf16, in pairs: line r / 2 holds rows r and r + 1, zeros behind an odd number of rows. The
/// source's stride counts words of 4 bytes.
void emitPackPairs(KernelBuilder &b, Rows source, mlir::Value rows, mlir::Value columns, Panels target);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_PACKING_H
