#include "runtime/tokenizer/CharMapper.h"

#include "runtime/tokenizer/CanonicalOrder.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

static constexpr uint32_t capitalSigma = 0x3A3, finalSmallSigma = 0x3C2;

/// Unicode's Final_Sigma: behind a cased letter and not before one, skipping what is case-ignorable.
static bool endsWord(const CharMap &map, const char *begin, const char *at, const char *next, const char *end) {
  uint32_t codePoint;
  CharEntry entry = 0;
  for (const char *p = at; p > begin;) {
    unsigned length = decodeUtf8Before(begin, p, codePoint);
    if (!length || !((entry = map[codePoint]) & charIsCaseIgnorable))
      break;
    p -= length;
    entry = 0;
  }
  if (!(entry & charIsCased))
    return false;
  entry = 0;
  for (const char *p = next; p < end;) {
    unsigned length = decodeUtf8(p, end, codePoint);
    if (!length || !((entry = map[codePoint]) & charIsCaseIgnorable))
      break;
    p += length;
    entry = 0;
  }
  return !(entry & charIsCased);
}

void CharMapper::emit(uint32_t codePoint, CharKind kind, int32_t origin, MappedText &out) {
  if (!out.bytes.reserve(4) || !out.kinds.reserve(4) || !out.origins.reserve(4))
    return;
  unsigned length = encodeUtf8(codePoint, out.bytes.data + out.bytes.size);
  for (unsigned i = 0; i < length; ++i) {
    out.kinds.data[out.kinds.size + i] = i ? CharKind::Continuation : kind;
    out.origins.data[out.origins.size + i] = origin;
  }
  out.bytes.size += length;
  out.kinds.size += length;
  out.origins.size += length;
}

void CharMapper::expand(const CharElement *list, int32_t origin, MappedText &out) {
  for (uint32_t i = 1; i <= list[0]; ++i) {
    if (elementClass(list[i])) {
      marks.push({list[i], origin});
      continue;
    }
    flushMarks(out);
    uint32_t codePoint = elementCodePoint(list[i]);
    if (!(list[i] & elementDropped))
      emit(codePoint, charOwnKind(map[codePoint]), origin, out);
  }
}

/// Ends a run of combining marks: orders them by class and gives them out.
/// The n-th mark that is the first of its decomposition is aligned with the n-th such input, wherever ordering put it;
/// an inserted one shares the alignment of what precedes it. That is how `tokenizers` keeps its alignments.
void CharMapper::flushMarks(MappedText &out) {
  if (!marks.size)
    return;
  const PendingMark *ordered =
      inCanonicalOrder(marks, sorted, [](const PendingMark &mark) { return elementClass(mark.element); });
  if (!ordered)
    return;
  int32_t origin = marks.data[0].origin;
  size_t consumed = 0;
  for (size_t i = 0; i < marks.size; ++i) {
    CharElement element = ordered[i].element;
    if (!(element & elementInserted)) {
      while (marks.data[consumed].element & elementInserted)
        ++consumed;
      origin = marks.data[consumed++].origin;
    }
    if (!(element & elementDropped))
      emit(elementCodePoint(element), charOwnKind(map[elementCodePoint(element)]), origin, out);
  }
  marks.size = 0;
}

void CharMapper::run(const CharMap &with, TextView text, MappedText &out, bool finalSigma) {
  map = with;
  const char *end = text.bytes + text.size;
  // Most code points become as many bytes: room for them once keeps growth out of the loop.
  if (!out.bytes.reserve(text.size) || !out.kinds.reserve(text.size) || !out.origins.reserve(text.size))
    return;
  int32_t counted = text.firstOrigin;
  CharKind space = charOwnKind(map[' ']);
  for (const char *at = text.bytes; at < end;) {
    uint32_t codePoint;
    unsigned length = decodeUtf8(at, end, codePoint);
    if (!length)
      return;
    int32_t origin = text.origins ? text.origins[at - text.bytes] : counted++;
    CharEntry entry = map[codePoint];
    switch (charAction(entry)) {
    case CharAction::Copy:
      flushMarks(out);
      if (finalSigma && codePoint == capitalSigma && endsWord(map, text.bytes, at, at + length, end))
        emit(finalSmallSigma, CharKind::Word, origin, out);
      else
        emit((codePoint + uint32_t(charValue(entry))) & 0x1FFFFF, charOutputKind(entry), origin, out);
      break;
    case CharAction::Drop:
      break;
    case CharAction::Expand:
      expand(map.elements.data + charValue(entry), origin, out);
      break;
    case CharAction::Spaced:
      flushMarks(out);
      emit(' ', space, origin, out);
      emit((codePoint + uint32_t(charValue(entry))) & 0x1FFFFF, charOutputKind(entry), origin, out);
      emit(' ', space, origin, out);
      break;
    case CharAction::Hangul: {
      // The Unicode Standard, section 3.12: syllables are numbered by lead, vowel and optional trail.
      flushMarks(out);
      uint32_t syllable = codePoint - 0xAC00;
      emit(0x1100 + syllable / 588, CharKind::Word, origin, out);
      emit(0x1161 + syllable % 588 / 28, CharKind::Word, origin, out);
      if (syllable % 28)
        emit(0x11A7 + syllable % 28, CharKind::Word, origin, out);
      break;
    }
    }
    at += length;
  }
  flushMarks(out);
}
