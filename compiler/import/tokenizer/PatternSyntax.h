// A pattern as a tree, on its way from text to a graph.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_PATTERNSYNTAX_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_PATTERNSYNTAX_H

#include "compiler/import/tokenizer/TokenizerSpec.h"

#include <unicode/uniset.h>

namespace lathe {

struct PatternTree {
  enum Kind { Set, Sequence, Alternatives, Optional, Ahead, NotAhead } kind = Sequence;
  icu::UnicodeSet set; // of Set, Ahead and NotAhead
  uint32_t least = 1, most = 1;
  bool isPossessive = false;
  std::vector<PatternTree> children; // of Sequence, Alternatives (in order of preference) and Optional (one)
};

/// `problem` says what is not accepted, and where.
PatternTree parsePattern(const Pattern &pattern, std::string &problem);

} // namespace lathe

#endif
