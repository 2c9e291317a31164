#include "runtime/tokenizer/AddedTokens.h"

#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

CharEntry AddedTokenSplitter::propertiesBefore(size_t at) const {
  uint32_t codePoint;
  return at && decodeUtf8Before(text, text + at, codePoint) ? tokenizer.properties[codePoint] : 0;
}

CharEntry AddedTokenSplitter::propertiesAfter(size_t at, unsigned *length) const {
  uint32_t codePoint;
  unsigned bytes = at < size ? decodeUtf8(text + at, text + size, codePoint) : 0;
  if (length)
    *length = bytes;
  return bytes ? tokenizer.properties[codePoint] : 0;
}

size_t AddedTokenSplitter::skipSpaces(size_t at) {
  if (at >= spacesFrom && at < spacesTo)
    return spacesTo;
  spacesFrom = at;
  unsigned length;
  while (propertiesAfter(at, &length) & charIsSpace)
    at += length;
  return spacesTo = at;
}

/// The first match at or behind `searched`.
bool AddedTokenSplitter::findMatch(Segment &match) {
  for (; searched < size; ++searched) {
    uint32_t node = 0;
    match.token = nullptr;
    for (size_t at = searched; at < size; ++at) {
      node = trieStep(trie, node, uint8_t(text[at]));
      if (node == trieNone)
        break;
      if (trie[node].base & trieKeyEnds)
        match = {searched, at + 1, &tokenizer.added[trieValue(trie, node)]};
    }
    if (match.token) {
      searched = match.end;
      return true;
    }
  }
  return false;
}

/// Applies the token's flags to a match; false when it is passed over.
bool AddedTokenSplitter::accept(Segment &match) {
  uint32_t flags = match.token->flags;
  if (flags & addedSingleWord &&
      (propertiesBefore(match.begin) & charIsWord || propertiesAfter(match.end) & charIsWord))
    return false;
  if (flags & addedStripsLeft) {
    // Whitespace that an earlier token took stays with that one, even when this match begins inside of it.
    if (match.begin < given)
      match.begin = given;
    uint32_t codePoint;
    while (match.begin > given && propertiesBefore(match.begin) & charIsSpace)
      match.begin -= decodeUtf8Before(text, text + match.begin, codePoint);
  }
  if (flags & addedStripsRight)
    match.end = skipSpaces(match.end);
  return match.begin < match.end; // nothing is left of whitespace that an earlier token took
}

bool AddedTokenSplitter::next(Segment &segment) {
  if (holding) {
    holding = false;
    segment = held;
    return true;
  }
  Segment match;
  while (trie.count && findMatch(match)) {
    if (!accept(match))
      continue;
    if (given < match.begin) {
      segment = {given, match.begin, nullptr};
      held = match;
      holding = true;
    } else {
      segment = match;
    }
    given = match.end;
    return true;
  }
  if (given >= size)
    return false;
  segment = {given, size, nullptr};
  given = size;
  return true;
}
