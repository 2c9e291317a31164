//===- Profile.h - times of the steps of a run --------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PROFILE_H
#define LATHE_COMPILER_DRIVER_BENCH_PROFILE_H

#include "compiler/driver/bench/Contender.h"
#include "compiler/driver/bench/Work.h"

#include "llvm/ADT/FunctionExtras.h"

namespace lathe {

struct ProfiledStep {
  StepWork step;
  int64_t calls;      ///< in all runs
  double seconds;     ///< of all calls
  double busySeconds; ///< of all threads together, in the kernel
};

struct Profile {
  std::vector<ProfiledStep> steps; ///< those that ran, in the order of the manifest
  int64_t runs, threads;
  double seconds; ///< of all runs, what lies between the steps included

  double stepSeconds() const;
  /// Of the time that the threads had in a step, or in all steps, what they did not spend in its kernel: waiting for
  /// work, or for each other.
  double idleShare(const ProfiledStep &step) const { return 1 - step.busySeconds / (step.seconds * threads); }
  double idleShare() const;
  /// Of all the time, what was between steps: at the edge, in choosing tokens, and in the clocks themselves.
  double outsideShare() const { return 1 - stepSeconds() / seconds; }
};

/// Runs an artifact, or has it write, with clocks around every step. It takes turns with contenders, so as to meet the
/// machine that they and the samples of it meet, but is none: the clocks themselves take time.
class StepProfiler final : public Runner {
public:
  static llvm::Expected<std::unique_ptr<StepProfiler>> create(const LoadedModel &model, const lathe_entry_info &entry,
                                                              int64_t threads, const Workload &workload);

  llvm::Expected<std::vector<double>> time(int64_t count) override;
  /// Of all runs that were timed, of the entries that they need. `steps` is what the manifest says; a library that runs
  /// others is an error.
  llvm::Expected<Profile> profile(llvm::ArrayRef<StepWork> steps) const;

private:
  using Run = llvm::unique_function<llvm::Error(const RunContext &)>;
  StepProfiler(int64_t threads, RunContext context, Run run)
      : threads(threads), context(std::move(context)), run(std::move(run)) {}

  int64_t threads, runs = 0;
  double seconds = 0;
  RunContext context;
  Run run;
  std::vector<lathe_profile_step> sums; ///< of what was timed
};

/// What a library measured, beside what the manifest says of the same steps: both in the order of the program.
llvm::Expected<std::vector<ProfiledStep>> matchSteps(llvm::ArrayRef<lathe_profile_step> measured,
                                                     llvm::ArrayRef<StepWork> steps);

} // namespace lathe

#endif
