#include "compiler/import/tokenizer/UnicodeData.h"

#include <algorithm>
#include <iterator>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

using namespace lathe;

/// Whether Unicode `major`.0 already had this code point.
static bool existsIn(uint32_t c, uint8_t major) {
  UVersionInfo age;
  u_charAge(UChar32(c), age);
  return age[0] && (age[0] < major || (age[0] == major && age[1] == 0));
}

static bool hasCategory(uint32_t c, uint32_t mask) { return U_MASK(u_charType(UChar32(c))) & mask; }

bool lathe::isWhiteSpace(uint32_t c) { return u_isUWhiteSpace(UChar32(c)); }

bool lathe::isPunctuation(uint32_t c) {
  if (c < 0x80)
    return hasCategory(c, U_GC_P_MASK | U_GC_S_MASK);
  // Recategorised since: the Canadian syllabics chi sign (a symbol now), the Sharada sandhi mark (a mark now).
  return c == 0x166D || c == 0x111C9 || (hasCategory(c, U_GC_P_MASK) && existsIn(c, 8));
}

bool lathe::isControl(uint32_t c) {
  return hasCategory(c, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK) && existsIn(c, 8);
}

bool lathe::isNmtControl(uint32_t c) {
  return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}

bool lathe::isNmtSpace(uint32_t c) {
  return c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 ||
         c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

bool lathe::isNonspacingMark(uint32_t c) {
  switch (c) { // recategorised since
  case 0x1734: // Hanunoo pamudpod, spacing now
    return true;
  case 0x1885: // Mongolian baluda signs, letters then
  case 0x1886:
  case 0xA9BD:  // Javanese keret, spacing then
  case 0x111C9: // Sharada sandhi mark, punctuation then
    return false;
  }
  return hasCategory(c, U_GC_MN_MASK) && existsIn(c, 8);
}

bool lathe::isCombiningMark(uint32_t c) {
  if (c == 0x1CF2 || c == 0x1CF3) // Vedic ardhavisarga, letters now
    return true;
  return hasCategory(c, U_GC_M_MASK) && existsIn(c, 9) && c != 0x111C9;
}

bool lathe::isChinese(uint32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool lathe::isWordCharacter(uint32_t c) {
  // What 15.1 and 16.0 added to ICU 72's 15.0.
  static constexpr uint32_t added[][2] = {
      {0x897, 0x897},     {0x1C89, 0x1C8A},   {0xA7CB, 0xA7CD},   {0xA7DA, 0xA7DC},   {0x105C0, 0x105F3},
      {0x10D40, 0x10D65}, {0x10D69, 0x10D6D}, {0x10D6F, 0x10D85}, {0x10EC2, 0x10EC4}, {0x10EFC, 0x10EFC},
      {0x11380, 0x11389}, {0x1138B, 0x1138B}, {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113C0},
      {0x113C2, 0x113C2}, {0x113C5, 0x113C5}, {0x113C7, 0x113CA}, {0x113CC, 0x113D3}, {0x113E1, 0x113E2},
      {0x116D0, 0x116E3}, {0x11BC0, 0x11BE0}, {0x11BF0, 0x11BF9}, {0x11F5A, 0x11F5A}, {0x13460, 0x143FA},
      {0x16100, 0x16139}, {0x16D40, 0x16D6C}, {0x16D70, 0x16D79}, {0x18CFF, 0x18CFF}, {0x1CCF0, 0x1CCF9},
      {0x1E5D0, 0x1E5FA}, {0x2EBF0, 0x2EE5D}};
  const auto *range = std::upper_bound(std::begin(added), std::end(added), c,
                                       [](uint32_t value, const uint32_t (&r)[2]) { return value < r[0]; });
  if (range != std::begin(added) && c <= (*std::prev(range))[1])
    return true;
  return u_hasBinaryProperty(UChar32(c), UCHAR_ALPHABETIC) || u_hasBinaryProperty(UChar32(c), UCHAR_JOIN_CONTROL) ||
         hasCategory(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK);
}

bool lathe::isDigit(uint32_t c) {
  int32_t type = u_getIntPropertyValue(UChar32(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

bool lathe::isCased(uint32_t c) { return u_hasBinaryProperty(UChar32(c), UCHAR_CASED); }
bool lathe::isCaseIgnorable(uint32_t c) { return u_hasBinaryProperty(UChar32(c), UCHAR_CASE_IGNORABLE); }

static CodePoints decomposeWith(const icu::Normalizer2 *(*getForm)(UErrorCode &), uint32_t c) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2 *form = getForm(code);
  icu::UnicodeString text;
  CodePoints result;
  if (U_SUCCESS(code) && existsIn(c, 9) && form->getDecomposition(UChar32(c), text))
    for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1))
      result.push_back(uint32_t(text.char32At(i)));
  else
    result.push_back(c);
  return result;
}

CodePoints lathe::decompose(uint32_t c) { return decomposeWith(icu::Normalizer2::getNFDInstance, c); }
CodePoints lathe::decomposeCompatibly(uint32_t c) { return decomposeWith(icu::Normalizer2::getNFKDInstance, c); }

std::vector<Composition> lathe::compositions() {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2 *nfc = icu::Normalizer2::getNFCInstance(code);
  std::vector<Composition> result;
  for (uint32_t c = 0; U_SUCCESS(code) && c < 0x110000; ++c) {
    bool isHangul = c >= 0xAC00 && c <= 0xD7A3;
    icu::UnicodeString text;
    if (isHangul || !existsIn(c, 9) || !nfc->getRawDecomposition(UChar32(c), text) || text.countChar32() != 2)
      continue;
    UChar32 first = text.char32At(0), second = text.char32At(text.moveIndex32(0, 1));
    if (nfc->composePair(first, second) == UChar32(c)) // else excluded from composition
      result.push_back({uint32_t(first), uint32_t(second), c});
  }
  return result;
}

uint32_t lathe::combiningClass(uint32_t c) { return existsIn(c, 9) ? u_getCombiningClass(UChar32(c)) : 0; }

CodePoints lathe::pythonLowercase(uint32_t c) {
  if (c == 0x130) // capital I with dot above
    return {'i', 0x307};
  return {uint32_t(u_tolower(UChar32(c)))};
}

CodePoints lathe::lowercase(uint32_t c) {
  switch (c) { // Unicode 16.0's additions
  case 0x1C89:
  case 0xA7CC:
  case 0xA7DA:
    return {c + 1};
  case 0xA7CB:
    return {0x264};
  case 0xA7DC:
    return {0x19B};
  }
  if (c >= 0x10D50 && c <= 0x10D65) // Garay
    return {c + 0x20};
  return pythonLowercase(c);
}
