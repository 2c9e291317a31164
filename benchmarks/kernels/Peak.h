// What one core can do at most, measured: the yardstick of kernel benchmarks.
#ifndef LATHE_BENCHMARKS_KERNELS_PEAK_H
#define LATHE_BENCHMARKS_KERNELS_PEAK_H

namespace lathe::bench {

/// FLOP/s of 512-bit f32 FMAs on registers alone; the best of many short runs, measured anew at each call because a
/// core's clock and its neighbours change.
double measureFmaPeak();

} // namespace lathe::bench
#endif // LATHE_BENCHMARKS_KERNELS_PEAK_H
