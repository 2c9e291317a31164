// Valid checkpoints, single and sharded, and the names of their weights. Broken ones are in HostileFilesTest.cpp.
#include "compiler/import/checkpoint/Checkpoint.h"
#include "compiler/import/checkpoint/WeightNames.h"
#include "compiler/import/checkpoint/WeightValues.h"
#include "tests/support/TemporaryDirectory.h"
#include "tests/support/TinyModel.h"
#include "llvm/ADT/StringExtras.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;
namespace fs = std::filesystem;

static std::unique_ptr<Checkpoint> opened(const fs::path &directory) {
  auto checkpoint = Checkpoint::open(directory.string());
  if (!checkpoint) {
    ADD_FAILURE() << llvm::toString(checkpoint.takeError());
    return nullptr;
  }
  return std::move(*checkpoint);
}

TEST(Checkpoint, OpensADirectory) {
  TemporaryDirectory directory;
  writeTinyModel(directory / "m");
  auto checkpoint = opened(directory / "m");
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->modelType(), "bert");
  ASSERT_EQ(checkpoint->architectures().size(), 1u);
  EXPECT_EQ(checkpoint->architectures()[0], "BertModel");
  EXPECT_EQ(JsonFields(checkpoint->config()).getInt("hidden_size", 0, 1, 100), 8);

  uint64_t bytes = 0;
  for (const RawTensor &weight : tinyWeights()) {
    const TensorView *tensor = checkpoint->find(weight.name);
    ASSERT_NE(tensor, nullptr) << weight.name;
    EXPECT_EQ(llvm::toStringRef(tensor->bytes), weight.data);
    EXPECT_EQ(tensor->shape, llvm::ArrayRef(weight.shape));
    checkpoint->releasePages(*tensor);
    EXPECT_EQ(llvm::toStringRef(tensor->bytes), weight.data);
    bytes += weight.data.size();
  }
  EXPECT_EQ(checkpoint->totalBytes(), bytes);
  EXPECT_EQ(checkpoint->tensors().size(), tinyWeights().size());
  EXPECT_TRUE(std::is_sorted(checkpoint->tensors().begin(), checkpoint->tensors().end(),
                             [](const TensorView *a, const TensorView *b) { return a->name < b->name; }));
  EXPECT_EQ(checkpoint->find("absent"), nullptr);
}

TEST(Checkpoint, OpensShards) {
  TemporaryDirectory directory;
  writeTinyModel(directory / "m");
  fs::remove(directory / "m/model.safetensors");
  std::vector<RawTensor> shards[3];
  std::string index;
  std::vector<RawTensor> weights = tinyWeights();
  for (size_t i = 0; i < weights.size(); ++i) {
    shards[i % 3].push_back(weights[i]);
    index += (i ? ", \"" : "\"") + weights[i].name + "\": \"model-" + std::to_string(i % 3) + ".safetensors\"";
  }
  for (size_t i = 0; i < 3; ++i)
    writeFile(directory / ("m/model-" + std::to_string(i) + ".safetensors"), safetensorsBytes(shards[i]));
  writeFile(directory / "m/model.safetensors.index.json",
            "{\"metadata\": {\"total_size\": 1e99}, \"weight_map\": {" + index + "}}");

  auto checkpoint = opened(directory / "m");
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->tensors().size(), weights.size());
  for (const RawTensor &weight : weights) {
    const TensorView *tensor = checkpoint->find(weight.name);
    ASSERT_NE(tensor, nullptr) << weight.name;
    EXPECT_EQ(llvm::toStringRef(tensor->bytes), weight.data);
    checkpoint->releasePages(*tensor);
  }
}

TEST(Checkpoint, LinksMayLeadOut) { // as in a download cache
  TemporaryDirectory directory;
  writeTinyModel(directory / "blobs");
  fs::create_directory(directory / "m");
  for (const char *name : {"config.json", "model.safetensors"})
    fs::create_symlink(directory / "blobs" / name, directory / "m" / name);
  EXPECT_TRUE(opened(directory / "m"));
}

TEST(Checkpoint, NullFieldsMeanNothing) {
  TemporaryDirectory directory;
  writeTinyModel(directory / "m");
  writeFile(directory / "m/config.json",
            R"({"model_type": "bert", "architectures": null, "quantization_config": null})");
  auto checkpoint = opened(directory / "m");
  ASSERT_TRUE(checkpoint);
  EXPECT_TRUE(checkpoint->architectures().empty());
}

TEST(Checkpoint, FilesAreNotSupportedYet) {
  TemporaryDirectory directory;
  for (const char *name : {"model.onnx", "MODEL.ONNX"}) {
    writeFile(directory / name, "x");
    auto checkpoint = Checkpoint::open((directory / name).string());
    ASSERT_FALSE(bool(checkpoint));
    EXPECT_NE(llvm::toString(checkpoint.takeError()).find("ONNX files are not supported yet"), std::string::npos);
  }
}

/// The class name in the advice comes from the config: whoever pastes the advice must not run the config's code.
TEST(Checkpoint, ConversionAdviceHoldsNoForeignCode) {
  TemporaryDirectory directory;
  auto adviceFor = [&](const std::string &architecture) {
    writeFile(directory / "m/config.json", "{\"model_type\": \"bert\", \"architectures\": [\"" + architecture + "\"]}");
    writeFile(directory / "m/pytorch_model.bin", "x");
    auto checkpoint = Checkpoint::open((directory / "m").string());
    return checkpoint ? "" : llvm::toString(checkpoint.takeError());
  };
  EXPECT_NE(adviceFor("BertForMaskedLM").find("import BertForMaskedLM as Model"), std::string::npos);
  EXPECT_NE(adviceFor("x; import os").find("import AutoModel as Model"), std::string::npos);
}

/// A checkpoint with scalars of these names.
static std::unique_ptr<Checkpoint> withNames(const TemporaryDirectory &directory,
                                             const std::vector<std::string> &names) {
  std::vector<RawTensor> tensors;
  for (const std::string &name : names)
    tensors.push_back({name, "F32", {}, std::string(4, '\0')});
  writeTinyModel(directory / "m");
  writeFile(directory / "m/model.safetensors", safetensorsBytes(tensors));
  return opened(directory / "m");
}

static std::vector<std::string> canonicalNames(const std::vector<std::string> &stored, const NamingRules &rules) {
  TemporaryDirectory directory;
  auto checkpoint = withNames(directory, stored);
  auto names = WeightNames::build(*checkpoint, rules);
  if (!names)
    return {llvm::toString(names.takeError())};
  std::vector<std::string> canonical;
  for (const NamedWeight &weight : names->weights()) {
    canonical.push_back(weight.name);
    EXPECT_EQ(names->find(weight.name), weight.tensor);
  }
  EXPECT_EQ(names->find("absent"), nullptr);
  return canonical;
}

TEST(WeightNames, PrefixIsTakenOffOnce) {
  EXPECT_EQ(canonicalNames({"bert.a", "bert.bert.b", "cls.c", "bertha.d"}, {"bert.", {}}),
            (std::vector<std::string>{"a", "bert.b", "bertha.d", "cls.c"}));
  EXPECT_EQ(canonicalNames({"bert.a"}, {}), std::vector<std::string>{"bert.a"});
}

TEST(WeightNames, OldLayerNormNames) {
  EXPECT_EQ(canonicalNames({"x.LayerNorm.gamma", "x.LayerNorm.beta", "x.gamma", "LayerNorm.gamma.y"}, {}),
            (std::vector<std::string>{"LayerNorm.gamma.y", "x.LayerNorm.bias", "x.LayerNorm.weight", "x.gamma"}));
}

TEST(WeightNames, BuffersAreIgnoredByWholeComponents) {
  EXPECT_EQ(canonicalNames({"embeddings.position_ids", "position_ids", "my_position_ids", "position_ids.x"},
                           {"", {"position_ids"}}),
            (std::vector<std::string>{"my_position_ids", "position_ids.x"}));
}

TEST(WeightNames, TwinsAreErrors) {
  std::vector<std::string> error = canonicalNames({"bert.a", "a"}, {"bert.", {}});
  ASSERT_EQ(error.size(), 1u);
  EXPECT_NE(error[0].find("the tensors 'a' and 'bert.a' both mean 'a'"), std::string::npos) << error[0];
}

/// A model from the wild, where the machine has it: saved by PyTorch, not by us.
TEST(Checkpoint, OpensARealModel) {
  fs::path path = fs::path(LATHE_SOURCE_DIR) / "../shared/corpora/models/rxnmapper-albert";
  if (!fs::exists(path))
    GTEST_SKIP() << "no model at " << path;
  auto checkpoint = opened(path);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->modelType(), "albert");
  EXPECT_GT(checkpoint->tensors().size(), 20u);
  for (const TensorView *tensor : checkpoint->tensors())
    EXPECT_EQ(llvm::toString(checkFinite(*tensor, path.string())), "");
}
