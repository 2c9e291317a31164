// Ids back to text. What each token decodes to was worked out at compile time (prefixes, spaces, clean-up), but that
// the bytes of byte-level tokens make characters only together.
#include "runtime/core/Status.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/tokenizer/Utf8.h"

#include <string.h>

using namespace lathe;

namespace {
/// The caller's buffer, and how much more would have been written.
struct Output {
  char *text;
  size_t capacity, needed = 0;

  void put(const char *bytes, size_t size) {
    if (needed < capacity)
      memcpy(text + needed, bytes, size < capacity - needed ? size : capacity - needed);
    needed += size;
  }
};

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
    output.put("\xEF\xBF\xBD", 3);
    held = 0;
  }

  Output &output;
  char pending[4];
  unsigned held = 0, length = 0;
};
} // namespace

/// A token whose text spells bytes gives those, any other its text.
static void putByteLevel(const char *text, Repairer &repairer) {
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
    forEach([&](uint8_t byte) { repairer.put(byte); });
    return;
  }
  for (; text < end; ++text)
    repairer.put(uint8_t(*text));
}

lathe_status lathe::detokenize(const Tokenizer &tokenizer, const int32_t *ids, size_t n, bool skipSpecialTokens,
                               char *text, size_t capacity, size_t *length, lathe_error *error) {
  Output output = {text, capacity};
  Repairer repairer(output);
  bool isFirst = true;
  for (size_t i = 0; i < n; ++i) {
    if (ids[i] < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "id %d at position %zu; ids are 0 to %u", ids[i], i,
                  tokenizer.tokens.count - 1);
    if (uint32_t(ids[i]) >= tokenizer.tokens.count)
      continue;
    const TokenRecord &token = tokenizer.tokens[uint32_t(ids[i])];
    if (skipSpecialTokens && token.text & tokenIsSpecial)
      continue;
    if (tokenizer.header->decoder == DecoderKind::ByteLevel) {
      putByteLevel(tokenText(tokenizer, ids[i]), repairer);
      continue;
    }
    const char *piece = tokenizer.pool.data + (isFirst ? token.first : token.later);
    isFirst = false;
    output.put(piece, strlen(piece));
  }
  repairer.finish();
  if (capacity)
    text[output.needed < capacity ? output.needed : capacity - 1] = 0;
  if (length)
    *length = output.needed;
  return LATHE_OK;
}

const char *lathe::tokenText(const Tokenizer &tokenizer, int32_t id) {
  if (id < 0 || uint32_t(id) >= tokenizer.tokens.count)
    return nullptr;
  return tokenizer.pool.data + (tokenizer.tokens[uint32_t(id)].text & ~tokenIsSpecial);
}
