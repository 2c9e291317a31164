// Expected ids that other projects published, in corpora/tokenizers/expected, and forms of one tokenizer that must
// agree.
#include "tests/support/TemporaryDirectory.h"
#include "tests/tokenizer/LoadedTokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <stdlib.h>

using namespace lathe;
using namespace lathe::test;
using Json = nlohmann::json;

namespace {
class Corpora : public testing::Test {
protected:
  void SetUp() override {
    if (!exists(corpora() / "tokenizers"))
      GTEST_SKIP() << "no " << corpora() / "tokenizers" << ": the corpora are absent";
  }
  /// Files of the corpora, by the names that a directory has them under.
  using Files = std::vector<std::pair<std::string, std::string>>;
  static LoadedTokenizer fromFiles(const Files &files, const char *config = "{}",
                                   const char *configName = "tokenizer_config.json") {
    TemporaryDirectory directory;
    for (const auto &[from, to] : files)
      copy_file(corpora() / "tokenizers" / from, directory / to);
    writeFile(directory / configName, config);
    return LoadedTokenizer(directory.path());
  }
  static LoadedTokenizer fromVocabulary(const std::string &name, const char *config) {
    return fromFiles({{"bert/" + name, "vocab.txt"}}, config);
  }
  static LoadedTokenizer gpt2() {
    return fromFiles({{"gpt2/gpt2_bpe_encoder.json", "vocab.json"}, {"gpt2/gpt2_bpe_vocab.bpe", "merges.txt"}},
                     R"({"tokenizer_class": "GPT2Tokenizer"})");
  }
  static Json expected(const char *name) { return Json::parse(readFile(corpora() / "tokenizers" / "expected" / name)); }
};

/// Tokens without the special ones.
std::vector<std::string> innerTokens(const LoadedTokenizer &loaded, const Encoded &encoded) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < encoded.ids.size(); ++i)
    if (!encoded.special[i])
      tokens.push_back(tokenText(loaded.tokenizer, encoded.ids[i]));
  return tokens;
}

void expectSame(const LoadedTokenizer &a, const LoadedTokenizer &b, const std::string &text, bool withOffsets) {
  Encoded first = a.encode(text), second = b.encode(text);
  EXPECT_EQ(first.ids, second.ids) << text;
  if (withOffsets)
    EXPECT_EQ(first.offsets, second.offsets) << text;
}
} // namespace

TEST_F(Corpora, BertUncased) {
  LoadedTokenizer loaded = fromVocabulary("bert_base_uncased_vocab.txt", "{}");
  Json golden = expected("bert_uncased_encoded.json");
  Encoded encoded = loaded.encode(golden["text"]);
  EXPECT_EQ(Json(innerTokens(loaded, encoded)), golden["bpe_tokens"]);
  EXPECT_EQ(Json(encoded.ids), golden["token_ids"]);
}

/// The vocabulary of this golden is not in the corpora. Its own tokens, each at its id, cut the text in the same way:
/// the longest match among all tokens is the longest among some that include it.
TEST_F(Corpora, DistilBertCased) {
  TemporaryDirectory temporary;
  Json golden = expected("distilbert_cased_encoded.json");
  std::vector<std::string> vocabulary;
  for (size_t i = 0; i < golden["token_ids"].size(); ++i) {
    size_t id = golden["token_ids"][i];
    while (vocabulary.size() <= id)
      vocabulary.push_back("[unused" + std::to_string(vocabulary.size()) + "]");
    bool isFirst = i == 0, isLast = i + 1 == golden["token_ids"].size();
    vocabulary[id] = isFirst ? "[CLS]" : isLast ? "[SEP]" : golden["bpe_tokens"][i - 1].get<std::string>();
  }
  vocabulary[0] = "[UNK]";
  std::string lines;
  for (const std::string &token : vocabulary)
    lines += token + "\n";
  writeFile(temporary / "vocab.txt", lines);
  writeFile(temporary / "tokenizer_config.json",
            R"({"do_lower_case": false, "tokenizer_class": "DistilBertTokenizer"})");
  LoadedTokenizer loaded(temporary.path());
  Encoded encoded = loaded.encode(golden["text"]);
  EXPECT_EQ(Json(innerTokens(loaded, encoded)), golden["bpe_tokens"]);
  EXPECT_EQ(Json(encoded.ids), golden["token_ids"]);
}

/// Encoding only: the file's decoded texts went through a clean-up of another library, behind the decoder.
TEST_F(Corpora, TokenizerTests) {
  Json all = expected("tokenizer_tests.json");
  auto expectPublished = [&](const char *model, const LoadedTokenizer &loaded) {
    ASSERT_GE(all[model].size(), 18u);
    for (const Json &golden : all[model]) {
      SCOPED_TRACE(model + golden.dump());
      Encoded encoded = loaded.encode(golden["input"]);
      EXPECT_EQ(Json(encoded.ids), golden["encoded"]["input_ids"]);
      if (golden["encoded"].contains("token_type_ids"))
        EXPECT_EQ(Json(encoded.typeIds), golden["encoded"]["token_type_ids"]);
    }
  };
  LoadedTokenizer bert = fromVocabulary("bert_base_uncased_vocab.txt", "{}");
  expectPublished("bert-base-uncased", bert);
  expectPublished("google-bert/bert-base-uncased", bert);
  expectPublished("distilgpt2", gpt2());
  expectPublished("t5-base", fromFiles({{"t5/tokenizer.json", "tokenizer.json"}}));
}

/// A tokenizer.json and the files that were there before it, of one vocabulary, give the same ids. So they do offsets,
/// but for T5's, whose tokenizer.json cuts at spaces first: there they are no part of a token.
TEST_F(Corpora, JsonAndOlderFilesAgree) {
  struct Forms {
    const char *json;
    Files files;
    const char *config, *configName;
    int32_t maskId;
    bool withOffsets;
  };
  const Forms vocabularies[] = {{"bert/bert-base-uncased.tokenizer.json",
                                 {{"bert/bert_base_uncased_vocab.txt", "vocab.txt"}},
                                 "{}",
                                 "tokenizer_config.json",
                                 103,
                                 true},
                                {"roberta/tokenizer.json",
                                 {{"roberta/vocab.json", "vocab.json"}, {"roberta/merges.txt", "merges.txt"}},
                                 R"({"model_type": "roberta"})",
                                 "config.json",
                                 50264,
                                 true},
                                {"t5/tokenizer.json",
                                 {{"t5/t5_tokenizer_base.model", "spiece.model"}},
                                 R"({"tokenizer_class": "T5Tokenizer"})",
                                 "tokenizer_config.json",
                                 -1,
                                 false}};
  for (const Forms &forms : vocabularies) {
    SCOPED_TRACE(forms.json);
    LoadedTokenizer json = fromFiles({{forms.json, "tokenizer.json"}});
    LoadedTokenizer older = fromFiles(forms.files, forms.config, forms.configName);
    EXPECT_EQ(json.compiled.file, "tokenizer.json");
    EXPECT_EQ(older.compiled.file, forms.files[0].second);
    EXPECT_EQ(json.compiled.kind, older.compiled.kind);
    EXPECT_EQ(json.compiled.maskId, forms.maskId);
    EXPECT_EQ(older.compiled.maskId, forms.maskId);
    for (const char *sample : {"", " ", "Hello, wörld [MASK]<mask>", "中文 [SEP]</s> naïve", "<extra_id_0> x"})
      expectSame(json, older, sample, forms.withOffsets);
    size_t compared = 0;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(corpora() / "texts")) {
      if (!entry.is_regular_file() || entry.path().filename() == "SOURCE.txt")
        continue;
      std::istringstream lines(readFile(entry.path()));
      size_t number = 0;
      for (std::string line; std::getline(lines, line); ++number)
        if (number % 10 == 0) { // GoldensTest reads all of them
          expectSame(json, older, line, forms.withOffsets);
          ++compared;
        }
    }
    EXPECT_GT(compared, 1500u);
  }
}

TEST_F(Corpora, Gpt2) {
  LoadedTokenizer loaded = gpt2();
  Json golden = expected("gpt2_encoded_tokens.json");
  Encoded encoded = loaded.encode(golden["text"]);
  EXPECT_EQ(Json(innerTokens(loaded, encoded)), golden["bpe_tokens"]);
  EXPECT_EQ(Json(encoded.ids), golden["token_ids"]);
  EXPECT_EQ(loaded.decode(encoded.ids, false), golden["text"].get<std::string>());
}

TEST_F(Corpora, TablesAreSmallAndTheSameEachTime) {
  LoadedTokenizer first = fromVocabulary("bert_base_uncased_vocab.txt", "{}");
  LoadedTokenizer second = fromVocabulary("bert_base_uncased_vocab.txt", "{}");
  EXPECT_EQ(first.compiled.tables, second.compiled.tables);
  EXPECT_LT(first.compiled.tables.size(), 2u << 20);
  EXPECT_EQ(first.compiled.vocabularySize, 30522u);
}

TEST_F(Corpora, T5) {
  LoadedTokenizer loaded = fromFiles({{"t5/tokenizer.json", "tokenizer.json"}});
  Json golden = expected("t5_base_encoded.json");
  Encoded encoded = loaded.encode(golden["text"]);
  EXPECT_EQ(loaded.compiled.kind, "unigram");
  EXPECT_EQ(Json(encoded.ids), golden["token_ids"]);
}

/// The real model is not ours to commit; its tokenizer.json carries a truncation and padding that must not be applied.
TEST(MiniLm, StatesItsLengthsAndAppliesNone) {
  const char *given = getenv("LATHE_MINILM");
  std::filesystem::path directory = given ? given : std::filesystem::path(LATHE_BINARY_DIR) / "models" / "minilm";
  if (!exists(directory / "tokenizer.json"))
    GTEST_SKIP() << "no MiniLM in " << directory << ": run ./dev demo, or set LATHE_MINILM to its directory";
  LoadedTokenizer loaded(directory);
  EXPECT_EQ(loaded.compiled.truncationLength, 128u);
  EXPECT_EQ(loaded.compiled.modelMaxLength, 512u);
  EXPECT_EQ(loaded.compiled.unknownId, 100);
  EXPECT_EQ(loaded.compiled.clsId, 101);
  EXPECT_EQ(loaded.compiled.sepId, 102);
  EXPECT_EQ(loaded.compiled.padId, 0);
  EXPECT_EQ(loaded.compiled.maskId, 103);
  EXPECT_EQ(loaded.encode("hello world").ids, (std::vector<int32_t>{101, 7592, 2088, 102}));
  std::string text;
  for (int i = 0; i < 600; ++i)
    text += "word ";
  EXPECT_EQ(loaded.encode(text).ids.size(), 602u);
}
