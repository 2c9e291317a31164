// What attention multiplies for one head: queries with a block of keys, and exponentials with its values. By vectors, 8
// rows at a time (MicroTile.h), or on AMX's tiles, 32.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_HEADPRODUCTS_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_HEADPRODUCTS_H

#include "backends/cpu/kernels/attention/CachePages.h"

namespace lathe {

/// Columns of a head's keys, as many as its queries have, and of its values.
struct HeadWidths {
  static HeadWidths of(const Parameters &params) {
    const int64_t key = params.integer("head_dim"), value = params.integer("value_dim");
    return {key, value ? value : key};
  }
  int64_t key, value;
};

class HeadProducts {
public:
  /// Keys of a block. 512 of head_dim 64, packed twice, are 256 KB: they stay in the second-level cache while queries
  /// pass.
  static constexpr int64_t keyBlock = 512;
  /// Rows that are multiplied at a time, at any level.
  static constexpr int64_t mostRows(Words words) { return words == Words::Bf16Pairs ? tileHeight : tileRows; }
  /// Words from a row of scores to the next, at most.
  static constexpr int64_t longestRow = keyBlock + KernelBuilder::lanes;

  /// Scratch that it takes for itself, in words.
  static int64_t scratchWords(HeadWidths widths, Words words);
  /// What is packed lies at `scratch`.
  HeadProducts(KernelBuilder &b, HeadWidths widths, Words words, mlir::Value scratch);

  int64_t rowsAtOnce() const { return tiled ? tileHeight : tileRows; }
  /// Words from a row of scores of so many keys to the next: on tiles as few as can be, and no power of two, since 32
  /// of them are to stay in the first-level cache.
  mlir::Value rowWords(mlir::Value keys) const;

  /// Packs a block's keys and values.
  void emitPacked(Rows k, Rows v, mlir::Value keys);
  /// The same of keys that are packed in pages: `pageAt` gives a head's part of the block's pages by their number.
  void emitGathered(const CachePages &layout, llvm::function_ref<mlir::Value(mlir::Value)> pageAt, mlir::Value keys);
  /// A head's rows as products read them: whole words, on tiles whole steps, filled up with 0.
  Rows wholeWords(Rows rows, mlir::Value count);
  /// Scores of so many queries with the packed keys, not scaled yet.
  void emitScores(Rows q, mlir::Value rows, mlir::Value keys, Rows scores);
  /// Stores what follows a row of exponentials: zeros, where products would read on.
  void emitRowEnd(mlir::Value row, mlir::Value keys);
  /// Exponentials times the packed values.
  void emitProducts(Rows exponentials, mlir::Value rows, mlir::Value keys, Rows products);

private:
  static constexpr int64_t tileHeight = 32; ///< of two tiles

  KernelBuilder &b;
  const Words words;
  const bool tiled;
  const int64_t keyWidth, valueWidth, perWord;
  const int64_t depth;        ///< words of a head's row that are multiplied: on tiles whole ones
  const int64_t stagedStride; ///< words from a staged row to the next
  const int64_t valuePanels;
  mlir::Value keysAt;   // [512/16][depth][16]
  mlir::Value valuesAt; // [value_dim/16][512/perWord][16]
  mlir::Value stagedAt; // rows of which products would read beyond a head's end, copied with zeros there

  Rows wholeTile(Rows x, mlir::Value rows);
  void emitValueEnd(mlir::Value keys);
  mlir::Value secondTile(mlir::Value rows);
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_HEADPRODUCTS_H
