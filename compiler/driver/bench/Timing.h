//===- Timing.h - times of contenders, in turns -------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_TIMING_H
#define LATHE_COMPILER_DRIVER_BENCH_TIMING_H

#include "compiler/driver/bench/Contender.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <chrono>

namespace lathe {

struct Timing {
  double min, median, p99; ///< seconds
};
/// Of at least one time. A percentile is the smallest time that so many of the times do not exceed.
Timing summarize(std::vector<double> seconds);

/// Threads that wait for work by spinning stop within this time: those of ONNX Runtime after 35 ms on a Zen 5.
inline constexpr std::chrono::milliseconds threadsRest(100);

/// Times runners in turns, a short block of runs each, so that noise hits all alike; until each has been timed for
/// two seconds, and a few times at least. `look` has a turn in every round, too: it looks at the machine. Before each
/// turn is a pause, so that nobody runs beside the last runner's spinning threads; behind `look`, which leaves none,
/// there is none.
llvm::Expected<std::vector<Timing>> timeInTurns(llvm::ArrayRef<Runner *> runners, llvm::function_ref<void()> look,
                                                std::chrono::milliseconds pause = threadsRest);

} // namespace lathe

#endif
