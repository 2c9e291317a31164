//===- Compare.cpp - lathe compare --------------------------------------------===//
#include "compiler/tools/lathe/ImportFlags.h"
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/Compare.h"
#include "compiler/driver/Interpret.h"
#include "compiler/driver/JsonText.h"
#include "compiler/driver/Trace.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

namespace lathe {

namespace {
struct Flags {
  std::string a, b, inputs, entry, stage = "import";
  ImportFlags import;
  double tolerance = 1e-4; // what compiled f32 promises on hidden states
  bool json = false;

  llvm::Error run() const;

private:
  llvm::Error nameFirstStep(const InputTensors &tensors) const;
  llvm::Expected<std::vector<FloatTensor>> runArtifact(llvm::StringRef directory, const InputTensors &tensors,
                                                       ImportOptions &same) const;
  llvm::Expected<std::vector<FloatTensor>> runSide(llvm::StringRef directory, const InputTensors &tensors,
                                                   ImportOptions &same) const;
};
} // namespace

/// Notes in `same` what a model directory must be imported as to have the same outputs.
llvm::Expected<std::vector<FloatTensor>> Flags::runArtifact(llvm::StringRef directory, const InputTensors &tensors,
                                                            ImportOptions &same) const {
  llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
  if (!loaded)
    return loaded.takeError();
  llvm::Expected<std::vector<FloatTensor>> outputs = runModel(loaded->model, entry, {}, tensors);
  if (!outputs)
    return outputs.takeError();
  if (!same.task) {
    llvm::Expected<Task> task = parseTask(loaded->artifact.task);
    if (!task)
      return task.takeError();
    same.task = *task;
  }
  for (const FloatTensor &output : *outputs)
    same.emitAlso(output.name);
  if (!loaded->artifact.features.empty()) {
    llvm::Expected<Features> features = parseFeatures(loaded->artifact.features);
    if (!features)
      return features.takeError();
    same.features = *features;
  }
  return outputs;
}

llvm::Expected<std::vector<FloatTensor>> Flags::runSide(llvm::StringRef directory, const InputTensors &tensors,
                                                        ImportOptions &same) const {
  if (looksLikeArtifact(directory))
    return runArtifact(directory, tensors, same);
  llvm::Expected<Stage> parsed = parseStage(stage);
  if (!parsed)
    return parsed.takeError();
  return interpretModel({.model = directory.str(), .import = same, .stage = *parsed, .entry = entry}, tensors);
}

static std::string positionText(llvm::ArrayRef<int64_t> position) {
  std::string text = "[";
  for (int64_t index : position)
    text += (text.size() > 1 ? ", " : "") + std::to_string(index);
  return text + "]";
}

static std::string describe(const OutputDifference &difference) {
  if (!difference.mismatch.empty())
    return difference.mismatch;
  if (difference.largest == 0)
    return "the same bits";
  return llvm::formatv("at most {0:e2} apart, {1:e2} relative; at {2}: {3} and {4}", difference.largest,
                       difference.relative, positionText(difference.position), floatText(difference.a),
                       floatText(difference.b));
}

/// Says on stderr in which step of two artifacts their results part.
llvm::Error Flags::nameFirstStep(const InputTensors &tensors) const {
  llvm::SmallVector<TracedRun, 2> runs;
  for (const std::string &directory : {a, b}) {
    llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
    if (!loaded)
      return loaded.takeError();
    llvm::Expected<TracedRun> run = traceModel(loaded->model, entry, tensors, [](llvm::StringRef) { return true; });
    if (!run)
      return run.takeError();
    runs.push_back(std::move(*run));
  }
  if (std::optional<Divergence> first = findDivergence(runs[0], runs[1], tolerance))
    llvm::errs() << llvm::formatv("first apart in step {0}, call {1}: {2:e2} at most, {3:e2} relative\n",
                                  first->step->step, first->step->call, first->distance.largest,
                                  first->distance.relative);
  else
    llvm::errs() << "no step that both have is apart beyond the tolerance\n";
  return llvm::Error::success();
}

llvm::Error Flags::run() const {
  if (!(tolerance >= 0))
    return llvm::createStringError(llvm::formatv("--tolerance is {0}; accepted are 0 and more", tolerance).str());
  llvm::Expected<ImportOptions> options = import.resolve();
  if (!options)
    return options.takeError();
  llvm::Expected<InputTensors> tensors = InputTensors::read(inputs);
  if (!tensors)
    return tensors.takeError();
  // Artifacts first: what they are compiled as says how a model directory is to be read.
  bool bFirst = looksLikeArtifact(b) && !looksLikeArtifact(a);
  llvm::Expected<std::vector<FloatTensor>> first = runSide(bFirst ? b : a, *tensors, *options);
  if (!first)
    return first.takeError();
  llvm::Expected<std::vector<FloatTensor>> second = runSide(bFirst ? a : b, *tensors, *options);
  if (!second)
    return second.takeError();

  const OutputDifference *worst = nullptr;
  auto array = nlohmann::ordered_json::array();
  std::vector<OutputDifference> differences =
      bFirst ? compareOutputs(*second, *first) : compareOutputs(*first, *second);
  for (const OutputDifference &difference : differences) {
    bool within = difference.mismatch.empty() && difference.relative <= tolerance;
    if (!within && !worst)
      worst = &difference;
    array.push_back({{"output", difference.name},
                     {"max_abs_diff", difference.largest},
                     {"relative", difference.relative},
                     {"within_tolerance", within}});
    if (!difference.mismatch.empty())
      array.back() = {{"output", difference.name}, {"mismatch", difference.mismatch}, {"within_tolerance", false}};
    if (!json)
      llvm::outs() << llvm::formatv("{0,-28} {1}{2}\n", difference.name, describe(difference), within ? "" : "  <--");
  }
  if (json)
    llvm::outs() << jsonText(array);
  if (!worst)
    return llvm::Error::success();
  if (looksLikeArtifact(a) && looksLikeArtifact(b))
    if (llvm::Error error = nameFirstStep(*tensors))
      return error;
  return llvm::createStringError("A and B differ beyond " + floatText(tolerance) + ", first in " + worst->name + ": " +
                                 describe(*worst));
}

void addCompare(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand(
      "compare", "Find the first output, and of two artifacts the first step, in which two models differ");
  auto flags = std::make_shared<Flags>();
  verb->add_option("A", flags->a, "An artifact, or a model directory, which the interpreter runs")->required();
  verb->add_option("B", flags->b, "The same")->required();
  verb->add_option("--inputs", flags->inputs, "Tensors to run on: a safetensors file with input_ids, ...")->required();
  verb->add_option("--tolerance", flags->tolerance,
                   "Largest max |a - b| / max(1, max |b|) that is no difference (1e-4)");
  verb->add_option("--entry", flags->entry, "Entry point to run (default: the first)");
  verb->add_option("--stage", flags->stage, "Form of a model directory to run: import (default) or graph");
  verb->add_flag("--json", flags->json, "An object per output, as JSON");
  flags->import.declare(*verb);
  verb->callback([flags, &line] { line.action = [flags] { return flags->run(); }; });
}

} // namespace lathe
