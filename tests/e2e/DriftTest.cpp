// The certificate of an artifact in another precision: that it says what is true, that it can be bounded, and that
// compare finds where two artifacts part.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

constexpr int kWrongInput = 1, kWrongUsage = 2;

Path demoModel() { return goldens() / "demo-model"; }
Json driftOf(const Path &artifact) {
  return Json::parse(readFile(artifact / "manifest.json")).at("precision").at("drift");
}
GoldenCase goldenCase() { return goldenCases("bert").front(); }
Path inputsOf(const GoldenCase &run) { return goldens() / run.family / run.model / run.name / "inputs.safetensors"; }

TEST(Drift, OfF32ThereIsNone) { EXPECT_EQ(driftOf(compiled(demoModel())), "none: f32 as stored"); }

TEST(Drift, IsWhatRunsOfBothGive) {
  const GoldenCase run = goldenCase();
  for (const char *precision : {"bf16", "int8", "int4"}) {
    Arguments flags = run.flags;
    const Path exact = compiled(run.modelDirectory(), flags);
    flags.insert(flags.end(), {"--precision", precision, "--calibrate", inputsOf(run), "--isa", "avx512"});
    const Path rounded = compiled(run.modelDirectory(), flags);
    const Json drift = driftOf(rounded);
    const Tensors expected = runTensors(exact, run.inputs()), found = runTensors(rounded, run.inputs());
    double largest = 0;
    ASSERT_EQ(drift.at("outputs").size(), expected.size());
    for (const Json &output : drift.at("outputs")) {
      const std::string name = output.at("name");
      EXPECT_NEAR(output.at("relative").get<double>(), relativeError(found.at(name), expected.at(name)), 1e-12) << name;
      EXPECT_GT(output.at("relative"), 0);
      EXPECT_LT(output.at("mean"), output.at("max"));
      EXPECT_GT(output.at("cosine"), 0.9);
      largest = std::max(largest, output.at("relative").get<double>());
    }
    EXPECT_EQ(drift.at("relative"), largest);
    EXPECT_EQ(drift.at("inputs").at("what"), "inputs.safetensors");
    EXPECT_EQ(drift.at("inputs").at("sequences"), run.inputs().at("input_ids").shape[0]);
    const Json config = Json::parse(readFile(run.modelDirectory() / "config.json"));
    EXPECT_EQ(drift.at("layers").size(), config.at("num_hidden_layers"));
  }
}

TEST(Drift, IsMeasuredOnRandomIdsUnasked) {
  const Path artifact = compiled(demoModel(), {"--precision", "int8"});
  EXPECT_EQ(driftOf(artifact).at("inputs").at("what"), "random ids");
  const std::string explained = latheOutput({"explain", artifact});
  for (const char *words : {"random ids", "cosine", "sentence_embedding", "bert_layer 0"})
    EXPECT_NE(explained.find(words), std::string::npos) << words;
}

TEST(Drift, TextsAreInputs) {
  const ScratchDirectory scratch;
  writeFile(scratch / "texts", "A man is eating.\n\nSomeone has a meal.\n");
  const Path artifact = compiled(demoModel(), {"--precision", "bf16", "--calibrate", scratch / "texts"});
  EXPECT_EQ(driftOf(artifact).at("inputs").at("sequences"), 2);
  EXPECT_EQ(driftOf(artifact).at("inputs").at("what"), "texts");
}

TEST(Drift, CanBeBounded) {
  const ScratchDirectory scratch;
  writeFile(scratch / "texts", "A man is eating.\n");
  Arguments compile = {"compile", demoModel(), "-o", scratch / "out", "--precision", "int8", "--max-drift", "1e-9"};
  expectRefusal(kWrongUsage, compile, {"--max-drift", "--calibrate"});
  compile.insert(compile.end(), {"--calibrate", scratch / "texts"});
  expectRefusal(kWrongInput, compile, {"--max-drift 1.00e-09", "int8"});
  EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
  compile[7] = "-1";
  expectRefusal(kWrongInput, compile, {"--max-drift is -1", "0 and more"});
  compile[7] = "0.5";
  latheOutput(compile);
  EXPECT_TRUE(std::filesystem::exists(scratch / "out" / "manifest.json"));
}

TEST(Drift, LinearAttentionIsAskedForTwiceAndCertified) {
  const GoldenCase run = goldenCase();
  const ScratchDirectory scratch;
  const Arguments linear = {"--attention", "linear"}, accepted = {"--attention", "linear", "--allow-approximate"};
  Arguments refused = {"compile", run.modelDirectory(), "-o", scratch / "out"};
  refused.insert(refused.end(), linear.begin(), linear.end());
  expectRefusal(kWrongInput, refused, {"--attention linear", "softmax", "--allow-approximate"});
  EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
  // Where the config says so it is what the model computes.
  std::filesystem::copy(run.modelDirectory(), scratch / "model");
  Json config = Json::parse(readFile(scratch / "model" / "config.json"));
  config["attention_type"] = "linear";
  writeFile(scratch / "model" / "config.json", config.dump());
  const Path meant = compiled(scratch / "model", linear), approximate = compiled(run.modelDirectory(), accepted);
  EXPECT_EQ(driftOf(meant), "none: f32 as stored");
  const Tensors expected = runTensors(meant, run.inputs()), found = runTensors(approximate, run.inputs());
  for (const auto &[name, output] : expected)
    EXPECT_EQ(found.at(name).floats(), output.floats()) << name;
  EXPECT_GT(driftOf(approximate).at("relative"), 1e-3);
  EXPECT_NE(latheOutput({"explain", approximate}).find("linear attention in place of softmax"), std::string::npos);
  // An artifact's plan says so, too.
  refused = {"compile", run.modelDirectory(), "-o", scratch / "out", "--precision-plan", approximate / "manifest.json"};
  expectRefusal(kWrongInput, refused, {"--attention linear", "--allow-approximate"});
}

TEST(Drift, OfACacheInInt8IsThatOfLogitsThroughIt) {
  const Path model = goldens() / "gpt2/lm/model";
  const Path exact = compiled(model), artifact = compiled(model, {"--cache", "int8"});
  std::map<std::string, double> drift;
  const Json certificate = driftOf(artifact);
  for (const Json &output : certificate.at("outputs"))
    drift[output.at("name")] = output.at("relative");
  EXPECT_EQ(drift.at("logits"), 0) << "the entry without a cache is in f32";
  EXPECT_GT(drift.at("logits through the cache"), 1e-4);
  EXPECT_LT(drift.at("logits through the cache"), 5e-2);
  const auto pageBytes = [](const Path &of) {
    return Json::parse(readFile(of / "manifest.json")).at("generation").at("cache").at("page_bytes").get<double>();
  };
  EXPECT_LT(pageBytes(artifact), 0.4 * pageBytes(exact)) << "heads of 20 columns, and a step for each";
  EXPECT_NE(latheOutput({"explain", artifact}).find("kept in int8"), std::string::npos);

  const ScratchDirectory scratch;
  latheOutput({"compile", model, "-o", scratch / "again", "--precision-plan", artifact / "manifest.json"});
  EXPECT_EQ(pageBytes(scratch / "again"), pageBytes(artifact));
  expectRefusal(kWrongInput, {"compile", model, "-o", scratch / "out", "--cache", "int4"}, {"int4", "model and int8"});
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", scratch / "out", "--cache", "int8"},
                {"--cache int8", "keeps nothing"});
  EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
}

TEST(Drift, InputsThatCannotBeReadAreNamed) {
  const ScratchDirectory scratch;
  writeFile(scratch / "empty", "\n\n");
  writeFile(scratch / "damaged.safetensors", "no header");
  for (const char *file : {"absent", "empty", "damaged.safetensors"})
    expectRefusal(kWrongInput,
                  {"compile", demoModel(), "-o", scratch / "out", "--precision", "int8", "--calibrate", scratch / file},
                  {file});
  EXPECT_FALSE(std::filesystem::exists(scratch / "out"));
}

TEST(Compare, NamesTheStepInWhichArtifactsPart) {
  const GoldenCase run = goldenCase();
  Arguments flags = run.flags;
  const Path exact = compiled(run.modelDirectory(), flags);
  flags.insert(flags.end(), {"--precision", "bf16"});
  const ProcessResult apart =
      lathe({"compare", exact, compiled(run.modelDirectory(), flags), "--inputs", inputsOf(run)});
  EXPECT_EQ(apart.exitCode, kWrongInput);
  EXPECT_NE(apart.err.find("first apart in step encode/embeddings, call 0"), std::string::npos) << apart.err;
  EXPECT_EQ(lathe({"compare", exact, exact, "--inputs", inputsOf(run)}).exitCode, 0);
}

} // namespace
} // namespace lathe::test
