// Translators' languages: which a tokenizer has, which its template names, and what is refused.
#include "tests/support/TemporaryDirectory.h"
#include "tests/tokenizer/LoadedTokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace lathe;
using namespace lathe::test;
using Json = nlohmann::json;

namespace {
/// A golden's files with a tokenizer_config.json.
struct Translator {
  Translator(const char *golden, const std::vector<std::pair<const char *, const char *>> &files, const char *config) {
    for (auto [source, target] : files)
      std::filesystem::copy_file(goldens() / golden / source, directory.path() / std::filesystem::path(target));
    writeFile(directory / "tokenizer_config.json", config);
  }

  TemporaryDirectory directory;
};

std::vector<lathe_language> languagesOf(const Tokenizer &tokenizer) {
  std::vector<lathe_language> all(listLanguages(tokenizer, nullptr, 0));
  listLanguages(tokenizer, all.data(), all.size());
  return all;
}

std::vector<std::string> tokensOf(const LoadedTokenizer &loaded, const std::string &text) {
  std::vector<std::string> tokens;
  for (int32_t id : loaded.encode(text).ids)
    tokens.push_back(tokenText(loaded.tokenizer, id));
  return tokens;
}

const std::vector<std::pair<const char *, const char *>> oneModel = {{"spiece.model", "sentencepiece.bpe.model"}},
                                                         m2m100 = {{"vocab.json", "vocab.json"},
                                                                   {"sentencepiece.bpe.model",
                                                                    "sentencepiece.bpe.model"}},
                                                         marian = {{"vocab.json", "vocab.json"},
                                                                   {"source.spm", "source.spm"},
                                                                   {"target.spm", "target.spm"}};
} // namespace

TEST(Languages, DefaultsAreTheFiles) {
  Translator files("mbart", oneModel,
                   R"({"tokenizer_class": "MBartTokenizer", "src_lang": "de_DE", "tgt_lang": "ro_RO"})");
  LoadedTokenizer loaded(files.directory.path());
  const std::vector<lathe_language> languages = languagesOf(loaded.tokenizer);
  ASSERT_EQ(languages.size(), 25u);
  for (const lathe_language &language : languages) {
    EXPECT_STREQ(language.code, tokenText(loaded.tokenizer, language.id));
    EXPECT_EQ(language.is_source, std::string(language.code) == "de_DE") << language.code;
    EXPECT_EQ(language.is_target, std::string(language.code) == "ro_RO") << language.code;
  }
  EXPECT_EQ(tokensOf(loaded, "").back(), "de_DE");
}

/// Before the text or behind it, as the class has it.
TEST(Languages, AnotherOneIsNamed) {
  struct Case {
    const char *golden, *config, *code;
    std::vector<std::string> expected;
  };
  for (const Case &each : {Case{"mbart", R"({"tokenizer_class": "MBartTokenizer"})", "fr_XX", {"</s>", "fr_XX"}},
                           Case{"mbart50", R"({"tokenizer_class": "MBart50Tokenizer"})", "pt_XX", {"pt_XX", "</s>"}},
                           Case{"nllb", R"({"tokenizer_class": "NllbTokenizer"})", "zul_Latn", {"zul_Latn", "</s>"}},
                           Case{"nllb",
                                R"({"tokenizer_class": "NllbTokenizer", "legacy_behaviour": true})",
                                "zul_Latn",
                                {"</s>", "zul_Latn"}}}) {
    SCOPED_TRACE(each.config);
    Translator files(each.golden, oneModel, each.config);
    LoadedTokenizer loaded(files.directory.path());
    lathe_error error = {};
    EXPECT_EQ(chooseLanguage(loaded.tokenizer, each.code, &error), LATHE_OK) << error.message;
    EXPECT_EQ(tokensOf(loaded, ""), each.expected);
    EXPECT_EQ(chooseLanguage(loaded.tokenizer, "xx_XX", &error), LATHE_INVALID_ARGUMENT);
    expectWords(error.message, {"xx_XX", each.golden == std::string("nllb") ? "zul_Latn" : "ar_AR"});
    EXPECT_EQ(tokensOf(loaded, ""), each.expected) << "it has been changed to a language that there is none of";
  }
}

/// M2M-100's codes are not its tokens, and those that no file lists have tokens, too.
TEST(Languages, OfM2m100) {
  Translator files("m2m100", m2m100, R"({"tokenizer_class": "M2M100Tokenizer"})");
  LoadedTokenizer loaded(files.directory.path());
  EXPECT_EQ(languagesOf(loaded.tokenizer).size(), 100u);
  EXPECT_EQ(tokensOf(loaded, ""), (std::vector<std::string>{"__en__", "</s>"}));
  EXPECT_EQ(chooseLanguage(loaded.tokenizer, "zu", nullptr), LATHE_OK);
  EXPECT_EQ(tokensOf(loaded, ""), (std::vector<std::string>{"__zu__", "</s>"}));
}

/// Marian names the language to be written, and none unless told.
TEST(Languages, OfMarian) {
  Translator files("marian", marian, R"({"tokenizer_class": "MarianTokenizer"})");
  LoadedTokenizer loaded(files.directory.path());
  ASSERT_EQ(languagesOf(loaded.tokenizer).size(), 2u);
  EXPECT_EQ(tokensOf(loaded, ""), std::vector<std::string>{"</s>"});
  const std::vector<int32_t> written = loaded.encode(">>fr<< the food").ids;
  EXPECT_EQ(loaded.encode("the food", nullptr, 1).ids.size(), 1u);
  EXPECT_EQ(chooseLanguage(loaded.tokenizer, "fr", nullptr), LATHE_OK);
  EXPECT_EQ(loaded.encode("the food").ids, written);
  EXPECT_EQ(loaded.encode("the food", nullptr, 2).ids.size(), 2u) << "the language counts in the length";
  EXPECT_NE(loaded.encode("the food", nullptr, 1).error, "");
}

TEST(Languages, WhatIsMissingIsNamed) {
  auto errorOf = [](const char *golden, const std::vector<std::pair<const char *, const char *>> &files,
                    const char *config) { return compileError(Translator(golden, files, config).directory.path()); };
  expectWords(errorOf("mbart", oneModel, R"({"tokenizer_class": "MBartTokenizer", "src_lang": "xx_XX"})"),
              {"src_lang", "xx_XX", "ar_AR", "17 more"});
  expectWords(errorOf("mbart", oneModel, R"({"tokenizer_class": "MBartTokenizer", "tgt_lang": "french"})"),
              {"tgt_lang", "french", "ar_AR"});
  expectWords(
      errorOf("nllb", oneModel, R"({"tokenizer_class": "NllbTokenizer", "additional_special_tokens": ["fra_Latn"]})"),
      {"src_lang", "no file", "eng_Latn", "fra_Latn"});
  expectWords(errorOf("marian", {{"vocab.json", "vocab.json"}, {"source.spm", "source.spm"}},
                      R"({"tokenizer_class": "MarianTokenizer"})"),
              {"target.spm", "not found"});
  expectWords(errorOf("marian", {{"vocab.json", "vocab.json"}}, R"({"tokenizer_class": "MarianTokenizer"})"),
              {"source.spm", "not found"});
  expectWords(errorOf("marian", marian, R"({"tokenizer_class": "MarianTokenizer", "separate_vocabs": true})"),
              {"target_vocab.json", "not found"});
  expectWords(errorOf("marian",
                      {{"vocab.json", "vocab.json"}, {"source.spm", "source.spm"}, {"target.spm", "target_vocab.json"}},
                      R"({"tokenizer_class": "MarianTokenizer", "separate_vocabs": true})"),
              {"target_vocab.json", "JSON"});
  expectWords(errorOf("m2m100", {{"vocab.json", "vocab.json"}}, R"({"tokenizer_class": "M2M100Tokenizer"})"),
              {"sentencepiece.bpe.model", "not found"});
  expectWords(errorOf("m2m100", m2m100, R"({"tokenizer_class": "M2M100Tokenizer", "unk_token": "<nothing>"})"),
              {"<nothing>", "not among"});
  expectWords(errorOf("m2m100", m2m100, R"({"tokenizer_class": "M2M100Tokenizer", "language_codes": "wmt20"})"),
              {"language_codes", "wmt20", "m2m100 and wmt21"});
  // Their classes do not read a tokenizer.json.
  expectWords(errorOf("llama", {{"tokenizer.json", "tokenizer.json"}}, R"({"tokenizer_class": "M2M100Tokenizer"})"),
              {"tokenizer.json", "M2M100Tokenizer", "vocab.json", "sentencepiece.bpe.model"});
  expectWords(errorOf("llama", {{"tokenizer.json", "tokenizer.json"}}, R"({"tokenizer_class": "MarianTokenizer"})"),
              {"tokenizer.json", "MarianTokenizer", "source.spm and target.spm"});
}

/// NLLB takes any token for a language's: one that was trained later is among the special tokens of the files.
TEST(Languages, OfNllbMayBeAdded) {
  Translator files("nllb", oneModel,
                   R"({"tokenizer_class": "NllbTokenizer", "src_lang": "gsw_Latn", "tgt_lang": "fra_Latn",
                       "additional_special_tokens": ["fra_Latn", "gsw_Latn", "<other>"]})");
  LoadedTokenizer loaded(files.directory.path());
  std::vector<std::string> codes;
  for (const lathe_language &language : languagesOf(loaded.tokenizer))
    codes.push_back(language.code);
  EXPECT_EQ(codes, (std::vector<std::string>{"fra_Latn", "gsw_Latn"}));
  EXPECT_EQ(tokensOf(loaded, ""), (std::vector<std::string>{"gsw_Latn", "</s>"}));
}

/// What another class's files say is nothing to this one; null is nothing at all.
TEST(Languages, OptionsOfOtherClassesAreNotRead) {
  struct Case {
    const char *golden;
    const std::vector<std::pair<const char *, const char *>> &files;
    const char *config;
    std::vector<std::string> expected;
  };
  for (const Case &each :
       {Case{"mbart50",
             oneModel,
             R"({"tokenizer_class": "MBart50Tokenizer", "legacy_behaviour": true})",
             {"en_XX", "</s>"}},
        Case{"nllb",
             oneModel,
             R"({"tokenizer_class": "NllbTokenizer", "legacy_behaviour": null})",
             {"eng_Latn", "</s>"}},
        Case{"m2m100",
             m2m100,
             R"({"tokenizer_class": "M2M100Tokenizer", "legacy_behaviour": true, "separate_vocabs": true})",
             {"__en__", "</s>"}},
        Case{"marian",
             marian,
             R"({"tokenizer_class": "MarianTokenizer", "language_codes": "none", "separate_vocabs": null})",
             {"</s>"}},
        Case{"mbart50",
             oneModel,
             R"({"tokenizer_class": "MBart50Tokenizer", "language_codes": "wmt21"})",
             {"en_XX", "</s>"}}}) {
    SCOPED_TRACE(each.config);
    Translator files(each.golden, each.files, each.config);
    EXPECT_EQ(tokensOf(LoadedTokenizer(files.directory.path()), ""), each.expected);
  }
}

/// A class may give no types whatever its template says, unless tokenizer_config.json says otherwise.
TEST(ClassTemplate, MayBeOfOneType) {
  TemporaryDirectory files;
  copy_file(goldens() / "big-bird" / "spiece.model", files.path() / "spiece.model");
  const std::string pair = "b";
  auto lastType = [&](const Json &config, bool typesOfTemplate = false) {
    writeFile(files.path() / "tokenizer_config.json", config.dump());
    return LoadedTokenizer(files.path(), {.typesOfTemplate = typesOfTemplate}).encode("a", &pair).typeIds.back();
  };
  const Json withTypes = {"input_ids", "token_type_ids"}, withoutTypes = {"input_ids", "attention_mask"};
  for (const char *name : {"BigBirdTokenizer", "BigBirdTokenizerFast"}) {
    EXPECT_EQ(lastType({{"tokenizer_class", name}}), 0);
    EXPECT_EQ(lastType({{"tokenizer_class", name}}, /*typesOfTemplate=*/true), 1);
    EXPECT_EQ(lastType({{"tokenizer_class", name}, {"model_input_names", withTypes}}), 1);
  }
  EXPECT_EQ(lastType({{"tokenizer_class", "AlbertTokenizer"}}), 1);
  EXPECT_EQ(lastType({{"tokenizer_class", "AlbertTokenizer"}, {"model_input_names", withoutTypes}}), 0);
  EXPECT_EQ(lastType({{"tokenizer_class", "AlbertTokenizer"}, {"model_input_names", nullptr}}), 1);
}

/// Llama's class begins and ends texts as tokenizer_config.json says, whatever template the tokenizer.json has.
TEST(ClassTemplate, StandsInThePlaceOfTheFiles) {
  struct Case {
    const char *config;
    std::vector<std::string> expected;
  };
  for (const Case &each :
       {Case{R"({})", {"<s>", "▁the"}},
        Case{R"({"tokenizer_class": "PreTrainedTokenizerFast", "add_eos_token": true})", {"<s>", "▁the"}},
        Case{R"({"tokenizer_class": "LlamaTokenizerFast"})", {"<s>", "▁the"}},
        Case{R"({"tokenizer_class": "LlamaTokenizer", "add_bos_token": false, "add_eos_token": true})",
             {"▁the", "</s>"}},
        Case{R"({"tokenizer_class": "LlamaTokenizer", "add_eos_token": true, "eos_token": "<unk>"})",
             {"<s>", "▁the", "<unk>"}}}) {
    SCOPED_TRACE(each.config);
    Translator files("llama", {{"tokenizer.json", "tokenizer.json"}}, each.config);
    EXPECT_EQ(tokensOf(LoadedTokenizer(files.directory.path()), "the"), each.expected);
  }
  expectWords(compileError(Translator("llama", {{"tokenizer.json", "tokenizer.json"}},
                                      R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "<begin>"})")
                               .directory.path()),
              {"<begin>", "LlamaTokenizer", "not among"});
}
