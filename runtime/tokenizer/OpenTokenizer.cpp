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

  ClassMap classes(const ClassMapSections &sections) {
    ClassMap map = {view<uint16_t>(sections.index, "class"), view<uint8_t>(sections.entries, "class")};
    require(map.index.count == charBlocks || !map.index.count, "class");
    for (uint32_t i = 0; i < map.index.count; ++i)
      require(map.index[i] < map.entries.count / charBlock, "class");
    for (uint32_t i = 0; i < map.entries.count; ++i)
      require(map.entries[i] < maxClasses, "class");
    return map;
  }

  /// Edges lead forward to nodes of the same pattern; what ends a pattern accepts.
  TableView<PatternNode> patterns(TableSection section) {
    TableView<PatternNode> nodes = view<PatternNode>(section, "pattern");
    uint32_t accepts = 0; // the next Accept, going down
    for (uint32_t i = nodes.count; i-- && !damaged;) {
      const PatternNode &node = nodes[i];
      if (node.op == PatternOp::Accept) {
        accepts = i;
        continue;
      }
      require(i + 1 < nodes.count && node.op <= PatternOp::NotAhead, "pattern");
      require(node.next > i && node.next <= accepts && accepts - i <= maxPatternNodes, "pattern");
      require(node.op != PatternOp::Either || (node.other > i && node.other <= accepts), "pattern");
    }
    return nodes;
  }

  TableView<MergeRecord> merges(TableSection section, uint32_t symbols) {
    TableView<MergeRecord> merges = view<MergeRecord>(section, "merge");
    require((merges.count & (merges.count - 1)) == 0, "merge");
    bool hasUnused = !merges.count; // where a search for an absent pair ends
    for (uint32_t i = 0; i < merges.count; ++i) {
      hasUnused |= merges[i].left == noToken;
      require(merges[i].left == noToken || merges[i].merged < symbols, "merge");
    }
    require(hasUnused, "merge");
    return merges;
  }

  void templates(const TableView<TemplateItem> &items, uint32_t vocabulary, bool isPair, const char *name) {
    int firsts = 0, seconds = 0;
    for (uint32_t i = 0; i < items.count; ++i) {
      firsts += items[i].id == templateFirst;
      seconds += items[i].id == templateSecond;
      require(items[i].id >= templateLanguage && items[i].id < int64_t(vocabulary), name);
    }
    require(firsts == 1 && seconds == int(isPair), name);
  }
};
} // namespace

/// The steps of the normalizer and of the pre-tokenizer: their kinds, and what they refer to.
static void checkSteps(Tokenizer &tokenizer, const TokenizerHeader &header, Validator &check) {
  tokenizer.normalizer = check.view<NormalizerRecord>(header.normalizer, "normalizer");
  bool hasKinds = false; // the text's last change gave kinds of characters
  for (uint32_t i = 0; i < tokenizer.normalizer.count; ++i) {
    const NormalizerRecord &step = tokenizer.normalizer[i];
    hasKinds = step.kind == NormalizerKind::CharMap;
    check.require(step.kind <= NormalizerKind::SentencePiece, "normalizer");
    bool hasMap = hasKinds || step.kind == NormalizerKind::Compose;
    check.require(!hasMap || step.a < tokenizer.charMaps.count, "normalizer");
    check.require(step.kind != NormalizerKind::Replace || step.a < tokenizer.patterns.count, "normalizer");
    // Alone, its text has an origin more than bytes, which no other step would keep; without it tokens have no end.
    bool isAlone = step.kind == NormalizerKind::SentencePiece && !(step.a & spmIsOneOfSteps);
    check.require(isAlone == bool(header.flags & tokenizerEndsAtNext) && (!isAlone || tokenizer.normalizer.count == 1),
                  "normalizer");
    check.require(step.kind != NormalizerKind::Charsmap || tokenizer.graphemes.index.count, "normalizer");
    check.require(step.b < tokenizer.pool.count, "normalizer");
  }
  check.require(tokenizer.normalizer.count || !(header.flags & tokenizerEndsAtNext), "normalizer");
  tokenizer.preTokenizer = check.view<PreTokenizerRecord>(header.preTokenizer, "pre-tokenizer");
  for (uint32_t i = 0; i < tokenizer.preTokenizer.count; ++i) {
    const PreTokenizerRecord &step = tokenizer.preTokenizer[i];
    bool isValid = false;
    switch (step.kind) {
    case PreTokenizerKind::Kinds:
      isValid = hasKinds;
      break;
    case PreTokenizerKind::Split:
      isValid = step.a < tokenizer.patterns.count && step.b <= uint32_t(SplitBehavior::Contiguous);
      break;
    case PreTokenizerKind::PrefixSpace:
      hasKinds = false;
      isValid = true;
      break;
    case PreTokenizerKind::Metaspace:
      hasKinds = false;
      isValid = step.a < tokenizer.pool.count && step.b <= uint32_t(PrependScheme::First);
      break;
    }
    bool changesText = step.kind == PreTokenizerKind::PrefixSpace || step.kind == PreTokenizerKind::Metaspace;
    check.require(isValid && !(changesText && header.flags & tokenizerEndsAtNext), "pre-tokenizer");
  }
}

static void checkLanguages(Tokenizer &tokenizer, const TokenizerHeader &header, Validator &check) {
  const TableView<LanguageRecord> &languages = tokenizer.languages =
      check.view<LanguageRecord>(header.languages, "language");
  for (uint32_t i = 0; i < languages.count; ++i)
    check.require(languages[i].code < tokenizer.pool.count && languages[i].id < tokenizer.tokens.count, "language");
  const uint32_t choices[] = {header.language, header.targetLanguage};
  for (uint32_t choice : choices)
    check.require(choice < languages.count || choice == noToken, "language");
  tokenizer.language = header.language;
}

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
  auto isInPool = [&](uint32_t offset) { return offset < tokenizer.pool.count; };
  check.require(vocabulary <= INT32_MAX / 2 && header->model <= ModelKind::WordLevel &&
                    header->decoder <= DecoderKind::SentencePiece && isInPool(header->wordEnd),
                "header");
  bool isBpe = header->model == ModelKind::Bpe;
  check.require(header->unknownId < vocabulary || (isBpe && header->unknownId == noToken), "header");
  tokenizer.charMaps = check.view<CharMapSections>(header->charMaps, "normalizer");
  check.require(tokenizer.charMaps.count != 0, "normalizer");
  for (uint32_t i = 0; i < tokenizer.charMaps.count; ++i) {
    CharMap map = check.charMap(tokenizer.charMaps[i], "normalizer");
    if (i == 0)
      tokenizer.properties = map;
  }
  if (header->flags & tokenizerLowersFirst)
    tokenizer.lowerFirst = check.charMap(header->lowerFirst, "lower-case");
  tokenizer.classes = check.classes(header->classes);
  tokenizer.patterns = check.patterns(header->patterns);
  check.require(!tokenizer.patterns.count || tokenizer.classes.index.count, "pattern");
  tokenizer.charsmap = check.trie(header->charsmap, tokenizer.pool.count, "character");
  tokenizer.userSymbols = check.trie(header->userSymbols, vocabulary, "symbol");
  tokenizer.denormalizer = check.trie(header->denormalizer, tokenizer.pool.count, "denormalizer");
  tokenizer.compositions = check.trie(header->compositions, codePointLimit, "composition");
  tokenizer.graphemes = check.classes(header->graphemes);
  checkSteps(tokenizer, *header, check);
  tokenizer.symbols = check.view<uint32_t>(header->symbols, "symbol");
  check.require(tokenizer.symbols.count <= (isBpe ? INT32_MAX / 2 - vocabulary : 0), "symbol");
  for (uint32_t i = 0; i < tokenizer.symbols.count; ++i)
    check.require(tokenizer.symbols[i] < vocabulary, "symbol");
  const uint32_t symbols = vocabulary + tokenizer.symbols.count;
  tokenizer.merges = check.merges(header->merges, symbols);
  tokenizer.byteTokens = check.view<uint32_t>(header->byteTokens, "byte");
  const bool isByteLevel = isBpe && header->flags & bpeIsByteLevel;
  const bool needsBytes = isByteLevel || header->flags & fallsBackToBytes;
  const bool marksEnds = isByteLevel && isInPool(header->wordEnd) && tokenizer.pool[header->wordEnd];
  tokenizer.scores = check.view<double>(header->scores, "score");
  check.require(tokenizer.scores.count == (header->model == ModelKind::Unigram ? vocabulary : 0), "score");
  check.require(tokenizer.byteTokens.count == (marksEnds ? 512u : needsBytes ? 256u : 0u), "byte");
  for (uint32_t i = 0; i < tokenizer.byteTokens.count; ++i)
    check.require(tokenizer.byteTokens[i] < vocabulary || tokenizer.byteTokens[i] == noToken, "byte");
  tokenizer.vocabulary = check.trie(header->vocabulary, isBpe ? 2 * symbols : vocabulary, "vocabulary");
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
  auto checkTokens = [&](const TableView<TokenRecord> &tokens) {
    for (uint32_t i = 0; i < tokens.count; ++i) {
      const TokenRecord &token = tokens[i];
      bool isByte = token.later & tokenIsByte;
      check.require((token.text & ~tokenIsSpecial) < tokenizer.pool.count && token.atEdge < tokenizer.pool.count &&
                        (token.later & ~tokenIsByte) < (isByte ? 256 : tokenizer.pool.count),
                    "token");
    }
  };
  checkTokens(tokenizer.tokens);
  tokenizer.written = check.view<TokenRecord>(header->written, "token");
  checkTokens(tokenizer.written);
  // Bytes are spelled by a token's text, which only `tokens` are asked for.
  check.require(tokenizer.written.count <= INT32_MAX / 2 &&
                    (!tokenizer.written.count || header->decoder == DecoderKind::SentencePiece),
                "token");
  if (!tokenizer.written.count)
    tokenizer.written = tokenizer.tokens;
  checkLanguages(tokenizer, *header, check);
  check.require(header->givenTokens <= vocabulary &&
                    (header->givenTokens == vocabulary || header->unknownId < vocabulary),
                "token");
  tokenizer.otherTokens = check.trie(header->otherTokens, vocabulary, "token");
  check.templates(tokenizer.single, vocabulary, false, "template");
  check.templates(tokenizer.pair, vocabulary, true, "template");
  if (check.damaged)
    return fail(error, LATHE_BAD_WEIGHTS, "the tokenizer's %s table is damaged", check.damaged);
  return LATHE_OK;
}
