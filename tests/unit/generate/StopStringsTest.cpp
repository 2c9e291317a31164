// Stop strings as Transformers has them (tests/goldens/make_stop_string_goldens.py): where they end a text, and what
// beams make of that.
#include "runtime/generate/StopStrings.h"
#include "tests/tokenizer/LoadedTokenizer.h"
#include "tests/unit/generate/Goldens.h"

using namespace lathe;
using namespace lathe::test;

namespace {

json stored(const char *name) {
  return json::parse(std::ifstream(LATHE_SOURCE_DIR "/tests/goldens/stop-strings/" + std::string(name)));
}

/// Behind which of these tokens a text ends.
std::vector<size_t> endsOf(const Tokenizer &tokenizer, const std::vector<std::string> &strings, const Ids &ids) {
  std::vector<const char *> views;
  for (const std::string &string : strings)
    views.push_back(string.c_str());
  StopStrings stop(tokenizer, views.data(), views.size(), heapAllocator);
  std::vector<size_t> ends;
  for (size_t i = 0; i < ids.size(); ++i)
    if (stop.endIn(ids.data(), int64_t(i), ids[i]))
      ends.push_back(i);
  EXPECT_FALSE(stop.failed());
  return ends;
}

TEST(StopStrings, EndTextsWhereTransformersSaysSo) {
  const json cases = stored("ends.json");
  ASSERT_EQ(cases.size(), 40u);
  std::map<std::string, LoadedTokenizer> tokenizers;
  for (const json &golden : cases) {
    SCOPED_TRACE(golden.dump());
    const std::string name = golden["tokenizer"];
    const LoadedTokenizer &loaded = tokenizers.try_emplace(name, test::goldens() / name).first->second;
    EXPECT_EQ(endsOf(loaded.tokenizer, golden["strings"], golden["ids"]), golden["ends"].get<std::vector<size_t>>());
  }
}

/// Which Transformers does not see: it reads each token by itself, and puts U+FFFD for its half of a character.
TEST(StopStrings, MayBeSpelledByteByByte) {
  for (const char *name : {"byte-level", "llama"}) {
    SCOPED_TRACE(name);
    const LoadedTokenizer loaded(test::goldens() / name);
    const Ids ids = loaded.encode("a\U0001F600b").ids;
    ASSERT_GT(ids.size(), 4u);
    ASSERT_EQ(loaded.decode({ids.end() - 1, ids.end()}, false), "b");
    EXPECT_EQ(endsOf(loaded.tokenizer, {"\U0001F600"}, ids), std::vector<size_t>{ids.size() - 2});
  }
}

/// Nor these: it reads each token as a text's last one, which has no space behind it.
TEST(StopStrings, MayHaveSpacesBehindWords) {
  const LoadedTokenizer loaded(test::goldens() / "marked-ends");
  const Ids ids = loaded.encode("the food").ids;
  ASSERT_TRUE(loaded.decode(ids, true).starts_with("the fo"));
  EXPECT_EQ(endsOf(loaded.tokenizer, {"he fo"}, ids).size(), 1u);
}

/// For a token's text, and for that of one before it.
TEST(StopStrings, SayThatThereIsNoMemory) {
  const LoadedTokenizer loaded(LATHE_SOURCE_DIR "/tests/goldens/stop-strings");
  const GoldenOptions given({{"num_beams", 4}, {"max_new_tokens", 14}, {"stop_strings", {"bbbbbbbb"}}});
  for (const int64_t failAt : {0, 1, 2}) {
    TestMemory memory{.failAt = failAt};
    const lathe_allocator allocator = memory.allocator();
    {
      StopStrings stop(loaded.tokenizer, given.options.stop, given.options.n_stop, allocator);
      std::vector<Text> texts;
      lathe_error error = {};
      EXPECT_EQ(writeWithBeams(tableLogits, {29}, given.options, tableGoldens()["vocabulary"], 0, texts, error, &stop),
                failAt < 2 ? LATHE_OUT_OF_MEMORY : LATHE_OK);
      EXPECT_EQ(stop.failed(), failAt < 2);
    }
    EXPECT_EQ(memory.live, 0);
  }
}

TEST(StopStrings, EndBeamsAsInTransformers) {
  const LoadedTokenizer loaded(LATHE_SOURCE_DIR "/tests/goldens/stop-strings");
  const json cases = stored("table.json");
  ASSERT_EQ(cases.size(), 120u);
  for (const json &golden : cases) {
    SCOPED_TRACE(golden.dump());
    const GoldenOptions given(golden["options"]);
    StopStrings stop(loaded.tokenizer, given.options.stop, given.options.n_stop, heapAllocator);
    std::vector<Text> texts;
    lathe_error error = {};
    const Ids prompt = golden["prompt"];
    ASSERT_EQ(writeWithBeams(tableLogits, prompt, given.options, tableGoldens()["vocabulary"], 0, texts, error, &stop),
              LATHE_OK)
        << error.message;
    ASSERT_EQ(texts.size(), golden["texts"].size());
    for (size_t i = 0; i < texts.size(); ++i) {
      const Ids written(texts[i].ids.begin() + ptrdiff_t(prompt.size()), texts[i].ids.end());
      EXPECT_EQ(written, golden["texts"][i].get<Ids>()) << "text " << i;
      EXPECT_NEAR(texts[i].score, golden["scores"][i].get<double>(), 1e-4) << "text " << i;
      EXPECT_EQ(loaded.decode(written, /*skipSpecialTokens=*/true), golden["written"][i].get<std::string>());
    }
  }
}

} // namespace
