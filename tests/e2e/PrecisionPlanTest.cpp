// Models whose parts have several precisions: what the parts compute, what the artifact says of them, and that it can
// be compiled again from what it says.
#include "tests/e2e/Lathe.h"

#include <cmath>

namespace lathe::test {
namespace {

constexpr int kWrongInput = 1, kWrongUsage = 2;

GoldenCase caseOf(const std::string &family, const std::string &model) {
  for (const GoldenCase &run : goldenCases(family))
    if (run.model == model)
      return run;
  throw std::runtime_error("no case of " + model);
}

struct Mixture {
  const char *family, *model, *plan;
};
/// A stack whose layers are outputs; two kinds of layer that share weights; a head that reads a table.
constexpr Mixture kMixtures[] = {
    {"bert", "base-deep", R"({"default": "int8", "overrides": {"bert_layer 1": "f32", "bert_layer 2": "f32",
      "bert_layer 4": "bf16", "embeddings": "bf16"}})"},
    {"albert", "base-odd", R"({"default": "f32", "overrides": {"albert_layer 0": "int8", "head": "bf16"}})"},
    {"bert", "mlm-tied", R"({"default": "bf16", "overrides": {"bert_layer 0": "f32", "head": "int8"}})"},
};

class Mixtures : public testing::TestWithParam<Mixture> {
protected:
  Mixtures() { writeFile(plan(), GetParam().plan); }
  Path plan() const { return scratch / "plan.json"; }
  const ScratchDirectory scratch;
  const GoldenCase run = caseOf(GetParam().family, GetParam().model);
  const Arguments flags = with(run.flags, {"--precision-plan", plan()});
  const Arguments atOneLevel = with(flags, {"--isa", "avx512"});
};

TEST_P(Mixtures, AreWhatTheInterpreterGives) {
  const Tensors interpreted =
      runTensors(run.modelDirectory(), run.inputs(), with(flags, {"--interpret", "--stage", "precision"}));
  EXPECT_LE(largestError(runTensors(compiled(run.modelDirectory(), flags), run.inputs()), interpreted), 5e-2);
  EXPECT_GT(largestError(interpreted, run.expected()), 1e-4) << "nothing was rounded";
  EXPECT_LE(
      largestError(runTensors(compiled(run.modelDirectory(), with(atOneLevel, {"--no-graph-passes"})), run.inputs()),
                   interpreted),
      1e-1);
}

TEST_P(Mixtures, CanBeCompiledAgainFromTheManifest) {
  const Path artifact = compiled(run.modelDirectory(), atOneLevel);
  const Json plan = Json::parse(readFile(artifact / "manifest.json")).at("precision").at("plan");
  EXPECT_EQ(plan, Json::parse(GetParam().plan));
  const Path again = compiled(run.modelDirectory(),
                              with(run.flags, {"--precision-plan", artifact / "manifest.json", "--isa", "avx512"}));
  for (const char *file : {"manifest.json", "model.weights", "libmodel.so"})
    EXPECT_EQ(readFile(again / file), readFile(artifact / file)) << file;
}

TEST_P(Mixtures, NameLayersByTheirNumberInTheModel) {
  const Path artifact = compiled(run.modelDirectory(), atOneLevel);
  const Json manifest = Json::parse(readFile(artifact / "manifest.json"));
  const Json exact = Json::parse(readFile(
      compiled(run.modelDirectory(), with(run.flags, {"--precision", "bf16", "--isa", "avx512"})) / "manifest.json"));
  const auto names = [](const Json &manifest) {
    std::vector<std::string> layers;
    for (const Json &layer : manifest.at("precision").at("drift").at("layers"))
      layers.push_back(layer.at("name"));
    return layers;
  };
  EXPECT_EQ(names(manifest), names(exact));
  const std::string explained = latheOutput({"explain", artifact});
  for (const auto &[unit, precision] : manifest.at("precision").at("plan").at("overrides").items())
    if (unit.find(' ') != std::string::npos) {
      const size_t line = explained.find("\n  " + unit + " ");
      ASSERT_NE(line, std::string::npos) << unit;
      EXPECT_NE(explained.substr(line + 1, explained.find('\n', line + 1) - line - 1)
                    .find("in " + precision.get<std::string>()),
                std::string::npos)
          << explained.substr(line, 100);
    }
}

std::string nameOf(const testing::TestParamInfo<Mixture> &info) {
  std::string name = std::string(info.param.family) + "_" + info.param.model;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Goldens, Mixtures, testing::ValuesIn(kMixtures), nameOf);

TEST(PrecisionPlan, OfOnePrecisionIsThatPrecision) {
  const ScratchDirectory scratch;
  const Path model = goldens() / "demo-model";
  writeFile(scratch / "plan", R"({"default": "int8"})");
  const Path planned = compiled(model, {"--precision-plan", scratch / "plan"});
  const Path asked = compiled(model, {"--precision", "int8"});
  for (const char *file : {"manifest.json", "model.weights", "libmodel.so"})
    EXPECT_EQ(readFile(planned / file), readFile(asked / file)) << file;
}

TEST(PrecisionPlan, ThatCannotBeUsedIsAnError) {
  const ScratchDirectory scratch;
  const auto refuse = [&](const std::string &plan, const std::vector<std::string> &words) {
    writeFile(scratch / "plan", plan);
    expectRefusal(kWrongInput,
                  {"compile", goldens() / "demo-model", "-o", scratch / "out", "--precision-plan", scratch / "plan"},
                  words);
    EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
  };
  refuse("{", {"plan"});
  refuse("[]", {"plan", "object"});
  refuse("{}", {"plan", "default"});
  refuse(R"({"default": "fp7"})", {"default", "'fp7'", "f32, bf16, int8"});
  refuse(R"({"default": "f32", "overrides": {"head": "fp7"}})", {"overrides.head", "'fp7'"});
  refuse(R"({"default": "f32", "overrides": ["head"]})", {"overrides"});
  refuse(R"({"default": "f32", "layers": {}})", {"layers", "default, overrides, cache and attention"});
  refuse(R"({"default": "f32", "cache": "int4"})", {"cache", "'int4'", "int8"});
  refuse(R"({"default": "f32", "overrides": {"bert_layer 2": "int8"}})",
         {"no 'bert_layer 2'", "embeddings, bert_layer 0, bert_layer 1"});
  refuse(R"({"build_id": "0", "precision": {"weights": "int8"}})", {"precision.plan", "compile the model again"});
  expectRefusal(kWrongUsage,
                {"compile", goldens() / "demo-model", "-o", scratch / "out", "--precision", "int8", "--precision-plan",
                 scratch / "plan"},
                {"--precision", "--precision-plan"});
  expectRefusal(kWrongInput,
                {"compile", goldens() / "demo-model", "-o", scratch / "out", "--precision-plan", scratch / "absent"},
                {"absent"});
}

} // namespace
} // namespace lathe::test
