// The routine that matrix products and attention share: up to 8 rows times up to 3 panels of 16 columns, of f32, of
// pairs of bf16 that add up in f32, or of bytes by fours that add up in i32.
#ifndef LATHE_BACKENDS_CPU_KERNELS_MICROTILE_H
#define LATHE_BACKENDS_CPU_KERNELS_MICROTILE_H

#include "backends/cpu/kernels/KernelBuilder.h"

namespace lathe {

/// 24 of the 32 vector registers hold sums, 3 a line of each panel, the rest feed broadcasts: enough independent FMAs
/// to hide their latency, and 11 loads per 24 FMAs where the machine can do 24.
constexpr int64_t tileRows = 8, tilePanels = 3, tileColumns = tilePanels * KernelBuilder::lanes;

/// What a word, of x and of packed columns, is: an f32, two bf16 of neighbouring k, or four bytes of neighbouring k,
/// unsigned in x and signed in columns. Those count as one k here.
enum class Words { F32, Bf16Pairs, U8S8Quads };
constexpr int64_t elementsPerWord(Words words) {
  return words == Words::U8S8Quads ? 4 : words == Words::Bf16Pairs ? 2 : 1;
}
/// Words of a stored panel of weights before its lines: of bytes, 16 scales and 16 sums.
constexpr int64_t panelHeaderWords(Words words) { return words == Words::U8S8Quads ? 2 * KernelBuilder::lanes : 0; }

/// Rows: element (r, c) is at base + r * stride + c.
struct Rows {
  mlir::Value base, stride;
};
/// What lies in a matrix of elements from a row and a column on. `stride` counts elements, that of the result words,
/// and has to be whole ones.
Rows rowsFrom(KernelBuilder &b, Words words, mlir::Value base, mlir::Value stride, mlir::Value row, mlir::Value column);
/// Packed columns: panel p is [depth][16] at base + p * stride.
struct Panels {
  mlir::Value base, stride;
  Words words = Words::F32;
};

/// What a tile asks the second-level cache for while it computes, from which lines come soon enough: what is asked for
/// into the first waits for memory where loads wait, too (GPT-2's products of 16 rows on two cores of an AMD EPYC, Zen
/// 4: 74 % of the peak, thus 78 to 86). With every k, the lines at base + k * step + p * stride, in bytes, for each of
/// its panels p. Where that is a line or less in four k, once for four may do. The addresses need not be mapped.
struct Prefetch {
  mlir::Value base, step, stride;
};
/// The tile's own columns, a little ahead of their use. With few rows a line is used every two cycles or so and comes
/// from memory: 32 lines on each of three streams keep enough of them on their way (8 rows of BERT-base on two cores:
/// 60 GB/s, against 53 with 16 lines or none, and 55 with 128).
Prefetch prefetchOwn(KernelBuilder &b, Panels packed);
/// Columns that come next, evenly over `parts` tiles of that depth, of which this is number `part`. Where one tile
/// after the other reuses the same columns, the next ones arrive meanwhile, at the pace at which they will be used.
/// A k of the next ones, as they are stored, may have fewer bytes than a line.
Prefetch prefetchPart(KernelBuilder &b, Panels packed, mlir::Value depth, mlir::Value part, mlir::Value parts,
                      int64_t bytes = KernelBuilder::lanes * sizeof(float));

/// Emits, with sums of i32 where words are bytes, y[r][16 p + lane] = sum over k of x[r][k] * packed[p][k][lane], for r
/// < rows in [1, 8], p < panels in [1, 3] and k in [0, depth) in that order, whatever rows and panels are: the bits of
/// a row do not depend on its neighbours. Whole panels are stored. Where the flag `accumulate` is set the sums go on
/// from what y holds instead of from 0, with the same bits as if one call had done all of k.
///
/// This is a call of a function that is added to the module once. A function of its own, because the register allocator
/// spills sums inside the loop when a kernel's other constants are alive around it (measured: 179 spills, half the
/// speed); shared, because its 24 loops are then emitted once for all kernels.
void emitTile(KernelBuilder &b, Rows x, Panels packed, mlir::Value depth, Rows y, mlir::Value rows, mlir::Value panels,
              Prefetch ahead, mlir::Value accumulate);

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_MICROTILE_H
