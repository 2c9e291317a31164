//===- Drift.cpp - how far a precision takes a model from f32 -----------------===//
#include "compiler/driver/Drift.h"

#include "compiler/driver/Writing.h"

#include "llvm/ADT/MapVector.h"

#include <map>
#include <nlohmann/json.hpp>

using llvm::Expected;
using llvm::StringRef;

namespace lathe {

llvm::StringMap<std::string> lastStepsOfLayers(const Artifact &artifact) {
  llvm::StringMap<std::string> last;
  for (const nlohmann::json &entry : artifact.manifest().at("entries")) {
    for (const nlohmann::json &step : entry.at("steps")) {
      const std::string name = step.at("name");
      last[StringRef(name).split('/').first] = name;
    }
    last.erase(entry.at("name").get<std::string>());
  }
  return last;
}

double DriftReport::drift() const {
  double largest = 0;
  for (const Line &output : outputs)
    largest = std::max(largest, output.distance.relative);
  return largest;
}

Expected<DriftReport> measureDrift(const LoadedArtifact &reference, const LoadedArtifact &probe,
                                   const DriftInputs &inputs, bool throughCache) {
  const llvm::StringMap<std::string> last = lastStepsOfLayers(reference.artifact);
  auto keep = [&](StringRef step) {
    auto found = last.find(step.split('/').first);
    return found != last.end() && found->second == step;
  };
  llvm::MapVector<std::string, DistanceMeter, std::map<std::string, unsigned>> layers, outputs;
  for (const InputTensors &batch : inputs.batches) {
    Expected<TracedRun> expected = traceModel(reference.model, "", batch, keep);
    if (!expected)
      return expected.takeError();
    Expected<TracedRun> run = traceModel(probe.model, "", batch, keep);
    if (!run)
      return run.takeError();
    for (const auto &[value, other] : llvm::zip(run->steps, expected->steps))
      layers[(value.function() + " " + llvm::Twine(value.call)).str()].add(value.values, other.values);
    for (const auto &[output, other] : llvm::zip_equal(run->outputs, expected->outputs))
      outputs[output.name].add(output.values(), other.values());
    if (throughCache) {
      Expected<FloatTensor> cached = cachedLogits(probe.model, batch);
      if (!cached)
        return cached.takeError();
      Expected<FloatTensor> wanted = cachedLogits(reference.model, batch);
      if (!wanted)
        return wanted.takeError();
      outputs["logits through the cache"].add(cached->values(), wanted->values());
    }
  }
  DriftReport report = {inputs.description, inputs.hash, inputs.sequences, inputs.tokens, {}, {}};
  for (const auto &[name, meter] : layers)
    report.layers.push_back({name, meter.distance()});
  for (const auto &[name, meter] : outputs)
    report.outputs.push_back({name, meter.distance()});
  return report;
}

} // namespace lathe
