// Tokenizer files that are wrong: each is an error that names the file, what was found and what is accepted.
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"
#include "tests/support/TemporaryDirectory.h"
#include "tests/tokenizer/LoadedTokenizer.h"

#include <functional>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <random>

using namespace lathe;
using namespace lathe::test;
using Json = nlohmann::json;

namespace {
Json sound() { return Json::parse(readFile(goldens() / "flags" / "tokenizer.json")); }

/// One way to spoil a tokenizer.json, and words that the error must have.
struct Spoiled {
  const char *name;
  std::function<void(Json &)> spoil;
  std::vector<const char *> words;
};

const std::vector<Spoiled> &spoiledComponents() {
  static const std::vector<Spoiled> all = {
      {"no model", [](Json &j) { j.erase("model"); }, {"model", "missing"}},
      {"model is a list", [](Json &j) { j["model"] = Json::array(); }, {"model", "an array", "an object"}},
      {"another model", [](Json &j) { j["model"]["type"] = "Markov"; }, {"model.type", "Markov", "WordPiece"}},
      {"model's type is a number", [](Json &j) { j["model"]["type"] = 3; }, {"model.type", "3", "a string"}},
      {"neither type nor fields", [](Json &j) { j["model"] = Json::object(); }, {"'model'", "neither", "WordPiece"}},
      {"no unknown token", [](Json &j) { j["model"].erase("unk_token"); }, {"unk_token", "missing"}},
      {"unknown token unknown", [](Json &j) { j["model"]["unk_token"] = "<unk>"; }, {"unk_token", "<unk>"}},
      {"no prefix", [](Json &j) { j["model"].erase("continuing_subword_prefix"); }, {"continuing_subword_prefix"}},
      {"negative length", [](Json &j) { j["model"]["max_input_chars_per_word"] = -1; }, {"max_input_chars", "-1"}},
      {"fractional length", [](Json &j) { j["model"]["max_input_chars_per_word"] = 1.5; }, {"max_input_chars", "1.5"}},
      {"huge length", [](Json &j) { j["model"]["max_input_chars_per_word"] = 1e30; }, {"max_input_chars", "1e+30"}},
      {"no vocabulary", [](Json &j) { j["model"].erase("vocab"); }, {"model.vocab", "missing"}},
      {"empty vocabulary", [](Json &j) { j["model"]["vocab"] = Json::object(); }, {"tokenizer.json"}},
      {"vocabulary is a list", [](Json &j) { j["model"]["vocab"] = {"a"}; }, {"model.vocab", "an array"}},
      {"id is a string", [](Json &j) { j["model"]["vocab"]["the"] = "5"; }, {"model.vocab.the", "'5'"}},
      {"negative id", [](Json &j) { j["model"]["vocab"]["the"] = -5; }, {"model.vocab.the", "-5"}},
      {"huge id", [](Json &j) { j["model"]["vocab"]["the"] = 1ull << 60; }, {"model.vocab.the", "1152921504606846976"}},
      {"id beyond", [](Json &j) { j["model"]["vocab"]["the"] = 100000; }, {"model.vocab.the", "100000", "holes"}},
      {"id twice", [](Json &j) { j["model"]["vocab"]["the"] = 6; }, {"id 6", "already"}},
      {"NUL in a token",
       [](Json &j) {
         j["model"]["vocab"].erase("the");
         j["model"]["vocab"][std::string("t\0e", 3)] = 5;
       },
       {"token 5", "U+0000"}},
      {"added tokens are an object",
       [](Json &j) { j["added_tokens"] = Json::object(); },
       {"added_tokens", "an object"}},
      {"added token without content",
       [](Json &j) { j["added_tokens"][0].erase("content"); },
       {"added_tokens[0].content"}},
      {"empty added token", [](Json &j) { j["added_tokens"][0]["content"] = ""; }, {"added_tokens[0].content"}},
      {"added token twice", [](Json &j) { j["added_tokens"].push_back(j["added_tokens"][0]); }, {"second time"}},
      {"added token's id", [](Json &j) { j["added_tokens"][0]["id"] = 7; }, {"added_tokens[0].id", "7", "1"}},
      {"added token's flag", [](Json &j) { j["added_tokens"][0]["lstrip"] = "no"; }, {"lstrip", "true or false"}},
      {"added token of nothing",
       [](Json &j) {
         Json token = j["added_tokens"][0];
         token["content"] = "\u00ad";
         token["id"] = j["added_tokens"].back()["id"].get<int>() + 1;
         token["normalized"] = true;
         j["added_tokens"].push_back(token);
       },
       {"normalized to nothing"}},
      {"another normalizer",
       [](Json &j) { j["normalizer"]["type"] = "ByteLevel"; },
       {"normalizer.type", "NFKC", "NFD"}},
      {"normalizer without flag", [](Json &j) { j["normalizer"].erase("lowercase"); }, {"normalizer.lowercase"}},
      {"normalizer inside of a sequence",
       [](Json &j) { j["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "Reverse"}}}}}; },
       {"normalizer.normalizers[0].type", "Reverse"}},
      {"replaced by nothing known",
       [](Json &j) { j["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Glob", "*"}}}, {"content", ""}}; },
       {"normalizer.pattern.String", "missing"}},
      {"pattern that looks behind",
       [](Json &j) { j["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", "(?<=a)b"}}}, {"content", ""}}; },
       {"normalizer.pattern", "(?<=a)b", "(?!"}},
      {"another pre-tokenizer",
       [](Json &j) { j["pre_tokenizer"]["type"] = "UnicodeScripts"; },
       {"pre_tokenizer", "UnicodeScripts", "ByteLevel"}},
      {"words of bytes",
       [](Json &j) { j["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}}; },
       {"pre_tokenizer", "ByteLevel", "BPE"}},
      {"punctuation doubled",
       [](Json &j) { j["pre_tokenizer"] = {{"type", "Punctuation"}, {"behavior", "Doubled"}}; },
       {"pre_tokenizer.behavior", "Doubled", "Isolated"}},
      {"pattern of nothing",
       [](Json &j) {
         j["pre_tokenizer"] = {{"type", "Split"}, {"behavior", "Removed"}, {"pattern", {{"Regex", "a*"}}}};
       },
       {"pre_tokenizer.pattern", "a*", "empty"}},
      {"another post-processor", [](Json &j) { j["post_processor"]["type"] = "Swap"; }, {"Swap", "RobertaProcessing"}},
      {"template without text", [](Json &j) { j["post_processor"]["single"] = Json::array(); }, {"single", "once"}},
      {"template with a pair's text",
       [](Json &j) { j["post_processor"]["single"] = j["post_processor"]["pair"]; },
       {"single", "once"}},
      {"template's text",
       [](Json &j) { j["post_processor"]["pair"][0] = {{"Sequence", {{"id", "C"}, {"type_id", 0}}}}; },
       {"'C'"}},
      {"template's special token",
       [](Json &j) { j["post_processor"]["special_tokens"]["[CLS]"]["ids"] = {99999}; },
       {"special_tokens.[CLS].ids[0]", "99999"}},
      {"special token not described",
       [](Json &j) { j["post_processor"]["special_tokens"].erase("[CLS]"); },
       {"[CLS]", "missing"}},
      {"another decoder", [](Json &j) { j["decoder"]["type"] = "CTC"; }, {"decoder.type", "CTC", "WordPiece"}},
      {"truncation", [](Json &j) { j["truncation"] = {{"max_length", "many"}}; }, {"truncation.max_length", "many"}},
  };
  return all;
}

const char *const bertVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n";
} // namespace

TEST(HostileTokenizerFiles, TheSoundFileIsAccepted) { EXPECT_EQ(errorOf({{"tokenizer.json", sound().dump()}}), ""); }

TEST(HostileTokenizerFiles, SpoiledComponents) {
  for (const Spoiled &spoiled : spoiledComponents()) {
    SCOPED_TRACE(spoiled.name);
    Json json = sound();
    spoiled.spoil(json);
    std::string error = errorOf({{"tokenizer.json", json.dump()}});
    expectWords(error, spoiled.words);
    expectWords(error, {"tokenizer.json"});
  }
}

TEST(HostileTokenizerFiles, NotJson) {
  std::string text = sound().dump();
  const std::string documents[] = {"",
                                   "null",
                                   "[]",
                                   std::string(1 << 20, '['),
                                   "{\"model\":" + std::string(1 << 16, '{'),
                                   text.substr(0, text.size() / 2),
                                   text + "}",
                                   "{\"model\": \"\xff\"}",
                                   "{\"model\": \"\\ud800\"}",
                                   std::string("\0\0\0", 3),
                                   "{\"added_tokens\": [], \"added_tokens\": []}",
                                   "{\"model\": 1e999}"};
  for (const std::string &bad : documents) {
    SCOPED_TRACE(bad.substr(0, 40));
    expectWords(errorOf({{"tokenizer.json", bad}}), {"tokenizer.json"});
  }
}

TEST(HostileTokenizerFiles, EveryTruncationIsAnError) {
  std::string text = sound().dump();
  for (size_t length = 0; length < text.size(); length += 37)
    EXPECT_NE(errorOf({{"tokenizer.json", text.substr(0, length)}}), "") << length;
}

/// Bytes replaced, removed and doubled: any outcome but a crash or a hang, and every error names its file.
TEST(HostileTokenizerFiles, RandomDamage) {
  constexpr uint32_t seed = 4711;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::string text = sound().dump(), bytes = "{}[]\",:0129-.eE\\ntfu \xff";
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    std::string damaged = text;
    for (unsigned n = 1 + random() % 3; n; --n) {
      size_t at = random() % damaged.size();
      switch (random() % 3) {
      case 0:
        damaged[at] = bytes[random() % bytes.size()];
        break;
      case 1:
        damaged.erase(at, 1 + random() % 20);
        break;
      case 2:
        damaged.insert(at, damaged.substr(at, 1 + random() % 20));
        break;
      }
    }
    std::string error = errorOf({{"tokenizer.json", damaged}});
    refused += !error.empty();
    if (!error.empty())
      expectWords(error, {"tokenizer.json"});
  }
  EXPECT_GT(refused, 100);
}

/// Sizes that would take a careless reader forever or all memory.
TEST(HostileTokenizerFiles, Large) {
  std::string tokens;
  for (int i = 0; i < 300000; ++i)
    tokens += "t" + std::to_string(i) + "\n";
  EXPECT_EQ(errorOf({{"vocab.txt", bertVocabulary + tokens}}), "");
  expectWords(errorOf({{"vocab.txt", bertVocabulary + std::string(17 << 20, 'x')}}), {"vocab.txt", "16777216 bytes"});
  Json json = sound();
  Json token = json["added_tokens"][0];
  for (int i = 0, next = json["added_tokens"].back()["id"]; i < 100000; ++i) {
    token["content"] = "<" + std::to_string(i) + ">";
    token["id"] = ++next;
    json["added_tokens"].push_back(token);
  }
  EXPECT_EQ(errorOf({{"tokenizer.json", json.dump()}}), "");
}

TEST(HostileTokenizerFiles, VocabularyText) {
  EXPECT_EQ(errorOf({{"vocab.txt", bertVocabulary}}), "");
  expectWords(errorOf({{"vocab.txt", ""}}), {"vocab.txt", "no tokens"});
  expectWords(errorOf({{"vocab.txt", std::string(bertVocabulary) + "a\n"}}), {"vocab.txt", "lines 6 and 8", "'a'"});
  expectWords(errorOf({{"vocab.txt", std::string(bertVocabulary) + "\xc3\x28\n"}}), {"vocab.txt", "UTF-8", "byte 37"});
  expectWords(errorOf({{"vocab.txt", std::string(bertVocabulary) + std::string("x\0y\n", 4)}}), {"token 7", "U+0000"});
  expectWords(errorOf({{"vocab.txt", "[PAD]\n[CLS]\n[SEP]\n"}}), {"vocab.txt", "[UNK]"});
  expectWords(errorOf({{"vocab.txt", "[PAD]\n[UNK]\n[SEP]\n"}}), {"vocab.txt", "[CLS]"});
}

TEST(HostileTokenizerFiles, TokenizerConfig) {
  auto withConfig = [](const char *config) {
    return errorOf({{"vocab.txt", bertVocabulary}, {"tokenizer_config.json", config}});
  };
  EXPECT_EQ(withConfig("{}"), "");
  expectWords(withConfig("{"), {"tokenizer_config.json", "JSON"});
  expectWords(withConfig("[]"), {"tokenizer_config.json", "an object"});
  expectWords(withConfig(R"({"do_lower_case": "yes"})"), {"tokenizer_config.json", "do_lower_case", "'yes'", "true"});
  expectWords(withConfig(R"({"model_max_length": "512"})"), {"model_max_length", "'512'"});
  expectWords(withConfig(R"({"model_max_length": -3})"), {"model_max_length", "-3"});
  expectWords(withConfig(R"({"tokenizer_class": "PhobertTokenizer"})"), {"PhobertTokenizer", "BertTokenizer"});
  expectWords(withConfig(R"({"unk_token": "<unk>"})"), {"<unk>"});
  expectWords(withConfig(R"({"mask_token": ""})"), {"empty"});
  expectWords(withConfig(R"({"mask_token": 4})"), {"mask_token", "4"});
  expectWords(withConfig(R"({"truncation_side": "middle"})"), {"truncation_side", "middle", "'left'"});
  expectWords(withConfig(R"({"added_tokens_decoder": {"x": {"content": "q"}}})"), {"added_tokens_decoder", "id"});
  expectWords(withConfig(R"({"added_tokens_decoder": {"3": {"content": "a"}}})"), {"'a'", "3", "5"});
}

TEST(HostileTokenizerFiles, OtherKinds) {
  expectWords(errorOf({{"merges.txt", "x"}}), {"merges.txt", "not supported", "WordPiece"});
}

/// One way each to spoil a small BPE model.
TEST(HostileTokenizerFiles, Bpe) {
  const Json bpe = Json::parse(readFile(goldens() / "byte-level" / "tokenizer.json"));
  auto errorWith = [&](const std::function<void(Json &)> &spoil) {
    Json json = bpe;
    spoil(json["model"]);
    return errorOf({{"tokenizer.json", json.dump()}});
  };
  EXPECT_EQ(errorWith([](Json &) {}), "");
  expectWords(errorWith([](Json &m) { m["dropout"] = 0.1; }), {"model.dropout", "0.1"});
  expectWords(errorWith([](Json &m) { m["unk_token"] = "??"; }), {"model.unk_token", "??"});
  expectWords(errorWith([](Json &m) { m["byte_fallback"] = true; }), {"model", "byte_fallback", "ByteLevel"});
  expectWords(errorWith([](Json &m) { m.erase("merges"); }), {"model.merges", "missing"});
  expectWords(errorWith([](Json &m) { m["merges"][1] = "a b c"; }), {"model.merges[1]", "a b c"});
  expectWords(errorWith([](Json &m) { m["merges"][1] = {"a"}; }), {"model.merges[1]", "a pair"});
  expectWords(errorWith([](Json &m) { m["merges"][1] = {"a", "zz"}; }), {"model.merges", "merge 1", "'zz'"});
  expectWords(errorWith([](Json &m) { m["merges"][1] = {"z", "z"}; }), {"model.merges", "merge 1", "'zz'"});
}

TEST(HostileTokenizerFiles, Unigram) {
  const Json unigram = Json::parse(readFile(goldens() / "unigram" / "tokenizer.json"));
  auto errorWith = [&](const std::function<void(Json &)> &spoil) {
    Json json = unigram;
    spoil(json);
    return errorOf({{"tokenizer.json", json.dump()}});
  };
  auto charsmap = [&](const char *base64) {
    return errorWith([&](Json &j) { j["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", base64}}; });
  };
  EXPECT_EQ(errorWith([](Json &) {}), "");
  expectWords(errorWith([](Json &j) { j["model"]["unk_id"] = 1000; }), {"model.unk_id", "1000"});
  expectWords(errorWith([](Json &j) { j["model"]["unk_id"] = nullptr; }), {"model.unk_id", "null"});
  expectWords(errorWith([](Json &j) { j["model"]["vocab"][3] = "a"; }), {"model.vocab[3]", "'a'"});
  expectWords(errorWith([](Json &j) { j["model"]["vocab"][3] = {"a"}; }), {"model.vocab[3]", "score"});
  expectWords(errorWith([](Json &j) { j["model"]["vocab"][3][1] = "x"; }), {"model.vocab[3][1]", "'x'"});
  expectWords(errorWith([](Json &j) { j["decoder"]["replacement"] = ""; }), {"decoder.replacement", "one character"});
  expectWords(errorWith([](Json &j) { j["decoder"]["prepend_scheme"] = "last"; }), {"decoder.prepend_scheme", "last"});
  expectWords(charsmap("?"), {"precompiled_charsmap", "base64"});
  expectWords(charsmap("AAA="), {"precompiled_charsmap", "announce"});
  expectWords(charsmap("/////w=="), {"precompiled_charsmap", "announce"});
}

TEST(HostileTokenizerFiles, VocabularyJson) {
  const char *vocabulary = R"({"a": 0, "b": 1, "ab": 2, "<s>": 3})";
  auto with = [&](const char *config, const char *merges, const char *vocab) {
    return errorOf({{"tokenizer_config.json", config}, {"merges.txt", merges}, {"vocab.json", vocab}});
  };
  const char *gpt2 = R"({"tokenizer_class": "GPT2TokenizerFast"})";
  EXPECT_EQ(with(gpt2, "#version: 0.2\r\na b\r\n", vocabulary), "");
  expectWords(with("{}", "a b", vocabulary), {"vocab.json", "no file names", "GPT2Tokenizer"});
  expectWords(with(R"({"tokenizer_class": "XLMTokenizer"})", "a b", vocabulary), {"XLMTokenizer", "GPT2Tokenizer"});
  expectWords(with(gpt2, "a b\na", vocabulary), {"merges.txt", "line 2", "'a'"});
  expectWords(with(gpt2, "b a", vocabulary), {"merges.txt", "merge 0", "'ba'"});
  expectWords(with(gpt2, "\xff", vocabulary), {"merges.txt", "UTF-8"});
  expectWords(with(gpt2, "", R"({"a": 1})"), {"vocab.json", "holes"});
  expectWords(with(gpt2, "", "[]"), {"vocab.json", "an object"});
  expectWords(errorOf({{"tokenizer_config.json", gpt2}, {"vocab.json", vocabulary}}), {"merges.txt", "not found"});
}

TEST(HostileTokenizerFiles, Ctrl) {
  auto with = [](const std::string &fields, const char *merges) {
    return errorOf({{"tokenizer_config.json", R"({"tokenizer_class": "CTRLTokenizer")" + fields + "}"},
                    {"merges.txt", std::string("#version: 0.2\n") + merges},
                    {"vocab.json", R"({"a@@": 0, "b": 1, "ab": 2, "<unk>": 3})"}});
  };
  EXPECT_EQ(with("", "a b</w>\nx y\n"), "") << "symbols that are no tokens are none of a merge's problems";
  EXPECT_EQ(with("", "a b</w>\nbehind the last newline is no line"), "");
  expectWords(with("", "a b</w>\nx</ w>\n"), {"merges.txt", "merge 1", "'x</w>'", "inside of words"});
  expectWords(with(R"(, "unk_token": "?")", ""), {"vocab.json", "'?'", "not among the 4"});
  EXPECT_EQ(with(R"(, "pad_token": "<pad>", "additional_special_tokens": ["ab"])", ""), "");
  expectWords(with(R"(, "additional_special_tokens": ["<a>"])", ""), {"vocab.json", "'<a>'", "CTRLTokenizer"});
  expectWords(with(R"(, "pad_token": {"content": "ab", "single_word": true})", ""), {"vocab.json", "'ab'"});
  expectWords(with(R"(, "added_tokens_decoder": {"2": {"content": "ab"}})", ""), {"vocab.json", "'ab'", "special"});
}

/// A model can do without a tokenizer of another kind, but not with a damaged one.
TEST(HostileTokenizerFiles, OtherKindsAreToldFromDamage) {
  auto isOtherKind = [](std::vector<std::pair<const char *, const char *>> files) {
    TemporaryDirectory directory;
    for (auto [name, contents] : files)
      writeFile(directory / name, contents);
    llvm::Error error = compileTokenizer(directory.path().string()).takeError();
    bool result = error.isA<UnsupportedTokenizer>();
    llvm::consumeError(std::move(error));
    return result;
  };
  EXPECT_TRUE(isOtherKind({{"merges.txt", "x"}}));
  EXPECT_FALSE(isOtherKind({{"spiece.model", "x"}}));
  EXPECT_TRUE(isOtherKind({{"tokenizer.json", R"({"model": {"type": "Markov"}})"}}));
  EXPECT_TRUE(isOtherKind({{"vocab.json", "{}"}}));
  EXPECT_TRUE(isOtherKind({{"vocab.txt", bertVocabulary}, {"config.json", R"({"model_type": "albert"})"}}));
  EXPECT_TRUE(isOtherKind({{"vocab.txt", bertVocabulary}, {"config.json", R"({"tokenizer_class": "XTokenizer"})"}}));
  EXPECT_FALSE(isOtherKind({{"tokenizer.json", R"({"model": {"type": 3}})"}}));
  EXPECT_FALSE(isOtherKind({{"tokenizer.json", R"({"model": {}})"}}));
  EXPECT_FALSE(isOtherKind({{"tokenizer.json", R"({"model": "Unigram"})"}}));
  EXPECT_FALSE(isOtherKind({{"tokenizer.json", R"({"model": {"type": "WordPiece"}})"}}));
  EXPECT_FALSE(isOtherKind({{"vocab.txt", ""}}));
  EXPECT_FALSE(isOtherKind({{"vocab.txt", bertVocabulary}, {"config.json", R"({"model_type": 3})"}}));
}

TEST(HostileTokenizerFiles, NotARegularFile) {
  TemporaryDirectory directory;
  create_directory(directory / "tokenizer.json");
  expectWords(compileError(directory.path()), {"tokenizer.json"});
}

TEST(TokenizerFiles, NoneIsNoError) {
  TemporaryDirectory directory;
  llvm::Expected<std::optional<CompiledTokenizer>> result = compileTokenizer(directory.path().string());
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_FALSE(result->has_value());
}

/// What tokenizer_config.json and special_tokens_map.json change.
TEST(TokenizerFiles, ConfigDecides) {
  TemporaryDirectory directory;
  writeFile(directory / "vocab.txt", "[PAD]\r\n<u>\r\n<s>\n</s>\na\nA\n\xc3\xa9\n##b");
  writeFile(directory / "tokenizer_config.json",
            R"({"do_lower_case": false, "unk_token": "x", "cls_token": "<s>", "sep_token": {"content": "</s>"},
                "strip_accents": true, "model_max_length": 1000000000000000019884624838656, "truncation_side": "left"})");
  writeFile(
      directory / "special_tokens_map.json",
      R"({"unk_token": "<u>", "mask_token": {"content": "<m>", "lstrip": true}, "additional_special_tokens": ["<t>"]})");
  LoadedTokenizer loaded(directory.path());
  EXPECT_EQ(loaded.compiled.modelMaxLength, 0u);
  EXPECT_EQ(loaded.compiled.vocabularySize, 10u) << "<m> and <t> are added behind the 8 lines";
  EXPECT_EQ(loaded.compiled.unknownId, 1);
  EXPECT_EQ(loaded.compiled.padId, 0);
  EXPECT_EQ(loaded.compiled.maskId, 8);
  EXPECT_EQ(loaded.encode("A <m> ab <t>\xc3\xa9").ids, (std::vector<int32_t>{2, 5, 8, 4, 7, 9, 1, 3}));
  EXPECT_EQ(loaded.encode("A a A", nullptr, 3).ids, (std::vector<int32_t>{2, 5, 3})) << "the end is kept";
}

/// As newer versions of Transformers save it: all added tokens by id, some of them behind the vocabulary's end.
TEST(TokenizerFiles, TokensById) {
  TemporaryDirectory directory;
  writeFile(directory / "vocab.txt", "[PAD]\n[UNK]\na\nb\n");
  writeFile(directory / "tokenizer_config.json",
            R"({"cls_token": "<s>", "sep_token": "</s>", "added_tokens_decoder": {
                "5": {"content": "</s>", "special": true}, "4": {"content": "<s>", "special": true},
                "2": {"content": "a", "special": false, "single_word": true}, "1": {"content": "[UNK]", "special": true}}})");
  writeFile(directory / "special_tokens_map.json", R"({"cls_token": "never read"})");
  LoadedTokenizer loaded(directory.path());
  EXPECT_EQ(loaded.compiled.vocabularySize, 6u);
  EXPECT_EQ(loaded.compiled.clsId, 4);
  EXPECT_EQ(loaded.encode("b a</s>A ab").ids, (std::vector<int32_t>{4, 3, 2, 5, 2, 1, 5}));
  EXPECT_EQ(loaded.decode({4, 2, 5}, true), "a");
}

/// What tokenizers 0.21 does to texts that are longer than what it strips from their end; it panics at empty ones.
TEST(TokenizerFiles, DecoderStripsTheEndOfTheText) {
  Json json = Json::parse(readFile(goldens() / "word-level" / "tokenizer.json"));
  json["decoder"] = {
      {"type", "Sequence"},
      {"decoders", {{{"type", "Fuse"}}, {{"type", "Strip"}, {"content", "a"}, {"start", 1}, {"stop", 2}}}}};
  TemporaryDirectory directory;
  writeFile(directory / "tokenizer.json", json.dump());
  LoadedTokenizer loaded(directory.path());
  auto decoded = [&](const char *text) { return loaded.decode(loaded.encode(text).ids, false); };
  EXPECT_EQ(decoded("b a"), "b");
  EXPECT_EQ(decoded("a b a a a b"), "baaab");
  EXPECT_EQ(decoded("a a b a a a"), "aba");
  EXPECT_EQ(decoded("a a a a a"), "aa");
  EXPECT_EQ(decoded("a"), "");
}

/// The config wins over a BertNormalizer, as it does in Transformers.
TEST(TokenizerFiles, ConfigOverridesNormalizer) {
  TemporaryDirectory directory;
  copy_file(goldens() / "flags" / "tokenizer.json", directory / "tokenizer.json");
  LoadedTokenizer plain(directory.path());
  writeFile(directory / "tokenizer_config.json", R"({"do_lower_case": false, "tokenizer_class": "BertTokenizer"})");
  LoadedTokenizer cased(directory.path());
  writeFile(directory / "tokenizer_config.json",
            R"({"do_lower_case": false, "tokenizer_class": "PreTrainedTokenizerFast"})");
  LoadedTokenizer generic(directory.path());
  EXPECT_NE(plain.encode("B").ids, cased.encode("B").ids);
  EXPECT_EQ(plain.encode("B").ids, generic.encode("B").ids);
}
