// SentencePiece models that are wrong or damaged, and classes that do not fit them.
#include "tests/support/TemporaryDirectory.h"
#include "tests/tokenizer/LoadedTokenizer.h"

#include <gtest/gtest.h>
#include <random>

using namespace lathe;
using namespace lathe::test;

/// The fields' bytes: tag, then length or value.
TEST(HostileTokenizerFiles, SentencePiece) {
  auto errorWith = [](const std::string &bytes) {
    std::string error = errorOf({{"spiece.model", bytes}});
    expectWords(error, {"spiece.model"});
    return error;
  };
  auto piece = [](const std::string &text, int type) {
    std::string fields = "\x0A" + std::string(1, char(text.size())) + text + "\x18" + std::string(1, char(type));
    return "\x0A" + std::string(1, char(fields.size())) + fields;
  };
  std::string unknown = piece("<unk>", 2);
  EXPECT_EQ(errorOf({{"spiece.model", unknown + piece("a", 1)}}), "");
  expectWords(errorWith(""), {"0 of its 0 pieces"});
  expectWords(errorWith("x"), {"byte 1"});
  expectWords(errorWith("\x0A\x05"), {"byte 2", "5 bytes announced where 0 are left"});
  expectWords(errorWith("\x0A"), {"ends in"});
  expectWords(errorWith(std::string(11, '\xFF')), {"ten bytes"});
  expectWords(errorWith("\x0B"), {"wire type 3"});
  expectWords(errorWith(std::string("\x08\x01", 2)), {"field 1", "wire type 0", "accepted: 2"});
  expectWords(errorWith(unknown + piece("a", 7)), {"type 7"});
  expectWords(errorWith(unknown + piece("", 1)), {"piece 1 is empty"});
  expectWords(errorWith(unknown + piece("\xFF", 1)), {"piece 1 is not UTF-8"});
  expectWords(errorWith(unknown + piece("a", 1) + piece("a", 1)), {"piece 2", "'a'", "piece 1"});
  expectWords(errorWith(unknown + piece("<u>", 2)), {"2 of its 2 pieces"});
  expectWords(errorWith(unknown + std::string("\x12\x03\x98\x02\x01", 5)), {"falls back", "<0x00>"});
  expectWords(errorWith(unknown + std::string("\x12\x02\x18\x09", 4)), {"model of type 9"});
  expectWords(errorWith(unknown + std::string("\x1A\x03\x12\x01z", 5)), {"charsmap", "announce"});
  expectWords(errorWith(unknown + piece("ab", 1) + std::string("\x12\x02\x18\x02", 4) + piece("a", 1)),
              {"'b'", "each character"});
  std::string bytes = readFile(goldens() / "spm-bytes" / "spiece.model");
  for (size_t length = 0; length < bytes.size(); length += 101) {
    std::string error = errorOf({{"spiece.model", bytes.substr(0, length)}});
    if (!error.empty()) // cut between pieces, a model may be whole
      expectWords(error, {"spiece.model"});
  }
}

TEST(HostileTokenizerFiles, SentencePieceDamage) {
  constexpr uint32_t seed = 815;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  int refused = 0;
  for (const char *name : {"spm-bytes", "spm-plain"}) {
    const std::string bytes = readFile(goldens() / name / "spiece.model");
    for (int round = 0; round < 100; ++round) {
      std::string damaged = bytes;
      for (unsigned n = 1 + random() % 3; n; --n)
        damaged[random() % 2 ? random() % damaged.size() : random() % 300] ^= char(1 << random() % 8);
      std::string error = errorOf({{"spiece.model", damaged}});
      refused += !error.empty();
    }
  }
  EXPECT_GT(refused, 20);
}

TEST(HostileTokenizerFiles, SentencePieceClass) {
  TemporaryDirectory directory;
  copy_file(goldens() / "spm-plain" / "spiece.model", directory / "spiece.model");
  auto with = [&](const char *config) {
    writeFile(directory / "tokenizer_config.json", config);
    return compileError(directory.path());
  };
  EXPECT_EQ(with("{}"), "");
  EXPECT_EQ(with(R"({"tokenizer_class": "T5TokenizerFast"})"), "");
  expectWords(with(R"({"tokenizer_class": "CpmTokenizer"})"), {"CpmTokenizer", "XLMRobertaTokenizer"});
  expectWords(with(R"({"tokenizer_class": "XLNetTokenizer", "sep_token": "s", "cls_token": "c"})"),
              {"<cls>", "pieces"});
  expectWords(with(R"({"extra_ids": -1})"), {"extra_ids", "-1"});
}
