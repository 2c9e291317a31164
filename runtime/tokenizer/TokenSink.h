// Where models put the tokens of words.
#ifndef LATHE_RUNTIME_TOKENIZER_TOKENSINK_H
#define LATHE_RUNTIME_TOKENIZER_TOKENSINK_H

#include "runtime/tokenizer/MappedText.h"
#include "runtime/tokenizer/Trie.h"

namespace lathe {

struct TokenSink {
  const Tokenizer &tokenizer;
  const MappedText *text; // that the words lie in
  Buffer<Token> &tokens;
  bool endsAtNext = false; // tokenizerEndsAtNext

  /// A token over bytes [begin, end) of the text, at least one.
  void push(uint32_t id, size_t begin, size_t end) {
    const int32_t *origins = text->origins.data;
    tokens.push(
        {int32_t(given(id, begin, end)), origins[begin], endsAtNext ? origins[end] : origins[end - 1] + 1, -1, -1});
  }

private:
  /// What the model spells may be unknown to the vocabulary, and the other way round.
  uint32_t given(uint32_t id, size_t begin, size_t end) const {
    const uint32_t unknown = tokenizer.header->unknownId;
    if (id >= tokenizer.header->givenTokens)
      return unknown;
    if (id != unknown || !tokenizer.otherTokens.count)
      return id;
    const uint32_t node = trieWalk(tokenizer.otherTokens, 0, text->bytes.data + begin, text->bytes.data + end);
    return trieEndsKey(tokenizer.otherTokens, node) ? trieValue(tokenizer.otherTokens, node) : id;
  }
};

} // namespace lathe

#endif
