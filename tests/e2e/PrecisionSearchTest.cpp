// --max-drift through the executable: which part of a model is raised, and what is said of it.
#include "tests/e2e/Lathe.h"

#include <algorithm>

namespace lathe::test {
namespace {

constexpr int kWrongInput = 1;

Json precisionOf(const Path &artifact) { return Json::parse(readFile(artifact / "manifest.json")).at("precision"); }
double driftOf(const Path &artifact) { return precisionOf(artifact).at("drift").at("relative"); }

/// base-deep, five layers of random weights, but of one of them a linear has an outlier in each row: so large that a
/// step of int8 is as large as the other weights.
class OneSensitiveLayer : public testing::Test {
protected:
  static constexpr const char *sensitive = "bert_layer 2";

  OneSensitiveLayer() {
    const Path from = goldens() / "bert" / "base-deep";
    std::filesystem::copy(from / "model", model, std::filesystem::copy_options::recursive);
    Tensors tensors = readTensors(from / "model" / "model.safetensors");
    Tensor &weight = tensors.at("encoder.layer.2.output.dense.weight");
    std::vector<float> values = weight.floats();
    for (size_t row = 0; row < size_t(weight.shape[0]); ++row)
      values[row * weight.shape[1] + row % 5] = 12;
    weight = Tensor::of(weight.shape, values);
    std::filesystem::remove(model / "model.safetensors");
    writeTensors(model / "model.safetensors", tensors);
    inputs = from / "ragged" / "inputs.safetensors";
  }
  Arguments within(const std::string &bound) const {
    return {"--precision", "int8", "--max-drift", bound, "--calibrate", inputs, "--isa", "avx512"};
  }

  const ScratchDirectory scratch;
  const Path model = scratch / "model";
  Path inputs;
};

TEST_F(OneSensitiveLayer, IsTheOneThatIsRaised) {
  const double inInt8 = driftOf(compiled(model, {"--precision", "int8", "--calibrate", inputs}));
  const std::string bound = std::to_string(0.5 * inInt8);
  const Path artifact = scratch / "out";
  const ProcessResult result = lathe([&] {
    Arguments arguments = {"compile", model, "-o", artifact, "--name", "model"};
    const Arguments more = within(bound);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }());
  ASSERT_EQ(result.exitCode, 0) << result.err;
  const Json precision = precisionOf(artifact), search = precision.at("search");
  EXPECT_EQ(precision.at("plan").at("default"), "int8");
  ASSERT_EQ(precision.at("plan").at("overrides").size(), 1u) << precision.at("plan");
  EXPECT_TRUE(precision.at("plan").at("overrides").contains(sensitive)) << precision.at("plan");

  // What is said of it: the drift is measured on this very plan, and is that of the runs.
  EXPECT_LE(driftOf(artifact), 0.5 * inInt8);
  EXPECT_EQ(search.at("measured").front().at("relative"), inInt8);
  EXPECT_EQ(search.at("measured").back().at("relative"), driftOf(artifact));
  EXPECT_EQ(search.at("measured").back().at("plan"), precision.at("plan"));
  const Tensors ids = readTensors(inputs);
  const Tensors exact = runTensors(compiled(model), ids), found = runTensors(artifact, ids);
  double largest = 0;
  for (const auto &[name, value] : exact)
    largest = std::max(largest, relativeError(found.at(name), value));
  EXPECT_NEAR(driftOf(artifact), largest, 1e-12);

  // Progress and explain show it.
  EXPECT_NE(result.err.find(std::string("but bf16: ") + sensitive), std::string::npos) << result.err;
  const std::string explained = latheOutput({"explain", artifact});
  for (const char *words : {"precisions searched", "alone in a precision", "in bf16"})
    EXPECT_NE(explained.find(words), std::string::npos) << words;

  // Sensitivities are what compiling a part alone gives.
  double mostOfOthers = 0, own = 0;
  for (const Json &part : search.at("sensitivities"))
    (part.at("parts") == Json::array({sensitive}) ? own : mostOfOthers) =
        std::max(part.at("relative").at("int8").get<double>(),
                 part.at("parts") == Json::array({sensitive}) ? own : mostOfOthers);
  EXPECT_GT(own, mostOfOthers);
  writeFile(scratch / "alone", Json({{"default", "f32"}, {"overrides", {{sensitive, "int8"}}}}).dump());
  const double alone = driftOf(compiled(model, {"--precision-plan", scratch / "alone", "--calibrate", inputs}));
  EXPECT_NEAR(own, alone, 0.2 * alone);
}

TEST_F(OneSensitiveLayer, IsFoundAgain) {
  const double inInt8 = driftOf(compiled(model, {"--precision", "int8", "--calibrate", inputs}));
  Arguments flags = within(std::to_string(inInt8 / 3));
  const Path first = compiled(model, flags);
  std::rotate(flags.begin(), flags.begin() + 2, flags.end()); // the same said in another order: another compile
  const Path second = compiled(model, flags);
  ASSERT_NE(first, second);
  for (const char *file : {"manifest.json", "model.weights", "libmodel.so"})
    EXPECT_EQ(readFile(first / file), readFile(second / file)) << file;
}

TEST_F(OneSensitiveLayer, StaysAsCheapAsItMay) {
  const Path cheapest = compiled(model, {"--precision", "int8", "--calibrate", inputs, "--isa", "avx512"});
  const Path artifact = compiled(model, within(std::to_string(driftOf(cheapest) * 1.01)));
  EXPECT_EQ(precisionOf(artifact).at("plan").at("overrides"), Json::object());
  EXPECT_EQ(precisionOf(artifact).at("search").at("measured").size(), 1u);
  EXPECT_EQ(readFile(artifact / "model.weights"), readFile(cheapest / "model.weights"));
}

TEST_F(OneSensitiveLayer, CannotDriftLessThanAnyRounding) {
  Arguments arguments = {"compile", model, "-o", scratch / "out"};
  const Arguments more = within("1e-8");
  arguments.insert(arguments.end(), more.begin(), more.end());
  expectRefusal(kWrongInput, arguments, {"--max-drift 1.00e-08", "f32, bf16, int8", "least drift", "--precision f32"});
  EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
}

/// The user's own plan is bounded, and not changed.
TEST_F(OneSensitiveLayer, IsNotRaisedInAPlanThatIsGiven) {
  writeFile(scratch / "plan", R"({"default": "int8"})");
  expectRefusal(kWrongInput,
                {"compile", model, "-o", scratch / "out", "--precision-plan", scratch / "plan", "--max-drift", "1e-3",
                 "--calibrate", inputs},
                {"--max-drift 1.00e-03", "in int8"});
}

TEST(PrecisionSearch, RaisesLayersOfOneWeightTogether) {
  const Path directory = goldens() / "albert" / "base-odd";
  Path inputs;
  for (const GoldenCase &run : goldenCases("albert"))
    if (run.model == "base-odd")
      inputs = directory / run.name / "inputs.safetensors";
  const Path model = directory / "model";
  const double inInt8 = driftOf(compiled(model, {"--precision", "int8", "--calibrate", inputs}));
  const Json plan = precisionOf(compiled(model, {"--precision", "int8", "--max-drift", std::to_string(inInt8 / 4),
                                                 "--calibrate", inputs}))
                        .at("plan")
                        .at("overrides");
  EXPECT_FALSE(plan.empty());
  const auto of = [&](const char *unit) { return plan.value(unit, "int8"); };
  EXPECT_EQ(of("albert_layer 0"), of("albert_layer 1"));
  EXPECT_EQ(of("albert_layer 2"), of("albert_layer 3"));
}

} // namespace
} // namespace lathe::test
