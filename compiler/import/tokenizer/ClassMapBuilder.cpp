#include "compiler/import/tokenizer/ClassMapBuilder.h"

#include "compiler/import/tokenizer/UnicodeData.h"
#include "runtime/tokenizer/Tables.h"

#include <map>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

using namespace lathe;

ClassMapTable lathe::buildClassMap(llvm::function_ref<uint8_t(uint32_t)> classOf) {
  ClassMapTable table;
  std::map<std::vector<uint8_t>, uint16_t> blocks;
  for (uint32_t first = 0; first < codePointLimit; first += charBlock) {
    std::vector<uint8_t> block;
    for (uint32_t c = first; c < first + charBlock; ++c)
      block.push_back(classOf(c));
    auto [place, isNew] = blocks.try_emplace(block, uint16_t(blocks.size()));
    if (isNew)
      table.entries.insert(table.entries.end(), block.begin(), block.end());
    table.index.push_back(place->second);
  }
  return table;
}

/// Scripts whose consonants a linker joins (Indic_Conjunct_Break), which ICU 72 does not know yet.
static bool joinsConsonants(UChar32 c) {
  UErrorCode code = U_ZERO_ERROR;
  switch (uscript_getScript(c, &code)) {
  case USCRIPT_BENGALI:
  case USCRIPT_DEVANAGARI:
  case USCRIPT_GUJARATI:
  case USCRIPT_MALAYALAM:
  case USCRIPT_ORIYA:
  case USCRIPT_TELUGU:
    return true;
  default:
    return false;
  }
}

static GraphemeClass graphemeClass(UChar32 c, const icu::UnicodeSet &nonspacing, const icu::UnicodeSet &spacing) {
  using enum GraphemeClass;
  switch (u_getIntPropertyValue(c, UCHAR_GRAPHEME_CLUSTER_BREAK)) {
  case U_GCB_CR:
    return Return;
  case U_GCB_LF:
    return LineFeed;
  case U_GCB_CONTROL:
    // Unicode keeps places for symbols to come as controls; those that have since become marks are none.
    return nonspacing.contains(c) ? Extend : Control;
  case U_GCB_EXTEND:
    return u_getIntPropertyValue(c, UCHAR_INDIC_SYLLABIC_CATEGORY) == U_INSC_VIRAMA && joinsConsonants(c) ? Linker
                                                                                                          : Extend;
  case U_GCB_ZWJ:
    return Joiner;
  case U_GCB_SPACING_MARK:
    return SpacingMark;
  case U_GCB_PREPEND:
    return Prepend;
  case U_GCB_REGIONAL_INDICATOR:
    return Regional;
  case U_GCB_L:
    return HangulL;
  case U_GCB_V:
    return HangulV;
  case U_GCB_T:
    return HangulT;
  case U_GCB_LV:
    return HangulLV;
  case U_GCB_LVT:
    return HangulLVT;
  }
  if (u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC))
    return Pictograph;
  if (u_getIntPropertyValue(c, UCHAR_INDIC_SYLLABIC_CATEGORY) == U_INSC_CONSONANT && joinsConsonants(c))
    return Consonant;
  if (u_charType(c) != U_UNASSIGNED)
    return Other;
  return nonspacing.contains(c) ? Extend : spacing.contains(c) ? SpacingMark : Other;
}

ClassMapTable lathe::buildGraphemeMap() {
  icu::UnicodeSet nonspacing = *categorySet("Mn"), spacing = *categorySet("Mc");
  return buildClassMap([&](uint32_t c) { return uint8_t(graphemeClass(UChar32(c), nonspacing, spacing)); });
}
