// Where models put the tokens of words.
#ifndef LATHE_RUNTIME_TOKENIZER_TOKENSINK_H
#define LATHE_RUNTIME_TOKENIZER_TOKENSINK_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

struct TokenSink {
  const MappedText *text; // that the words lie in
  Buffer<Token> &tokens;
  bool endsAtNext = false; // tokenizerEndsAtNext

  /// A token over bytes [begin, end) of the text, at least one.
  void push(uint32_t id, size_t begin, size_t end) {
    const int32_t *origins = text->origins.data;
    tokens.push({int32_t(id), origins[begin], endsAtNext ? origins[end] : origins[end - 1] + 1, -1, -1});
  }
};

} // namespace lathe

#endif
