//===- Work.cpp - what a run does, by the manifest's formulas -----------------===//
#include "compiler/driver/bench/Work.h"

#include "compiler/driver/JsonText.h"
#include "compiler/import/safetensors/Quote.h"
#include "ir/xf/WorkFormula.h"

#include "llvm/ADT/StringExtras.h"

#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

static Error malformed(const Artifact &artifact, const llvm::Twine &what) {
  return createStringError(quote(artifact.file("manifest.json")) + ": " + what + "; compile the model again");
}

/// The sizes of a pass over weights: what the terms of a WorkFormula are multiplied with.
using Sizes = std::array<double, std::size(xf::WorkFormula::names)>;

/// `seen`: by each token on average, itself included, where none sees those behind it.
static Sizes sizesOf(double tokens, double batch, double longest, double pairs, double seen) {
  // Decoders beside an encoder are given as many tokens as that.
  return {1, tokens, batch, longest, pairs, tokens * seen, tokens, pairs, pairs};
}

static Sizes sizesOf(const Workload &workload) {
  double pairs = 0, seen = 0;
  for (int64_t length : workload.lengths) {
    pairs += double(length) * length;
    seen += 0.5 * length * (length + 1);
  }
  const double tokens = workload.tokens();
  return sizesOf(tokens, workload.batch(), workload.longest(), pairs, seen / tokens);
}

static Expected<double> evaluate(const Artifact &artifact, const nlohmann::json &step, const char *field,
                                 const Sizes &sizes) {
  auto formula = step.find(field);
  if (formula == step.end() || !formula->is_object())
    return malformed(artifact, "step " + quote(fieldText(step, {"name"})) + " has no formula " + field);
  double amount = 0;
  for (auto [term, size] : llvm::zip_equal(xf::WorkFormula::names, sizes)) {
    auto factor = formula->find(term.str());
    if (factor == formula->end())
      continue;
    if (!factor->is_number())
      return malformed(artifact,
                       "step " + quote(fieldText(step, {"name"})) + ": " + field + "." + term + " is no number");
    amount += factor->get<double>() * size;
  }
  return amount;
}

/// A step of an entry in passes of these sizes.
static Expected<StepWork> readStep(const Artifact &artifact, const nlohmann::json &step, ArrayRef<Sizes> passes) {
  StepWork result{fieldText(step, {"name"}), fieldText(step, {"kernel"}), 0, {}};
  if (StringRef(fieldText(step, {"calls"})).getAsInteger(10, result.calls) || result.calls < 0)
    return malformed(artifact, "step " + quote(result.name) + ": calls is " + quote(fieldText(step, {"calls"})) +
                                   "; accepted is a whole number");
  result.calls *= int64_t(passes.size());
  for (auto [field, amount] : {std::pair("flops", &Work::flops),
                               {"weight_bytes", &Work::weightBytes},
                               {"activation_bytes", &Work::activationBytes}})
    for (const Sizes &sizes : passes) {
      Expected<double> ofPass = evaluate(artifact, step, field, sizes);
      if (!ofPass)
        return ofPass.takeError();
      result.work.*amount += *ofPass / double(passes.size());
    }
  return result;
}

/// Adds the steps of an entry, which is called `name` in errors.
static Error addSteps(const Artifact &artifact, const nlohmann::json &entry, StringRef name, ArrayRef<Sizes> passes,
                      std::vector<StepWork> &all) {
  if (!entry.is_object() || !entry.contains("steps") || !entry["steps"].is_array())
    return malformed(artifact, name + " has no steps");
  for (const nlohmann::json &step : entry["steps"]) {
    if (!step.is_object())
      return malformed(artifact, "a step of " + name + " is no object");
    Expected<StepWork> read = readStep(artifact, step, passes);
    if (!read)
      return read.takeError();
    all.push_back(std::move(*read));
  }
  return Error::success();
}

/// The decoder's entries: of `decode` the passes over all tokens, of `logits` those over the last of each sequence.
static Expected<std::vector<StepWork>> readDecoderSteps(const Artifact &artifact, const Workload &workload) {
  if (!artifact.manifest().contains("generation"))
    return createStringError("the artifact writes no texts (task " + quote(artifact.task) +
                             "); accepted are models that lathe generate writes with");
  const nlohmann::json decoder = objectAt(artifact.manifest(), {"generation", "decoder"});
  const double batch = workload.batch(), beams = workload.generation->beams, rows = batch * beams;
  std::vector<Sizes> decode = {sizesOf(workload)}, logits = {sizesOf(batch, batch, 1, batch, 1)};
  for (int64_t written = 1; written < workload.generation->newTokens; ++written) {
    decode.push_back(sizesOf(rows, rows, 1, rows, double(workload.longest() + written)));
    logits.push_back(sizesOf(rows, rows, 1, rows, 1));
  }
  std::vector<StepWork> all;
  for (const auto &[name, passes] : {std::pair("decode", &decode), {"logits", &logits}})
    if (Error error = addSteps(artifact, objectAt(decoder, {name}), ("the decoder's entry " + llvm::Twine(name)).str(),
                               *passes, all))
      return error;
  return all;
}

Expected<std::vector<StepWork>> readSteps(const Artifact &artifact, const Workload &workload) {
  if (workload.generation)
    return readDecoderSteps(artifact, workload);
  const nlohmann::json &manifest = artifact.manifest();
  nlohmann::json entry;
  if (manifest.contains("entries") && manifest["entries"].is_array() && !manifest["entries"].empty())
    entry = manifest["entries"][0];
  std::vector<StepWork> all;
  if (Error error = addSteps(artifact, entry, "the first entry", {sizesOf(workload)}, all))
    return error;
  return all;
}

Expected<std::vector<StepWork>> readPromptSteps(const Artifact &artifact, Workload workload) {
  if (workload.generation)
    workload.generation->newTokens = 1;
  return readSteps(artifact, workload);
}

Work sumOf(ArrayRef<StepWork> steps) {
  Work sum;
  for (const StepWork &step : steps)
    for (double Work::*amount : {&Work::flops, &Work::weightBytes, &Work::activationBytes})
      sum.*amount += step.work.*amount * step.calls;
  return sum;
}

Expected<Precision> precisionOf(const Artifact &artifact) {
  std::string name = fieldText(artifact.manifest(), {"precision", "weights"});
  if (std::optional<Precision> precision = precisionNamed(name)) {
    const nlohmann::json overrides = objectAt(artifact.manifest(), {"precision", "plan", "overrides"});
    for (const auto &[part, other] : overrides.items())
      precision = std::max(*precision, precisionNamed(fieldText(other, {})).value_or(*precision));
    return *precision;
  }
  std::vector<StringRef> accepted;
  for (Precision precision : allPrecisions)
    accepted.push_back(nameOf(precision));
  return malformed(artifact, "precision.weights is " + quote(name) + "; accepted are " + llvm::join(accepted, ", "));
}

Work withWeightsIn(Precision to, Work work, Precision from) {
  work.weightBytes *= bytesPerWeight(to) / bytesPerWeight(from);
  return work;
}

} // namespace lathe
