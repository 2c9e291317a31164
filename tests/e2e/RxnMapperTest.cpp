// A trained ALBERT, rxnmapper's, against Transformers: twelve layers of one copy of weights. The model is not ours to
// commit; these tests skip out loud without it. tests/goldens/make_rxnmapper_goldens.py says how the numbers were made.
#include "tests/e2e/Lathe.h"

#include <algorithm>

namespace lathe::test {
namespace {

Path modelDirectory() { return corpora() / "models" / "rxnmapper-albert"; }
Tensors golden(const std::string &name) { return readTensors(goldens() / "rxnmapper" / (name + ".safetensors")); }

class RxnMapper : public testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(modelDirectory() / "model.safetensors"))
      GTEST_SKIP() << "no model in " << modelDirectory();
  }

  /// Compiled once for all tests.
  static Path artifact() { return compiled(modelDirectory()); }
};

TEST_F(RxnMapper, LogitsAreClose) {
  const Tensors expected = golden("short-expected");
  EXPECT_LE(relativeError(runTensors(artifact(), golden("short-inputs")).at("logits"), expected.at("logits")), 1e-4);
  const Tensors interpreted = runTensors(modelDirectory(), golden("short-inputs"), {"--interpret"});
  EXPECT_LE(relativeError(interpreted.at("logits"), expected.at("logits")), 2e-5);
}

TEST_F(RxnMapper, MaskedTokensAreFilledInAlike) {
  const Tensors expected = golden("masked-expected");
  const Tensor logits = runTensors(artifact(), golden("masked-inputs")).at("logits");
  const std::vector<float> values = logits.floats();
  const std::vector<int64_t> positions = expected.at("positions").integers(), tokens = expected.at("tokens").integers();
  ASSERT_GE(positions.size(), 500u);
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto row = values.begin() + positions[i] * logits.shape[2];
    EXPECT_EQ(std::max_element(row, row + logits.shape[2]) - row, tokens[i]) << "at position " << positions[i];
  }
}

/// Of masked tokens, so many must be filled in as in f32.
TEST_F(RxnMapper, OtherPrecisionsFillInAlike) {
  for (const auto &[precision, least] : {std::pair("bf16", 0.998), {"int8", 0.99}}) {
    const Tensor logits =
        runTensors(compiled(modelDirectory(), {"--precision", precision}), golden("masked-inputs")).at("logits");
    const std::vector<float> values = logits.floats();
    const Tensors expected = golden("masked-expected");
    const std::vector<int64_t> positions = expected.at("positions").integers(),
                               tokens = expected.at("tokens").integers();
    double alike = 0;
    for (size_t i = 0; i < positions.size(); ++i) {
      const auto row = values.begin() + positions[i] * logits.shape[2];
      alike += std::max_element(row, row + logits.shape[2]) - row == tokens[i];
    }
    EXPECT_GE(alike / double(positions.size()), least) << precision;
  }
}

TEST_F(RxnMapper, ArtifactComparesEqualToTheModel) {
  latheOutput(
      {"compare", modelDirectory(), artifact(), "--inputs", goldens() / "rxnmapper" / "short-inputs.safetensors"});
}

TEST_F(RxnMapper, TwelveLayersAreOne) {
  const Json manifest = Json::parse(readFile(artifact() / "manifest.json"));
  EXPECT_EQ(std::filesystem::file_size(artifact() / "model.weights"), manifest.at("weights").at("bytes"));
  EXPECT_LT(manifest.at("weights").at("bytes"), std::filesystem::file_size(modelDirectory() / "model.safetensors"));
  unsigned layerTensors = 0;
  for (const Json &tensor : manifest.at("sharing").at("tensors"))
    layerTensors += tensor.at("uses") == 12;
  EXPECT_EQ(layerTensors, 12u) << manifest.at("sharing");
}

/// Its vocab.txt is not one of WordPiece's, whose rules would cut "Cl" in two.
TEST_F(RxnMapper, TextIsRefused) {
  expectRefusal(1, {"tokenize", modelDirectory(), "--text", "CCl"}, {"vocab.txt", "AlbertTokenizer", "BertTokenizer"});
  expectRefusal(1, {"run", artifact(), "--text", "CCl"}, {"tokenizer"});
}

} // namespace
} // namespace lathe::test
