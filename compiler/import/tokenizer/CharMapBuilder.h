// Composes steps on single code points into one table: what each code point becomes, and how the pre-tokenizer sees it.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_CHARMAPBUILDER_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_CHARMAPBUILDER_H

#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

/// The contents of CharMapSections.
struct CharMapTable {
  std::vector<uint16_t> index;
  std::vector<CharEntry> entries;
  std::vector<CharElement> elements;
};

/// `steps` must hold Decompose at most once, and Lowercase or SpaceChinese may not follow it where they would change
/// the number of code points that have a combining class (they do not: U+0130 is decomposed by then, ideographs have
/// none).
CharMapTable buildNormalizerMap(llvm::ArrayRef<CharStep> steps, const KindsStep &preTokenizer);

/// Python's str.lower, which sentence-transformers applies to a text before its tokenizer sees it.
CharMapTable buildLowerFirstMap();

} // namespace lathe

#endif
