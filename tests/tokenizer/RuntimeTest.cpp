// What the runtime promises beyond equal ids: errors for what callers get wrong, and no memory lost when there is none.
#include "tests/tokenizer/LoadedTokenizer.h"

#include <chrono>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

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
