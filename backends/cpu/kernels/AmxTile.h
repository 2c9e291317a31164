// AMX's tiles, as matrix products use them: 2 x 2 tiles of sums, each 16 rows of x times one panel of packed columns.
//
// A tile register is 16 lines of 64 bytes: 16 rows of 16 words of x, 16 lines of a panel as they are packed, or 16 rows
// of 16 sums. Words are pairs of bf16 with sums of f32, or four bytes with sums of i32. Eight registers hold four tiles
// of sums, two of x and two of columns, so that each of the four loads of a step serves two multiplications. Every tile
// is whole: registers of another shape would be others of the eight, and what configures them is done once for a
// function. A kernel with tiles calls nothing, since tiles do not survive a call.
#ifndef LATHE_BACKENDS_CPU_KERNELS_AMXTILE_H
#define LATHE_BACKENDS_CPU_KERNELS_AMXTILE_H

#include "backends/cpu/kernels/MicroTile.h"

#include <optional>

namespace lathe {

/// Rows of x and words of k in one tile.
constexpr int64_t amxRows = 16, amxDepth = 16;

/// What the second-level cache is asked for in every step: of each panel p, so many lines, at
/// base + (lines * step + i) * 64 + p * stride, in bytes. It fetches lines in pairs, but not always: asking for every
/// second one, weights of a single row come 9 % slower.
struct AmxPrefetch {
  mlir::Value base, stride, lines;
};

/// A step keeps the tiles busy for 64 cycles, and what issues instructions for 20: this is emitted into every step, for
/// work that has nothing to do with these tiles.
using AlongsideStep = llvm::function_ref<void(mlir::Value step)>;

/// Emits y[r][16 p + lane] = sum over k of x[r][k] * packed[p][k][lane] for p < panels in [1, 2] and k < 16 * steps,
/// for the rows r in [0, 16) and in [second, second + 16), in this place; for the former alone where `second` is 0. The
/// rows may overlap. What lies beyond a caller's rows must be memory of its own, and may hold anything.
///
/// Of bf16, of each 16 words of k the instruction first adds up the products of lower halves and those of upper halves,
/// then both to the sum, with denormals as zero. So the bits of a row do not depend on others, nor on how k is split
/// into calls, if each but the last takes whole steps. Where the flag `accumulate` is set the sums go on from what y
/// holds. What is `alongside` is all done before y is written.
void emitAmxTiles(KernelBuilder &b, Rows x, mlir::Value second, Panels packed, mlir::Value steps, Rows y,
                  mlir::Value panels, mlir::Value accumulate, std::optional<AmxPrefetch> ahead = {},
                  AlongsideStep alongside = nullptr);

/// Columns that come next, evenly over `parts` calls of that many steps, of which this is number `part`. A line of
/// them, as they are stored, may be of fewer bytes.
AmxPrefetch prefetchAmx(KernelBuilder &b, Panels packed, mlir::Value steps, mlir::Value part, mlir::Value parts,
                        int64_t bytes = KernelBuilder::lanes * sizeof(float));

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_AMXTILE_H
