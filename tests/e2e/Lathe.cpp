#include "tests/e2e/Lathe.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>

namespace lathe::test {
namespace {

std::string makeDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "lathe-e2e-XXXXXX").string();
  if (!mkdtemp(name.data()))
    throw std::runtime_error("cannot make a directory like " + name);
  return name;
}

std::string identifier(std::string text) {
  for (char &character : text)
    if (!std::isalnum(static_cast<unsigned char>(character)))
      character = '_';
  return text;
}

} // namespace

Path goldens() { return Path(LATHE_SOURCE_DIR) / "tests" / "goldens"; }

Path corpora() { return Path(LATHE_SOURCE_DIR).parent_path() / "shared" / "corpora"; }

std::string latheExecutable() { return LATHE_BINARY_DIR "/bin/lathe"; }

ProcessResult lathe(const Arguments &arguments, const ProcessOptions &options) {
  Arguments command = {latheExecutable()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return runProcess(command, options);
}

std::string latheOutput(const Arguments &arguments, const ProcessOptions &options) {
  const ProcessResult result = lathe(arguments, options);
  if (result.exitCode != 0)
    throw std::runtime_error(describe(arguments, result));
  return result.out;
}

void expectRefusal(int exitCode, const Arguments &arguments, const std::vector<std::string> &words,
                   const ProcessOptions &options) {
  const ProcessResult result = lathe(arguments, options);
  const std::string run = describe(arguments, result);
  EXPECT_EQ(result.exitCode, exitCode) << run;
  EXPECT_EQ(result.out, "") << run;
  EXPECT_NE(result.err, "") << run;
  for (const std::string &word : words)
    EXPECT_NE(result.err.find(word), std::string::npos) << "the message does not contain '" << word << "'\n" << run;
}

ScratchDirectory::ScratchDirectory() : path(makeDirectory()) {}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored; // a leftover in the temporary directory must not hide a test's result
  std::filesystem::remove_all(path, ignored);
}

Path compiled(const Path &model, const Arguments &flags) {
  static ScratchDirectory store;
  static std::map<std::pair<Path, Arguments>, Path> artifacts;
  const auto key = std::make_pair(model, flags);
  if (const auto found = artifacts.find(key); found != artifacts.end())
    return found->second;
  const Path artifact = store / std::to_string(artifacts.size());
  Arguments arguments = with({"compile", model, "-o", artifact, "--name", "model"}, flags);
  if (std::find(flags.begin(), flags.end(), "--isa") == flags.end())
    arguments = with(arguments, {"--isa", "native"}); // the others would not run, and compiling takes most of the time
  latheOutput(arguments);
  return artifacts[key] = artifact;
}

Tensors runTensors(const Path &directory, const Tensors &inputs, const Arguments &flags) {
  const ScratchDirectory scratch;
  writeTensors(scratch / "inputs.safetensors", inputs);
  Arguments arguments = {"run", directory};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.insert(arguments.end(),
                   {"--inputs", scratch / "inputs.safetensors", "--outputs", scratch / "outputs.safetensors"});
  latheOutput(arguments);
  return readTensors(scratch / "outputs.safetensors");
}

Json runTexts(const Path &artifact, const std::vector<std::string> &texts, const Arguments &flags) {
  Arguments arguments = {"run", artifact, "--json"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  for (const std::string &text : texts)
    arguments.insert(arguments.end(), {"--text", text});
  return Json::parse(latheOutput(arguments));
}

void PrintTo(const GoldenCase &golden, std::ostream *stream) {
  *stream << golden.family << "/" << golden.model << "/" << golden.name;
}

std::vector<GoldenCase> goldenCases(const std::string &family) {
  std::vector<GoldenCase> cases;
  const Json manifest = Json::parse(readFile(goldens() / family / "cases.json"));
  for (const Json &entry : manifest.at("cases"))
    cases.push_back({family, entry.at("model"), entry.at("case"), entry.at("flags"), entry.at("bf16_loss")});
  return cases;
}

std::string testName(const testing::TestParamInfo<GoldenCase> &info) {
  std::string name = info.param.family + "_" + info.param.model + "_" + info.param.name;
  for (size_t i = 1; i < info.param.flags.size(); i += 2) // the options' values
    name += "_as_" + info.param.flags[i];
  return identifier(name);
}

Arguments with(Arguments flags, const Arguments &more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

double largestError(const Tensors &outputs, const Tensors &expected) {
  EXPECT_EQ(outputs.size(), expected.size());
  double largest = 0;
  for (const auto &[name, value] : expected)
    largest = std::max(largest, outputs.contains(name) ? relativeError(outputs.at(name), value) : INFINITY);
  return largest;
}

Tensor maskOf(const Tensors &inputs, bool ofTargets) {
  const std::string prefix = ofTargets ? "decoder_" : "";
  if (const auto mask = inputs.find(prefix + "attention_mask"); mask != inputs.end())
    return mask->second;
  if (const auto images = inputs.find("pixel_values"); images != inputs.end()) // which have no padding
    return Tensor::of({images->second.shape.front(), 0}, std::vector<int64_t>());
  const auto targets = inputs.find(prefix + "input_ids"); // which may be left out
  const Tensor &ids = targets != inputs.end() ? targets->second : inputs.at("input_ids");
  return Tensor::of(ids.shape, std::vector<int64_t>(ids.integers().size(), 1));
}

} // namespace lathe::test
