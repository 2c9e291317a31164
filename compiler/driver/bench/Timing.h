//===- Timing.h - times of contenders, in turns -------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_TIMING_H
#define LATHE_COMPILER_DRIVER_BENCH_TIMING_H

#include "compiler/driver/bench/Contender.h"

namespace lathe {

struct Timing {
  double min, median, p99; ///< seconds
};
/// Of at least one time. A percentile is the smallest time that so many of the times do not exceed.
Timing summarize(std::vector<double> seconds);

/// Times contenders in turns, a short block of runs each, so that noise hits all alike; until each has been timed for
/// a second, and a few times at least.
llvm::Expected<std::vector<Timing>> timeInTurns(llvm::ArrayRef<Contender *> contenders);

} // namespace lathe

#endif
