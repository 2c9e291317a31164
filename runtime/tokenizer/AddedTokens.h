// Splits a text at added tokens ("[MASK]"), which are matched as a whole before words are formed.
#ifndef LATHE_RUNTIME_TOKENIZER_ADDEDTOKENS_H
#define LATHE_RUNTIME_TOKENIZER_ADDEDTOKENS_H

#include "runtime/tokenizer/Tokenizer.h"

namespace lathe {

/// Bytes [begin, end) of a text: an added token, or what stands between two.
struct Segment {
  size_t begin, end;
  const AddedTokenRecord *token; // null: ordinary text
};

/// Gives the segments of a text in order; matches are leftmost, and the longest there. A token that strips whitespace
/// takes it along; one that must be a single word is passed over inside of others.
class AddedTokenSplitter {
public:
  AddedTokenSplitter(const Tokenizer &tokenizer, const TableView<TrieUnit> &trie, const char *text, size_t size)
      : tokenizer(tokenizer), trie(trie), text(text), size(size) {}
  bool next(Segment &segment);

private:
  Segment longestAt(size_t begin) const;
  bool findMatch(Segment &match);
  bool takeCode(Segment &match);
  bool accept(Segment &match);
  CharEntry propertiesBefore(size_t at) const;
  CharEntry propertiesAfter(size_t at, unsigned *length = nullptr) const;
  size_t skipSpaces(size_t at);

  const Tokenizer &tokenizer;
  const TableView<TrieUnit> &trie;
  const char *text;
  size_t size;
  size_t searched = 0; // where the next match may begin
  size_t given = 0;    // end of what was given out
  static constexpr size_t noPlace = ~size_t(0);
  size_t codeBegin = 0;                // where an addedAtBegin may stand
  size_t spacesFrom = 0, spacesTo = 0; // the whitespace found last: no run of it is scanned twice
  Segment held = {};
  bool holding = false;
};

} // namespace lathe

#endif
