// Strict UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
#ifndef LATHE_RUNTIME_TOKENIZER_UTF8_H
#define LATHE_RUNTIME_TOKENIZER_UTF8_H

#include <stddef.h>
#include <stdint.h>

namespace lathe {

inline bool isContinuationByte(char byte) { return (uint8_t(byte) & 0xC0) == 0x80; }

/// How many code points begin in [begin, end).
inline size_t countCodePoints(const char *begin, const char *end) {
  size_t count = 0;
  for (; begin < end; ++begin)
    count += !isContinuationByte(*begin);
  return count;
}

/// Reads the code point at `at` < `end`; returns its length in bytes, or 0 where the bytes are not UTF-8.
inline unsigned decodeUtf8(const char *at, const char *end, uint32_t &codePoint) {
  uint8_t lead = uint8_t(*at);
  if (lead < 0x80) {
    codePoint = lead;
    return 1;
  }
  unsigned length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || size_t(end - at) < length)
    return 0;
  uint32_t value = lead & (0x7F >> length);
  for (unsigned i = 1; i < length; ++i) {
    if (!isContinuationByte(at[i]))
      return 0;
    value = value << 6 | (uint8_t(at[i]) & 0x3F);
  }
  // Lengths 3 and 4 have overlong forms that the lead byte alone does not show.
  if ((length == 3 && (value < 0x800 || (value >= 0xD800 && value < 0xE000))) ||
      (length == 4 && (value < 0x10000 || value > 0x10FFFF)))
    return 0;
  codePoint = value;
  return length;
}

/// Writes at most 4 bytes, whatever the value; returns how many.
inline unsigned encodeUtf8(uint32_t codePoint, char *to) {
  if (codePoint < 0x80) {
    to[0] = char(codePoint);
    return 1;
  }
  if (codePoint < 0x800) {
    to[0] = char(0xC0 | codePoint >> 6);
    to[1] = char(0x80 | (codePoint & 0x3F));
    return 2;
  }
  if (codePoint < 0x10000) {
    to[0] = char(0xE0 | codePoint >> 12);
    to[1] = char(0x80 | (codePoint >> 6 & 0x3F));
    to[2] = char(0x80 | (codePoint & 0x3F));
    return 3;
  }
  to[0] = char(0xF0 | (codePoint >> 18 & 7));
  to[1] = char(0x80 | (codePoint >> 12 & 0x3F));
  to[2] = char(0x80 | (codePoint >> 6 & 0x3F));
  to[3] = char(0x80 | (codePoint & 0x3F));
  return 4;
}

/// The code point that ends at `at` > `begin`; returns its length, or 0 where the bytes are not UTF-8.
inline unsigned decodeUtf8Before(const char *begin, const char *at, uint32_t &codePoint) {
  const char *start = at - 1;
  while (start > begin && at - start < 4 && isContinuationByte(*start))
    --start;
  unsigned length = decodeUtf8(start, at, codePoint);
  return length == size_t(at - start) ? length : 0;
}

} // namespace lathe

#endif
