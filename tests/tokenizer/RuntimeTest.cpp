// What the runtime promises beyond equal ids: errors for what callers get wrong, and no memory lost when there is none.
#include "tests/support/TemporaryDirectory.h"
#include "tests/tokenizer/LoadedTokenizer.h"

#include <chrono>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace lathe;
using namespace lathe::test;
using Json = nlohmann::json;

namespace {
class Runtime : public testing::Test {
protected:
  LoadedTokenizer loaded{goldens() / "flags"};
};
} // namespace

TEST_F(Runtime, InvalidUtf8IsAnErrorThatNamesTheByte) {
  for (const char *tail : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf",
                           "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xe4\xb8"}) {
    std::string error = loaded.encode(std::string("ab\xc3\xa9") + tail).error;
    EXPECT_NE(error.find("not UTF-8 at byte 4"), std::string::npos) << error;
  }
  std::string bad = "\xff";
  EXPECT_NE(loaded.encode("a", &bad).error.find("the second text"), std::string::npos);
}

TEST_F(Runtime, WrongArguments) {
  EXPECT_NE(loaded.encode("a", nullptr, -1).error.find("-1"), std::string::npos);
  EXPECT_NE(loaded.encode("a", nullptr, 2).error.find("no room for the 3 special tokens"), std::string::npos);
  EXPECT_NE(loaded.encode("a", nullptr, 8, lathe_truncation(3)).error.find("truncation 3"), std::string::npos);
  TestMemory memory;
  lathe_allocator allocator = memory.allocator();
  lathe_encoding encoding;
  lathe_error error;
  EXPECT_EQ(tokenize(loaded.tokenizer, allocator, nullptr, nullptr, 0, LATHE_TRUNCATE_LONGEST_FIRST, &encoding, &error),
            LATHE_INVALID_ARGUMENT);
  freeEncoding(allocator, nullptr);
  encoding = {};
  freeEncoding(allocator, &encoding);
}

TEST_F(Runtime, OutOfMemoryAtEachAllocation) {
  std::string text = "the food is <a> caf\xc3\xa9 \xe4\xb8\xad ", pair = "[MASK] b";
  for (int i = 0; i < 6; ++i)
    text += text;
  bool succeeded = false;
  for (int64_t failAt = 0; !succeeded; ++failAt) {
    ASSERT_LT(failAt, 1000);
    TestMemory memory;
    memory.failAt = failAt;
    lathe_allocator allocator = memory.allocator();
    lathe_encoding encoding;
    lathe_error error;
    lathe_status status = tokenize(loaded.tokenizer, allocator, text.c_str(), pair.c_str(), 0,
                                   LATHE_TRUNCATE_LONGEST_FIRST, &encoding, &error);
    succeeded = status == LATHE_OK;
    if (succeeded)
      EXPECT_GT(failAt, 5);
    else
      EXPECT_EQ(status, LATHE_OUT_OF_MEMORY);
    freeEncoding(allocator, &encoding);
    EXPECT_EQ(memory.live, 0);
  }
}

TEST_F(Runtime, DetokenizeWritesWithinItsCapacity) {
  std::vector<int32_t> ids = loaded.encode("the food").ids;
  std::string whole = loaded.decode(ids, true);
  EXPECT_EQ(whole, "the food");
  for (size_t capacity = 0; capacity <= whole.size() + 2; ++capacity) {
    std::string text(capacity + 1, '#');
    size_t length = 0;
    EXPECT_EQ(detokenize(loaded.tokenizer, ids.data(), ids.size(), true, text.data(), capacity, &length, nullptr),
              LATHE_OK);
    EXPECT_EQ(length, whole.size());
    EXPECT_EQ(text[capacity], '#') << "wrote beyond";
    if (capacity)
      EXPECT_EQ(std::string(text.c_str()), whole.substr(0, capacity - 1));
  }
}

TEST_F(Runtime, IdsOutsideTheVocabulary) {
  int32_t beyond = int32_t(loaded.compiled.vocabularySize);
  EXPECT_EQ(loaded.decode({5, beyond, INT32_MAX, 5}, false), "the the");
  EXPECT_NE(loaded.decode({5, -1}, false).find("id -1 at position 1"), std::string::npos);
  EXPECT_EQ(tokenText(loaded.tokenizer, -1), nullptr);
  EXPECT_EQ(tokenText(loaded.tokenizer, beyond), nullptr);
  EXPECT_STREQ(tokenText(loaded.tokenizer, 5), "the");
}

/// Texts in overlapping windows, as tokenizers cuts them; null: it refuses.
TEST_F(Runtime, Windows) {
  std::map<std::string, LoadedTokenizer> models; // by name and side
  auto modelOf = [&](const std::string &name, const std::string &side) -> const LoadedTokenizer & {
    auto found = models.find(name + side);
    if (found != models.end())
      return found->second;
    TemporaryDirectory directory;
    copy_file(goldens() / name / "tokenizer.json", directory / "tokenizer.json");
    writeFile(directory / "tokenizer_config.json", Json({{"truncation_side", side}}).dump());
    return models.try_emplace(name + side, directory.path()).first->second;
  };
  int cut = 0;
  for (const Json &golden : Json::parse(readFile(goldens() / "windows.json"))) {
    SCOPED_TRACE(golden.dump());
    const LoadedTokenizer &model = modelOf(golden["tokenizer"], golden["side"]);
    const std::map<std::string, lathe_truncation> truncations = {{"longest_first", LATHE_TRUNCATE_LONGEST_FIRST},
                                                                 {"only_first", LATHE_TRUNCATE_ONLY_FIRST},
                                                                 {"only_second", LATHE_TRUNCATE_ONLY_SECOND}};
    std::string text = golden["text"], pair = golden["pair"].is_null() ? "" : golden["pair"];
    TestMemory memory;
    lathe_allocator allocator = memory.allocator();
    lathe_encoding windows[32];
    lathe_error error = {};
    size_t count = 0;
    auto tokenizeInto = [&](size_t capacity) {
      return tokenizeWindows(model.tokenizer, allocator, text.c_str(),
                             golden["pair"].is_null() ? nullptr : pair.c_str(), golden["max_length"],
                             truncations.at(golden["truncation"]), golden["stride"], windows, capacity, &count, &error);
    };
    if (golden["windows"].is_null()) {
      EXPECT_NE(tokenizeInto(32), LATHE_OK);
      EXPECT_NE(std::string(error.message), "");
      continue;
    }
    ASSERT_EQ(tokenizeInto(0), LATHE_OK) << error.message;
    EXPECT_EQ(count, golden["windows"].size());
    ASSERT_EQ(tokenizeInto(32), LATHE_OK) << error.message;
    ASSERT_EQ(count, golden["windows"].size());
    cut += count > 1;
    for (size_t i = 0; i < count; ++i) {
      size_t n = windows[i].length;
      EXPECT_EQ(Json(std::vector<int32_t>(windows[i].ids, windows[i].ids + n)), golden["windows"][i]["ids"]);
      EXPECT_EQ(Json(std::vector<int32_t>(windows[i].offsets, windows[i].offsets + 2 * n)),
                golden["windows"][i]["offsets"]);
      freeEncoding(allocator, &windows[i]);
    }
    EXPECT_EQ(memory.live, 0);
  }
  EXPECT_GT(cut, 20);
}

TEST_F(Runtime, WindowsOfBothTextsAreRefused) {
  TestMemory memory;
  lathe_allocator allocator = memory.allocator();
  lathe_error error = {};
  size_t count = 7;
  EXPECT_EQ(tokenizeWindows(loaded.tokenizer, allocator, "a b c d e", "a b c d", 7, LATHE_TRUNCATE_LONGEST_FIRST, 1,
                            nullptr, 0, &count, &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.message).find("only_second"), std::string::npos) << error.message;
  EXPECT_EQ(count, 0u);
}

/// Texts that would make a careless tokenizer quadratic: 2 MB each, where a quadratic one would take hours.
/// The test program's time limit judges.
TEST_F(Runtime, LinearTime) {
  auto repeat = [](const char *unit) {
    std::string text;
    while (text.size() < (2u << 20))
      text += unit;
    return text;
  };
  for (const char *name :
       {"flags", "byte-level", "unigram", "nfkc", "llama", "marked-ends", "spm-bytes", "spm-plain"}) {
    LoadedTokenizer model(goldens() / name);
    for (const char *unit : {"a", "ab", " ", " \n", "the", "[", "[MASK", "<a>", "<a> ", "a  ", "!", "\xcc\x81\xcc\xa7",
                             "\xe3\x80\xae\xcc\x81", "zzz "})
      EXPECT_EQ(model.encode(repeat(unit)).error, "") << name << " " << unit;
  }
}
