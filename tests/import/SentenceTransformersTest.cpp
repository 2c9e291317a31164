// Valid sentence-transformers directories. Broken ones are in HostileFilesTest.cpp.
#include "compiler/import/checkpoint/SentenceTransformers.h"
#include "tests/support/TemporaryDirectory.h"
#include "tests/support/TinyModel.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;
namespace fs = std::filesystem;

static SentenceTransformer readFrom(const fs::path &directory) {
  auto read = readSentenceTransformer(directory.string());
  if (!read) {
    ADD_FAILURE() << llvm::toString(read.takeError());
    return {};
  }
  if (!*read) {
    ADD_FAILURE() << "no sentence-transformers directory";
    return {};
  }
  return **read;
}

static std::vector<PoolingMode> poolingsOf(const std::string &config) {
  TemporaryDirectory directory;
  writeTinySentenceModel(directory / "m");
  writeFile(directory / "m/1_Pooling/config.json", config);
  SentenceTransformer read = readFrom(directory / "m");
  EXPECT_EQ(read.embeddingWidth(), 8 * static_cast<int64_t>(read.poolings.size()));
  return {read.poolings.begin(), read.poolings.end()};
}

TEST(SentenceTransformers, ReadsADirectory) {
  TemporaryDirectory directory;
  writeTinySentenceModel(directory / "m");
  SentenceTransformer read = readFrom(directory / "m");
  EXPECT_EQ(read.transformerPath, (directory / "m").string());
  EXPECT_EQ(read.poolings, (llvm::SmallVector<PoolingMode, 1>{PoolingMode::Mean}));
  ASSERT_EQ(read.modules.size(), 1u);
  EXPECT_EQ(read.modules[0].kind, SentenceModule::Kind::Normalize);
  EXPECT_TRUE(read.poolsPrompts);
  EXPECT_TRUE(read.prompts.empty());
  EXPECT_FALSE(read.doLowerCase);
  EXPECT_EQ(read.maxSeqLength, 12);
  EXPECT_EQ(llvm::toString(read.checkWidth(8)), "");
  EXPECT_NE(llvm::toString(read.checkWidth(9)).find("1_Pooling/config.json': pools embeddings of width 8"),
            std::string::npos);
}

TEST(SentenceTransformers, OtherDirectoriesAreNone) {
  TemporaryDirectory directory;
  writeTinyModel(directory / "m");
  for (const char *path : {"m", "absent", "m/config.json"}) {
    auto read = readSentenceTransformer((directory / path).string());
    ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
    EXPECT_FALSE(read->has_value()) << path;
  }
}

TEST(SentenceTransformers, ModulesInFoldersAndOfAnyPackage) {
  TemporaryDirectory directory;
  writeTinySentenceModel(directory / "m");
  writeFile(directory / "m/modules.json",
            R"([{"path": "0_Transformer", "type": "sentence_transformers.base.Transformer"},
                                              {"path": "1_Pooling", "type": "Pooling"}])");
  writeFile(directory / "m/0_Transformer/sentence_roberta_config.json",
            R"({"max_seq_length": 5, "do_lower_case": true})");
  SentenceTransformer read = readFrom(directory / "m");
  EXPECT_EQ(read.transformerPath, (directory / "m/0_Transformer").string());
  EXPECT_TRUE(read.modules.empty());
  EXPECT_TRUE(read.doLowerCase);
  EXPECT_EQ(read.maxSeqLength, 5);
}

TEST(SentenceTransformers, PoolingFlagsConcatenateInAFixedOrder) {
  using enum PoolingMode;
  const std::string width = "{\"word_embedding_dimension\": 8";
  EXPECT_EQ(poolingsOf(width + R"(, "pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true,
                                   "pooling_mode_cls_token": true})"),
            (std::vector{Cls, Max, Mean}));
  EXPECT_EQ(poolingsOf(width + R"(, "pooling_mode_lasttoken": true, "pooling_mode_weightedmean_tokens": true,
                                   "pooling_mode_mean_sqrt_len_tokens": true})"),
            (std::vector{MeanSqrtLen, WeightedMean, LastToken}));
  EXPECT_EQ(poolingsOf(width + R"(, "pooling_mode_lasttoken": false})"), std::vector{Mean}); // the class's default
}

TEST(SentenceTransformers, PoolingListsKeepTheirOrderAndHideFlags) {
  using enum PoolingMode;
  const std::string width = "{\"embedding_dimension\": 8, \"include_prompt\": true";
  EXPECT_EQ(poolingsOf(width + R"(, "pooling_mode": ["mean", "cls"], "pooling_mode_max_tokens": true})"),
            (std::vector{Mean, Cls}));
  EXPECT_EQ(poolingsOf(width + R"(, "pooling_mode": "max"})"), std::vector{Max});
}

TEST(SentenceTransformers, NamesOfPoolingsComeBack) {
  for (const char *name : {"cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"})
    EXPECT_EQ(poolingName(findPooling(name).value()), name);
  EXPECT_FALSE(findPooling("median"));
}

TEST(SentenceTransformers, ModulesFollowThePooling) {
  using enum SentenceModule::Kind;
  TemporaryDirectory directory;
  writeTinySentenceModel(directory / "m");
  writeFile(directory / "m/modules.json",
            R"([{"path": "", "type": "Transformer"}, {"path": "1_Pooling", "type": "Pooling"},
      {"path": "2_Dropout", "type": "x.Dropout"}, {"path": "deep/Dense", "type": "x.Dense"},
      {"path": "4", "type": "x.LayerNorm"}, {"path": "5", "type": "x.Dense"}, {"path": "6", "type": "x.Normalize"}])");
  writeFile(directory / "m/deep/Dense/config.json", R"({"in_features": 8, "out_features": 3, "bias": false,
      "activation_function": "torch.nn.modules.linear.Identity", "module_output_name": null})");
  writeFile(directory / "m/4/config.json", R"({"dimension": 3})");
  writeFile(directory / "m/5/config.json", R"({"in_features": 3, "out_features": 5})"); // the class's defaults
  SentenceTransformer read = readFrom(directory / "m");
  ASSERT_EQ(read.modules.size(), 4u);
  EXPECT_EQ(read.modules[0].kind, Dense);
  EXPECT_EQ(read.modules[0].name(), "Dense");
  EXPECT_EQ(read.modules[0].directory, (directory / "m/deep/Dense").string());
  EXPECT_EQ(read.modules[0].prefix, "deep/Dense");
  EXPECT_EQ(read.modules[0].outputs, 3);
  EXPECT_FALSE(read.modules[0].biased);
  EXPECT_EQ(read.modules[0].activation, "linear");
  EXPECT_EQ(read.modules[1].kind, LayerNorm);
  EXPECT_EQ(read.modules[2].kind, Dense);
  EXPECT_TRUE(read.modules[2].biased);
  EXPECT_EQ(read.modules[2].activation, "tanh");
  EXPECT_EQ(read.modules[3].kind, Normalize);
  EXPECT_EQ(read.embeddingWidth(), 5);
}

TEST(SentenceTransformers, PromptsByName) {
  TemporaryDirectory directory;
  writeTinySentenceModel(directory / "m");
  writeFile(directory / "m/1_Pooling/config.json", R"({"embedding_dimension": 8, "include_prompt": false})");
  writeFile(directory / "m/config_sentence_transformers.json",
            R"({"prompts": {"b": "text: ", "a": null}, "default_prompt_name": "b"})");
  SentenceTransformer read = readFrom(directory / "m");
  EXPECT_FALSE(read.poolsPrompts);
  ASSERT_EQ(read.prompts.size(), 2u);
  for (const Prompt &prompt : read.prompts) {
    EXPECT_EQ(prompt.text, prompt.name == "b" ? "text: " : "");
    EXPECT_EQ(prompt.isDefault, prompt.name == "b");
  }
}

TEST(SentenceTransformers, LengthFallsBackToTheTokenizers) {
  TemporaryDirectory directory;
  writeTinySentenceModel(directory / "m");
  writeFile(directory / "m/sentence_bert_config.json", R"({"max_seq_length": null})");
  EXPECT_EQ(readFrom(directory / "m").maxSeqLength, std::nullopt);
  writeFile(directory / "m/tokenizer_config.json", R"({"model_max_length": 300})");
  EXPECT_EQ(readFrom(directory / "m").maxSeqLength, 300);
  fs::remove(directory / "m/sentence_bert_config.json");
  EXPECT_EQ(readFrom(directory / "m").maxSeqLength, 300);
}

TEST(ModelMaxLength, HugeNumbersMeanNone) {
  TemporaryDirectory directory;
  auto read = [&](const std::string &value) {
    writeFile(directory / "tokenizer_config.json", "{\"model_max_length\": " + value + "}");
    return readModelMaxLength(directory.path().string());
  };
  EXPECT_EQ(llvm::cantFail(read("512")), 512);
  EXPECT_EQ(llvm::cantFail(read("null")), std::nullopt);
  EXPECT_EQ(llvm::cantFail(read("1000000000000000019884624838656")), std::nullopt);
  EXPECT_EQ(llvm::cantFail(read("1e30")), std::nullopt);
  EXPECT_EQ(llvm::cantFail(read("18446744073709551615")), std::nullopt);
  for (const char *bad : {"0", "-1", "12.5", "\"512\"", "[]"}) {
    auto length = read(bad);
    ASSERT_FALSE(bool(length)) << bad;
    EXPECT_NE(llvm::toString(length.takeError()).find("'model_max_length'"), std::string::npos);
  }
}
