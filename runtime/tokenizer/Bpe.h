// Words to tokens by byte-pair encoding: symbols, neighbours of which are merged, those of the lowest rank first.
#ifndef LATHE_RUNTIME_TOKENIZER_BPE_H
#define LATHE_RUNTIME_TOKENIZER_BPE_H

#include "runtime/tokenizer/TokenSink.h"

namespace lathe {

/// The token of a symbol, see MergeRecord.
inline uint32_t tokenOfSymbol(const Tokenizer &tokenizer, uint32_t symbol) {
  const uint32_t vocabulary = tokenizer.tokens.count;
  return symbol < vocabulary ? symbol : tokenizer.symbols[symbol - vocabulary];
}

class Bpe {
public:
  Bpe(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), symbols(allocator), merged(allocator), heap(allocator) {}

  void spell(Word word, TokenSink &sink);
  /// The tokens of a word as its merges give them, without looking it up as a whole first.
  void merge(Word word, TokenSink &sink);
  bool failed() const { return symbols.failed || merged.failed || heap.failed; }

private:
  /// A symbol of a word, `size` bytes long; merged into its neighbour when it has none.
  struct Symbol {
    uint32_t id, size;
    uint32_t before, behind; // of a long word: neighbours, noToken at the ends
  };
  struct Candidate {
    uint32_t rank, at, merged;
  };

  const MergeRecord *find(uint32_t left, uint32_t right) const;
  uint32_t codePointSymbol(const char *begin, const char *end, bool isFirst, bool isLast) const;
  void addSymbols(const char *begin, const char *end);
  void addCodePoints(const char *begin, const char *end);
  size_t mergeShort(size_t n);
  void mergeLong();
  void addCandidate(uint32_t at);
  void addMerged();
  Candidate takeBest();

  const Tokenizer &tokenizer;
  Buffer<Symbol> symbols;
  Buffer<uint32_t> merged; // places of symbols whose neighbours are not yet candidates again
  Buffer<Candidate> heap;
};

} // namespace lathe

#endif
