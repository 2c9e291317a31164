// Models in other precisions than f32: compiled code against the interpreter, which rounds what they round, and against
// Transformers in f32, from which they drift.
#include "tests/e2e/Lathe.h"

#include <cmath>

namespace lathe::test {
namespace {

/// Against the interpreter: sums in another order bring one factor in some hundreds to the other side of a tie, 2^-8 of
/// its size away. Against f32: what rounding does to these tiny models of random weights at most.
constexpr double kBf16Tolerance = 1.5e-2, kBf16Drift = 8e-2;

Arguments with(Arguments flags, const Arguments &more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

/// The largest error among outputs of the same names.
double largestError(const Tensors &outputs, const Tensors &expected) {
  EXPECT_EQ(outputs.size(), expected.size());
  double largest = 0;
  for (const auto &[name, value] : expected)
    largest = std::max(largest, outputs.contains(name) ? relativeError(outputs.at(name), value) : INFINITY);
  return largest;
}

class Bf16 : public testing::TestWithParam<GoldenCase> {
protected:
  const GoldenCase &run = GetParam();
  Path artifact(const Arguments &more = {}) const {
    return compiled(run.modelDirectory(), with(with(run.flags, {"--precision", "bf16"}), more));
  }
};

TEST_P(Bf16, IsWhatTheInterpreterGives) {
  const Tensors interpreted =
      runTensors(run.modelDirectory(), run.inputs(),
                 with(run.flags, {"--interpret", "--stage", "precision", "--precision", "bf16"}));
  EXPECT_LE(largestError(runTensors(artifact(), run.inputs()), interpreted), kBf16Tolerance);
  EXPECT_LE(largestError(interpreted, run.expected()), kBf16Drift);
  EXPECT_GT(largestError(interpreted, run.expected()), 1e-4) << "nothing was rounded";
}

TEST_P(Bf16, IsTheSameUnfused) {
  EXPECT_LE(largestError(runTensors(artifact({"--no-graph-passes"}), run.inputs()), run.expected()), kBf16Drift);
}

/// One of each model.
std::vector<GoldenCase> oneOfEach() {
  std::vector<GoldenCase> cases;
  for (const char *family : kGoldenFamilies)
    for (const GoldenCase &run : goldenCases(family))
      if (cases.empty() || cases.back().model != run.model)
        cases.push_back(run);
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Goldens, Bf16, testing::ValuesIn(oneOfEach()), testName);

TEST(Bf16Artifact, SaysWhatItIsAndHalvesItsWeights) {
  const Path model = goldens() / "demo-model", bf16 = compiled(model, {"--precision", "bf16"}), f32 = compiled(model);
  const Json manifest = Json::parse(readFile(bf16 / "manifest.json"));
  EXPECT_EQ(manifest.at("precision").at("compute"), "bf16");
  EXPECT_EQ(manifest.at("isa_levels"), Json({"avx512", "avx512_bf16"}));
  EXPECT_NE(latheOutput({"explain", bf16}).find("bf16"), std::string::npos);
  EXPECT_EQ(Json::parse(readFile(f32 / "manifest.json")).at("precision").at("compute"), "f32");
  const auto weightBytes = [&](const Path &artifact) {
    return Json::parse(latheOutput({"explain", artifact, "--json"}))
        .at("entries")[0]
        .at("weight_bytes")
        .at("fixed")
        .get<double>();
  };
  EXPECT_LT(weightBytes(bf16), 0.52 * weightBytes(f32));
}

/// Both levels round the same factors; their sums differ as sums in f32 do.
TEST(Bf16Artifact, LevelsAgree) {
  const Path artifact = compiled(goldens() / "demo-model", {"--precision", "bf16"});
  Json results[2];
  for (int i : {0, 1}) {
    ProcessOptions options;
    options.environment = {{"LATHE_ISA", i ? "avx512_bf16" : "avx512"}};
    const ProcessResult result = lathe({"run", artifact, "--text", "A sentence.", "--json"}, options);
    if (result.exitCode != 0 && result.err.find("above this CPU") != std::string::npos)
      GTEST_SKIP() << result.err;
    ASSERT_EQ(result.exitCode, 0) << result.err;
    results[i] = Json::parse(result.out)[0].at("embedding");
  }
  for (size_t i = 0; i < results[0].size(); ++i)
    EXPECT_NEAR(results[0][i].get<double>(), results[1][i].get<double>(), kBf16Tolerance);
}

} // namespace
} // namespace lathe::test
