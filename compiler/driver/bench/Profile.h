//===- Profile.h - times of the steps of a run --------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PROFILE_H
#define LATHE_COMPILER_DRIVER_BENCH_PROFILE_H

#include "compiler/driver/bench/Work.h"

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
};

/// Runs with clocks around every step for a second, apart from what is timed as a whole: the clocks themselves take
/// time. `steps` is what the manifest says; a library that runs others is an error.
llvm::Expected<Profile> profileSteps(const LoadedModel &model, const lathe_entry_info &entry, int64_t threads,
                                     const Workload &workload, llvm::ArrayRef<StepWork> steps);

/// What a library measured, beside what the manifest says of the same steps: both in the order of the program.
llvm::Expected<std::vector<ProfiledStep>> matchSteps(llvm::ArrayRef<lathe_profile_step> measured,
                                                     llvm::ArrayRef<StepWork> steps);

} // namespace lathe

#endif
