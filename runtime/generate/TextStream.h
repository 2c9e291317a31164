// The text of tokens as they are written, in pieces that never end inside a character.
#ifndef LATHE_RUNTIME_GENERATE_TEXTSTREAM_H
#define LATHE_RUNTIME_GENERATE_TEXTSTREAM_H

#include "runtime/tokenizer/Buffer.h"
#include "runtime/tokenizer/Tokenizer.h"

namespace lathe {

/// Decoders look at neighbours, so a token's text is what a few tokens before it and it give together, less what those
/// give without it, if that is how it begins. A token that ends inside a character, or otherwise than when
/// another follows, waits for those behind it.
class TextStream {
public:
  TextStream(const Tokenizer &tokenizer, const lathe_allocator &allocator)
      : tokenizer(tokenizer), tokens(allocator), text(allocator), before(allocator) {}

  /// What is written follows these tokens. Once, before the first.
  lathe_status begin(const int32_t *prompt, size_t length, lathe_error *error);
  /// Takes a token in. What is new, if anything, is in piece() until the next call.
  lathe_status add(int32_t id, lathe_error *error);
  /// Gives up waiting: what is left becomes the piece, as the decoder has it.
  lathe_status end(lathe_error *error);
  const char *piece() const { return text.data + pieceBegin; }
  size_t pieceLength() const { return pieceSize; }

private:
  lathe_status decode(size_t begin, size_t end, Buffer<char> &into, lathe_error *error);
  lathe_status advance(bool complete, lathe_error *error);
  lathe_status forget(lathe_error *error);

  const Tokenizer &tokenizer;
  Buffer<int32_t> tokens;    // from the context of the last piece on
  Buffer<char> text, before; // of all of them, and of those whose text has been given
  size_t given = 0;          // of `tokens`
  size_t pieceBegin = 0, pieceSize = 0;
};

} // namespace lathe

#endif
