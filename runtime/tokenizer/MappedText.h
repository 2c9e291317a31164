// A text on its way to words, each byte of which knows where it came from.
#ifndef LATHE_RUNTIME_TOKENIZER_MAPPEDTEXT_H
#define LATHE_RUNTIME_TOKENIZER_MAPPEDTEXT_H

#include "runtime/tokenizer/Buffer.h"
#include "runtime/tokenizer/Tokenizer.h"

namespace lathe {

struct MappedText {
  Buffer<char> bytes;
  Buffer<int32_t> origins; // by byte: index of the code point in the original text
  Buffer<CharKind> kinds;  // by byte, Continuation for all but a code point's first; only from a CharMapper
  explicit MappedText(const lathe_allocator &allocator) : bytes(allocator), origins(allocator), kinds(allocator) {}
  bool failed() const { return bytes.failed || kinds.failed || origins.failed; }
  size_t size() const { return bytes.size; }
  void clear() { bytes.size = kinds.size = origins.size = 0; }
  /// Appends bytes that all come from one code point.
  void append(const char *text, size_t size, int32_t origin) {
    if (!bytes.reserve(size) || !origins.reserve(size))
      return;
    for (size_t i = 0; i < size; ++i) {
      bytes.data[bytes.size++] = text[i];
      origins.data[origins.size++] = origin;
    }
  }
  /// Appends bytes [begin, end) of another text.
  void append(const MappedText &text, size_t begin, size_t end) {
    if (!bytes.reserve(end - begin) || !origins.reserve(end - begin) || begin == end)
      return;
    memcpy(bytes.data + bytes.size, text.bytes.data + begin, end - begin);
    memcpy(origins.data + origins.size, text.origins.data + begin, (end - begin) * sizeof(int32_t));
    bytes.size += end - begin;
    origins.size += end - begin;
  }
};

/// A piece of text to map. `origins` gives each byte's origin, or is null: code points then count from `firstOrigin`.
struct TextView {
  const char *bytes;
  size_t size;
  const int32_t *origins;
  int32_t firstOrigin;
};

/// Bytes [begin, end) of a text: what the pre-tokenizer cuts, and the model spells.
struct Word {
  size_t begin, end;
};

/// A token, and the code points [begin, end) of the original text that it stands for.
/// `leading` and `trailing` count the spaces of an added token's match, which may be wider than its text; -1: not one.
struct Token {
  int32_t id, begin, end;
  int32_t leading = -1, trailing = -1;
};

} // namespace lathe

#endif
