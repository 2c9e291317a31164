// The products of HeadProducts.h of a few queries, with keys and values read where they lie in pages. Every sum adds up
// in the order in which it does there, so the bits are the same.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_PAGEPRODUCTS_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_PAGEPRODUCTS_H

#include "backends/cpu/kernels/attention/CachePages.h"

namespace lathe {

class PageProducts {
public:
  /// Rows from which on bringing pages together costs less than reading them once for each.
  static constexpr int64_t fewRows = 4;

  PageProducts(KernelBuilder &b, int64_t headDim, Words words, const CachePages &layout);

  /// A head's part of the block's pages, by their number.
  using PageAt = llvm::function_ref<mlir::Value(mlir::Value page)>;
  /// Queries are whole words, on tiles whole steps.
  void emitScores(Rows q, mlir::Value rows, PageAt pageAt, mlir::Value keys, Rows scores);
  void emitProducts(Rows exponentials, mlir::Value rows, PageAt pageAt, mlir::Value keys, Rows products);

private:
  using Values = KernelBuilder::Values;

  KernelBuilder &b;
  const Words words;
  const bool tiled; ///< sums are those of AMX's tiles
  const CachePages &layout;
  const int64_t depth; ///< words of a key that are multiplied

  Values zeros(size_t count) { return Values(count, b.splat(0.0f)); }
  /// Lines that are multiplied side by side; the caches are asked for what lies so many bytes behind them.
  struct Columns {
    Values lines;
    int64_t ahead;
  };
  size_t chainsOf(size_t columns) const { return tiled ? 2 * columns : columns; }
  Values multiplyAdd(mlir::ValueRange chains, mlir::Value x, const Columns &columns, mlir::Value line);
  Values addLines(mlir::ValueRange chains, mlir::Value x, mlir::Value count, const Columns &columns);
  Values closeStep(mlir::ValueRange sums, mlir::ValueRange chains);
  Values scoresOf(mlir::Value x, const Columns &keys);
  Values addPages(mlir::ValueRange sums, mlir::Value x, PageAt pageAt, mlir::Value page, mlir::Value keys,
                  int64_t firstPanel);
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_PAGEPRODUCTS_H
