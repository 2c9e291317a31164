// Applies a CharMap to a text, keeping track of which code point of the original each byte came from.
#ifndef LATHE_RUNTIME_TOKENIZER_NORMALIZE_H
#define LATHE_RUNTIME_TOKENIZER_NORMALIZE_H

#include "runtime/tokenizer/Buffer.h"
#include "runtime/tokenizer/Tokenizer.h"

namespace lathe {

/// One byte of a mapped text.
struct MappedText {
  Buffer<char> bytes;
  Buffer<CharKind> kinds;  // Continuation for all but a code point's first byte
  Buffer<int32_t> origins; // index of the code point in the original text
  explicit MappedText(const lathe_allocator &allocator) : bytes(allocator), kinds(allocator), origins(allocator) {}
  bool failed() const { return bytes.failed || kinds.failed || origins.failed; }
  void clear() { bytes.size = kinds.size = origins.size = 0; }
};

/// A piece of text to map. `origins` gives each byte's origin, or is null: code points then count from `firstOrigin`.
struct TextView {
  const char *bytes;
  size_t size;
  const int32_t *origins;
  int32_t firstOrigin;
};

/// A combining mark whose place is not known before the run of marks it stands in has ended.
struct PendingMark {
  CharElement element;
  int32_t origin;
};

class Normalizer {
public:
  /// `finalSigma`: a capital sigma that ends a word becomes the final form, as in Python's str.lower.
  Normalizer(const CharMap &map, bool finalSigma, const lathe_allocator &allocator)
      : map(map), finalSigma(finalSigma), marks(allocator), sorted(allocator) {}

  /// Appends the mapped `text`, which must be UTF-8, to `out`.
  void run(TextView text, MappedText &out);
  bool failed() const { return marks.failed || sorted.failed; }

private:
  void emit(uint32_t codePoint, CharKind kind, int32_t origin, MappedText &out);
  void expand(const CharElement *list, int32_t origin, MappedText &out);
  void flushMarks(MappedText &out);

  const CharMap &map;
  bool finalSigma;
  Buffer<PendingMark> marks, sorted;
};

} // namespace lathe

#endif
