#include "runtime/tokenizer/WordPiece.h"

#include "runtime/tokenizer/AddedTokens.h"
#include "runtime/tokenizer/Utf8.h"

using namespace lathe;

static int32_t countCodePoints(const char *begin, const char *end) {
  int32_t count = 0;
  for (; begin < end; ++begin)
    count += !isContinuationByte(*begin);
  return count;
}

/// A token over bytes [begin, end) of the normalized text, at least one.
void WordPieceEncoder::pushNormalized(uint32_t id, size_t begin, size_t end, Buffer<Token> &tokens) {
  const int32_t *origins = normalized.origins.data;
  tokens.push({int32_t(id), origins[begin], origins[end - 1] + 1});
}

/// Greedy longest match first. A word that cannot be spelled to its end is unknown as a whole.
void WordPieceEncoder::encodeWord(size_t begin, size_t end, size_t chars, Buffer<Token> &tokens) {
  const TableView<TrieUnit> &trie = tokenizer.vocabulary;
  const TokenizerHeader &header = *tokenizer.header;
  if (chars > header.maxWordChars)
    return pushNormalized(header.unknownId, begin, end, tokens);
  size_t before = tokens.size;
  for (size_t start = begin; start < end;) {
    uint32_t node = start == begin ? 0 : header.continuingNode, longest = 0;
    size_t matched = start;
    for (size_t at = start; at < end && node != trieNone; ++at) {
      node = trieStep(trie, node, uint8_t(normalized.bytes.data[at]));
      if (node != trieNone && trie[node].base & trieKeyEnds) {
        longest = node;
        matched = at + 1;
      }
    }
    if (matched == start) {
      tokens.size = before;
      return pushNormalized(header.unknownId, begin, end, tokens);
    }
    pushNormalized(trieValue(trie, longest), start, matched, tokens);
    start = matched;
  }
}

void WordPieceEncoder::encodeWords(size_t begin, size_t end, Buffer<Token> &tokens) {
  const CharKind *kinds = normalized.kinds.data;
  for (size_t at = begin; at < end;) {
    CharKind kind = kinds[at];
    size_t wordEnd = at + 1, chars = 1;
    for (; wordEnd < end; ++wordEnd) {
      if (kinds[wordEnd] == CharKind::Continuation)
        continue;
      if (kinds[wordEnd] != kind || kind == CharKind::Isolated)
        break;
      ++chars;
    }
    if (kind != CharKind::Space)
      encodeWord(at, wordEnd, chars, tokens);
    at = wordEnd;
  }
}

void WordPieceEncoder::encodePiece(TextView piece, Buffer<Token> &tokens) {
  normalized.clear();
  normalizer.run(piece, normalized);
  if (normalized.failed() || normalizer.failed())
    return;
  AddedTokenSplitter splitter(tokenizer, tokenizer.addedNormalized, normalized.bytes.data, normalized.bytes.size);
  for (Segment segment; splitter.next(segment);) {
    if (segment.token)
      pushNormalized(segment.token->id, segment.begin, segment.end, tokens);
    else
      encodeWords(segment.begin, segment.end, tokens);
  }
}

bool WordPieceEncoder::encode(const char *text, size_t size, Buffer<Token> &tokens) {
  TextView whole = {text, size, nullptr, 0};
  if (tokenizer.header->flags & tokenizerLowersFirst) {
    lowered.clear();
    lowerer.run(whole, lowered);
    if (lowered.failed() || lowerer.failed())
      return false;
    whole = {lowered.bytes.data, lowered.bytes.size, lowered.origins.data, 0};
  }
  AddedTokenSplitter splitter(tokenizer, tokenizer.addedRaw, whole.bytes, whole.size);
  size_t counted = 0; // bytes whose code points are in `chars`
  int32_t chars = 0;
  for (Segment segment; splitter.next(segment);) {
    const char *begin = whole.bytes + segment.begin, *end = whole.bytes + segment.end;
    // Segments follow each other, except that a match inside of whitespace that an earlier token took lies before its
    // end.
    chars += segment.begin >= counted ? countCodePoints(whole.bytes + counted, begin)
                                      : -countCodePoints(begin, whole.bytes + counted);
    int32_t first = chars;
    chars += countCodePoints(begin, end);
    counted = segment.end;
    TextView piece = {begin, segment.end - segment.begin, whole.origins ? whole.origins + segment.begin : nullptr,
                      first};
    if (!segment.token)
      encodePiece(piece, tokens);
    else
      tokens.push({int32_t(segment.token->id), piece.origins ? piece.origins[0] : first,
                   piece.origins ? piece.origins[piece.size - 1] + 1 : chars});
    if (normalized.failed() || normalizer.failed() || tokens.failed)
      return false;
  }
  return true;
}
