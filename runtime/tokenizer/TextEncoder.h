// From one text to its tokens, without special tokens: added tokens, normalizer, pre-tokenizer, model.
#ifndef LATHE_RUNTIME_TOKENIZER_TEXTENCODER_H
#define LATHE_RUNTIME_TOKENIZER_TEXTENCODER_H

#include "runtime/tokenizer/Bpe.h"
#include "runtime/tokenizer/Normalize.h"
#include "runtime/tokenizer/PreTokenize.h"
#include "runtime/tokenizer/Unigram.h"

namespace lathe {

class TextEncoder {
public:
  TextEncoder(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), lowered(allocator), lowerer(allocator), normalizer(tokenizer, allocator),
        preTokenizer(tokenizer, allocator), bpe(tokenizer, allocator), unigram(tokenizer, allocator) {}

  /// Appends the tokens of `text`, which must be UTF-8. False: out of memory.
  bool encode(const char *text, size_t size, Buffer<Token> &tokens);

private:
  void encodePiece(TextView piece, Buffer<Token> &tokens);
  void encodeWords(const MappedText &text, size_t begin, size_t end, Buffer<Token> &tokens);
  bool failed() const {
    return lowered.failed() || lowerer.failed() || normalizer.failed() || preTokenizer.failed() || bpe.failed() ||
           unigram.failed();
  }

  const Tokenizer &tokenizer;
  MappedText lowered;
  CharMapper lowerer;
  Normalizer normalizer;
  PreTokenizer preTokenizer;
  Bpe bpe;
  Unigram unigram;
};

} // namespace lathe

#endif
