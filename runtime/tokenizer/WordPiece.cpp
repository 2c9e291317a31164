#include "runtime/tokenizer/WordPiece.h"

#include "runtime/tokenizer/Trie.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

static bool isTooLong(const char *begin, const char *end, uint32_t most) {
  return size_t(end - begin) > most && countCodePoints(begin, end) > most;
}

void lathe::spellWordPiece(const Tokenizer &tokenizer, Word word, TokenSink &sink) {
  const TableView<TrieUnit> &trie = tokenizer.vocabulary;
  const TokenizerHeader &header = *tokenizer.header;
  const char *bytes = sink.text->bytes.data;
  if (isTooLong(bytes + word.begin, bytes + word.end, header.maxWordChars))
    return sink.push(header.unknownId, word.begin, word.end);
  size_t before = sink.tokens.size;
  for (size_t start = word.begin; start < word.end;) {
    uint32_t node = start == word.begin ? 0 : header.continuingNode, longest = 0;
    size_t matched = start;
    for (size_t at = start; at < word.end && node != trieNone; ++at) {
      node = trieStep(trie, node, uint8_t(bytes[at]));
      if (trieEndsKey(trie, node)) {
        longest = node;
        matched = at + 1;
      }
    }
    if (matched == start) {
      sink.tokens.size = before;
      return sink.push(header.unknownId, word.begin, word.end);
    }
    sink.push(trieValue(trie, longest), start, matched);
    start = matched;
  }
}

void lathe::lookUpWord(const Tokenizer &tokenizer, Word word, TokenSink &sink) {
  const char *bytes = sink.text->bytes.data;
  uint32_t node = trieWalk(tokenizer.vocabulary, 0, bytes + word.begin, bytes + word.end);
  if (trieEndsKey(tokenizer.vocabulary, node))
    return sink.push(trieValue(tokenizer.vocabulary, node), word.begin, word.end);
  auto unknown = int32_t(tokenizer.header->unknownId);
  size_t before = sink.tokens.size;
  sink.push(tokenizer.header->unknownId, word.begin, word.end);
  if (!tokenizer.has(wordLevelFusesUnknown) || !before || sink.tokens.failed)
    return;
  Token *last = sink.tokens.data + before - 1;
  if (last->id == unknown) {
    last->end = last[1].end;
    --sink.tokens.size;
  }
}
