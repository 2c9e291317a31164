// --features: what is made of hidden states, against those that Transformers gave (tests/goldens).
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

constexpr double kTolerance = 1e-4;

/// A golden run of a base model with its hidden states; all have four layers or more.
struct GoldenStates {
  std::string family, model, name;
};

class FeaturesOf : public testing::TestWithParam<std::tuple<GoldenStates, std::string>> {
protected:
  GoldenCase golden() const {
    const GoldenStates &run = std::get<0>(GetParam());
    return {run.family, run.model, run.name, {}};
  }
  const std::string &features() const { return std::get<1>(GetParam()); }

  /// The golden states, the embeddings' first.
  std::vector<Tensor> states() const {
    const Tensors all = golden().expected();
    std::vector<Tensor> states;
    while (all.contains("hidden_states." + std::to_string(states.size())))
      states.push_back(all.at("hidden_states." + std::to_string(states.size())));
    return states;
  }
};

Tensor sumOf(const std::vector<Tensor> &parts) {
  std::vector<float> sum(parts.front().floats().size());
  for (const Tensor &part : parts)
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] += part.floats()[i];
  return Tensor::of(parts.front().shape, sum);
}

/// Along the last axis.
Tensor joined(const std::vector<Tensor> &parts) {
  std::vector<int64_t> shape = parts.front().shape;
  const int64_t width = shape.back(), rows = shape[0] * shape[1];
  shape.back() *= static_cast<int64_t>(parts.size());
  std::vector<float> values;
  for (int64_t row = 0; row < rows; ++row)
    for (const Tensor &part : parts) {
      const std::vector<float> floats = part.floats();
      values.insert(values.end(), floats.begin() + row * width, floats.begin() + (row + 1) * width);
    }
  return Tensor::of(shape, values);
}

Tensor featuresOf(const std::vector<Tensor> &states, const std::string &name) {
  const std::vector<Tensor> layers(states.begin() + 1, states.end()), lastFour(states.end() - 4, states.end());
  if (name == "embeddings")
    return states.front();
  if (name == "last")
    return states.back();
  if (name == "second-to-last")
    return states[states.size() - 2];
  if (name == "sum-last-4")
    return sumOf(lastFour);
  return name == "concat-last-4" ? joined(lastFour) : sumOf(layers);
}

TEST_P(FeaturesOf, AreMadeOfHiddenStates) {
  const Tensor expected = featuresOf(states(), features());
  const Arguments flags = {"--features", features()};
  const Tensors outputs = runTensors(compiled(golden().modelDirectory(), flags), golden().inputs());
  EXPECT_LE(relativeError(outputs.at("features"), expected), kTolerance);
  EXPECT_LE(relativeError(outputs.at("last_hidden_state"), golden().expected().at("last_hidden_state")), kTolerance)
      << "the model's own outputs stay";
  EXPECT_FALSE(outputs.contains("hidden_states.0"));
  const Tensors interpreted = runTensors(golden().modelDirectory(), golden().inputs(), with({"--interpret"}, flags));
  EXPECT_LE(relativeError(interpreted.at("features"), expected), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Golden, FeaturesOf,
    testing::Combine(testing::Values(GoldenStates{"bert", "base-deep", "holes-hidden-states"},
                                     GoldenStates{"modernbert", "base-odd", "ragged-hidden-states"}),
                     testing::Values("embeddings", "last", "second-to-last", "sum-last-4", "concat-last-4", "sum-all")),
    [](const auto &info) {
      std::string name = std::get<0>(info.param).family + "_" + std::get<1>(info.param);
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

TEST(Features, GoWithHiddenStates) {
  const GoldenCase golden = {"bert", "base-deep", "holes-hidden-states", {}};
  const Path artifact =
      compiled(golden.modelDirectory(), {"--emit", "hidden_states", "--features", "sum-last-4", "--isa", "avx512"});
  Tensors outputs = runTensors(artifact, golden.inputs()), expected = golden.expected();
  expected["features"] = outputs.at("features");
  EXPECT_LE(largestError(outputs, expected), kTolerance);
}

TEST(Features, MistakesAreNamed) {
  const Path shallow = goldens() / "bert/base-odd/model"; // of two layers
  const ScratchDirectory scratch;
  for (const char *features : {"sum-last-4", "concat-last-4"})
    expectRefusal(1, {"compile", shallow, "-o", scratch / "out", "--features", features},
                  {features, "4 layers", "has 2"});
  expectRefusal(1, {"compile", shallow, "-o", scratch / "out", "--features", "sum"},
                {"'sum'", "embeddings, last, second-to-last, sum-last-4, concat-last-4, sum-all"});
}

} // namespace
} // namespace lathe::test
