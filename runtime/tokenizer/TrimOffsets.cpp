#include "runtime/tokenizer/TrimOffsets.h"

#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

void lathe::countSpaces(const Tokenizer &tokenizer, const char *begin, const char *end, Token &token) {
  auto isSpace = [&](uint32_t codePoint) {
    return codePoint == byteLevelSpace || tokenizer.properties[codePoint] & charIsSpace;
  };
  token.leading = token.trailing = 0;
  uint32_t codePoint;
  for (const char *at = begin; at < end; ++token.leading) {
    unsigned length = decodeUtf8(at, end, codePoint);
    if (!length || !isSpace(codePoint))
      break;
    at += length;
  }
  for (const char *at = end; at > begin; ++token.trailing) {
    unsigned length = decodeUtf8Before(begin, at, codePoint);
    if (!length || !isSpace(codePoint))
      break;
    at -= length;
  }
}

Token lathe::trimOffsets(const Tokenizer &tokenizer, Token token, bool isFirst) {
  if (token.leading < 0) {
    const char *text = tokenText(tokenizer, token.id);
    countSpaces(tokenizer, text, text + strlen(text), token);
  }
  // One space there may be the prefix; where there are more, none was put before them.
  if (token.leading == 1 && (isFirst || token.begin == 0) && tokenizer.has(tokenizerTrimsAfterPrefix))
    token.leading = 0;
  if (token.leading)
    token.begin = token.begin + token.leading < token.end ? token.begin + token.leading : token.end;
  if (token.trailing && token.end >= token.trailing)
    token.end = token.end - token.trailing > token.begin ? token.end - token.trailing : token.begin;
  return token;
}
