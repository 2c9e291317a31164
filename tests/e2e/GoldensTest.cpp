// Tiny models against Transformers: what the interpreter, the graph form, compiled and unfused code compute from every
// golden directory. tests/goldens/encoder_goldens.py says how the numbers were made.
#include "tests/e2e/Lathe.h"
#include "tests/support/Thorough.h"

namespace lathe::test {
namespace {

/// The run's bound on max |y - expected| / max(1, max |expected|), from its family's manifest.
double tolerance(const GoldenCase &run, const char *kind) {
  return Json::parse(readFile(goldens() / run.family / "cases.json")).at("tolerance").at(kind);
}

bool givesAttentions(const GoldenCase &run) {
  return std::any_of(run.flags.begin(), run.flags.end(),
                     [](const std::string &flag) { return flag.find("attentions") != std::string::npos; });
}

/// Of attention's probabilities, [sequences, heads, queries, keys], where the last `columns` of queries and keys of
/// each row are masked or not; what stands before them is not.
void expectNoneToOrFromPadding(const Tensor &probabilities, const std::vector<int64_t> &mask, size_t columns) {
  const std::vector<float> values = probabilities.floats();
  const size_t heads = probabilities.shape[1], queries = probabilities.shape[2], keys = probabilities.shape[3];
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t row = i / (heads * queries * keys), query = i / keys % queries, key = i % keys;
    const auto isToken = [&](size_t at, size_t count) {
      return at + columns < count || mask[row * columns + at + columns - count];
    };
    if (!isToken(query, queries) || !isToken(key, keys)) {
      ASSERT_EQ(values[i], 0) << "from " << query << " to " << key;
    }
  }
}

/// The same names, shapes and, within tolerance, the same numbers; padding exactly zero.
void expectClose(const Tensors &outputs, const GoldenCase &golden, double tolerance) {
  const Tensors expected = golden.expected();
  for (const auto &[name, value] : outputs)
    EXPECT_TRUE(expected.contains(name)) << "unexpected output " << name;
  for (const auto &[name, reference] : expected) {
    const bool ofTargets = expected.contains("encoder_last_hidden_state") && !name.starts_with("encoder_");
    const Tensor maskTensor = maskOf(golden.inputs(), ofTargets);
    const std::vector<int64_t> mask = maskTensor.integers();
    ASSERT_TRUE(outputs.contains(name)) << "missing output " << name;
    const Tensor &value = outputs.at(name);
    ASSERT_EQ(value.shape, reference.shape) << name;
    EXPECT_LE(relativeError(value, reference), tolerance) << name;
    if (name.starts_with("attentions."))
      expectNoneToOrFromPadding(value, mask, maskTensor.shape.back());
    const bool mayBePerToken = !name.starts_with("attentions.") && !name.starts_with("mems.");
    const bool perToken = mayBePerToken && value.shape.size() >= maskTensor.shape.size() &&
                          std::equal(maskTensor.shape.begin(), maskTensor.shape.end(), value.shape.begin());
    if (!perToken)
      continue;
    const std::vector<float> values = value.floats();
    const size_t width = values.size() / mask.size();
    for (size_t i = 0; i < values.size(); ++i)
      if (!mask[i / width]) {
        ASSERT_EQ(values[i], 0) << name << ": padded position " << i / width << " is not zero";
      }
  }
}

class Goldens : public testing::TestWithParam<GoldenCase> {};

TEST_P(Goldens, InterpretedAsImported) {
  const GoldenCase &run = GetParam();
  const Arguments flags = with(run.flags, {"--interpret", "--stage", "import"});
  expectClose(runTensors(run.modelDirectory(), run.inputs(), flags), run, tolerance(run, "interpreter"));
}

TEST_P(Goldens, InterpretedAfterGraphPasses) {
  const GoldenCase &run = GetParam();
  const Arguments flags = with(run.flags, {"--interpret", "--stage", "graph"});
  expectClose(runTensors(run.modelDirectory(), run.inputs(), flags), run, tolerance(run, "interpreter"));
}

TEST_P(Goldens, Compiled) {
  const GoldenCase &run = GetParam();
  expectClose(runTensors(compiled(run.modelDirectory(), run.flags), run.inputs()), run, tolerance(run, "compiled"));
}

TEST_P(Goldens, CompiledUnfused) {
  const GoldenCase &run = GetParam();
  // Families' configurations differ in what is fused; without fusions, many are the same program: of each family its
  // first model is compiled so, and of the others some.
  if (std::hash<std::string>()(run.family + run.model) % oneIn(4) && run.model != goldenCases(run.family)[0].model)
    GTEST_SKIP() << "a family's first model and one in four: ./dev test --all does not leave out the others";
  const Path artifact = compiled(run.modelDirectory(), with(run.flags, {"--no-graph-passes"}));
  expectClose(runTensors(artifact, run.inputs()), run, tolerance(run, "compiled"));
}

/// Of every model; what a family's fusions decline, it would have to state a reason for here. Attention whose
/// probabilities are asked for is in parts, and says why. Linear attention, and that of chunks, has no parts that could
/// be fused.
TEST_P(Goldens, FusesAttentionAndRemovesPadding) {
  const GoldenCase &run = GetParam();
  const bool wanted = !givesAttentions(run);
  const Json manifest = Json::parse(readFile(compiled(run.modelDirectory(), run.flags) / "manifest.json"));
  int attentions = 0, packed = 0;
  for (const Json &fusion : manifest.at("fusions")) {
    const bool fuses = fusion.at("pass") == "FuseAttention", packs = fusion.at("pass") == "PackTokens";
    if (!fuses && !packs)
      continue;
    attentions += fuses;
    packed += packs;
    // SigLIP's head asks an image one question, and Transformers does not give the probabilities of that.
    const bool isHead = run.family == "siglip" && fuses && !fusion.at("where").get<std::string>().ends_with("_layer");
    EXPECT_EQ(fusion.at("made"), wanted || isHead) << fusion;
    EXPECT_EQ(fusion.value("reason", "").empty(), wanted || isHead) << fusion;
  }
  EXPECT_EQ(attentions > 0, run.family != "linear-attention" && run.family != "reformer");
  int entries = 0; // with code of their own
  for (const Json &entry : manifest.at("entries"))
    entries += !entry.at("steps").empty();
  EXPECT_EQ(packed, wanted ? entries : 1); // one reason keeps all of a model's entries as they are
}

INSTANTIATE_TEST_SUITE_P(Albert, Goldens, testing::ValuesIn(goldenCases("albert")), testName);
INSTANTIATE_TEST_SUITE_P(Bart, Goldens, testing::ValuesIn(goldenCases("bart")), testName);
INSTANTIATE_TEST_SUITE_P(Beit, Goldens, testing::ValuesIn(goldenCases("beit")), testName);
INSTANTIATE_TEST_SUITE_P(Bert, Goldens, testing::ValuesIn(goldenCases("bert")), testName);
INSTANTIATE_TEST_SUITE_P(BigBird, Goldens, testing::ValuesIn(goldenCases("big-bird")), testName);
INSTANTIATE_TEST_SUITE_P(Bloom, Goldens, testing::ValuesIn(goldenCases("bloom")), testName);
INSTANTIATE_TEST_SUITE_P(Clip, Goldens, testing::ValuesIn(goldenCases("clip")), testName);
INSTANTIATE_TEST_SUITE_P(Ctrl, Goldens, testing::ValuesIn(goldenCases("ctrl")), testName);
INSTANTIATE_TEST_SUITE_P(DebertaV2, Goldens, testing::ValuesIn(goldenCases("deberta-v2")), testName);
INSTANTIATE_TEST_SUITE_P(Deit, Goldens, testing::ValuesIn(goldenCases("deit")), testName);
INSTANTIATE_TEST_SUITE_P(Dinov2, Goldens, testing::ValuesIn(goldenCases("dinov2")), testName);
INSTANTIATE_TEST_SUITE_P(DistilBert, Goldens, testing::ValuesIn(goldenCases("distilbert")), testName);
INSTANTIATE_TEST_SUITE_P(Electra, Goldens, testing::ValuesIn(goldenCases("electra")), testName);
INSTANTIATE_TEST_SUITE_P(Gemma, Goldens, testing::ValuesIn(goldenCases("gemma")), testName);
INSTANTIATE_TEST_SUITE_P(Gemma2, Goldens, testing::ValuesIn(goldenCases("gemma2")), testName);
INSTANTIATE_TEST_SUITE_P(Gemma3, Goldens, testing::ValuesIn(goldenCases("gemma3")), testName);
INSTANTIATE_TEST_SUITE_P(Gpt2, Goldens, testing::ValuesIn(goldenCases("gpt2")), testName);
INSTANTIATE_TEST_SUITE_P(GptJ, Goldens, testing::ValuesIn(goldenCases("gptj")), testName);
INSTANTIATE_TEST_SUITE_P(GptNeoX, Goldens, testing::ValuesIn(goldenCases("gpt-neox")), testName);
INSTANTIATE_TEST_SUITE_P(LinearAttention, Goldens, testing::ValuesIn(goldenCases("linear-attention")), testName);
INSTANTIATE_TEST_SUITE_P(Llama, Goldens, testing::ValuesIn(goldenCases("llama")), testName);
INSTANTIATE_TEST_SUITE_P(Longformer, Goldens, testing::ValuesIn(goldenCases("longformer")), testName);
INSTANTIATE_TEST_SUITE_P(M2m100, Goldens, testing::ValuesIn(goldenCases("m2m100")), testName);
INSTANTIATE_TEST_SUITE_P(Marian, Goldens, testing::ValuesIn(goldenCases("marian")), testName);
INSTANTIATE_TEST_SUITE_P(MBart, Goldens, testing::ValuesIn(goldenCases("mbart")), testName);
INSTANTIATE_TEST_SUITE_P(Mistral, Goldens, testing::ValuesIn(goldenCases("mistral")), testName);
INSTANTIATE_TEST_SUITE_P(Mmbt, Goldens, testing::ValuesIn(goldenCases("mmbt")), testName);
INSTANTIATE_TEST_SUITE_P(MobileBert, Goldens, testing::ValuesIn(goldenCases("mobilebert")), testName);
INSTANTIATE_TEST_SUITE_P(ModernBert, Goldens, testing::ValuesIn(goldenCases("modernbert")), testName);
INSTANTIATE_TEST_SUITE_P(Mpnet, Goldens, testing::ValuesIn(goldenCases("mpnet")), testName);
INSTANTIATE_TEST_SUITE_P(Mt5, Goldens, testing::ValuesIn(goldenCases("mt5")), testName);
INSTANTIATE_TEST_SUITE_P(OpenAiGpt, Goldens, testing::ValuesIn(goldenCases("openai-gpt")), testName);
INSTANTIATE_TEST_SUITE_P(Opt, Goldens, testing::ValuesIn(goldenCases("opt")), testName);
INSTANTIATE_TEST_SUITE_P(Pegasus, Goldens, testing::ValuesIn(goldenCases("pegasus")), testName);
INSTANTIATE_TEST_SUITE_P(Phi3, Goldens, testing::ValuesIn(goldenCases("phi3")), testName);
INSTANTIATE_TEST_SUITE_P(Qwen2, Goldens, testing::ValuesIn(goldenCases("qwen2")), testName);
INSTANTIATE_TEST_SUITE_P(Qwen3, Goldens, testing::ValuesIn(goldenCases("qwen3")), testName);
INSTANTIATE_TEST_SUITE_P(Reformer, Goldens, testing::ValuesIn(goldenCases("reformer")), testName);
INSTANTIATE_TEST_SUITE_P(Roberta, Goldens, testing::ValuesIn(goldenCases("roberta")), testName);
INSTANTIATE_TEST_SUITE_P(Siglip, Goldens, testing::ValuesIn(goldenCases("siglip")), testName);
INSTANTIATE_TEST_SUITE_P(Starcoder2, Goldens, testing::ValuesIn(goldenCases("starcoder2")), testName);
INSTANTIATE_TEST_SUITE_P(T5, Goldens, testing::ValuesIn(goldenCases("t5")), testName);
INSTANTIATE_TEST_SUITE_P(TransfoXl, Goldens, testing::ValuesIn(goldenCases("transfo-xl")), testName);
INSTANTIATE_TEST_SUITE_P(Umt5, Goldens, testing::ValuesIn(goldenCases("umt5")), testName);
INSTANTIATE_TEST_SUITE_P(Vit, Goldens, testing::ValuesIn(goldenCases("vit")), testName);
INSTANTIATE_TEST_SUITE_P(Xlm, Goldens, testing::ValuesIn(goldenCases("xlm")), testName);
INSTANTIATE_TEST_SUITE_P(Xlnet, Goldens, testing::ValuesIn(goldenCases("xlnet")), testName);

/// No formula of what a run is and takes has a term for pairs of tokens, and what grows with scores is nothing.
void expectLinear(const std::string &family, const std::string &step) {
  for (const GoldenCase &run : goldenCases(family)) {
    const std::string manifest = readFile(compiled(run.modelDirectory(), run.flags) / "manifest.json");
    EXPECT_NE(manifest.find(step), std::string::npos) << run.model;
    const Json values = Json::parse(manifest).flatten();
    for (const auto &[path, value] : values.items())
      for (const char *term : {"per_token_pair", "per_causal_pair", "per_score"})
        EXPECT_FALSE(path.ends_with(term) && value != 0) << run.model << ": " << path << " is " << value;
  }
}

TEST(LinearAttention, TakesTimeAndMemoryThatAreLinear) { expectLinear("linear-attention", "linear_attention"); }
TEST(ChunkAttention, TakesTimeAndMemoryThatAreLinear) { expectLinear("reformer", "chunk_attention"); }

TEST(Manifest, ListsEveryStoredCase) {
  for (const char *family : kGoldenFamilies) {
    size_t stored = 0;
    for (const auto &entry : std::filesystem::recursive_directory_iterator(goldens() / family))
      stored += entry.path().filename() == "expected.safetensors";
    EXPECT_EQ(goldenCases(family).size(), stored) << family;
    EXPECT_GE(stored, 12u) << family;
  }
}

} // namespace
} // namespace lathe::test
