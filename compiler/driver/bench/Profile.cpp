//===- Profile.cpp - times of the steps of a run ------------------------------===//
#include "compiler/driver/bench/Profile.h"

#include "compiler/import/safetensors/Quote.h"

#include <chrono>

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

Expected<Profile> profileSteps(const LoadedModel &model, const lathe_entry_info &entry, int64_t threads,
                               const Workload &workload, ArrayRef<StepWork> steps) {
  using Clock = std::chrono::steady_clock;
  Expected<RunContext> context =
      model.createContext({.threads = threads, .maxTokens = workload.batch() * workload.longest(), .profile = true});
  if (!context)
    return context.takeError();
  std::vector<lathe_tensor> inputs = workload.inputs.views();
  Expected<std::vector<FloatTensor>> outputs = context->prepare(entry, inputs);
  if (!outputs)
    return outputs.takeError();
  // The first run starts threads and touches memory; its times are taken off.
  if (Error error = context->run(entry, inputs, *outputs))
    return std::move(error);
  std::vector<lathe_profile_step> first = context->profile();
  Profile profile = {{}, 0, threads, 0};
  Clock::time_point began = Clock::now();
  do {
    if (Error error = context->run(entry, inputs, *outputs))
      return std::move(error);
    ++profile.runs;
    profile.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  } while (profile.seconds < 1);
  std::vector<lathe_profile_step> all = context->profile();
  for (auto [step, before] : llvm::zip_equal(all, first)) {
    step.calls -= before.calls;
    step.seconds -= before.seconds;
    step.busy_seconds -= before.busy_seconds;
  }
  Expected<std::vector<ProfiledStep>> matched = matchSteps(all, steps);
  if (!matched)
    return matched.takeError();
  profile.steps = std::move(*matched);
  return profile;
}

} // namespace lathe
