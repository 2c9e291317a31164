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

/// `seen`: by each token on average, itself included, where none sees those behind it; `crossed`: of an encoder's.
static Sizes sizesOf(double tokens, double batch, double longest, double pairs, double seen, double crossed) {
  // Where a pass has an encoder and a decoder, both are given as many tokens.
  return {1, tokens, batch, longest, pairs, tokens * seen, tokens, pairs, tokens * seen, crossed};
}

static Sizes sizesOf(const Workload &workload) {
  double pairs = 0, seen = 0;
  for (int64_t length : workload.lengths) {
    pairs += double(length) * length;
    seen += 0.5 * length * (length + 1);
  }
  const double tokens = workload.tokens();
  return sizesOf(tokens, workload.batch(), workload.longest(), pairs, seen / tokens, pairs);
}

/// One token more of so many texts, each of which sees `seen` of its own, itself included, and all of a source.
static Sizes sizesOfToken(double texts, double seen, double source) {
  return sizesOf(texts, texts, 1, texts, seen, texts * source);
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

/// The decoder's entries: of `decode` the passes over all tokens, of `best` or, for beams, `logits` those over the last
/// of each sequence.
/// With an encoder its entry, too, which reads the prompts; `decode` then begins with one token of its own.
/// `promptsOnly` leaves the pass over the prompts.
static Expected<std::vector<StepWork>> readDecoderSteps(const Artifact &artifact, const Workload &workload,
                                                        bool promptsOnly) {
  if (!artifact.manifest().contains("generation"))
    return createStringError("the artifact writes no texts (task " + quote(artifact.task) +
                             "); accepted are models that lathe generate writes with");
  const nlohmann::json decoder = objectAt(artifact.manifest(), {"generation", "decoder"});
  const bool hasEncoder = decoder.contains("source");
  const double batch = workload.batch(), texts = batch * double(workload.generation->beams);
  const double source = hasEncoder ? double(workload.longest()) : 0,
               begin = hasEncoder ? 1 : double(workload.longest());
  std::vector<Sizes> decode = {hasEncoder ? sizesOfToken(batch, 1, source) : sizesOf(workload)};
  // A row of logits sees its sequence as the token does that it is behind.
  std::vector<Sizes> logits = {sizesOfToken(batch, hasEncoder ? 1 : double(workload.tokens()) / batch, 0)};
  for (int64_t written = 1; written < workload.generation->newTokens && !promptsOnly; ++written) {
    decode.push_back(sizesOfToken(texts, begin + double(written), source));
    logits.push_back(sizesOfToken(texts, begin + double(written), 0));
  }
  std::vector<StepWork> all;
  auto add = [&](const char *name, ArrayRef<Sizes> passes) {
    return addSteps(artifact, objectAt(decoder, {name}), ("the decoder's entry " + llvm::Twine(name)).str(), passes,
                    all);
  };
  if (!hasEncoder || !promptsOnly) {
    if (Error error = add("decode", decode))
      return error;
    if (Error error = add(workload.generation->beams == 1 ? "best" : "logits", logits))
      return error;
  }
  if (hasEncoder)
    if (Error error = add("source", {sizesOf(workload)}))
      return error;
  return all;
}

Expected<std::vector<StepWork>> readSteps(const Artifact &artifact, const Workload &workload) {
  if (workload.generation)
    return readDecoderSteps(artifact, workload, /*promptsOnly=*/false);
  const nlohmann::json &manifest = artifact.manifest();
  nlohmann::json entry;
  if (manifest.contains("entries") && manifest["entries"].is_array() && !manifest["entries"].empty())
    entry = manifest["entries"][0];
  std::vector<StepWork> all;
  if (Error error = addSteps(artifact, entry, "the first entry", {sizesOf(workload)}, all))
    return error;
  return all;
}

Expected<std::vector<StepWork>> readPromptSteps(const Artifact &artifact, const Workload &workload) {
  if (workload.generation)
    return readDecoderSteps(artifact, workload, /*promptsOnly=*/true);
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
