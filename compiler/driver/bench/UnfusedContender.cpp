//===- UnfusedContender.cpp - the same model with the graph passes off --------===//
#include "compiler/driver/bench/UnfusedContender.h"

#include "compiler/driver/Compile.h"
#include "compiler/driver/PlanFile.h"
#include "compiler/driver/ScratchDirectory.h"
#include "compiler/driver/bench/ArtifactContender.h"
#include "compiler/driver/bench/Machine.h"
#include "compiler/driver/bench/Work.h"

#include <malloc.h>
#include <nlohmann/json.hpp>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

/// How the artifact's model was imported.
static Expected<ImportOptions> importOptions(const Artifact &artifact, const lathe_entry_info &entry) {
  ImportOptions options;
  Expected<Task> task = parseTask(artifact.task);
  if (!task)
    return task.takeError();
  options.task = *task;
  // Nothing stands behind a pooling that is given; so one with modules behind it came from the directory, and will
  // again.
  for (StringRef name : artifact.modules.empty() ? artifact.poolings : std::vector<std::string>()) {
    Expected<PoolingMode> mode = parsePooling(name);
    if (!mode)
      return mode.takeError();
    options.pooling.push_back(*mode);
  }
  if (!artifact.features.empty()) {
    Expected<Features> features = parseFeatures(artifact.features);
    if (!features)
      return features.takeError();
    options.features = *features;
  }
  for (const lathe_io &output : llvm::ArrayRef(entry.outputs, entry.n_outputs))
    options.emitAlso(output.name);
  return options;
}

namespace {

class UnfusedContender final : public Contender {
public:
  explicit UnfusedContender(LoadedModel model) : model(std::move(model)) {}

  Error prepare(Precision precision, int64_t threads, const Workload &workload, double residentBefore) {
    Expected<const lathe_entry_info *> entry = model.entry("");
    if (!entry)
      return entry.takeError();
    Expected<std::unique_ptr<Contender>> made =
        makeArtifactContender("unfused", precision, model, **entry, threads, workload, residentBefore);
    if (!made)
      return made.takeError();
    running = std::move(*made);
    return Error::success();
  }

  StringRef name() const override { return running->name(); }
  Precision precision() const override { return running->precision(); }
  Expected<std::vector<double>> time(int64_t count) override { return running->time(count); }
  Expected<std::vector<FloatTensor>> outputs() override { return running->outputs(); }
  double residentBytes() const override { return running->residentBytes(); }
  double loadSeconds() const override { return running->loadSeconds(); }

private:
  LoadedModel model; // outlives what runs it
  std::unique_ptr<Contender> running;
};

} // namespace

Expected<std::unique_ptr<Contender>> makeUnfusedContender(const Artifact &artifact, const lathe_entry_info &entry,
                                                          StringRef model, int64_t threads, const Workload &workload) {
  Expected<ScratchDirectory> scratch = ScratchDirectory::create();
  if (!scratch)
    return scratch.takeError();
  CompileOptions options;
  options.model = model.str();
  options.output = scratch->file("unfused");
  options.name = artifact.name;
  options.graphPasses = options.certify = false;
  Expected<PrecisionPlan> plan = readPlan(artifact.file("manifest.json"));
  if (!plan)
    return plan.takeError();
  options.plan = *plan;
  options.plan.cacheInBytes = false; // the unfused form keeps nothing between runs
  Expected<Precision> precision = precisionOf(artifact);
  if (!precision)
    return precision.takeError();
  if (*precision == Precision::Int4) {
    const nlohmann::json &stated = artifact.manifest().at("precision");
    options.group = stated.value("group_size", options.group);
  }
  Expected<ImportOptions> import = importOptions(artifact, entry);
  if (!import)
    return import.takeError();
  options.import = *import;
  if (Error error = compileModel(options, llvm::nulls()))
    return createStringError("the contender 'unfused' cannot be compiled: " + llvm::toString(std::move(error)));

  malloc_trim(0); // what compiling took is no memory of the contender's
  double residentBefore = residentBytes();
  Expected<LoadedArtifact> loaded = LoadedArtifact::load(options.output);
  if (!loaded)
    return loaded.takeError();
  auto contender = std::make_unique<UnfusedContender>(std::move(loaded->model));
  if (Error error = contender->prepare(*precision, threads, workload, residentBefore))
    return std::move(error);
  return contender; // library and weights are mapped: the directory may go
}

} // namespace lathe
