#include "runtime/tokenizer/Bpe.h"

#include "runtime/tokenizer/SentencePieceText.h"
#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

/// Up to this many symbols the best pair is looked for among all; above, a heap keeps the time below quadratic.
static constexpr size_t shortWord = 48;

const MergeRecord *Bpe::find(uint32_t left, uint32_t right) const {
  const TableView<MergeRecord> &merges = tokenizer.merges;
  if (!merges.count)
    return nullptr;
  uint32_t mask = merges.count - 1;
  for (uint32_t slot = mergeHash(left, right) & mask;; slot = (slot + 1) & mask) {
    const MergeRecord &record = merges[slot];
    if (record.left == left && record.right == right)
      return &record;
    if (record.left == noToken)
      return nullptr;
  }
}

/// The symbol of one code point at its place in a word, or noToken.
uint32_t Bpe::codePointSymbol(const char *begin, const char *end, bool isFirst, bool isLast) const {
  const TableView<TrieUnit> &trie = tokenizer.vocabulary;
  uint32_t node = trieWalk(trie, isFirst ? 0 : tokenizer.header->continuingNode, begin, end);
  if (isLast) {
    const char *suffix = tokenizer.pool.data + tokenizer.header->wordEnd;
    node = trieWalk(trie, node, suffix, suffix + strlen(suffix));
  }
  return trieEndsKey(trie, node) ? trieValue(trie, node) >> 1 : noToken;
}

void Bpe::addCodePoints(const char *begin, const char *end) {
  uint32_t unknownSize = 0; // of what is unknown and not yet a symbol
  uint32_t unknown = tokenizer.header->unknownId;
  auto flush = [&] {
    if (unknownSize)
      symbols.push({unknown, unknownSize, 0, 0});
    unknownSize = 0;
  };
  uint32_t codePoint;
  for (const char *at = begin; at < end;) {
    uint32_t id = noToken;
    unsigned size = findUserSymbol(tokenizer, at, end, id);
    if (!size) {
      size = decodeUtf8(at, end, codePoint);
      if (!size)
        return;
      id = codePointSymbol(at, at + size, at == begin, at + size == end);
    }
    bool fallsBack = id == noToken && tokenizer.has(fallsBackToBytes);
    for (unsigned i = 0; fallsBack && i < size; ++i)
      fallsBack = tokenizer.byteTokens[uint8_t(at[i])] != noToken;
    if (fallsBack) {
      for (unsigned i = 0; i < size; ++i)
        symbols.push({tokenizer.byteTokens[uint8_t(at[i])], 1, 0, 0});
    } else if (id != noToken) {
      flush();
      symbols.push({id, size, 0, 0});
    } else if (unknown != noToken) { // else it vanishes, and what follows moves into its place, as in `tokenizers`
      if (!tokenizer.has(bpeFusesUnknown))
        flush();
      unknownSize += size;
    }
    at += size;
  }
  flush();
}

void Bpe::addSymbols(const char *begin, const char *end) {
  symbols.size = 0;
  if (!tokenizer.has(bpeIsByteLevel))
    return addCodePoints(begin, end);
  if (!symbols.reserve(size_t(end - begin)))
    return;
  const uint32_t ofLast = tokenizer.byteTokens.count - 256, unknown = tokenizer.header->unknownId;
  bool isBehindUnknown = false;
  for (; begin < end; ++begin) {
    const uint32_t id = tokenizer.byteTokens[uint8_t(*begin) + (begin + 1 == end ? ofLast : 0)];
    if (id == noToken && isBehindUnknown && tokenizer.has(bpeFusesUnknown))
      ++symbols.data[symbols.size - 1].size;
    else if (id != noToken || unknown != noToken) // else it vanishes
      symbols.data[symbols.size++] = {id != noToken ? id : unknown, 1, 0, 0};
    isBehindUnknown = id == noToken && unknown != noToken;
  }
}

/// Merges the first `n` symbols, at most shortWord; returns how many are left.
size_t Bpe::mergeShort(size_t n) {
  Symbol *symbol = symbols.data;
  const MergeRecord *pairs[shortWord];
  for (size_t i = 0; i + 1 < n; ++i)
    pairs[i] = find(symbol[i].id, symbol[i + 1].id);
  for (;;) {
    size_t best = n;
    uint32_t rank = noToken;
    for (size_t i = 0; i + 1 < n; ++i)
      if (pairs[i] && pairs[i]->rank < rank) {
        rank = pairs[i]->rank;
        best = i;
      }
    if (best == n)
      return n;
    symbol[best].id = pairs[best]->merged;
    symbol[best].size += symbol[best + 1].size;
    --n;
    for (size_t i = best + 1; i < n; ++i) {
      symbol[i] = symbol[i + 1];
      pairs[i - 1] = pairs[i];
    }
    if (best + 1 < n)
      pairs[best] = find(symbol[best].id, symbol[best + 1].id);
    if (best)
      pairs[best - 1] = find(symbol[best - 1].id, symbol[best].id);
  }
}

static bool comesFirst(uint32_t rank, uint32_t at, uint32_t otherRank, uint32_t otherAt) {
  return rank != otherRank ? rank < otherRank : at < otherAt;
}

/// Notes that the symbol at `at` could be merged with the next one.
void Bpe::addCandidate(uint32_t at) {
  uint32_t behind = symbols.data[at].behind;
  if (behind == noToken)
    return;
  const MergeRecord *pair = find(symbols.data[at].id, symbols.data[behind].id);
  if (!pair)
    return;
  Candidate added = {pair->rank, at, pair->merged};
  heap.push(added);
  if (heap.failed)
    return;
  size_t place = heap.size - 1;
  for (; place; place = (place - 1) / 2) {
    const Candidate &parent = heap.data[(place - 1) / 2];
    if (!comesFirst(added.rank, added.at, parent.rank, parent.at))
      break;
    heap.data[place] = parent;
  }
  heap.data[place] = added;
}

Bpe::Candidate Bpe::takeBest() {
  Candidate best = heap.data[0], last = heap.data[--heap.size];
  size_t place = 0;
  for (size_t child; (child = 2 * place + 1) < heap.size; place = child) {
    const Candidate *children = heap.data + child;
    if (child + 1 < heap.size && comesFirst(children[1].rank, children[1].at, children[0].rank, children[0].at)) {
      ++child;
      ++children;
    }
    if (!comesFirst(children->rank, children->at, last.rank, last.at))
      break;
    heap.data[place] = *children;
  }
  heap.data[place] = last;
  return best;
}

/// Notes what the symbols merged since the last time could be merged with.
void Bpe::addMerged() {
  for (size_t i = 0; i < merged.size; ++i) {
    if (uint32_t before = symbols.data[merged.data[i]].before; before != noToken)
      addCandidate(before);
    addCandidate(merged.data[i]);
  }
  merged.size = 0;
}

/// Merges all symbols; those merged into others are left with size 0.
void Bpe::mergeLong() {
  Symbol *symbol = symbols.data;
  const bool inRounds = tokenizer.has(bpeMergesInRounds);
  uint32_t round = noToken; // the rank that is merged
  heap.size = merged.size = 0;
  for (size_t i = 0; i < symbols.size; ++i) {
    symbol[i].before = i ? uint32_t(i - 1) : noToken;
    symbol[i].behind = i + 1 < symbols.size ? uint32_t(i + 1) : noToken;
  }
  for (size_t i = 0; i < symbols.size; ++i)
    addCandidate(uint32_t(i));
  for (;;) {
    if (!inRounds || !heap.size || heap.data[0].rank != round)
      addMerged();
    if (!heap.size || failed())
      return;
    Candidate best = takeBest();
    round = best.rank;
    Symbol &left = symbol[best.at];
    if (!left.size || left.behind == noToken)
      continue;
    Symbol &right = symbol[left.behind];
    const MergeRecord *pair = find(left.id, right.id);
    if (!pair || pair->merged != best.merged) // noted before a neighbour was merged
      continue;
    left.id = best.merged;
    left.size += right.size;
    right.size = 0;
    left.behind = right.behind;
    if (left.behind != noToken)
      symbol[left.behind].before = best.at;
    merged.push(best.at);
  }
}

void Bpe::merge(Word word, TokenSink &sink) {
  const char *bytes = sink.text->bytes.data;
  addSymbols(bytes + word.begin, bytes + word.end);
  size_t n = symbols.size;
  if (n <= shortWord && !tokenizer.has(bpeMergesInRounds))
    n = mergeShort(n);
  else
    mergeLong();
  size_t at = word.begin;
  for (size_t i = 0; i < n; ++i) {
    const Symbol &symbol = symbols.data[i];
    if (!symbol.size)
      continue;
    sink.push(tokenOfSymbol(tokenizer, symbol.id), at, at + symbol.size);
    at += symbol.size;
  }
}

void Bpe::spell(Word word, TokenSink &sink) {
  const char *bytes = sink.text->bytes.data, *suffix = tokenizer.pool.data + tokenizer.header->wordEnd;
  const TableView<TrieUnit> &trie = tokenizer.vocabulary;
  uint32_t node = trieWalk(trie, 0, bytes + word.begin, bytes + word.end);
  if (*suffix)
    node = trieWalk(trie, node, suffix, suffix + strlen(suffix));
  if (trieEndsKey(trie, node) && trieValue(trie, node) & 1)
    return sink.push(tokenOfSymbol(tokenizer, trieValue(trie, node) >> 1), word.begin, word.end);
  merge(word, sink);
}
