// The inner loop that matrix products and attention share: up to 8 rows times up to 3 panels of 16 columns.
#ifndef LATHE_BACKENDS_CPU_KERNELS_MICROTILE_H
#define LATHE_BACKENDS_CPU_KERNELS_MICROTILE_H

#include "backends/cpu/kernels/KernelBuilder.h"

namespace lathe {

/// 24 of the 32 vector registers hold sums, 3 a line of each panel, the rest feed broadcasts: enough independent FMAs
/// to hide their latency, and 11 loads per 24 FMAs where the machine can do 12.
constexpr int64_t tileRows = 8, tilePanels = 3, tileColumns = tilePanels * KernelBuilder::lanes;

/// Packed columns: panel p is [depth][16] at `base + p * stride`.
struct PackedPanels {
  mlir::Value base, stride;
};

/// Returns sums[r * panels + p] = initial + sum over k of rows[r][k] * panel p [k], for k in [0, depth), in that order
/// whatever the tile's size: a row's bits do not depend on the rows beside it. `rows` are addresses. `prefetchLines` >
/// 0 asks for the packed panels that many lines ahead, for when they come from memory and few rows hide the wait.
KernelBuilder::Values emitTile(KernelBuilder &b, mlir::ValueRange rows, int64_t panels, PackedPanels packed,
                               mlir::Value depth, mlir::ValueRange initial, int64_t prefetchLines = 0);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_MICROTILE_H
