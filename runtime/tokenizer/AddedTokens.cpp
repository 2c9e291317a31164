#include "runtime/tokenizer/AddedTokens.h"

#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

#include <string.h>

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

/// The longest token that begins at `begin`, if any.
Segment AddedTokenSplitter::longestAt(size_t begin) const {
  uint32_t node = 0;
  Segment match = {begin, begin, nullptr};
  for (size_t at = begin; at < size; ++at) {
    node = trieStep(trie, node, uint8_t(text[at]));
    if (node == trieNone)
      break;
    if (trie[node].base & trieKeyEnds)
      match = {begin, at + 1, &tokenizer.added[trieValue(trie, node)]};
  }
  return match;
}

/// The first match at or behind `searched`.
bool AddedTokenSplitter::findMatch(Segment &match) {
  for (; searched < size; ++searched) {
    match = longestAt(searched);
    if (match.token) {
      searched = match.end;
      return true;
    }
  }
  return false;
}

/// Goes on to the next "<<", unless another token comes first.
bool AddedTokenSplitter::takeCode(Segment &match) {
  for (size_t at = match.end; at + 2 <= size; ++at) {
    if (!memcmp(text + at, "<<", 2)) {
      searched = match.end = at + 2;
      return true;
    }
    const Segment other = longestAt(at);
    if (other.token && !(other.token->flags & addedAtBegin))
      return false;
  }
  return false;
}

/// Applies the token's flags to a match; false when it is passed over.
bool AddedTokenSplitter::accept(Segment &match) {
  uint32_t flags = match.token->flags;
  if (flags & addedAtBegin && match.begin != codeBegin)
    return false;
  if (flags & addedToCodeEnd && !takeCode(match))
    return false;
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
    codeBegin = match.token->flags & addedAtBegin ? noPlace : given;
    return true;
  }
  if (given >= size)
    return false;
  segment = {given, size, nullptr};
  given = size;
  return true;
}
