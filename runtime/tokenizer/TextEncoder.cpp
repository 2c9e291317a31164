#include "runtime/tokenizer/TextEncoder.h"

#include "runtime/tokenizer/AddedTokens.h"
#include "runtime/tokenizer/TrimOffsets.h"
#include "runtime/tokenizer/Utf8.h"
#include "runtime/tokenizer/WordPiece.h"

using namespace lathe;

void TextEncoder::encodeWords(const MappedText &text, size_t begin, size_t end, Buffer<Token> &tokens) {
  preTokenizer.run(text, begin, end);
  if (preTokenizer.failed())
    return;
  const Buffer<Word> &words = preTokenizer.words();
  TokenSink sink = {tokenizer, &preTokenizer.text(), tokens, tokenizer.has(tokenizerEndsAtNext)};
  switch (tokenizer.header->model) {
  case ModelKind::WordPiece:
    for (size_t i = 0; i < words.size; ++i)
      spellWordPiece(tokenizer, words.data[i], sink);
    break;
  case ModelKind::Bpe:
    for (size_t i = 0; i < words.size; ++i)
      bpe.spell(words.data[i], sink);
    break;
  case ModelKind::WordLevel:
    for (size_t i = 0; i < words.size; ++i)
      lookUpWord(tokenizer, words.data[i], sink);
    break;
  case ModelKind::Unigram:
    for (size_t i = 0; i < words.size; ++i)
      unigram.spell(words.data[i], sink);
    break;
  }
}

void TextEncoder::encodePiece(TextView piece, Buffer<Token> &tokens) {
  const MappedText &text = normalizer.run(piece);
  if (normalizer.failed())
    return;
  TokenSink sink = {tokenizer, &text, tokens};
  AddedTokenSplitter splitter(tokenizer, tokenizer.addedNormalized, text.bytes.data, text.size());
  for (Segment segment; splitter.next(segment);) {
    if (segment.token) {
      sink.push(segment.token->id, segment.begin, segment.end);
      if (!tokens.failed)
        countSpaces(tokenizer, text.bytes.data + segment.begin, text.bytes.data + segment.end,
                    tokens.data[tokens.size - 1]);
    } else {
      encodeWords(text, segment.begin, segment.end, tokens);
    }
  }
}

bool TextEncoder::encode(const char *text, size_t size, Buffer<Token> &tokens) {
  TextView whole = {text, size, nullptr, 0};
  if (tokenizer.has(tokenizerLowersFirst)) {
    lowered.clear();
    lowerer.run(tokenizer.lowerFirst, whole, lowered, /*finalSigma=*/true);
    if (failed())
      return false;
    whole = {lowered.bytes.data, lowered.size(), lowered.origins.data, 0};
  }
  AddedTokenSplitter splitter(tokenizer, tokenizer.addedRaw, whole.bytes, whole.size);
  size_t counted = 0; // bytes whose code points are in `chars`
  int32_t chars = 0;
  for (Segment segment; splitter.next(segment);) {
    const char *begin = whole.bytes + segment.begin, *end = whole.bytes + segment.end;
    // Segments follow each other, except that a match inside of whitespace that an earlier token took lies before its
    // end.
    chars += segment.begin >= counted ? int32_t(countCodePoints(whole.bytes + counted, begin))
                                      : -int32_t(countCodePoints(begin, whole.bytes + counted));
    int32_t first = chars;
    chars += int32_t(countCodePoints(begin, end));
    counted = segment.end;
    TextView piece = {begin, segment.end - segment.begin, whole.origins ? whole.origins + segment.begin : nullptr,
                      first};
    if (!segment.token) {
      encodePiece(piece, tokens);
    } else {
      Token token = {int32_t(segment.token->id), piece.origins ? piece.origins[0] : first,
                     piece.origins ? piece.origins[piece.size - 1] + 1 : chars, 0, 0};
      countSpaces(tokenizer, begin, end, token);
      tokens.push(token);
    }
    if (failed() || tokens.failed)
      return false;
  }
  return true;
}
