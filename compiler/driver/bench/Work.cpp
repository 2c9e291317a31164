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

namespace {
class StepReader {
public:
  StepReader(const Artifact &artifact, const Workload &workload) : artifact(artifact) {
    double pairs = 0;
    for (int64_t length : workload.lengths)
      pairs += double(length) * length;
    // Decoders are given as many tokens as encoders.
    const double tokens = double(workload.tokens());
    sizes = {1, tokens, double(workload.batch()), double(workload.longest()), pairs, tokens, pairs, pairs};
  }

  Expected<StepWork> read(const nlohmann::json &step) const {
    StepWork result{fieldText(step, {"name"}), fieldText(step, {"kernel"}), 0, {}};
    if (StringRef(fieldText(step, {"calls"})).getAsInteger(10, result.calls) || result.calls < 0)
      return malformed(artifact, "step " + quote(result.name) + ": calls is " + quote(fieldText(step, {"calls"})) +
                                     "; accepted is a whole number");
    for (auto [field, amount] : {std::pair("flops", &Work::flops),
                                 {"weight_bytes", &Work::weightBytes},
                                 {"activation_bytes", &Work::activationBytes}}) {
      auto formula = step.find(field);
      if (formula == step.end() || !formula->is_object())
        return malformed(artifact, "step " + quote(result.name) + " has no formula " + field);
      for (auto [term, size] : llvm::zip_equal(xf::WorkFormula::names, sizes)) {
        auto factor = formula->find(term.str());
        if (factor == formula->end())
          continue;
        if (!factor->is_number())
          return malformed(artifact, "step " + quote(result.name) + ": " + field + "." + term + " is no number");
        result.work.*amount += factor->get<double>() * size;
      }
    }
    return result;
  }

private:
  const Artifact &artifact;
  std::array<double, std::size(xf::WorkFormula::names)> sizes; ///< what each term is multiplied with
};
} // namespace

Expected<std::vector<StepWork>> readSteps(const Artifact &artifact, const Workload &workload) {
  const nlohmann::json &manifest = artifact.manifest();
  const nlohmann::json *steps = nullptr;
  if (manifest.contains("entries") && manifest["entries"].is_array() && !manifest["entries"].empty())
    if (const nlohmann::json &entry = manifest["entries"][0]; entry.contains("steps") && entry["steps"].is_array())
      steps = &entry["steps"];
  if (!steps)
    return malformed(artifact, "the first entry has no steps");
  StepReader reader(artifact, workload);
  std::vector<StepWork> all;
  for (const nlohmann::json &step : *steps) {
    if (!step.is_object())
      return malformed(artifact, "a step is no object");
    Expected<StepWork> read = reader.read(step);
    if (!read)
      return read.takeError();
    all.push_back(std::move(*read));
  }
  return all;
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
