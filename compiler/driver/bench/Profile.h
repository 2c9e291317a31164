//===- Profile.h - times of the steps of a run --------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PROFILE_H
#define LATHE_COMPILER_DRIVER_BENCH_PROFILE_H

#include "compiler/driver/bench/Workload.h"

namespace lathe {

/// Runs with a clock around every step for a second, apart from what is timed as a whole: the clocks themselves take
/// time.
llvm::Expected<std::vector<lathe_profile_step>> profileSteps(const LoadedModel &model, const lathe_entry_info &entry,
                                                             int64_t threads, const Workload &workload);

} // namespace lathe

#endif
