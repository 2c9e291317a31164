// Where keys and values stay between runs: in pages of 16 tokens of one sequence, which have a part for each layer, and
// in it one for each head of keys. Both lie as attention multiplies them, so that nothing is packed again when they are
// read: keys as a panel of 16, [depth][16] words, values as panels of 16 columns, [head_dim/16][16/per word][16] words.
//
// In bytes, which stand for f32, a word is a signed one of 127 steps from 0 to the largest of its token's key or value
// in that head, and behind the values stand the sizes of these steps, f32, 16 of keys and 16 of values. What is read of
// such pages counts steps; scores are multiplied by the keys' sizes, and exponentials by the values'.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_CACHEPAGES_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_CACHEPAGES_H

#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/MicroTile.h"
#include "lathe/program.h"

namespace lathe {

class CachePages {
public:
  static constexpr int64_t tokens = LATHE_PAGE_TOKENS;
  static_assert(tokens == KernelBuilder::lanes);

  CachePages(int64_t headDim, Words words, bool inBytes) : inBytes(inBytes), headDim(headDim), words(words) {
    assert(!inBytes || words == Words::F32);
  }

  /// Those of a kernel that reads or writes them.
  static CachePages of(const Parameters &params, Words words) {
    return {params.integer("head_dim"), words, words == Words::F32 && params.flag("in_bytes")};
  }

  const bool inBytes;

  /// Words of a key: of bf16 as many as fill AMX's tiles, with zeros behind the last, since all levels share the pages.
  int64_t depth() const;
  int64_t valuePanels() const { return llvm::divideCeil(headDim, KernelBuilder::lanes); }
  int64_t valueLines() const { return tokens / elementsPerWord(words); }
  /// Bytes of a line of 16 words, and of what a head has of each.
  int64_t lineBytes() const { return KernelBuilder::lanes * (inBytes ? 1 : int64_t(sizeof(float))); }
  int64_t keyBytes() const { return depth() * lineBytes(); }
  int64_t valueBytes() const { return valuePanels() * valueLines() * lineBytes(); }
  int64_t headBytes() const;

  /// A head's part of a page: `page` counts in the sequence's table, `layer` bytes from a page's start.
  mlir::Value head(KernelBuilder &b, mlir::Value table, mlir::Value page, mlir::Value layer, mlir::Value head) const;
  /// The table of one of the run's sequences.
  static mlir::Value table(KernelBuilder &b, mlir::Value pages, mlir::Value sequence) {
    return b.loadPointer(b.atByte(pages, b.mul(sequence, sizeof(void *))));
  }

  /// Where lines of 16 words begin: a head's keys, and a panel of its values.
  mlir::Value keys(KernelBuilder &, mlir::Value head) const { return head; }
  mlir::Value values(KernelBuilder &b, mlir::Value head, int64_t panel = 0) const;
  /// In bytes, the sizes of steps of the page's 16 keys, and of its values.
  mlir::Value keySteps(KernelBuilder &b, mlir::Value head) const;
  mlir::Value valueSteps(KernelBuilder &b, mlir::Value head) const;

  /// The `line`th of lines, and its words: of bytes, steps.
  mlir::Value address(KernelBuilder &b, mlir::Value lines, mlir::Value line) const;
  mlir::Value load(KernelBuilder &b, mlir::Value lines, mlir::Value line) const;

private:
  int64_t headDim;
  Words words;
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_CACHEPAGES_H
