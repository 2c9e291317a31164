// Walking the double-array tries of Tables.h.
#ifndef LATHE_RUNTIME_TOKENIZER_TRIE_H
#define LATHE_RUNTIME_TOKENIZER_TRIE_H

#include "runtime/tokenizer/Tokenizer.h"

namespace lathe {

/// Follows `node`'s edge for one byte; trieNone when there is none.
inline uint32_t trieStep(const TableView<TrieUnit> &trie, uint32_t node, uint8_t byte) {
  uint32_t child = (trie[node].base & ~trieKeyEnds) ^ byte;
  return byte && trie[child].check == node ? child : trieNone;
}

/// Follows the edges for [begin, end) from `node`, which may be trieNone.
inline uint32_t trieWalk(const TableView<TrieUnit> &trie, uint32_t node, const char *begin, const char *end) {
  for (; begin < end && node != trieNone; ++begin)
    node = trieStep(trie, node, uint8_t(*begin));
  return node;
}

/// Whether a key ends at `node`, which may be trieNone.
inline bool trieEndsKey(const TableView<TrieUnit> &trie, uint32_t node) {
  return node != trieNone && trie[node].base & trieKeyEnds;
}

/// The value of the key that ends at `node`, which must have trieKeyEnds.
inline uint32_t trieValue(const TableView<TrieUnit> &trie, uint32_t node) {
  return trie[trie[node].base & ~trieKeyEnds].base;
}

} // namespace lathe

#endif
