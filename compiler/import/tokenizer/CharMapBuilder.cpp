#include "compiler/import/tokenizer/CharMapBuilder.h"

#include "compiler/import/tokenizer/UnicodeData.h"

#include <array>
#include <map>

using namespace lathe;

namespace {
/// One output of a code point, on its way through the steps.
struct Element {
  uint32_t codePoint;
  uint32_t combiningClass = 0; // 0 until Decompose: nothing is reordered without it
  bool inserted = false, dropped = false;
};
using Elements = llvm::SmallVector<Element, 4>;
} // namespace

/// A dropped code point vanishes before Decompose, but takes part in reordering behind it.
static void drop(Elements &elements, bool isDecomposed, bool (*isDropped)(uint32_t)) {
  for (Element &element : elements)
    element.dropped |= isDropped(element.codePoint);
  if (!isDecomposed)
    llvm::erase_if(elements, [](const Element &element) { return element.dropped; });
}

static void replace(Elements &elements, llvm::function_ref<CodePoints(uint32_t)> function) {
  Elements result;
  for (const Element &element : elements)
    for (auto [i, codePoint] : llvm::enumerate(function(element.codePoint))) {
      result.push_back(element);
      result.back().codePoint = codePoint;
      result.back().inserted |= i != 0;
    }
  elements = std::move(result);
}

static Elements applySteps(uint32_t codePoint, llvm::ArrayRef<CharStep> steps) {
  Elements elements = {{codePoint}};
  bool isDecomposed = false;
  for (CharStep step : steps) {
    switch (step) {
    case CharStep::CleanText:
      drop(elements, isDecomposed, [](uint32_t c) {
        bool isLineSpace = c == '\t' || c == '\n' || c == '\r';
        return c == 0 || c == 0xFFFD || (isControl(c) && !isLineSpace);
      });
      replace(elements, [](uint32_t c) { return CodePoints{isWhiteSpace(c) ? ' ' : c}; });
      break;
    case CharStep::SpaceChinese:
      replace(elements, [](uint32_t c) { return isChinese(c) ? CodePoints{' ', c, ' '} : CodePoints{c}; });
      break;
    case CharStep::CleanForNmt:
      drop(elements, isDecomposed, isNmtControl);
      replace(elements, [](uint32_t c) { return CodePoints{isNmtSpace(c) ? ' ' : c}; });
      break;
    case CharStep::Decompose:
    case CharStep::DecomposeCompatibly:
      // Each code point that arrives here is the first of its own decomposition.
      for (Element &element : elements)
        element.inserted = false;
      replace(elements, step == CharStep::Decompose ? decompose : decomposeCompatibly);
      for (Element &element : elements)
        element.combiningClass = combiningClass(element.codePoint);
      isDecomposed = true;
      break;
    case CharStep::DropNonspacingMarks:
      drop(elements, isDecomposed, isNonspacingMark);
      break;
    case CharStep::DropCombiningMarks:
      drop(elements, isDecomposed, isCombiningMark);
      break;
    case CharStep::Lowercase:
      replace(elements, lowercase);
      break;
    }
  }
  // A mark that neither comes out nor stands for an input of its own has no effect on what surrounds it.
  llvm::erase_if(elements,
                 [](const Element &element) { return element.dropped && element.inserted && element.combiningClass; });
  return elements;
}

static CharKind kindOf(uint32_t codePoint, const KindsStep &preTokenizer) {
  if ((preTokenizer.splitsSpaces || preTokenizer.separatesSymbols) && isWhiteSpace(codePoint))
    return CharKind::Space;
  if (preTokenizer.isolatesPunctuation && isPunctuation(codePoint))
    return CharKind::Isolated;
  return preTokenizer.separatesSymbols && !isWordCharacter(codePoint) ? CharKind::Symbol : CharKind::Word;
}

namespace {
/// Collects entries block by block; equal blocks are stored once.
class TableBuilder {
public:
  void add(CharEntry entry) {
    block[filled++] = entry;
    if (filled < charBlock)
      return;
    filled = 0;
    auto [place, isNew] = blocks.try_emplace(block, uint16_t(blocks.size()));
    if (isNew)
      table.entries.insert(table.entries.end(), block.begin(), block.end());
    table.index.push_back(place->second);
  }

  /// The entry that turns `codePoint` into `elements`, whose kinds `kindOf` gives; without own kind and properties.
  CharEntry entry(uint32_t codePoint, llvm::ArrayRef<Element> elements, llvm::function_ref<CharKind(uint32_t)> kindOf) {
    if (elements.empty())
      return makeCharEntry(CharAction::Drop);
    auto isPlain = [](const Element &element) { return !element.dropped && !element.combiningClass; };
    bool isSpaced = elements.size() == 3 && elements[0].codePoint == ' ' && elements[2].codePoint == ' ';
    if ((elements.size() == 1 || isSpaced) && llvm::all_of(elements, isPlain)) {
      uint32_t output = elements[isSpaced].codePoint;
      return makeCharEntry(isSpaced ? CharAction::Spaced : CharAction::Copy, output - codePoint) |
             withOutputKind(kindOf(output));
    }
    bool isSyllable = codePoint >= 0xAC00 && codePoint <= 0xD7A3;
    if (isSyllable && llvm::all_of(elements, isPlain))
      return makeCharEntry(CharAction::Hangul);
    std::vector<CharElement> list = {CharElement(elements.size())};
    for (const Element &element : elements)
      list.push_back(element.codePoint | element.combiningClass << 21 | (element.inserted ? elementInserted : 0) |
                     (element.dropped ? elementDropped : 0));
    auto [place, isNew] = lists.try_emplace(list, uint32_t(table.elements.size()));
    if (isNew)
      table.elements.insert(table.elements.end(), list.begin(), list.end());
    return makeCharEntry(CharAction::Expand, place->second);
  }

  CharMapTable table;

private:
  using Block = std::array<CharEntry, charBlock>;
  Block block;
  uint32_t filled = 0;
  std::map<Block, uint16_t> blocks;
  std::map<std::vector<CharElement>, uint32_t> lists;
};
} // namespace

CharMapTable lathe::buildNormalizerMap(llvm::ArrayRef<CharStep> steps, const KindsStep &preTokenizer) {
  TableBuilder builder;
  auto kind = [&](uint32_t c) { return kindOf(c, preTokenizer); };
  for (uint32_t c = 0; c < codePointLimit; ++c)
    builder.add(builder.entry(c, applySteps(c, steps), kind) | withOwnKind(kind(c)) |
                (isWordCharacter(c) ? charIsWord : 0) | (isWhiteSpace(c) ? charIsSpace : 0));
  return std::move(builder.table);
}

CharMapTable lathe::buildLowerFirstMap() {
  TableBuilder builder;
  auto kind = [](uint32_t) { return CharKind::Word; }; // nobody cuts this map's output into words
  for (uint32_t c = 0; c < codePointLimit; ++c) {
    Elements elements = {{c}};
    replace(elements, pythonLowercase);
    builder.add(builder.entry(c, elements, kind) | (isCased(c) ? charIsCased : 0) |
                (isCaseIgnorable(c) ? charIsCaseIgnorable : 0));
  }
  return std::move(builder.table);
}
