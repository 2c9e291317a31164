// What attention does to the rows of a panel between its two products and behind them: scores of a block of keys become
// exponentials, and what these give with the values is added to what earlier blocks gave, relative to the largest score
// so far (Milakov and Gimelshein 2018).
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_ATTENTIONROWS_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_ATTENTIONROWS_H

#include "backends/cpu/kernels/Sequences.h"
#include "backends/cpu/kernels/attention/Distances.h"
#include "backends/cpu/kernels/attention/HeadProducts.h"
#include "backends/cpu/kernels/attention/MarkedTokens.h"
#include "backends/cpu/kernels/attention/PageProducts.h"

namespace lathe {

/// The scratch, in words: every part begins on a cache line.
struct AttentionScratch {
  static constexpr int64_t keyBlock = HeadProducts::keyBlock;
  /// Queries of a panel. Packing 512 keys is then less than a twentieth of the arithmetic on them.
  static constexpr int64_t queryBlock = 128;

  AttentionScratch(const Parameters &params, Words words)
      : inBytes(CachePages::of(params, words).inBytes), widths(HeadWidths::of(params)),
        paddedDim(llvm::alignTo(widths.value, KernelBuilder::lanes)), mostRows(HeadProducts::mostRows(words)),
        bias(HeadProducts::scratchWords(widths, words)), scores(bias + keyBlock),
        products(scores + mostRows * HeadProducts::longestRow), corrections(products + mostRows * paddedDim),
        sums(corrections + llvm::alignTo(mostRows, KernelBuilder::lanes)), maxima(sums + queryBlock * paddedDim),
        weights(maxima + queryBlock), columns(weights + queryBlock),
        distances(columns + (Distances::apply(params) ? keyBlock : 0)),
        keySteps(distances + Distances::scratchWords(params)), valueSteps(keySteps + (inBytes ? keyBlock : 0)),
        list(valueSteps + (inBytes ? keyBlock : 0)), markedStride(MarkedTokens::rowWords(widths.key, words)),
        markedValueStride(MarkedTokens::rowWords(widths.value, words)),
        markedRows(list + (marksTokens(params) ? MarkedTokens::listWords(keyBlock) : 0)),
        markedValues(markedRows + (marksTokens(params) ? keyBlock * markedStride : 0)),
        end(markedValues + (params.flag("globals") ? keyBlock * markedValueStride : 0)) {}
  static bool marksTokens(const Parameters &params) { return params.flag("globals") || params.flag("chosen"); }
  bool inBytes;
  HeadWidths widths;
  int64_t paddedDim, mostRows; ///< paddedDim: of values
  // Packed keys and values come first.
  int64_t bias;        // [512]: 0 or what it gets for a key, -inf for none
  int64_t scores;      // [rows at once][HeadProducts::rowWords], then exponentials
  int64_t products;    // [rows at once][value_dim up to a multiple of 16]: exponentials times values of this block
  int64_t corrections; // [rows at once]: what earlier sums are multiplied by
  int64_t sums;        // [128][likewise]: the same, of earlier blocks
  int64_t maxima;      // [128]: largest score so far
  int64_t weights;     // [128]: sum of exponentials so far
  int64_t columns;     // [512] of keys, where scores go by distance
  int64_t distances;   // biases by distance
  int64_t keySteps;    // [512], of pages in bytes
  int64_t valueSteps;  // likewise
  int64_t list;        // of marked tokens
  int64_t markedStride, markedValueStride;
  int64_t markedRows;   // [512][markedStride]: keys that are global, or queries that are chosen
  int64_t markedValues; // [512][markedValueStride]
  int64_t end;
};

class AttentionRows {
public:
  /// `cap` is null for none.
  AttentionRows(KernelBuilder &b, const Parameters &params, Words words, const AttentionScratch &layout,
                const CachePages &pages, const Distances &distances, mlir::Value scale, mlir::Value cap);

  /// Begins a block: rows of scores are so far apart, and its keys are global or not; null where none can be.
  void beginBlock(mlir::Value stride, mlir::Value isGlobal) {
    scoreStride = stride;
    isGlobalBlock = isGlobal;
  }
  /// 0 for keys, -inf for lanes without one: added to scores, these get a weight of exactly 0. And the keys' columns.
  /// Global keys have blocks of their own.
  void emitBias(Sequence sequence, mlir::Value firstKey, mlir::Value keys);
  /// The same of a block of global keys, whose columns do not matter, and whose logarithms of numbers scores get.
  /// `numbersAt` has sixteen numbers, from a key on.
  void emitGlobalBias(mlir::Value keys, llvm::function_ref<mlir::Value(mlir::Value key, mlir::Value mask)> numbersAt);
  /// Of pages in bytes, brings the sizes of steps together.
  void emitSteps(PageProducts::PageAt pageAt, mlir::Value keys);

  /// Where products with keys are to be put, and those with values; row by row.
  Rows scores() { return {part(layout.scores), scoreStride}; }
  mlir::Value scoresOf(mlir::Value row) { return b.at(part(layout.scores), b.mul(row, scoreStride)); }
  Rows products() { return {part(layout.products), b.integer(layout.paddedDim)}; }

  /// Brings a row's maximum up to date and corrects the weight that was summed relative to the one before.
  void emitMaximum(mlir::Value row, mlir::Value query, const Distances::Query &place, mlir::Value keyTerms,
                   mlir::Value isFirst, mlir::Value keys);
  /// Turns a row's scores into exponentials, which take their place, in steps of the values where these are bytes, and
  /// adds them to its weight. In bf16 they fill the first half of it: what is written was read before.
  void emitExponentials(mlir::Value row, mlir::Value query, mlir::Value keys);
  /// Adds a row's product to what earlier blocks gave; after the last block divides by the weight and writes the
  /// result.
  void emitOutputRow(mlir::Value row, mlir::Value query, mlir::Value isFirst, mlir::Value isLast, mlir::Value y);

private:
  KernelBuilder &b;
  const Words words;
  const bool masked, paged, narrow; ///< narrow: y is bf16
  const AttentionScratch &layout;
  const CachePages &pages;
  const Distances &distances;
  mlir::Value scale, cap;
  mlir::Value scoreStride, isGlobalBlock; ///< of the block

  mlir::Value part(int64_t offset) { return b.at(b.scratch, offset); }
  mlir::Value rowOf(int64_t offset, mlir::Value row, int64_t stride) { return b.at(part(offset), b.mul(row, stride)); }
  mlir::Value biasAt(mlir::Value key) { return b.load(b.at(part(layout.bias), key)); }
  /// Whether scores take more than a product and a sum: they are stored in the products' places then.
  bool storesScores() const { return distances.any() || cap; }
  mlir::Value product(mlir::Value row, mlir::Value key);
  mlir::Value scored(mlir::Value products, mlir::Value key);
  mlir::Value score(mlir::Value row, mlir::Value key) { return scored(product(row, key), key); }
  mlir::Value storeScore(mlir::Value row, const Distances::Query &query, mlir::Value keyTerms, mlir::Value key,
                         mlir::Value keys);
  mlir::Value exponentBase(mlir::Value largest);
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_ATTENTIONROWS_H
