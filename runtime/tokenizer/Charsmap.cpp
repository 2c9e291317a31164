#include "runtime/tokenizer/Charsmap.h"

#include "runtime/tokenizer/Graphemes.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

namespace {
/// Gives out code points, and walks over those of `from` that they stand for. What a code point stands for may still
/// grow when the next ones are removed, so the last is held back; the library keeps its alignments in this way, and
/// loses step where a text begins with what is removed.
class Aligner {
public:
  Aligner(const MappedText &from, MappedText &to) : from(from), to(to) {}

  /// `taken`: 0 stands for no code point of `from` of its own, 1 for the next one.
  void put(const char *bytes, unsigned size, int64_t taken) {
    flush();
    held = bytes;
    heldSize = size;
    heldTaken = taken;
  }
  /// The code point put last stands for `more` others as well.
  void take(int64_t more) {
    if (held)
      heldTaken += more;
  }
  void flush() {
    if (!held)
      return;
    size_t origin = heldTaken > 0 || !at ? at : at - 1;
    to.append(held, heldSize, from.origins.data[origin < from.size() ? origin : from.size() - 1]);
    for (; heldTaken > 0 && at < from.size(); --heldTaken)
      do
        ++at;
      while (at < from.size() && isContinuationByte(from.bytes.data[at]));
    held = nullptr;
  }

private:
  const MappedText &from;
  MappedText &to;
  size_t at = 0; // the next byte of `from` that nothing stands for yet
  const char *held = nullptr;
  unsigned heldSize = 0;
  int64_t heldTaken = 0;
};
} // namespace

static unsigned sizeOf(const char *at, const char *end) {
  uint32_t codePoint;
  unsigned length = decodeUtf8(at, end, codePoint);
  return length ? length : 1;
}

/// What the shortest key that begins [begin, end) becomes, or null.
static const char *find(const Tokenizer &tokenizer, const char *begin, const char *end) {
  uint32_t node = 0;
  for (; begin < end && node != trieNone; ++begin) {
    node = trieStep(tokenizer.charsmap, node, uint8_t(*begin));
    if (trieEndsKey(tokenizer.charsmap, node))
      return tokenizer.pool.data + trieValue(tokenizer.charsmap, node);
  }
  return nullptr;
}

/// `old` code points become `text`.
static void replace(size_t old, const char *text, Aligner &aligner) {
  const char *end = text + strlen(text);
  size_t count = 0;
  for (unsigned size; text < end; text += size) {
    size = sizeOf(text, end);
    aligner.put(text, size, count++ < old);
  }
  if (count < old)
    aligner.take(int64_t(old - count));
}

void lathe::applyCharsmap(const Tokenizer &tokenizer, const MappedText &from, MappedText &to) {
  constexpr size_t longCluster = 6; // bytes; a library's choice
  if (!tokenizer.charsmap.count)
    return to.append(from, 0, from.size());
  Aligner aligner(from, to);
  const char *end = from.bytes.data + from.size();
  for (const char *at = from.bytes.data; at < end;) {
    const char *clusterEnd = endOfGrapheme(tokenizer.graphemes, at, end);
    if (size_t(clusterEnd - at) < longCluster)
      if (const char *text = find(tokenizer, at, clusterEnd)) {
        replace(countCodePoints(at, clusterEnd), text, aligner);
        at = clusterEnd;
        continue;
      }
    for (unsigned size; at < clusterEnd; at += size) {
      size = sizeOf(at, clusterEnd);
      if (const char *text = find(tokenizer, at, at + size))
        replace(1, text, aligner);
      else
        aligner.put(at, size, 1);
    }
  }
  aligner.flush();
}
