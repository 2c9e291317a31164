// Tiny cross-encoders against sentence-transformers: the score of a pair on the command line, the logit behind it.
// tests/goldens/make_cross_encoder_goldens.py says how the numbers were made.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

constexpr double kTolerance = 1e-4;

class CrossEncoders : public testing::TestWithParam<std::string> {
protected:
  Path model() const { return goldens() / "cross-encoders" / GetParam() / "model"; }
  Json pairs() const { return Json::parse(readFile(model().parent_path() / "pairs.json")); }
};

TEST_P(CrossEncoders, Scores) {
  Arguments arguments = {"run", compiled(model()), "--json"};
  for (const Json &pair : pairs())
    arguments.insert(arguments.end(), {"--text", pair.at("text"), "--pair", pair.at("pair")});
  const Json results = Json::parse(latheOutput(arguments));
  ASSERT_EQ(results.size(), pairs().size());
  for (size_t i = 0; i < results.size(); ++i) {
    const double expected = pairs()[i].at("score");
    EXPECT_NEAR(results[i].at("score"), expected, kTolerance * std::max(1.0, std::abs(expected))) << pairs()[i];
    EXPECT_FALSE(results[i].contains("labels"));
  }
}

TEST_P(CrossEncoders, TheOutputIsTheLogit) {
  for (const Json &pair : pairs()) {
    const std::vector<int64_t> ids = pair.at("ids"), types = pair.at("types");
    const std::vector<int64_t> shape = {1, static_cast<int64_t>(ids.size())};
    const Tensor logits = runTensors(compiled(model()), {{"input_ids", Tensor::of(shape, ids)},
                                                         {"token_type_ids", Tensor::of(shape, types)}})
                              .at("logits");
    const Tensor expected = Tensor::of({1, 1}, std::vector<float>{pair.at("logit").get<float>()});
    EXPECT_LE(relativeError(logits, expected), kTolerance) << pair;
  }
}

TEST_P(CrossEncoders, ForPeople) {
  const Json pair = pairs()[0];
  char line[64];
  snprintf(line, sizeof line, "\n  score %.4f\n", pair.at("score").get<double>());
  const std::string out = latheOutput({"run", compiled(model()), "--text", pair.at("text"), "--pair", pair.at("pair")});
  EXPECT_NE(out.find(line), std::string::npos) << out << "expected" << line;
}

INSTANTIATE_TEST_SUITE_P(Directories, CrossEncoders,
                         testing::Values("default", "identity", "tanh-of-version-4", "identity-of-version-2"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// The files of one, with a field of one of them changed.
class ChangedCrossEncoder : public testing::Test {
protected:
  void change(const std::string &file, const Json &fields) {
    std::filesystem::copy(goldens() / "cross-encoders/default/model", work / "model",
                          std::filesystem::copy_options::recursive);
    Json json = Json::parse(readFile(work / "model" / file));
    json.update(fields);
    writeFile(work / "model" / file, json.dump());
  }
  void expectRefused(const std::vector<std::string> &words) {
    expectRefusal(1, {"compile", work / "model", "-o", work / "out"}, words);
  }
  ScratchDirectory work;
};

TEST_F(ChangedCrossEncoder, UnknownActivation) {
  change("config_sentence_transformers.json", {{"activation_fn", "torch.nn.modules.activation.Softmax"}});
  expectRefused({"activation_fn", "Softmax", "Identity, Sigmoid, Tanh"});
}

TEST_F(ChangedCrossEncoder, ActivationOfSomebodyElse) {
  change("config.json", {{"sbert_ce_default_activation_function", "mine.Sigmoid"}});
  // The newer file wins, as in the library; the older one's field is not looked at.
  latheOutput({"compile", work / "model", "-o", work / "out"});
  std::filesystem::remove(work / "model/config_sentence_transformers.json");
  std::filesystem::remove(work / "model/modules.json");
  std::filesystem::remove_all(work / "out");
  expectRefused({"sbert_ce_default_activation_function", "mine.Sigmoid"});
}

/// With several logits a cross-encoder is a classifier like any other.
TEST_F(ChangedCrossEncoder, WithoutScores) {
  const Path artifact = compiled(goldens() / "bert/classes/model");
  const Json manifest = Json::parse(readFile(artifact / "manifest.json"));
  EXPECT_FALSE(manifest.at("model").contains("score"));
}

} // namespace
} // namespace lathe::test
