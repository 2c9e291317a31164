// The `lathe` executable and what it makes, as the end-to-end tests use them.
#ifndef LATHE_TESTS_E2E_LATHE_H
#define LATHE_TESTS_E2E_LATHE_H

#include "tests/support/Process.h"
#include "tests/support/TensorFile.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lathe::test {

using Json = nlohmann::json;
using Path = std::filesystem::path;
using Arguments = std::vector<std::string>;

/// tests/goldens in the source tree.
Path goldens();

/// ../shared/corpora beside the source tree; tests skip out loud where it does not exist.
Path corpora();

/// The executable under test.
std::string latheExecutable();

/// Runs `lathe ARGUMENTS...`.
ProcessResult lathe(const Arguments &arguments, const ProcessOptions &options = {});

/// Runs it where success is expected, and returns its stdout; anything else fails the test and shows the run.
std::string latheOutput(const Arguments &arguments, const ProcessOptions &options = {});

/// Expects `lathe ARGUMENTS...` to end with `exitCode`, to print no result, and a message on stderr that contains every
/// one of `words`.
void expectRefusal(int exitCode, const Arguments &arguments, const std::vector<std::string> &words,
                   const ProcessOptions &options = {});

/// A new directory, removed at the end of its life.
class ScratchDirectory {
public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory &) = delete;
  ScratchDirectory &operator=(const ScratchDirectory &) = delete;

  Path operator/(const std::string &name) const { return path / name; }

  const Path path;
};

/// The artifact of a model and flags. Compiled on first use, kept until the process ends; a failed compile throws, so
/// that the test that asked for it fails and says why.
Path compiled(const Path &model, const Arguments &flags = {});

/// `lathe run DIRECTORY FLAGS... --inputs --outputs` through files.
Tensors runTensors(const Path &directory, const Tensors &inputs, const Arguments &flags = {});

/// `lathe run ARTIFACT --text ... --json`: one object per text.
Json runTexts(const Path &artifact, const std::vector<std::string> &texts, const Arguments &flags = {});

/// One run of tests/goldens/bert or another family's folder.
struct GoldenCase {
  std::string family, model, name;
  Arguments flags;
  double bf16Loss = 0; ///< of Transformers in bfloat16, see relativeError

  Path modelDirectory() const { return goldens() / family / model / "model"; }
  Tensors inputs() const { return readTensors(goldens() / family / model / name / "inputs.safetensors"); }
  Tensors expected() const { return readTensors(goldens() / family / model / name / "expected.safetensors"); }
};

/// How gtest prints a case.
void PrintTo(const GoldenCase &golden, std::ostream *stream);

/// The families with goldens of tiny models: folders of tests/goldens.
inline constexpr const char *kGoldenFamilies[] = {
    "albert",     "bart",       "beit",       "bert",       "big-bird",
    "bloom",      "clip",       "ctrl",       "deberta-v2", "deit",
    "dinov2",     "distilbert", "electra",    "gemma",      "gemma2",
    "gemma3",     "gpt-neox",   "gpt2",       "gptj",       "linear-attention",
    "llama",      "longformer", "m2m100",     "marian",     "mbart",
    "mistral",    "mmbt",       "mobilebert", "modernbert", "mpnet",
    "mt5",        "openai-gpt", "opt",        "pegasus",    "phi3",
    "qwen2",      "qwen3",      "reformer",   "roberta",    "siglip",
    "starcoder2", "t5",         "transfo-xl", "umt5",       "vit",
    "xlm",        "xlnet"};

/// Every run that a family's cases.json lists.
std::vector<GoldenCase> goldenCases(const std::string &family);

/// A case's name as gtest wants it: letters, digits and underscores.
std::string testName(const testing::TestParamInfo<GoldenCase> &info);

/// Flags, and more behind them.
Arguments with(Arguments flags, const Arguments &more);
/// The largest relative error among outputs, which must have the expected names.
double largestError(const Tensors &outputs, const Tensors &expected);

/// The attention mask of a run, ones where there is none: [B, S]; or that of what its decoder reads.
Tensor maskOf(const Tensors &inputs, bool ofTargets = false);

} // namespace lathe::test

#endif
