#include "runtime/tokenizer/Compose.h"

#include "runtime/tokenizer/CanonicalOrder.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

static constexpr uint32_t nothing = ~0u;
// The Unicode Standard, section 3.12: syllables are numbered by lead, vowel and optional trail.
static constexpr uint32_t firstSyllable = 0xAC00, firstLead = 0x1100, firstVowel = 0x1161, beforeTrails = 0x11A7;
static constexpr uint32_t leads = 19, vowels = 21, trails = 28;

/// The code point that two make, or `nothing`.
uint32_t Composer::composed(uint32_t first, uint32_t second) const {
  if (first - firstLead < leads && second - firstVowel < vowels)
    return firstSyllable + ((first - firstLead) * vowels + (second - firstVowel)) * trails;
  if (first - firstSyllable < leads * vowels * trails && (first - firstSyllable) % trails == 0 &&
      second - beforeTrails - 1 < trails - 1)
    return first + (second - beforeTrails);
  char bytes[8];
  unsigned size = encodeUtf8(first, bytes);
  size += encodeUtf8(second, bytes + size);
  uint32_t node = tokenizer.compositions.count ? trieWalk(tokenizer.compositions, 0, bytes, bytes + size) : trieNone;
  return trieEndsKey(tokenizer.compositions, node) ? trieValue(tokenizer.compositions, node) : nothing;
}

void Composer::emit(Part part) {
  char bytes[4];
  unsigned size = encodeUtf8(part.codePoint, bytes);
  size_t origin = part.taken || !given ? given : given - 1;
  to->append(bytes, size, from->origins.data[origin < from->size() ? origin : from->size() - 1]);
  for (uint32_t i = 0; i < part.taken && given < from->size(); ++i)
    do
      ++given;
    while (given < from->size() && isContinuationByte(from->bytes.data[given]));
}

void Composer::flush() {
  if (hasStarter)
    emit(starter);
  hasStarter = false;
  for (size_t i = 0; i < blocked.size; ++i)
    emit(blocked.data[i]);
  blocked.size = 0;
}

/// Takes the parts in canonical order. A mark of the class of the one before it is blocked from the starter.
void Composer::compose(Part part) {
  if (!hasStarter) {
    if (part.combiningClass)
      return emit(part);
  } else {
    uint32_t last = blocked.size ? blocked.data[blocked.size - 1].combiningClass : 0;
    if (!blocked.size || last < part.combiningClass)
      if (uint32_t both = composed(starter.codePoint, part.codePoint); both != nothing) {
        starter.codePoint = both;
        starter.taken += part.taken;
        return;
      }
    if (part.combiningClass)
      return blocked.push(part);
    flush();
  }
  starter = part;
  hasStarter = true;
}

void Composer::flushMarks() {
  if (!marks.size)
    return;
  const Part *ordered = inCanonicalOrder(marks, sorted, [](const Part &part) { return part.combiningClass; });
  for (size_t i = 0; ordered && i < marks.size; ++i)
    compose(ordered[i]);
  marks.size = 0;
}

void Composer::add(Part part) {
  if (part.combiningClass)
    return marks.push(part);
  flushMarks();
  compose(part);
}

void Composer::run(const CharMap &map, const MappedText &input, MappedText &output) {
  from = &input;
  to = &output;
  given = 0;
  const char *begin = input.bytes.data, *end = begin + input.size();
  for (const char *at = begin; at < end;) {
    // ASCII stays what it is; the last of it may be composed with what follows.
    const char *plain = at;
    while (plain < end && uint8_t(*plain) < 0x80)
      ++plain;
    if (plain < end && plain > at)
      --plain;
    if (plain > at) {
      flushMarks();
      flush();
      output.append(input, size_t(at - begin), size_t(plain - begin));
      given = size_t(plain - begin);
      at = plain;
      continue;
    }
    uint32_t codePoint;
    unsigned length = decodeUtf8(at, end, codePoint);
    if (!length)
      return;
    CharEntry entry = map[codePoint];
    switch (charAction(entry)) {
    case CharAction::Drop: // a decomposition drops and spaces nothing
    case CharAction::Spaced:
    case CharAction::Copy:
      add({(codePoint + uint32_t(charValue(entry))) & 0x1FFFFF, 0, 1});
      break;
    case CharAction::Expand: {
      const CharElement *list = map.elements.data + charValue(entry);
      for (uint32_t i = 1; i <= list[0]; ++i)
        add({elementCodePoint(list[i]), elementClass(list[i]), !(list[i] & elementInserted)});
      break;
    }
    case CharAction::Hangul: {
      uint32_t syllable = codePoint - firstSyllable;
      add({firstLead + syllable / (vowels * trails) % leads, 0, 1});
      add({firstVowel + syllable % (vowels * trails) / trails, 0, 0});
      if (syllable % trails)
        add({beforeTrails + syllable % trails, 0, 0});
      break;
    }
    }
    at += length;
  }
  flushMarks();
  flush();
}
