// Finds the matches of a pattern, which the compiler made a graph of (Tables.h), as a regular expression's are found:
// leftmost, and of the alternatives the first that leads to a match.
#ifndef LATHE_RUNTIME_TOKENIZER_PATTERN_H
#define LATHE_RUNTIME_TOKENIZER_PATTERN_H

#include "runtime/tokenizer/MappedText.h"

namespace lathe {

class PatternMatcher {
public:
  /// `text` must be UTF-8. Nothing outside of it is seen, not by a look ahead either.
  PatternMatcher(const Tokenizer &tokenizer, const char *text, size_t size)
      : tokenizer(tokenizer), text(text), size(size) {}

  /// The first match of the pattern that begins with `node`, at or behind `from`; none is empty.
  bool findNext(uint32_t node, size_t from, Word &match) const;

private:
  size_t matchAt(uint32_t node, size_t at) const;
  uint64_t classAt(size_t at, unsigned &length) const;

  const Tokenizer &tokenizer;
  const char *text;
  size_t size;
};

} // namespace lathe

#endif
