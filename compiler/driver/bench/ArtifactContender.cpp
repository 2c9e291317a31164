//===- ArtifactContender.cpp - an artifact, as lathe bench times it -----------===//
#include "compiler/driver/bench/ArtifactContender.h"

#include "compiler/driver/bench/Machine.h"
#include "compiler/import/safetensors/Quote.h"

#include <cmath>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

namespace {

class ArtifactContender final : public Contender {
public:
  ArtifactContender(StringRef name, Precision computed, const LoadedModel &model, const lathe_entry_info &entry,
                    const Workload &workload, RunContext context, std::vector<FloatTensor> results)
      : label(name), computed(computed), model(model), entry(entry), workload(workload), context(std::move(context)),
        results(std::move(results)), views(workload.inputs.views()) {}

  StringRef name() const override { return label; }
  Precision precision() const override { return computed; }

  Expected<std::vector<double>> time(int64_t count) override {
    return timeRuns(count, [&] { return context.run(entry, views, results); });
  }

  Expected<std::vector<FloatTensor>> outputs() override {
    std::vector<lathe_tensor> padded = workload.padded.views();
    Expected<std::vector<FloatTensor>> prepared = context.prepare(entry, padded);
    if (prepared)
      if (Error error = context.run(entry, padded, *prepared))
        return std::move(error);
    return prepared;
  }

  /// Two runs must give the same bits, which must be numbers. Afterwards the memory of a run is known.
  Error check(double residentBefore) {
    Expected<std::vector<FloatTensor>> again = context.prepare(entry, views);
    if (!again)
      return again.takeError();
    for (ArrayRef<FloatTensor> outputs : {ArrayRef(results), ArrayRef(*again)})
      if (Error error = context.run(entry, views, outputs))
        return error;
    for (auto [first, second] : llvm::zip_equal(results, *again)) {
      if (!llvm::all_of(first.values(), [](float value) { return std::isfinite(value); }))
        return createStringError(label + ": output " + quote(first.name) +
                                 " is not finite for random ids; nothing was timed");
      if (std::memcmp(first.data.get(), second.data.get(), first.count() * sizeof(float)) != 0)
        return createStringError(label + ": output " + quote(first.name) +
                                 " differs between two runs; nothing was timed");
    }
    resident = lathe::residentBytes() - residentBefore;
    return Error::success();
  }

  double residentBytes() const override { return resident; }
  double loadSeconds() const override { return model.loadSeconds(); }

private:
  std::string label;
  Precision computed;
  const LoadedModel &model;
  const lathe_entry_info &entry;
  const Workload &workload;
  double resident = 0;
  RunContext context;
  std::vector<FloatTensor> results;
  std::vector<lathe_tensor> views;
};

} // namespace

Expected<std::unique_ptr<Contender>> makeArtifactContender(StringRef name, Precision precision,
                                                           const LoadedModel &model, const lathe_entry_info &entry,
                                                           int64_t threads, const Workload &workload,
                                                           double residentBefore) {
  Expected<RunContext> context = model.createContext({.threads = threads, .maxTokens = workload.mostTokens()});
  if (!context)
    return context.takeError();
  Expected<std::vector<FloatTensor>> results = context->prepare(entry, workload.inputs.views());
  if (!results)
    return results.takeError();
  auto contender = std::make_unique<ArtifactContender>(name, precision, model, entry, workload, std::move(*context),
                                                       std::move(*results));
  if (Error error = contender->check(residentBefore))
    return std::move(error);
  return contender;
}

} // namespace lathe
