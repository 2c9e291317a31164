// Applies a CharMap to a text, keeping track of which code point of the original each byte came from.
#ifndef LATHE_RUNTIME_TOKENIZER_CHARMAPPER_H
#define LATHE_RUNTIME_TOKENIZER_CHARMAPPER_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

/// A combining mark whose place is not known before the run of marks it stands in has ended.
struct PendingMark {
  CharElement element;
  int32_t origin;
};

class CharMapper {
public:
  explicit CharMapper(const lathe_allocator &allocator) : marks(allocator), sorted(allocator) {}

  /// Appends the mapped `text`, which must be UTF-8, to `out`.
  /// `finalSigma`: a capital sigma that ends a word becomes the final form, as in Python's str.lower.
  void run(const CharMap &with, TextView text, MappedText &out, bool finalSigma = false);
  bool failed() const { return marks.failed || sorted.failed; }

private:
  void emit(uint32_t codePoint, CharKind kind, int32_t origin, MappedText &out);
  void expand(const CharElement *list, int32_t origin, MappedText &out);
  void flushMarks(MappedText &out);

  CharMap map = {};
  Buffer<PendingMark> marks, sorted;
};

} // namespace lathe

#endif
