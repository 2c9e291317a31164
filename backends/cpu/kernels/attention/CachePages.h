// Where keys and values stay between runs: in pages of 16 tokens of one sequence, which have a part for each layer, and
// in it one for each head of keys. Both lie as attention multiplies them, so that nothing is packed again when they are
// read: keys as a panel of 16, [depth][16] words, values as panels of 16 columns, [head_dim/16][16/per word][16] words.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_CACHEPAGES_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_CACHEPAGES_H

#include "backends/cpu/kernels/MicroTile.h"
#include "lathe/program.h"

namespace lathe {

class CachePages {
public:
  static constexpr int64_t tokens = LATHE_PAGE_TOKENS;
  static_assert(tokens == KernelBuilder::lanes);

  CachePages(int64_t headDim, Words words) : headDim(headDim), words(words) {}

  /// Words of a key: of bf16 as many as fill AMX's tiles, with zeros behind the last, since all levels share the pages.
  int64_t depth() const;
  int64_t keyWords() const { return depth() * KernelBuilder::lanes; }
  int64_t valuePanels() const { return llvm::divideCeil(headDim, KernelBuilder::lanes); }
  int64_t valueLines() const { return tokens / elementsPerWord(words); }
  int64_t valueWords() const { return valuePanels() * valueLines() * KernelBuilder::lanes; }
  int64_t headWords() const { return keyWords() + valueWords(); }
  int64_t headBytes() const { return headWords() * int64_t(sizeof(float)); }

  /// A head's keys in a page, its values behind them: `page` counts in the sequence's table, `layer` bytes from a
  /// page's start.
  mlir::Value head(KernelBuilder &b, mlir::Value table, mlir::Value page, mlir::Value layer, mlir::Value head) const {
    mlir::Value address = b.loadPointer(b.atByte(table, b.mul(page, sizeof(void *))));
    return b.atByte(address, b.add(layer, b.mul(head, headBytes())));
  }
  mlir::Value values(KernelBuilder &b, mlir::Value keys) const { return b.at(keys, keyWords()); }
  /// The table of one of the run's sequences.
  static mlir::Value table(KernelBuilder &b, mlir::Value pages, mlir::Value sequence) {
    return b.loadPointer(b.atByte(pages, b.mul(sequence, sizeof(void *))));
  }

private:
  int64_t headDim;
  Words words;
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_CACHEPAGES_H
