// What a run does, read from manifests: as compile writes them, and as nobody should.
#include "compiler/driver/bench/Work.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace lathe::test {
namespace {

using Json = nlohmann::json;

class Manifest : public testing::Test {
protected:
  llvm::Expected<std::vector<StepWork>> read(const std::vector<int64_t> &lengths = {3, 5}) {
    std::ofstream(work / "manifest.json") << manifest.dump();
    llvm::Expected<Artifact> artifact = Artifact::open(work.path().string());
    if (!artifact)
      return artifact.takeError();
    return readSteps(*artifact, makeWorkload(lengths, 10));
  }
  /// Of three tokens behind each of two prompts of four.
  llvm::Expected<std::vector<StepWork>> readWriting(int64_t beams, bool promptsOnly = false) {
    std::ofstream(work / "manifest.json") << manifest.dump();
    Artifact artifact = llvm::cantFail(Artifact::open(work.path().string()));
    Workload workload = makeWorkload({4, 4}, 10);
    workload.generation = {3, beams};
    return promptsOnly ? readPromptSteps(artifact, workload) : readSteps(artifact, workload);
  }
  /// Reading must fail once step 0 has `value` as its `field`.
  void expectRefused(const char *field, const Json &value, std::initializer_list<std::string> words) {
    SCOPED_TRACE(value.dump());
    Json sound = manifest;
    manifest["entries"][0]["steps"][0][field] = value;
    expectError(read(), words);
    manifest = sound;
  }

  TemporaryDirectory work;
  Json manifest = {{"lathe_version", "0.1.0"},
                   {"abi_version", LATHE_ABI_VERSION},
                   {"name", "m"},
                   {"build_id", std::string(32, 'a')},
                   {"model", {{"task", "base"}}},
                   {"weights", {{"bytes", 4096}, {"blake3", std::string(64, 'b')}, {"embedded", false}}},
                   {"files", Json::array()},
                   {"entries",
                    {{{"name", "encode"},
                      {"steps",
                       {{{"name", "e/embeddings"},
                         {"kernel", "embed"},
                         {"calls", 1},
                         {"flops", Json::object()},
                         {"weight_bytes", {{"fixed", 7}, {"per_token", 10}, {"per_longest", 100}}},
                         {"activation_bytes", {{"per_token", 1}}}},
                        {{"name", "l/attention"},
                         {"kernel", "attention"},
                         {"calls", 12},
                         {"flops", {{"per_token_pair", 2}, {"per_sequence", 1000}}},
                         {"weight_bytes", Json::object()},
                         {"activation_bytes", {{"per_sequence", 4}}}}}}}}}};
};

TEST_F(Manifest, FormulasAreOfTheWorkload) {
  std::vector<StepWork> steps = llvm::cantFail(read());
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].name, "e/embeddings");
  EXPECT_EQ(steps[0].work.flops, 0);
  EXPECT_EQ(steps[0].work.weightBytes, 7 + 10 * 8 + 100 * 5);
  EXPECT_EQ(steps[0].work.bytes(), 7 + 10 * 8 + 100 * 5 + 8);
  EXPECT_EQ(steps[1].kernel, "attention");
  EXPECT_EQ(steps[1].calls, 12);
  EXPECT_EQ(steps[1].work.flops, 2 * (9 + 25) + 1000 * 2) << "padding is not counted";
}

TEST_F(Manifest, ARunCallsEachStepAsOftenAsThereAreLayers) {
  Work run = sumOf(llvm::cantFail(read()));
  EXPECT_EQ(run.flops, 12 * (2 * (9 + 25) + 1000 * 2));
  EXPECT_EQ(run.weightBytes, 7 + 10 * 8 + 100 * 5);
  EXPECT_EQ(run.activationBytes, 8 + 12 * 8);
}

/// An entry of the decoder, of one step with two calls.
Json entryOf(const char *name, const Json &flops, const Json &bytes) {
  return {{"steps",
           {{{"name", name},
             {"kernel", "k"},
             {"calls", 2},
             {"flops", flops},
             {"weight_bytes", bytes},
             {"activation_bytes", Json::object()}}}}};
}

/// A pass over prompts of 4, then one token each behind 4 and 5, which see 5 and 6.
TEST_F(Manifest, WritingIsPassesOfTheDecoder) {
  manifest["generation"]["decoder"] = {
      {"decode", entryOf("layer", {{"per_causal_pair", 1}, {"per_token", 100}}, {{"fixed", 10}, {"per_longest", 1}})},
      {"logits", entryOf("head", {{"per_token", 1}}, {{"fixed", 7}})},
      {"best", entryOf("greedy", {{"per_token", 1}}, {{"fixed", 7}})}};
  for (int64_t beams : {1, 3}) {
    const double rows = 2 * beams;
    std::vector<StepWork> steps = llvm::cantFail(readWriting(beams));
    ASSERT_EQ(steps.size(), 2u);
    EXPECT_EQ(steps[0].name, "layer");
    EXPECT_EQ(steps[1].name, beams == 1 ? "greedy" : "head");
    EXPECT_EQ(steps[0].calls, 2 * 3);
    const Work run = sumOf(steps), prompt = sumOf(llvm::cantFail(readWriting(beams, /*promptsOnly=*/true)));
    EXPECT_DOUBLE_EQ(prompt.flops, 2 * (2 * 10 + 100 * 8) + 2 * 2);
    EXPECT_DOUBLE_EQ(prompt.weightBytes, 2 * (10 + 4) + 2 * 7);
    EXPECT_DOUBLE_EQ(run.flops, prompt.flops + 2 * (rows * (5 + 6) + 2 * 100 * rows) + 2 * 2 * rows);
    EXPECT_DOUBLE_EQ(run.weightBytes, prompt.weightBytes + 2 * 2 * (10 + 1) + 2 * 2 * 7);
  }
  manifest["generation"]["decoder"].erase("best");
  expectError(readWriting(1), {"manifest.json", "entry best", "compile the model again"});
  manifest.erase("generation");
  expectError(readWriting(1), {"task 'base'", "lathe generate"});
}

/// The encoder's pass over prompts of 4, and three of the decoder, over the first, second and third token of each text,
/// which see as many, and the prompt.
TEST_F(Manifest, WritingFromASourceHasAPassOfTheEncoder) {
  manifest["generation"]["decoder"] = {
      {"source", entryOf("read", {{"per_token", 10}, {"per_token_pair", 1}}, {{"fixed", 20}, {"per_token", 1}})},
      {"decode",
       entryOf("layer", {{"per_token", 100}, {"per_causal_pair", 1}, {"per_cross_pair", 1000}}, {{"fixed", 10}})},
      {"logits", entryOf("head", {{"per_token", 1}}, {{"fixed", 7}})},
      {"best", entryOf("greedy", {{"per_token", 1}}, {{"fixed", 7}})}};
  for (int64_t beams : {1, 3}) {
    const double rows = 2 * beams;
    std::vector<StepWork> steps = llvm::cantFail(readWriting(beams));
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[0].calls, 2 * 3);
    EXPECT_EQ(steps[1].calls, 2 * 3);
    EXPECT_EQ(steps[2].name, "read") << "in the order of profiles";
    EXPECT_EQ(steps[2].calls, 2);
    const Work run = sumOf(steps), prompt = sumOf(llvm::cantFail(readWriting(beams, /*promptsOnly=*/true)));
    EXPECT_DOUBLE_EQ(prompt.flops, 2 * (10 * 8 + 2 * 16));
    EXPECT_DOUBLE_EQ(prompt.weightBytes, 2 * (20 + 8));
    const double first = 2 * (100 + 1 + 4 * 1000 + 1), others = rows * (2 * 100 + (2 + 3) + 2 * 4 * 1000 + 2);
    EXPECT_DOUBLE_EQ(run.flops, prompt.flops + 2 * (first + others));
    EXPECT_DOUBLE_EQ(run.weightBytes, prompt.weightBytes + 2 * 3 * (10 + 7));
  }
}

/// A pass of an encoder and a decoder over as many tokens: 3 and 5 of each.
TEST_F(Manifest, FormulasOfTwoAxesAreOfTheWorkload) {
  manifest["entries"][0]["steps"][0]["flops"] = {
      {"per_target", 1}, {"per_target_pair", 100}, {"per_causal_target_pair", 10000}, {"per_cross_pair", 1000000}};
  EXPECT_EQ(llvm::cantFail(read())[0].work.flops, 8 + 34 * 100 + (6 + 15) * 10000 + 34 * 1000000);
}

TEST_F(Manifest, SaysThePrecision) {
  auto precision = [&] {
    llvm::cantFail(read());
    return precisionOf(llvm::cantFail(Artifact::open(work.path().string())));
  };
  for (Precision known : allPrecisions) {
    manifest["precision"] = {{"weights", nameOf(known)}};
    EXPECT_EQ(llvm::cantFail(precision()), known);
  }
  manifest["precision"] = {{"weights", "bf16"}, {"plan", {{"overrides", {{"head", "f32"}, {"layer 0", "int8"}}}}}};
  EXPECT_EQ(llvm::cantFail(precision()), Precision::Int8) << "the coarsest of its parts";
  for (const Json &wrong : {Json("f16"), Json(8), Json()}) {
    manifest["precision"]["weights"] = wrong;
    expectError(precision(), {"manifest.json", "precision.weights", "f32, bf16, int8, int4"});
  }
  manifest.erase("precision");
  expectError(precision(), {"precision.weights is '?'"});
}

TEST(Precision, OfAKernelIsItsFamilys) {
  EXPECT_EQ(precisionOfKernel("lathe_gemm_f32"), Precision::F32);
  EXPECT_EQ(precisionOfKernel("lathe_gemm_bf16_bias_gelu_y_bf16"), Precision::BF16);
  EXPECT_EQ(precisionOfKernel("lathe_gemm_s8_y_bf16"), Precision::Int8);
  EXPECT_EQ(precisionOfKernel("lathe_quantize_u8"), Precision::Int8);
  EXPECT_EQ(precisionOfKernel("lathe_gemm_s4_bias_g32"), Precision::Int4);
  EXPECT_EQ(precisionOfKernel("lathe_halide"), Precision::F32);
  EXPECT_EQ(kernelStem("lathe_gemm_s8_y_bf16"), "lathe_gemm");
  EXPECT_EQ(kernelStem("lathe_halide"), "lathe_halide");
}

TEST(Work, WeightsTakeTheBytesOfTheirPrecision) {
  Work f32 = {.flops = 3, .weightBytes = 640, .activationBytes = 5};
  EXPECT_EQ(withWeightsIn(Precision::BF16, f32, Precision::F32).weightBytes, 320);
  EXPECT_EQ(withWeightsIn(Precision::Int8, f32, Precision::F32).weightBytes, 160);
  EXPECT_EQ(withWeightsIn(Precision::Int4, f32, Precision::F32).weightBytes, 82.5);
  EXPECT_EQ(withWeightsIn(Precision::F32, f32, Precision::BF16).weightBytes, 1280);
  EXPECT_EQ(withWeightsIn(Precision::Int8, f32, Precision::F32).flops, 3);
}

TEST_F(Manifest, ThatLiesIsRefused) {
  expectRefused("calls", -1, {"manifest.json", "e/embeddings", "'-1'"});
  expectRefused("calls", "many", {"e/embeddings", "many"});
  expectRefused("flops", 3, {"e/embeddings", "flops"});
  expectRefused("weight_bytes", {{"per_token", "ten"}}, {"e/embeddings", "weight_bytes.per_token"});
  for (const Json &steps : {Json(3), Json(), Json({1})}) {
    manifest["entries"][0]["steps"] = steps;
    expectError(read(), {"manifest.json", "step"});
  }
  manifest.erase("entries");
  expectError(read(), {"manifest.json", "steps"});
}

} // namespace
} // namespace lathe::test
