// Validation. All that the walkers index with is checked here, once, so that they need no checks of their own.
#include "runtime/core/Status.h"
#include "runtime/tokenizer/Tokenizer.h"

#include <string.h>

using namespace lathe;

namespace {
struct Validator {
  const char *tables;
  uint32_t bytes;
  const char *damaged = nullptr; // the first section found wrong

  void require(bool holds, const char *section) {
    if (!holds && !damaged)
      damaged = section;
  }

  template <typename T> TableView<T> view(TableSection section, const char *name) {
    bool fits = section.offset % alignof(T) == 0 && section.offset <= bytes &&
                section.count <= (bytes - section.offset) / sizeof(T);
    require(fits, name);
    return fits ? TableView<T>{reinterpret_cast<const T *>(tables + section.offset), section.count}
                : TableView<T>{nullptr, 0};
  }

  CharMap charMap(const CharMapSections &sections, const char *name) {
    CharMap map = {view<uint16_t>(sections.index, name), view<CharEntry>(sections.entries, name),
                   view<CharElement>(sections.elements, name)};
    require(map.index.count == charBlocks, name);
    for (uint32_t i = 0; i < map.index.count; ++i)
      require(map.index[i] < map.entries.count / charBlock, name);
    for (uint32_t i = 0; i < map.entries.count; ++i) {
      if (charAction(map.entries[i]) != CharAction::Expand)
        continue;
      uint32_t list = uint32_t(charValue(map.entries[i]));
      require(list < map.elements.count && map.elements[list] < map.elements.count - list, name);
    }
    for (uint32_t i = 0; i < map.elements.count; ++i) // lengths of lists are below the limit as well
      require(elementCodePoint(map.elements[i]) < codePointLimit, name);
    return map;
  }

  /// `values`: what a key may lead to is below this.
  TableView<TrieUnit> trie(TableSection section, uint32_t values, const char *name) {
    TableView<TrieUnit> trie = view<TrieUnit>(section, name);
    require(trie.count % 256 == 0, name); // so a base below `count` reaches no child beyond it
    require(!trie.count || trie[0].check == trieNone, name);
    for (uint32_t i = 0; i < trie.count && !damaged; ++i) {
      TrieUnit unit = trie[i];
      if (i && unit.check == trieNone)
        continue; // unused
      require(!i || unit.check < trie.count, name);
      if (damaged)
        break;
      bool isValue = i && trie[unit.check].base & trieKeyEnds && (trie[unit.check].base & ~trieKeyEnds) == i;
      if (isValue) {
        require(unit.base < values, name);
        continue;
      }
      uint32_t base = unit.base & ~trieKeyEnds;
      require(base < trie.count && (!(unit.base & trieKeyEnds) || trie[base].check == i), name);
    }
    return trie;
  }

  void templates(const TableView<TemplateItem> &items, uint32_t vocabulary, bool isPair, const char *name) {
    int firsts = 0, seconds = 0;
    for (uint32_t i = 0; i < items.count; ++i) {
      firsts += items[i].id == templateFirst;
      seconds += items[i].id == templateSecond;
      require(items[i].id >= templateSecond && items[i].id < int64_t(vocabulary), name);
    }
    require(firsts == 1 && seconds == int(isPair), name);
  }
};
} // namespace

lathe_status lathe::openTokenizer(const void *tables, size_t bytes, Tokenizer &tokenizer, lathe_error *error) {
  const auto *header = static_cast<const TokenizerHeader *>(tables);
  if (!tables || reinterpret_cast<uintptr_t>(tables) % tokenizerAlignment)
    return fail(error, LATHE_INVALID_ARGUMENT, "tokenizer tables must lie at a multiple of %u bytes",
                tokenizerAlignment);
  if (bytes < sizeof(TokenizerHeader) || memcmp(header->magic, tokenizerMagic, sizeof tokenizerMagic))
    return fail(error, LATHE_BAD_WEIGHTS, "the tokenizer's tables (%zu bytes) do not begin with '%.8s'", bytes,
                tokenizerMagic);
  if (header->bytes != bytes)
    return fail(error, LATHE_BAD_WEIGHTS, "the tokenizer's tables have %zu bytes where their header says %u", bytes,
                header->bytes);

  Validator check = {static_cast<const char *>(tables), header->bytes};
  tokenizer = {};
  tokenizer.header = header;
  tokenizer.tokens = check.view<TokenRecord>(header->tokens, "token");
  tokenizer.added = check.view<AddedTokenRecord>(header->added, "added-token");
  tokenizer.pool = check.view<char>(header->pool, "string");
  tokenizer.single = check.view<TemplateItem>(header->single, "template");
  tokenizer.pair = check.view<TemplateItem>(header->pair, "template");

  uint32_t vocabulary = tokenizer.tokens.count;
  check.require(vocabulary <= INT32_MAX && header->unknownId < vocabulary, "header");
  tokenizer.normalizer = check.charMap(header->normalizer, "normalizer");
  if (header->flags & tokenizerLowersFirst)
    tokenizer.lowerFirst = check.charMap(header->lowerFirst, "lower-case");
  tokenizer.vocabulary = check.trie(header->vocabulary, vocabulary, "vocabulary");
  tokenizer.addedRaw = check.trie(header->addedRaw, tokenizer.added.count, "added-token");
  tokenizer.addedNormalized = check.trie(header->addedNormalized, tokenizer.added.count, "added-token");

  // The continuing node must be an inner node: where a value is kept, `base` is no base.
  uint32_t node = header->continuingNode;
  if (node != trieNone && !check.damaged) {
    check.require(node < tokenizer.vocabulary.count, "vocabulary");
    if (!check.damaged && node) {
      uint32_t parent = tokenizer.vocabulary[node].check;
      check.require(parent < tokenizer.vocabulary.count && (tokenizer.vocabulary[parent].base & ~trieKeyEnds) != node,
                    "vocabulary");
    }
  }
  check.require(tokenizer.vocabulary.count != 0, "vocabulary");

  for (uint32_t i = 0; i < tokenizer.added.count; ++i)
    check.require(tokenizer.added[i].id < vocabulary, "added-token");
  check.require(tokenizer.pool.count && tokenizer.pool[tokenizer.pool.count - 1] == 0, "string");
  for (uint32_t i = 0; i < vocabulary; ++i) {
    const TokenRecord &token = tokenizer.tokens[i];
    check.require((token.text & ~tokenIsSpecial) < tokenizer.pool.count && token.first < tokenizer.pool.count &&
                      token.later < tokenizer.pool.count,
                  "token");
  }
  check.templates(tokenizer.single, vocabulary, false, "template");
  check.templates(tokenizer.pair, vocabulary, true, "template");
  if (check.damaged)
    return fail(error, LATHE_BAD_WEIGHTS, "the tokenizer's %s table is damaged", check.damaged);
  return LATHE_OK;
}
