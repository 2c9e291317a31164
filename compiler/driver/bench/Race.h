//===- Race.h - contenders in turns -------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_RACE_H
#define LATHE_COMPILER_DRIVER_BENCH_RACE_H

#include "compiler/driver/bench/Report.h"

namespace lathe {

/// Compares contenders, and times those that agree, in turns with samples of what the machine can do and, where there
/// is one, the profiler; of those that write several tokens, runs that write the first alone have turns, too. What the
/// machine gave goes into `setting`.
llvm::Expected<std::vector<Row>> race(llvm::ArrayRef<Contender *> contenders, StepProfiler *profiler,
                                      const Workload &workload, Setting &setting);

} // namespace lathe

#endif
