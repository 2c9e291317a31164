#include "runtime/tokenizer/Unigram.h"

#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

/// Of equal sums the one found first stays: its last token is the longest.
inline void Unigram::offer(uint32_t start, uint32_t end, uint32_t id, double score) {
  End &target = ends.data[end];
  if (target.start == noToken || score > target.score) {
    target.score = score;
    target.id = id;
    target.start = start;
  }
}

/// Fills `ends`, from the left to the right, and links the best way.
void Unigram::findBest(const char *begin, const char *end) {
  const TableView<TrieUnit> &trie = tokenizer.vocabulary;
  auto size = uint32_t(end - begin);
  for (uint32_t i = 0; i <= size; ++i)
    ends.data[i] = {0, 0, noToken, 0};
  const bool addsFloats = tokenizer.has(unigramAddsFloats);
  auto sum = [addsFloats](double a, double b) { return addsFloats ? double(float(a) + float(b)) : a + b; };
  uint32_t codePoint;
  for (uint32_t start = 0; start < size;) {
    double score = ends.data[start].score;
    unsigned length = decodeUtf8(begin + start, end, codePoint);
    length += !length;
    bool isSpelled = false; // the code point by itself is a token
    uint32_t node = 0;
    for (uint32_t at = start; at < size;) {
      node = trieStep(trie, node, uint8_t(begin[at++]));
      if (node == trieNone)
        break;
      if (!trieEndsKey(trie, node))
        continue;
      uint32_t id = trieValue(trie, node);
      offer(start, at, id, sum(tokenizer.scores[id], score));
      isSpelled |= at - start == length;
    }
    if (!isSpelled)
      offer(start, start + length, tokenizer.header->unknownId, sum(tokenizer.header->unknownScore, score));
    start += length;
  }
  for (uint32_t at = size; at;) {
    uint32_t start = ends.data[at].start;
    ends.data[start].next = at;
    at = start;
  }
}

/// What no token spells, as one: its bytes' tokens where all exist, else the unknown one.
void Unigram::pushUnknown(size_t begin, size_t end, TokenSink &sink) {
  const char *bytes = sink.text->bytes.data;
  const TableView<TrieUnit> &trie = tokenizer.vocabulary;
  const bool addsFloats = tokenizer.has(unigramAddsFloats);
  uint32_t node = addsFloats ? trieNone : trieWalk(trie, 0, bytes + begin, bytes + end);
  if (trieEndsKey(trie, node)) // the unknown token's own text
    return sink.push(trieValue(trie, node), begin, end);
  bool fallsBack = tokenizer.has(fallsBackToBytes);
  for (size_t i = begin; fallsBack && i < end; ++i)
    fallsBack = tokenizer.byteTokens[uint8_t(bytes[i])] != noToken;
  if (!fallsBack)
    return sink.push(tokenizer.header->unknownId, begin, end);
  for (size_t i = begin; i < end; ++i)
    sink.push(tokenizer.byteTokens[uint8_t(bytes[i])], addsFloats ? i : begin, addsFloats ? i + 1 : end);
}

void Unigram::spell(Word word, TokenSink &sink) {
  const char *bytes = sink.text->bytes.data;
  size_t size = word.end - word.begin;
  ends.size = 0;
  if (!ends.reserve(size + 1))
    return;
  findBest(bytes + word.begin, bytes + word.end);
  size_t unknownFrom = 0;
  bool isUnknown = false;
  for (uint32_t at = 0; at < size;) {
    uint32_t end = ends.data[at].next, id = ends.data[end].id;
    if (id == tokenizer.header->unknownId) {
      if (!isUnknown)
        unknownFrom = at;
      isUnknown = true;
    } else {
      if (isUnknown)
        pushUnknown(word.begin + unknownFrom, word.begin + at, sink);
      isUnknown = false;
      sink.push(id, word.begin + at, word.begin + end);
    }
    at = end;
  }
  if (isUnknown)
    pushUnknown(word.begin + unknownFrom, word.end, sink);
}
