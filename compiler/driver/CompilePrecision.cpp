//===- CompilePrecision.cpp - precisions searched, and certified --------------===//
#include "compiler/driver/Compilation.h"
#include "compiler/driver/ErrorModel.h"
#include "compiler/driver/PlanFile.h"
#include "compiler/driver/StsTask.h"
#include "passes/precision/Observed.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace lathe {

/// Options to compile the model aside, in f32, for level avx512.
static CompileOptions probeOptions(const CompileOptions &options, const std::string &directory) {
  CompileOptions probe = options;
  probe.output = directory;
  probe.name = "probe";
  probe.plan = {};
  probe.levels = {IsaLevel::Avx512};
  probe.certify = probe.embedWeights = probe.requireFusion = false;
  probe.evalTask.clear();
  probe.maxDrift.reset(); // a probe is what a search looks at; it searches nothing
  probe.stopAfter.reset();
  probe.dumpStages.clear();
  return probe;
}

static bool uses(const PrecisionPlan &plan, llvm::StringRef precision) {
  return plan.precision == precision ||
         llvm::any_of(plan.overrides, [&](const auto &unit) { return unit.second == precision; });
}

bool readsBytes(const PrecisionPlan &plan) { return uses(plan, "int8") || uses(plan, "int4"); }

/// The model by other plans, compiled aside.
llvm::Expected<Probes *> Compilation::makeProbes() {
  if (!probes) {
    auto compileProbe = [this](const PrecisionPlan &plan, const std::string &directory) {
      CompileOptions probe = probeOptions(options, directory);
      probe.calibration = calibration;
      probe.plan = plan;
      return compileModel(probe, llvm::nulls());
    };
    llvm::Expected<std::unique_ptr<Probes>> made = Probes::create(compileProbe, options.calibrate);
    if (!made)
      return llvm::createStringError("measuring drift: " + llvm::toString(made.takeError()));
    probes = std::move(*made);
  }
  return probes.get();
}

/// Gathers statistics of what linears read; of a module at the end of stage graph.
llvm::Expected<const Calibration *> Compilation::calibrate() {
  if (!calibration) {
    llvm::Expected<ScratchDirectory> scratch = ScratchDirectory::create();
    if (!scratch)
      return scratch.takeError();
    CompileOptions observed = probeOptions(options, scratch->file("observed"));
    observed.observe = true;
    observed.plan.linearAttention = plan.linearAttention;
    observed.staticActivations = false;
    if (llvm::Error error = compileModel(observed, llvm::nulls()))
      return std::move(error);
    llvm::Expected<LoadedArtifact> probe = LoadedArtifact::load(observed.output);
    if (!probe)
      return probe.takeError();
    llvm::Expected<DriftInputs> inputs = DriftInputs::read(options.calibrate, *probe);
    if (!inputs)
      return inputs.takeError();
    llvm::Expected<Calibration> gathered = Calibration::gather(*probe, *inputs, prefixesOfCalls(*model.module));
    if (!gathered)
      return gathered.takeError();
    calibration = std::make_shared<const Calibration>(std::move(*gathered));
    progress.finish("calibration",
                    llvm::formatv("what {0} linears read, on {1} sequences ({2})", calibration->linears().size(),
                                  inputs->sequences, inputs->description));
  }
  return calibration.get();
}

/// Writes into the module what calibration says to the passes of stage precision: smoothing, ranges, importances.
llvm::Error Compilation::applyCalibration() {
  llvm::Expected<const Calibration *> found = calibrate();
  if (!found)
    return found.takeError();
  facts.smoothing = smoothFactors(*model.module, **found);
  llvm::StringMap<llvm::ArrayRef<float>> factors; // of what a linear reads, by its weight
  for (const Smoothing &smoothing : facts.smoothing)
    for (const std::string &linear : smoothing.linears)
      factors[linear] = smoothing.factors;
  Builder builder(context.get());
  NamedAttrList ranges, importances;
  for (const auto &[weight, statistics] : (*found)->linears()) {
    if (options.staticActivations) {
      const NumberRange range = statistics.bestRange();
      ranges.set(weight, builder.getDenseF32ArrayAttr({range.least, range.greatest}));
    }
    if (uses(plan, "int4")) {
      std::vector<float> importance(statistics.channels());
      const llvm::ArrayRef<float> by = factors.lookup(weight);
      for (size_t k = 0; k < importance.size(); ++k)
        importance[k] = float(statistics.meanSquare(k) * (by.empty() ? 1 : double(by[k]) * by[k]));
      importances.set(weight, builder.getDenseF32ArrayAttr(importance));
    }
  }
  (*model.module)->setAttr(rangesAttr, ranges.getDictionary(context.get()));
  (*model.module)->setAttr(importancesAttr, importances.getDictionary(context.get()));
  return llvm::Error::success();
}

/// Finds the plan that --max-drift asks for.
llvm::Error Compilation::search() {
  llvm::Expected<Probes *> made = makeProbes();
  if (!made)
    return made.takeError();
  Probes &by = **made;
  const std::vector<PrecisionUnit> units = findUnits(*model.module);
  std::unique_ptr<ErrorModel> errors;
  SearchProblem problem = {.cheapest = plan.precision,
                           .cacheInBytes = plan.cacheInBytes,
                           .linearAttention = plan.linearAttention,
                           .bound = *options.maxDrift,
                           .groups = groupUnits(units)};
  problem.measure = [&](const PrecisionPlan &candidate) -> llvm::Expected<double> {
    llvm::Expected<DriftReport> report = by.measure(candidate);
    if (!report)
      return report.takeError();
    const uint64_t bytes = llvm::cantFail(by.get(candidate))->artifact.weightsBytes;
    facts.searchedBytes.push_back(bytes);
    progress.finish("search", llvm::formatv("{0:e2} with {1} of weights: {2}", report->drift(), sizeText(bytes),
                                            planText(candidate)));
    if (!(report->drift() <= problem.bound) && !candidate.overrides.empty())
      by.forget(candidate);
    return report->drift();
  };
  problem.prepare = [&]() -> llvm::Error {
    const auto names = llvm::map_to_vector(units, [](const PrecisionUnit &unit) { return unit.name; });
    llvm::ArrayRef<std::string> ladder = precisionLadder();
    const size_t coarsest = llvm::find(ladder, problem.cheapest) - ladder.begin();
    llvm::Expected<ErrorModel> created = ErrorModel::create(by.reference(), names, by.inputs(), coarsest);
    if (!created)
      return created.takeError();
    errors = std::make_unique<ErrorModel>(std::move(*created));
    for (StringRef precision : llvm::reverse(ladder.slice(1, coarsest))) {
      const PrecisionPlan throughout = {precision.str(), {}, plan.cacheInBytes, plan.linearAttention};
      llvm::Expected<const LoadedArtifact *> probe = by.get(throughout);
      if (!probe)
        return probe.takeError();
      if (llvm::Error error = errors->addPrecision(precision, **probe))
        return error;
      if (precision != problem.cheapest)
        by.forget(throughout);
      progress.finish("search", "what each of " + Twine(units.size()) + " parts gets wrong in " + precision);
    }
    return llvm::Error::success();
  };
  problem.estimate = [&](const PrecisionPlan &candidate) { return errors->estimate(candidate); };
  problem.surveyed = [&](llvm::ArrayRef<SearchReport::Sensitivity> parts) {
    const auto most = llvm::max_element(parts, [&](const auto &a, const auto &b) {
      return a.drift.at(problem.cheapest) < b.drift.at(problem.cheapest);
    });
    progress.finish("search", llvm::formatv("{0} does most: {1:e2} alone in {2}", most->units.front(),
                                            most->drift.at(problem.cheapest), problem.cheapest));
  };
  llvm::Expected<SearchReport> found = searchPrecisions(problem);
  if (!found)
    return found.takeError();
  plan = found->plan;
  facts.search = std::move(*found);
  return llvm::Error::success();
}

/// Measures the drift of the plan, and fails where it is larger than allowed.
llvm::Error Compilation::certify() {
  llvm::Expected<Probes *> made = makeProbes();
  if (!made)
    return made.takeError();
  llvm::Expected<DriftReport> report = (*made)->measure(plan);
  if (!report)
    return llvm::createStringError("measuring drift: " + llvm::toString(report.takeError()));
  facts.drift = std::move(*report);
  const double drift = facts.drift->drift();
  progress.finish("drift", llvm::formatv("{0:e1} at most from f32, on {1} sequences ({2})", drift,
                                         facts.drift->sequences, facts.drift->inputs));
  if (options.maxDrift && !(drift <= *options.maxDrift))
    return llvm::createStringError(llvm::formatv("--max-drift {0:e2}: the outputs in {1} are up to {2:e2} from f32's",
                                                 *options.maxDrift, planText(plan), drift)
                                       .str());
  return llvm::Error::success();
}

/// Measures how well the model does a task, in f32 and by the plan.
llvm::Error Compilation::evaluate() {
  llvm::Expected<StsTask> task = StsTask::read(options.evalData);
  if (!task)
    return task.takeError();
  llvm::Expected<Probes *> made = makeProbes();
  if (!made)
    return made.takeError();
  TaskMetric metric = {options.evalTask, "spearman", llvm::sys::path::filename(options.evalData).str(),
                       task->hash().str(), task->pairs()};
  for (const auto &[by, value] : {std::pair(PrecisionPlan(), &metric.inF32), {plan, &metric.compiled}}) {
    llvm::Expected<const LoadedArtifact *> probe = (*made)->get(by);
    if (!probe)
      return probe.takeError();
    llvm::Expected<double> rho = task->spearman(**probe, {});
    if (!rho)
      return llvm::createStringError("--eval " + options.evalTask + ": " + llvm::toString(rho.takeError()));
    *value = *rho;
  }
  progress.finish("eval", llvm::formatv("Spearman {0:F5}, in f32 {1:F5}, on {2} pairs ({3})", metric.compiled,
                                        metric.inF32, metric.samples, metric.data));
  facts.metric = std::move(metric);
  return llvm::Error::success();
}

} // namespace lathe
