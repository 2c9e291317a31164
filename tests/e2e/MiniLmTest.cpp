// The real all-MiniLM-L6-v2 against sentence-transformers. The model is not ours to commit: these tests read it from
// $LATHE_MINILM, or from models/minilm in the build directory where `./dev demo` puts it, and skip out loud without it.
// tests/goldens/make_minilm_goldens.py says how the numbers were made.
#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace lathe::test {
namespace {

constexpr double kMaxDifference = 2e-5;
constexpr double kCompileKilobytesOverModel = 500e3;

Path modelDirectory() {
  const char *given = getenv("LATHE_MINILM");
  return given ? Path(given) : Path(LATHE_BINARY_DIR) / "models" / "minilm";
}

class MiniLm : public testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(modelDirectory() / "model.safetensors"))
      GTEST_SKIP() << "no MiniLM in " << modelDirectory() << ": run ./dev demo, or set LATHE_MINILM to its directory";
  }

  /// Compiled once for all tests.
  static Path artifact() { return compiled(modelDirectory()); }
};

/// The 200 sentences, or none where the corpora are absent or have changed.
std::vector<std::string> sentences() {
  const ScratchDirectory scratch;
  Arguments hashing = {"sha256sum"};
  std::vector<std::string> texts;
  std::string expected;
  const Json golden = Json::parse(readFile(goldens() / "minilm" / "sentences.json"));
  for (const Json &reference : golden.at("sentences")) {
    const Path file = corpora() / reference.at("file").get<std::string>();
    if (!std::filesystem::exists(file))
      return {};
    std::istringstream lines(readFile(file));
    std::string text;
    for (int line = reference.at("line"); line >= 0; --line)
      std::getline(lines, text);
    hashing.push_back(scratch / std::to_string(texts.size()));
    writeFile(hashing.back(), text);
    expected += reference.at("sha256").get<std::string>() + "  " + hashing.back() + "\n";
    texts.push_back(text);
  }
  return runProcess(hashing).out == expected ? texts : std::vector<std::string>();
}

#define SENTENCES_OR_SKIP(texts)                                                                                       \
  const std::vector<std::string> texts = sentences();                                                                  \
  if (texts.empty())                                                                                                   \
  GTEST_SKIP() << "the sentences that sentences.json refers to are not in " << corpora()

TEST_F(MiniLm, IdsAreEqual) {
  SENTENCES_OR_SKIP(texts);
  const Tensors golden = readTensors(goldens() / "minilm" / "expected.safetensors");
  const std::vector<int64_t> ids = golden.at("ids").integers(), ends = golden.at("cu_seqlens").integers();
  const LoadedModel model(artifact(), "model");
  ASSERT_EQ(ends.size(), texts.size() + 1);
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::vector<int32_t> found = model.ids(texts[i]);
    EXPECT_EQ(std::vector<int64_t>(found.begin(), found.end()),
              std::vector<int64_t>(ids.begin() + ends[i], ids.begin() + ends[i + 1]))
        << "sentence " << i << ": " << texts[i];
  }
}

TEST_F(MiniLm, EmbeddingsAreClose) {
  SENTENCES_OR_SKIP(texts);
  const std::vector<float> expected =
      readTensors(goldens() / "minilm" / "expected.safetensors").at("sentence_embedding").floats();
  const std::vector<std::vector<float>> rows = LoadedModel(artifact(), "model").embed(texts);
  ASSERT_EQ(expected.size(), rows.size() * rows[0].size());
  float worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const float value = rows[i / rows[0].size()][i % rows[0].size()];
    ASSERT_TRUE(std::isfinite(value));
    worst = std::max(worst, std::abs(value - expected[i]));
  }
  RecordProperty("max_abs_difference_e9", std::lround(worst * 1e9));
  EXPECT_LE(worst, kMaxDifference);
}

TEST_F(MiniLm, SameBitsAloneInABatchAndOnTwoThreads) {
  SENTENCES_OR_SKIP(texts);
  const LoadedModel one(artifact(), "model", 1), two(artifact(), "model", 2);
  const std::vector<std::vector<float>> batch = two.embed(texts);
  EXPECT_TRUE(batch == one.embed(texts)) << "one thread gives other bits than two";
  for (size_t i = 0; i < texts.size(); i += 7)
    EXPECT_TRUE(batch[i] == two.embed({texts[i]})[0]) << "sentence " << i << " alone has other bits than in the batch";
}

TEST_F(MiniLm, SpearmanEqualsTheReference) {
  const Json expected = Json::parse(readFile(goldens() / "minilm" / "sentences.json")).at("spearman");
  if (!std::filesystem::exists(corpora()))
    GTEST_SKIP() << "no " << corpora() << " with the STS-B pairs";
  for (const auto &[language, reference] : expected.items()) {
    const Path pairs = corpora() / "texts" / "stsb" / ("stsb-" + language + "-dev.csv");
    const Json result = Json::parse(latheOutput({"eval", artifact(), "--task", "sts", pairs, "--json"}));
    EXPECT_NEAR(result.at("spearman").get<double>(), reference.get<double>(), 5e-5) << language;
  }
}

/// What other precisions lose of f32's Spearman.
TEST_F(MiniLm, OtherPrecisionsRankAlike) {
  const Path pairs = corpora() / "texts" / "stsb" / "stsb-en-dev.csv";
  if (!std::filesystem::exists(pairs))
    GTEST_SKIP() << "no " << pairs;
  const Json expected = Json::parse(readFile(goldens() / "minilm" / "sentences.json")).at("spearman");
  const std::pair<Arguments, double> losses[] = {
      {{"bf16"}, 0.001}, {{"int8"}, 0.004}, {{"int4", "--group-size", "32"}, 0.01}, {{"int4"}, 0.01}};
  for (const auto &[precision, loss] : losses) {
    Arguments flags = {"--precision"};
    flags.insert(flags.end(), precision.begin(), precision.end());
    const Json result =
        Json::parse(latheOutput({"eval", compiled(modelDirectory(), flags), "--task", "sts", pairs, "--json"}));
    EXPECT_GE(result.at("spearman").get<double>(), expected.at("en").get<double>() - loss)
        << precision.front() << " " << precision.back();
  }
}

/// Of f32's files.
TEST_F(MiniLm, WeightsTakeTheirShare) {
  const double f32 = double(std::filesystem::file_size(artifact() / "model.weights"));
  for (const auto &[precision, share] : {std::pair("bf16", 0.52), {"int8", 0.27}, {"int4", 0.21}}) {
    const Path file = compiled(modelDirectory(), {"--precision", precision}) / "model.weights";
    EXPECT_LE(double(std::filesystem::file_size(file)), share * f32) << precision;
  }
}

/// The program published in the design, word for word.
TEST_F(MiniLm, PublishedProgram) {
  const ScratchDirectory work;
  latheOutput({"compile", modelDirectory(), "-o", work / "out", "--name", "minilm"});
  std::filesystem::copy(Path(LATHE_SOURCE_DIR) / "tests/e2e/app/minilm.c", work / "app.c");
  const ProcessOptions here = {.workingDirectory = work.path};
  const Arguments build = {"cc", "app.c", "-Iout", "out/libminilm.a", "-lm"};
  const ProcessResult built = runProcess(build, here);
  ASSERT_EQ(built.exitCode, 0) << describe(build, built);
  EXPECT_EQ(runProcess({"./a.out"}, here).out, "cosine 0.7144\n");
}

/// Times are recorded, not judged: a test may run on a busy machine.
TEST_F(MiniLm, CompilesInLittleMemory) {
  const ScratchDirectory work;
  const Arguments command = {"compile", modelDirectory(), "-o", work / "out"};
  const ProcessResult result = lathe(command);
  ASSERT_EQ(result.exitCode, 0) << describe(command, result);
  const double modelKilobytes = std::filesystem::file_size(modelDirectory() / "model.safetensors") / 1e3;
  RecordProperty("milliseconds", std::lround(result.seconds * 1e3));
  std::printf("compiled in %.2f s, peak %ld KB\n", result.seconds, long(result.peakKilobytes));
  EXPECT_LE(result.peakKilobytes, modelKilobytes + kCompileKilobytesOverModel);
}

/// Load, open, tokenize, embed one sentence; the best of several, the page cache being warm after the first.
TEST_F(MiniLm, OpensAndEmbedsAgainAndAgain) {
  double best = INFINITY;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto start = std::chrono::steady_clock::now();
    LoadedModel(artifact(), "model").embed({"A man is eating."});
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  RecordProperty("microseconds", std::lround(best * 1e6));
  std::printf("open to first result: %.1f ms\n", best * 1e3);
  EXPECT_LT(best, INFINITY);
}

/// Weights are pages of the file and no copies of them, so that a second process costs no memory for them.
TEST_F(MiniLm, WeightsAreSharedPages) {
  const LoadedModel model(artifact(), "model");
  model.embed({"A man is eating."});
  std::istringstream maps(readFile("/proc/self/smaps"));
  bool inWeights = false, found = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find('-') != std::string::npos && line.find(':') != std::string::npos && std::isxdigit(line[0]))
      inWeights = line.find("model.weights") != std::string::npos;
    found |= inWeights;
    if (inWeights && line.starts_with("Anonymous:")) {
      EXPECT_NE(line.find(" 0 kB"), std::string::npos) << line;
    }
  }
  EXPECT_TRUE(found) << "no mapping of model.weights";
}

} // namespace
} // namespace lathe::test
