// Ids back to text. What each token decodes to was worked out at compile time (prefixes, spaces, clean-up), but what
// bytes make, and what is stripped from the whole text, is known only together.
#include "runtime/core/Status.h"
#include "runtime/tokenizer/SentencePieceText.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/tokenizer/Utf8.h"

#include <string.h>

using namespace lathe;

namespace {
/// The caller's buffer, and how much more would have been written. Takes whole code points.
class Output {
public:
  Output(char *text, size_t capacity, DecoderStrip atBegin = {}, DecoderStrip atEnd = {})
      : text(text), capacity(capacity), atBegin(atBegin), atEnd(atEnd) {}

  /// From now on replaces what `tokenizer` denormalizes.
  void replaceBy(const Tokenizer &with) { tokenizer = with.denormalizer.count ? &with : nullptr; }
  /// From now on leaves out whitespace at the ends, if `tokenizer` does.
  void stripBy(const Tokenizer &with) { properties = with.has(decoderStripsSpaces) ? &with.properties : nullptr; }
  bool isEmpty() const { return !needed && !waiting; }

  void put(const char *bytes, size_t size) { tokenizer ? putReplaced(bytes, size) : putStripped(bytes, size); }
  void finish() {
    while (waiting)
      replaceFirst();
    giveBack(held > atEnd.most ? held - atEnd.most : 0);
    if (properties)
      needed = solid;
  }

  size_t needed = 0;

private:
  void putStripped(const char *bytes, size_t size) {
    if (!properties && !atEnd.most && !atBegin.most)
      return write(bytes, size);
    for (const char *at = bytes, *end = bytes + size; at < end;) {
      uint32_t codePoint = 0;
      unsigned length = decodeUtf8(at, end, codePoint);
      length += !length;
      properties ? putBetweenSpaces(codePoint, at, length) : putOne(codePoint, at, length);
      at += length;
    }
  }
  /// Those that the text ends with are written too, but then not counted.
  void putBetweenSpaces(uint32_t codePoint, const char *bytes, unsigned length) {
    const bool isSpace = (codePoint >= 0x1C && codePoint <= 0x1F) || (*properties)[codePoint] & charIsSpace;
    if (isSpace && !solid)
      return;
    write(bytes, length);
    if (!isSpace)
      solid = needed;
  }
  void putReplaced(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      if (waiting == sizeof wait) // then the longest key is there as a whole
        replaceFirst();
      wait[waiting++] = bytes[i];
    }
  }
  /// Gives out what the first waiting bytes become.
  void replaceFirst() {
    uint32_t place = 0, codePoint;
    unsigned taken = findLongest(tokenizer->denormalizer, wait, wait + waiting, place);
    if (taken) {
      putStripped(tokenizer->pool.data + place, strlen(tokenizer->pool.data + place));
    } else {
      taken = decodeUtf8(wait, wait + waiting, codePoint);
      taken += !taken;
      putStripped(wait, taken);
    }
    memmove(wait, wait + taken, waiting -= taken);
  }
  void putOne(uint32_t codePoint, const char *bytes, unsigned length) {
    if (atBegin.most && codePoint == atBegin.codePoint) {
      --atBegin.most;
      return;
    }
    atBegin.most = 0;
    if (atEnd.most && codePoint == atEnd.codePoint) {
      ++held;
      return;
    }
    giveBack(held);
    write(bytes, length);
  }
  /// Writes so many of those that the end might have been.
  void giveBack(size_t count) {
    char bytes[4];
    unsigned length = encodeUtf8(atEnd.codePoint, bytes);
    for (held = 0; count; --count)
      write(bytes, length);
  }
  void write(const char *bytes, size_t size) {
    if (needed < capacity)
      memcpy(text + needed, bytes, size < capacity - needed ? size : capacity - needed);
    needed += size;
  }

  char *text;
  size_t capacity;
  DecoderStrip atBegin, atEnd;          // the former counts down
  const Tokenizer *tokenizer = nullptr; // whose denormalizer is applied, or null
  char wait[2 * maxDenormalizerKey];    // bytes before it
  unsigned waiting = 0;
  size_t held = 0;                     // code points that are stripped if nothing else follows
  const CharMap *properties = nullptr; // by which whitespace at the ends is stripped, or null
  size_t solid = 0;                    // with the last character that is no whitespace, `needed` was this
};

constexpr char replacement[] = "\xEF\xBF\xBD"; // U+FFFD

/// Lets UTF-8 through and puts U+FFFD where bytes are none: one for each longest beginning of a character, as the
/// Unicode Standard recommends (3.9, "U+FFFD Substitution of Maximal Subparts").
class Repairer {
public:
  explicit Repairer(Output &output) : output(output) {}

  void put(uint8_t byte) {
    if (held && !continues(byte))
      replace();
    pending[held++] = char(byte);
    if (held == 1) {
      length = byte < 0x80 ? 1 : byte >= 0xC2 && byte <= 0xDF ? 2 : (byte & 0xF0) == 0xE0 ? 3 : 4;
      if (byte >= 0x80 && (byte < 0xC2 || byte > 0xF4))
        return replace();
    }
    if (held < length)
      return;
    output.put(pending, held);
    held = 0;
  }
  void finish() {
    if (held)
      replace();
  }
  size_t replaced = 0; // how often

private:
  /// Whether `byte` may stand behind what is held: the second byte of some characters has a narrower range.
  bool continues(uint8_t byte) const {
    auto lead = uint8_t(pending[0]);
    uint8_t low = 0x80, high = 0xBF;
    if (held == 1) {
      low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
      high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    }
    return byte >= low && byte <= high;
  }
  void replace() {
    output.put(replacement, sizeof replacement - 1);
    ++replaced;
    held = 0;
  }

  Output &output;
  char pending[4];
  unsigned held = 0, length = 0;
};
} // namespace

/// A token whose text spells bytes gives those, any other its text: calls put(byte) for each.
template <typename Put> static void putByteLevel(const char *text, Put put) {
  const char *end = text + strlen(text);
  auto forEach = [&](auto use) {
    uint32_t codePoint;
    for (const char *at = text; at < end;) {
      unsigned length = decodeUtf8(at, end, codePoint);
      int byte = length ? byteLevelByte(codePoint) : -1;
      if (byte < 0)
        return false;
      use(uint8_t(byte));
      at += length;
    }
    return true;
  };
  if (forEach([](uint8_t) {})) {
    forEach(put);
    return;
  }
  for (; text < end; ++text)
    put(uint8_t(*text));
}

namespace {
/// The ids that are decoded, in order.
class Ids {
public:
  Ids(const Tokenizer &tokenizer, const int32_t *ids, size_t n, bool skipSpecialTokens)
      : tokenizer(tokenizer), ids(ids), n(n), skipSpecialTokens(skipSpecialTokens) {}

  /// The first one at or behind `at`; n: none.
  size_t next(size_t at) const {
    while (at < n && !isKept(at))
      ++at;
    return at;
  }
  /// The last of all, or n.
  size_t last() const {
    for (size_t at = n; at--;)
      if (isKept(at))
        return at;
    return n;
  }
  const TokenRecord &operator[](size_t at) const { return tokenizer.written[uint32_t(ids[at])]; }

private:
  bool isKept(size_t at) const {
    return uint32_t(ids[at]) < tokenizer.written.count && !(skipSpecialTokens && (*this)[at].text & tokenIsSpecial);
  }

  const Tokenizer &tokenizer;
  const int32_t *ids;
  size_t n;
  bool skipSpecialTokens;
};
} // namespace

/// The same as SentencePiece has it: each byte that is part of no character is a U+FFFD.
static size_t putBytesOneByOne(const Ids &ids, size_t at, size_t n, Output &output) {
  char held[4];
  unsigned count = 0;
  uint32_t codePoint;
  auto give = [&] {
    unsigned length = decodeUtf8(held, held + count, codePoint), taken = length ? length : 1;
    length ? output.put(held, length) : output.put(replacement, sizeof replacement - 1);
    memmove(held, held + taken, count -= taken);
  };
  for (; at < n && ids[at].later & tokenIsByte; at = ids.next(at + 1)) {
    if (count == sizeof held)
      give();
    held[count++] = char(ids[at].later);
  }
  while (count)
    give();
  return at;
}

/// The tokens of bytes that follow each other from `at` on: what they spell, or a U+FFFD for each when that is not
/// UTF-8. Returns where they end.
static size_t putBytes(const Ids &ids, size_t at, size_t n, Output &output) {
  Output nowhere(nullptr, 0);
  Repairer tried(nowhere), repairer(output);
  size_t end = at, count = 0;
  for (; end < n && ids[end].later & tokenIsByte; end = ids.next(end + 1), ++count)
    tried.put(uint8_t(ids[end].later));
  tried.finish();
  if (tried.replaced)
    while (count--)
      output.put(replacement, sizeof replacement - 1);
  else
    for (; at < end; at = ids.next(at + 1))
      repairer.put(uint8_t(ids[at].later));
  return end;
}

lathe_status lathe::detokenize(const Tokenizer &tokenizer, const int32_t *ids, size_t n, bool skipSpecialTokens,
                               char *text, size_t capacity, size_t *length, lathe_error *error) {
  for (size_t i = 0; i < n; ++i)
    if (ids[i] < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "id %d at position %zu; ids are 0 to %u", ids[i], i,
                  tokenizer.written.count - 1);
  const TokenizerHeader &header = *tokenizer.header;
  Output output(text, capacity, header.stripsBegin, header.stripsEnd);
  output.replaceBy(tokenizer);
  output.stripBy(tokenizer);
  Repairer repairer(output);
  Ids kept(tokenizer, ids, n, skipSpecialTokens);
  size_t edge = header.decoder == DecoderKind::EndPieces ? kept.last() : kept.next(0);
  bool isSentencePiece = header.decoder == DecoderKind::SentencePiece, hasBegun = false;
  for (size_t i = kept.next(0); i < n;) {
    const TokenRecord &token = kept[i];
    if (header.decoder == DecoderKind::ByteLevel) {
      putByteLevel(tokenText(tokenizer, ids[i]), [&](uint8_t byte) { repairer.put(byte); });
    } else if (token.later & tokenIsByte) {
      i = isSentencePiece ? putBytesOneByOne(kept, i, n, output) : putBytes(kept, i, n, output);
      continue;
    } else {
      bool isAtEdge = isSentencePiece ? !hasBegun && output.isEmpty() : i == edge;
      const char *piece = tokenizer.pool.data + (isAtEdge ? token.atEdge : token.later);
      hasBegun |= isAtEdge && token.atEdge != token.later && tokenizer.has(decoderDropsOnce);
      output.put(piece, strlen(piece));
    }
    i = kept.next(i + 1);
  }
  repairer.finish();
  output.finish();
  if (capacity)
    text[output.needed < capacity ? output.needed : capacity - 1] = 0;
  if (length)
    *length = output.needed;
  return LATHE_OK;
}

size_t lathe::tokenBytes(const Tokenizer &tokenizer, int32_t id, char *bytes, size_t capacity) {
  if (uint32_t(id) >= tokenizer.written.count)
    return 0;
  const TokenRecord &token = tokenizer.written[uint32_t(id)];
  Output output(bytes, capacity);
  auto putByte = [&](uint8_t byte) {
    const char one = char(byte);
    output.put(&one, 1);
  };
  if (tokenizer.header->decoder == DecoderKind::ByteLevel) {
    putByteLevel(tokenText(tokenizer, id), putByte);
  } else if (token.later & tokenIsByte) {
    putByte(uint8_t(token.later));
  } else {
    const char *piece = tokenizer.pool.data + token.later;
    output.replaceBy(tokenizer);
    output.put(piece, strlen(piece));
    output.finish();
  }
  return output.needed;
}

bool lathe::endsOpen(const Tokenizer &tokenizer, const int32_t *ids, size_t n) {
  if (tokenizer.header->decoder != DecoderKind::EndPieces)
    return false;
  const Ids kept(tokenizer, ids, n, /*skipSpecialTokens=*/true);
  const size_t last = kept.last();
  if (last == n)
    return false;
  const char *atEdge = tokenizer.pool.data + kept[last].atEdge, *later = tokenizer.pool.data + kept[last].later;
  const size_t length = strlen(atEdge);
  return strlen(later) < length || memcmp(later, atEdge, length);
}

const char *lathe::tokenText(const Tokenizer &tokenizer, int32_t id) {
  if (id < 0 || uint32_t(id) >= tokenizer.tokens.count)
    return nullptr;
  return tokenizer.pool.data + (tokenizer.tokens[uint32_t(id)].text & ~tokenIsSpecial);
}
