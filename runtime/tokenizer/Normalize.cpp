#include "runtime/tokenizer/Normalize.h"

#include "runtime/tokenizer/Charsmap.h"
#include "runtime/tokenizer/Pattern.h"
#include "runtime/tokenizer/SentencePieceText.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

static void copyPiece(TextView piece, MappedText &to) {
  if (!to.bytes.reserve(piece.size) || !to.origins.reserve(piece.size) || !piece.size)
    return;
  memcpy(to.bytes.data, piece.bytes, piece.size);
  to.bytes.size = to.origins.size = piece.size;
  if (piece.origins) {
    memcpy(to.origins.data, piece.origins, piece.size * sizeof(int32_t));
    return;
  }
  int32_t origin = piece.firstOrigin - 1;
  for (size_t i = 0; i < piece.size; ++i)
    to.origins.data[i] = origin += !isContinuationByte(piece.bytes[i]);
}

/// What replaces a match stands for the last code point of it: that is how `tokenizers` keeps its alignments.
void Normalizer::replaceMatches(uint32_t pattern, const char *content, const MappedText &from, MappedText &to) {
  PatternMatcher matcher(tokenizer, from.bytes.data, from.size());
  size_t size = strlen(content), copied = 0;
  for (Word match; matcher.findNext(pattern, copied, match); copied = match.end) {
    to.append(from, copied, match.begin);
    to.append(content, size, from.origins.data[match.end - 1]);
  }
  to.append(from, copied, from.size());
}

void Normalizer::strip(bool left, bool right, const MappedText &from, MappedText &to) {
  const char *text = from.bytes.data;
  size_t begin = 0, end = from.size();
  uint32_t codePoint;
  for (unsigned length; left && begin < end; begin += length) {
    length = decodeUtf8(text + begin, text + end, codePoint);
    if (!length || !(tokenizer.properties[codePoint] & charIsSpace))
      break;
  }
  for (unsigned length; right && begin < end; end -= length) {
    length = decodeUtf8Before(text + begin, text + end, codePoint);
    if (!length || !(tokenizer.properties[codePoint] & charIsSpace))
      break;
  }
  to.append(from, begin, end);
}

void Normalizer::runStep(const NormalizerRecord &step, const MappedText &from, MappedText &to) {
  to.clear();
  switch (step.kind) {
  case NormalizerKind::CharMap:
    mapper.run(tokenizer.charMap(tokenizer.charMaps[step.a]), {from.bytes.data, from.size(), from.origins.data, 0}, to);
    break;
  case NormalizerKind::Replace:
    replaceMatches(step.a, tokenizer.pool.data + step.b, from, to);
    break;
  case NormalizerKind::Prepend: {
    const char *content = tokenizer.pool.data + step.b;
    if (from.size() && (!step.a || from.origins.data[0] == 0))
      to.append(content, strlen(content), from.origins.data[0]);
    to.append(from, 0, from.size());
    break;
  }
  case NormalizerKind::Strip:
    strip(step.a & 1, step.a & 2, from, to);
    break;
  case NormalizerKind::Charsmap:
    applyCharsmap(tokenizer, from, to);
    break;
  case NormalizerKind::SentencePiece:
    normalizeSentencePiece(tokenizer, step.a, from, to);
    break;
  case NormalizerKind::Compose:
    composer.run(tokenizer.charMap(tokenizer.charMaps[step.a]), from, to);
    break;
  }
}

const MappedText &Normalizer::run(TextView piece) {
  MappedText *text = &first, *spare = &second;
  text->clear();
  uint32_t step = 0;
  const TableView<NormalizerRecord> &steps = tokenizer.normalizer;
  if (steps.count && steps[0].kind == NormalizerKind::CharMap) { // saves a copy
    mapper.run(tokenizer.charMap(tokenizer.charMaps[steps[0].a]), piece, *text);
    step = 1;
  } else {
    copyPiece(piece, *text);
  }
  for (; step < steps.count && !failed(); ++step) {
    runStep(steps[step], *text, *spare);
    MappedText *done = spare;
    spare = text;
    text = done;
  }
  return *text;
}
