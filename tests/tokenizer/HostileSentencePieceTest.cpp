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

/// Gemma's unknown token is the fourth piece, whatever the model says.
TEST(HostileTokenizerFiles, LlamasFirstPiecesMustBeThere) {
  auto piece = [](const std::string &text, int type) {
    std::string fields = "\x0A" + std::string(1, char(text.size())) + text + "\x18" + std::string(1, char(type));
    return "\x0A" + std::string(1, char(fields.size())) + fields;
  };
  for (const char *name : {"LlamaTokenizer", "GemmaTokenizer"}) {
    const std::string config = R"({"tokenizer_class": ")" + std::string(name) + "\"}";
    std::string model = piece("<unk>", 2);
    for (int pieces = 1; pieces < 4; ++pieces) {
      expectWords(errorOf({{"tokenizer.model", model}, {"tokenizer_config.json", config}}),
                  {(std::to_string(pieces) + " pieces").c_str(), name, "4 and more"});
      model += piece(std::string(1, char('a' + pieces)), 1);
    }
    std::string error = errorOf({{"tokenizer.model", model}, {"tokenizer_config.json", config}});
    EXPECT_EQ(error.find("4 and more"), std::string::npos) << error;
  }
}

/// A class has tokens of its own in the place of some pieces, of which BPE's for what is unknown may be one.
TEST(HostileTokenizerFiles, WhatStandsForTheUnknownMustBeThere) {
  TemporaryDirectory directory;
  copy_file(goldens() / "nllb" / "spiece.model", directory / "spiece.model"); // BPE
  auto with = [&](const char *config) {
    writeFile(directory / "tokenizer_config.json", config);
    return compileError(directory.path());
  };
  EXPECT_EQ(with(R"({"tokenizer_class": "MBart50Tokenizer"})"), "");
  const std::string bytes = readFile(goldens() / "llama-files" / "spiece.model"); // BPE, too
  expectWords(errorOf({{"tokenizer.model", bytes},
                       {"tokenizer_config.json",
                        R"({"tokenizer_class": "LlamaTokenizer", "unk_token": "<none>",
                            "added_tokens_decoder": {"0": {"content": "<none>", "special": true}}})"}}),
              {"'<unk>'", "unknown", "not among"});
}

/// PEGASUS numbers its masks as its files have it: with none for sentences the ids of pieces move, but not that of what
/// is unknown. As in Transformers.
TEST(HostileTokenizerFiles, PegasusWithoutAMaskOfSentences) {
  struct Case {
    const char *config;
    std::vector<int32_t> ids;
  };
  for (const Case &each :
       {Case{R"("offset": 103)", {124, 198, 112, 112, 122, 106, 105, 1}},
        Case{R"("mask_token_sent": null)", {122, 196, 110, 110, 120, 104, 105, 1}},
        Case{R"("mask_token_sent": null, "offset": 5)", {24, 98, 12, 12, 22, 6, 7, 1}},
        Case{R"("offset": 5)", {26, 100, 14, 14, 24, 8, 7, 1}}, Case{R"("offset": 3)", {23, 97, 11, 11, 21, 5, 1}},
        Case{R"("mask_token_sent": null, "offset": 0)", {21, 95, 9, 9, 19, 3, 2, 1}}, // BigBird-PEGASUS's
        Case{R"("offset": 0)", {22, 96, 10, 10, 20, 4, 2, 1}}}) {
    SCOPED_TRACE(each.config);
    TemporaryDirectory directory;
    copy_file(goldens() / "pegasus" / "spiece.model", directory / "spiece.model");
    writeFile(directory / "tokenizer_config.json",
              R"({"tokenizer_class": "PegasusTokenizer", )" + std::string(each.config) + "}");
    EXPECT_EQ(LoadedTokenizer(directory.path()).encode("the food \u6587").ids, each.ids);
  }
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
