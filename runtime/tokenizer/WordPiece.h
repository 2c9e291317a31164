// From one text to its tokens, without special tokens: added tokens, normalization, words, and greedy longest matches
// in the vocabulary.
#ifndef LATHE_RUNTIME_TOKENIZER_WORDPIECE_H
#define LATHE_RUNTIME_TOKENIZER_WORDPIECE_H

#include "runtime/tokenizer/Normalize.h"

namespace lathe {

/// A token, and the code points [begin, end) of the text that it stands for.
struct Token {
  int32_t id, begin, end;
};

class WordPieceEncoder {
public:
  WordPieceEncoder(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), lowered(allocator), normalized(allocator), lowerer(tokenizer.lowerFirst, true, allocator),
        normalizer(tokenizer.normalizer, false, allocator) {}

  /// Appends the tokens of `text`, which must be UTF-8. False: out of memory.
  bool encode(const char *text, size_t size, Buffer<Token> &tokens);

private:
  void encodePiece(TextView piece, Buffer<Token> &tokens);
  void encodeWords(size_t begin, size_t end, Buffer<Token> &tokens);
  void encodeWord(size_t begin, size_t end, size_t chars, Buffer<Token> &tokens);
  void pushNormalized(uint32_t id, size_t begin, size_t end, Buffer<Token> &tokens);

  const Tokenizer &tokenizer;
  MappedText lowered, normalized;
  Normalizer lowerer, normalizer;
};

} // namespace lathe

#endif
