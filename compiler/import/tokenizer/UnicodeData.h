// Properties of code points as the `tokenizers` library sees them. It takes them from crates of different ages, so each
// function says which version of Unicode it speaks; all are derived from ICU's newer data, and a test compares every
// code point with the library.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_UNICODEDATA_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_UNICODEDATA_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <unicode/uniset.h>
#include <vector>

namespace lathe {

using CodePoints = llvm::SmallVector<uint32_t, 4>;

/// White_Space: the same 25 code points in every version since 6.3.
bool isWhiteSpace(uint32_t c);
/// General categories P of Unicode 8.0, and ASCII's symbols.
bool isPunctuation(uint32_t c);
/// General categories Cc, Cf and Co of Unicode 8.0; not Cn.
bool isControl(uint32_t c);
/// What the Nmt normalizer drops, and what it makes a space.
bool isNmtControl(uint32_t c);
bool isNmtSpace(uint32_t c);
/// General category Mn of Unicode 8.0: what BERT strips as accents.
bool isNonspacingMark(uint32_t c);
/// General categories M of Unicode 9.0: what the StripAccents normalizer strips.
bool isCombiningMark(uint32_t c);
/// The blocks that BERT spaces out. One of the original's ranges is kept as the library has it: it begins at U+2B920
/// where the block begins at U+2B820.
bool isChinese(uint32_t c);
/// \w of a regular expression, Unicode 16.0.
bool isWordCharacter(uint32_t c);
/// Python's str.isdigit.
bool isDigit(uint32_t c);
/// Cased and Case_Ignorable, for the final sigma.
bool isCased(uint32_t c);
bool isCaseIgnorable(uint32_t c);

/// Full decompositions, canonical (NFD) and compatible (NFKD), and canonical combining class of Unicode 9.0.
CodePoints decompose(uint32_t c);
CodePoints decomposeCompatibly(uint32_t c);
uint32_t combiningClass(uint32_t c);
/// Two code points that are composed, and what they make, by composition of Unicode 9.0; but for Hangul, which is
/// computed.
struct Composition {
  uint32_t first, second, both;
};
std::vector<Composition> compositions();

/// Lower case without context, Unicode 16.0; only U+0130 gives two code points.
CodePoints lowercase(uint32_t c);
/// The same as Python's str.lower gives it, Unicode 14.0 or later.
CodePoints pythonLowercase(uint32_t c);

/// \s and \w of a regular expression, and general categories by their short names ("L", "Lu"), Unicode 16.0. Nothing
/// when there is no such category.
icu::UnicodeSet whiteSpaceSet();
icu::UnicodeSet wordSet();
std::optional<icu::UnicodeSet> categorySet(llvm::StringRef name);

} // namespace lathe

#endif
