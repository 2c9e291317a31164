// Text as it is written: pieces of whole characters, which together are what all tokens decode to.
#include "runtime/generate/TextStream.h"
#include "tests/tokenizer/LoadedTokenizer.h"

#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {
const std::string replacement = "\uFFFD";

/// What a stream gives for tokens, one by one, and then for the end.
std::vector<std::string> piecesOf(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, size_t promptTokens) {
  TestMemory memory;
  lathe_allocator allocator = memory.allocator();
  std::vector<std::string> pieces;
  {
    TextStream stream(tokenizer, allocator);
    EXPECT_EQ(stream.begin(ids.data(), promptTokens, nullptr), LATHE_OK);
    for (size_t i = promptTokens; i < ids.size(); ++i) {
      EXPECT_EQ(stream.add(ids[i], nullptr), LATHE_OK);
      pieces.emplace_back(stream.piece(), stream.pieceLength());
    }
    EXPECT_EQ(stream.end(nullptr), LATHE_OK);
    pieces.emplace_back(stream.piece(), stream.pieceLength());
  }
  EXPECT_EQ(memory.live, 0);
  return pieces;
}

std::string joined(const std::vector<std::string> &pieces) {
  std::string text;
  for (const std::string &piece : pieces)
    text += piece;
  return text;
}

bool endsWholeCharacter(const std::string &piece) {
  size_t at = piece.size();
  unsigned behind = 0;
  while (at && (piece[at - 1] & 0xC0) == 0x80)
    --at, ++behind;
  if (!at)
    return !behind;
  const auto lead = uint8_t(piece[at - 1]);
  return behind == (lead < 0x80 ? 0u : lead < 0xE0 ? 1u : lead < 0xF0 ? 2u : 3u);
}

class Stream : public testing::TestWithParam<const char *> {
protected:
  LoadedTokenizer loaded{goldens() / GetParam()};
};
} // namespace

/// Characters that no token spells are tokens of bytes: two, three and four of them, alone and many in a row, so that
/// what is forgotten would end inside of one wherever it could.
TEST_P(Stream, PiecesAreWholeCharacters) {
  for (const char *text :
       {"the food", "\u0416\u6587\U0001F600", "a\u6587b\u6587 \u6587", "\U0001F600 \U0001F468\u200D\U0001F469 the",
        "\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587\u6587",
        "\u0416\u6587\u0416\U0001F600\u6587\u0416\u0416\U0001F600\u6587\u6587\u0416\U0001F600\u0416\u6587"}) {
    SCOPED_TRACE(text);
    const std::vector<int32_t> ids = loaded.encode(text).ids;
    const std::string whole = loaded.decode(ids, /*skipSpecialTokens=*/true);
    ASSERT_EQ(whole.find(replacement), std::string::npos) << whole;
    const std::vector<std::string> pieces = piecesOf(loaded.tokenizer, ids, 0);
    EXPECT_EQ(joined(pieces), whole);
    EXPECT_EQ(pieces.back(), "") << "something waited for the end";
    for (const std::string &piece : pieces) {
      EXPECT_EQ(piece.find(replacement), std::string::npos) << piece;
      EXPECT_TRUE(endsWholeCharacter(piece)) << piece;
    }
  }
}

/// The same behind a prompt, wherever that ends a character.
TEST_P(Stream, GoesOnBehindAPrompt) {
  const std::vector<int32_t> ids =
      loaded.encode("\u6587\u6587\u0416\u6587 the \U0001F600\u6587\u6587\u6587\u0416\u6587\u6587").ids;
  const std::string whole = loaded.decode(ids, true);
  int tried = 0;
  for (size_t tokens = 1; tokens < ids.size(); ++tokens) {
    const std::string prompt = loaded.decode({ids.begin(), ids.begin() + ptrdiff_t(tokens)}, true);
    if (prompt.empty() || whole.compare(0, prompt.size(), prompt) != 0) // it ends inside
      continue;
    EXPECT_EQ(prompt + joined(piecesOf(loaded.tokenizer, ids, tokens)), whole) << "behind " << tokens << " tokens";
    ++tried;
  }
  EXPECT_GT(tried, 4);
}

/// Bytes that never become a character are given at the end, as the decoder has them.
TEST_P(Stream, WhatIsCutOffComesAtTheEnd) {
  std::vector<int32_t> ids = loaded.encode("the \U0001F600").ids;
  while (loaded.decode(ids, true).find(replacement) == std::string::npos) { // special tokens first
    ASSERT_GT(ids.size(), 1u);
    ids.pop_back();
  }
  const std::vector<std::string> pieces = piecesOf(loaded.tokenizer, ids, 0);
  EXPECT_EQ(joined(pieces), loaded.decode(ids, true));
  EXPECT_NE(pieces.back().find(replacement), std::string::npos);
  for (size_t i = 0; i + 1 < pieces.size(); ++i)
    EXPECT_EQ(pieces[i].find(replacement), std::string::npos) << pieces[i];
}

/// A character that has been given stays, though with half a one behind it all its bytes are none any more.
TEST_P(Stream, HalfACharacterDoesNotSpoilTheOneBefore) {
  const std::string emoji = "\U0001F600";
  std::vector<int32_t> ids = loaded.encode(emoji + emoji).ids;
  while (loaded.decode(ids, true) == emoji + emoji)
    ids.pop_back();
  const size_t cut = ids.size();
  for (int32_t id : loaded.encode("the").ids) // whose text goes on behind that
    ids.push_back(id);
  for (size_t count : {cut, ids.size()}) {
    const std::vector<std::string> pieces =
        piecesOf(loaded.tokenizer, {ids.begin(), ids.begin() + ptrdiff_t(count)}, 0);
    const std::string text = joined(pieces);
    EXPECT_NE(text.find(emoji + replacement), std::string::npos) << text;
    EXPECT_EQ(text.find("the") != std::string::npos, count > cut) << text;
    for (const std::string &piece : pieces) {
      EXPECT_TRUE(piece.empty() || (uint8_t(piece[0]) & 0xC0) != 0x80) << "it begins inside a character";
      EXPECT_TRUE(endsWholeCharacter(piece)) << piece;
    }
  }
}

/// What a token ends with when it is the last, and vanishes when another follows, waits for that or for the end.
TEST(OpenEnds, WaitForWhatFollows) {
  LoadedTokenizer loaded(goldens() / "ctrl");
  const std::vector<int32_t> ids = loaded.encode("the whole zqzq").ids; // the wh@@ ol@@ e zqzq
  std::vector<std::string> pieces = piecesOf(loaded.tokenizer, ids, 0);
  EXPECT_EQ(pieces, (std::vector<std::string>{"the", "", "", " whole", " zqzq", ""}));
  pieces = piecesOf(loaded.tokenizer, {ids.begin(), ids.begin() + 3}, 0);
  EXPECT_EQ(pieces, (std::vector<std::string>{"the", "", "", " whol@@"}));
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Stream, testing::Values("llama", "spm-bytes", "byte-level", "nfc"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });
