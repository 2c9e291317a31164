//===- Probes.cpp - a model compiled aside, to be run while it compiles -------===//
#include "compiler/driver/Probes.h"

#include "llvm/Support/FileSystem.h"

using llvm::Error;
using llvm::Expected;

namespace lathe {

Expected<std::unique_ptr<Probes>> Probes::create(ProbeCompiler compile, const std::string &calibrate) {
  Expected<ScratchDirectory> scratch = ScratchDirectory::create();
  if (!scratch)
    return scratch.takeError();
  std::unique_ptr<Probes> probes(new Probes(std::move(compile), std::move(*scratch)));
  Expected<const LoadedArtifact *> reference = probes->get(PrecisionPlan());
  if (!reference)
    return reference.takeError();
  Expected<DriftInputs> inputs = DriftInputs::read(calibrate, **reference);
  if (!inputs)
    return inputs.takeError();
  probes->driftInputs = std::move(*inputs);
  return probes;
}

Expected<const LoadedArtifact *> Probes::get(const PrecisionPlan &plan) {
  for (const Built &one : built)
    if (one.plan == plan)
      return one.probe.get();
  const std::string directory = scratch.file("probe" + std::to_string(compiles++));
  if (Error error = compile(plan, directory))
    return std::move(error);
  Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
  if (!loaded)
    return loaded.takeError();
  built.push_back({plan, directory, std::make_unique<LoadedArtifact>(std::move(*loaded))});
  return built.back().probe.get();
}

Expected<DriftReport> Probes::measure(const PrecisionPlan &plan) {
  Expected<const LoadedArtifact *> probe = get(plan);
  if (!probe)
    return probe.takeError();
  return measureDrift(reference(), **probe, driftInputs, plan.cacheInBytes);
}

void Probes::forget(const PrecisionPlan &plan) {
  for (size_t i = 1; i < built.size(); ++i)
    if (built[i].plan == plan) {
      const std::string directory = built[i].directory;
      built.erase(built.begin() + int64_t(i));
      llvm::sys::fs::remove_directories(directory); // what is left goes with the scratch directory
      return;
    }
}

} // namespace lathe
