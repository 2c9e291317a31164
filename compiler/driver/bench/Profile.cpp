//===- Profile.cpp - times of the steps of a run ------------------------------===//
#include "compiler/driver/bench/Profile.h"

#include "compiler/driver/bench/Generation.h"
#include "compiler/import/safetensors/Quote.h"

#include <chrono>
#include <numeric>

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

namespace lathe {

double Profile::stepSeconds() const {
  double sum = 0;
  for (const ProfiledStep &step : steps)
    sum += step.seconds;
  return sum;
}

double Profile::idleShare() const {
  double busy = 0;
  for (const ProfiledStep &step : steps)
    busy += step.busySeconds;
  return 1 - busy / (stepSeconds() * threads);
}

Expected<std::vector<ProfiledStep>> matchSteps(ArrayRef<lathe_profile_step> measured, ArrayRef<StepWork> steps) {
  std::vector<ProfiledStep> matched;
  const StepWork *next = steps.begin();
  for (const lathe_profile_step &step : measured) {
    next = std::find_if(next, steps.end(),
                        [&](const StepWork &known) { return known.name == step.name && known.kernel == step.kernel; });
    if (next == steps.end())
      return llvm::createStringError("the library ran step " + quote(step.name) + " with " + quote(step.kernel) +
                                     ", which the manifest does not list there; compile the model again");
    matched.push_back({*next++, step.calls, step.seconds, step.busy_seconds});
  }
  return matched;
}

Expected<std::unique_ptr<StepProfiler>> StepProfiler::create(const LoadedModel &model, const lathe_entry_info &entry,
                                                             int64_t threads, const Workload &workload) {
  RunOptions options = {.threads = threads, .maxTokens = workload.mostTokens()};
  std::optional<GenerationRun> writes;
  if (workload.generation) {
    Expected<GenerationRun> created = GenerationRun::create(model, workload);
    if (!created)
      return created.takeError();
    options = created->contextOptions(threads);
    writes.emplace(std::move(*created));
  }
  options.profile = true;
  Expected<RunContext> context = model.createContext(options);
  if (!context)
    return context.takeError();
  if (writes)
    return std::unique_ptr<StepProfiler>(new StepProfiler(
        threads, std::move(*context), [writes = std::move(*writes)](const RunContext &context) mutable {
          return writes.write(context).takeError();
        }));
  Expected<std::vector<FloatTensor>> results = context->prepare(entry, workload.inputs.views());
  if (!results)
    return results.takeError();
  return std::unique_ptr<StepProfiler>(
      new StepProfiler(threads, std::move(*context),
                       [&entry, views = workload.inputs.views(), results = std::move(*results)](
                           const RunContext &context) { return context.run(entry, views, results); }));
}

Expected<std::vector<double>> StepProfiler::time(int64_t count) {
  using Clock = std::chrono::steady_clock;
  std::vector<lathe_profile_step> before;
  std::vector<double> times;
  for (int64_t number = 0; number <= count; ++number) {
    Clock::time_point began = Clock::now();
    if (Error error = run(context))
      return std::move(error);
    if (number == 0)
      before = context.profile();
    else
      times.push_back(std::chrono::duration<double>(Clock::now() - began).count());
  }
  std::vector<lathe_profile_step> after = context.profile();
  if (sums.empty()) {
    sums = after;
    for (lathe_profile_step &sum : sums)
      sum.calls = 0, sum.seconds = sum.busy_seconds = 0;
  }
  for (auto [sum, now, then] : llvm::zip_equal(sums, after, before)) {
    sum.calls += now.calls - then.calls;
    sum.seconds += now.seconds - then.seconds;
    sum.busy_seconds += now.busy_seconds - then.busy_seconds;
  }
  runs += count;
  seconds = std::accumulate(times.begin(), times.end(), seconds);
  return times;
}

Expected<Profile> StepProfiler::profile(ArrayRef<StepWork> steps) const {
  Expected<std::vector<ProfiledStep>> matched = matchSteps(sums, steps);
  if (!matched)
    return matched.takeError();
  return Profile{std::move(*matched), runs, threads, seconds};
}

} // namespace lathe
