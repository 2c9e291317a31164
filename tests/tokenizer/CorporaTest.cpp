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
  LoadedTokenizer fromVocabulary(const char *name, const char *config) {
    copy_file(corpora() / "tokenizers" / "bert" / name, temporary / "vocab.txt",
              std::filesystem::copy_options::overwrite_existing);
    writeFile(temporary / "tokenizer_config.json", config);
    return LoadedTokenizer(temporary.path());
  }
  static Json expected(const char *name) { return Json::parse(readFile(corpora() / "tokenizers" / "expected" / name)); }

  TemporaryDirectory temporary;
};

/// Tokens without the special ones.
std::vector<std::string> innerTokens(const LoadedTokenizer &loaded, const Encoded &encoded) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < encoded.ids.size(); ++i)
    if (!encoded.special[i])
      tokens.push_back(tokenText(loaded.tokenizer, encoded.ids[i]));
  return tokens;
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
  LoadedTokenizer loaded = fromVocabulary("bert_base_uncased_vocab.txt", "{}");
  Json all = expected("tokenizer_tests.json");
  for (const char *model : {"bert-base-uncased", "google-bert/bert-base-uncased"}) {
    ASSERT_GE(all[model].size(), 18u);
    for (const Json &golden : all[model]) {
      SCOPED_TRACE(golden.dump());
      Encoded encoded = loaded.encode(golden["input"]);
      EXPECT_EQ(Json(encoded.ids), golden["encoded"]["input_ids"]);
      EXPECT_EQ(Json(encoded.typeIds), golden["encoded"]["token_type_ids"]);
    }
  }
}

TEST_F(Corpora, JsonAndTextFormAgree) {
  LoadedTokenizer text = fromVocabulary("bert_base_uncased_vocab.txt", "{}");
  TemporaryDirectory directory;
  copy_file(corpora() / "tokenizers" / "bert" / "bert-base-uncased.tokenizer.json", directory / "tokenizer.json");
  LoadedTokenizer json(directory.path());
  EXPECT_EQ(json.compiled.file, "tokenizer.json");
  EXPECT_EQ(text.compiled.file, "vocab.txt");
  EXPECT_EQ(json.compiled.tables.size(), text.compiled.tables.size());
  for (const char *sample : {"Hello, wörld [MASK]", "中文 [SEP] naïve", ""}) {
    EXPECT_EQ(json.encode(sample).ids, text.encode(sample).ids);
    EXPECT_EQ(json.encode(sample).offsets, text.encode(sample).offsets);
  }
}

/// Both readings of RoBERTa's vocabulary, and of two texts the ids that others published for GPT-2's.
TEST_F(Corpora, ByteLevelJsonAndFilesAgree) {
  TemporaryDirectory files, json;
  std::filesystem::path roberta = corpora() / "tokenizers" / "roberta";
  copy_file(roberta / "vocab.json", files / "vocab.json");
  copy_file(roberta / "merges.txt", files / "merges.txt");
  writeFile(files / "config.json", R"({"model_type": "roberta"})");
  copy_file(roberta / "tokenizer.json", json / "tokenizer.json");
  LoadedTokenizer first(files.path()), second(json.path());
  EXPECT_EQ(first.compiled.kind, "bpe");
  EXPECT_EQ(first.compiled.maskId, 50264);
  EXPECT_EQ(second.compiled.maskId, 50264);
  std::istringstream lines(readFile(corpora() / "texts" / "wikitext-2" / "valid.txt"));
  size_t n = 0;
  for (std::string line; std::getline(lines, line) && n < 1000; ++n) {
    EXPECT_EQ(first.encode(line).ids, second.encode(line).ids) << line;
    EXPECT_EQ(first.encode(line).offsets, second.encode(line).offsets) << line;
  }
  EXPECT_EQ(n, 1000u);
}

TEST_F(Corpora, Gpt2) {
  copy_file(corpora() / "tokenizers" / "gpt2" / "gpt2_bpe_encoder.json", temporary / "vocab.json");
  copy_file(corpora() / "tokenizers" / "gpt2" / "gpt2_bpe_vocab.bpe", temporary / "merges.txt");
  writeFile(temporary / "tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  LoadedTokenizer loaded(temporary.path());
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
  copy_file(corpora() / "tokenizers" / "t5" / "tokenizer.json", temporary / "tokenizer.json");
  LoadedTokenizer loaded(temporary.path());
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
