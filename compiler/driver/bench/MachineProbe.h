//===- MachineProbe.h - what this machine can do at most, measured ------------===//
//
// The roofs that speeds are compared with: arithmetic on registers alone, and reading from each cache and from memory,
// by as many threads as are used and with all of them at it at the same time, because clocks, shared caches and cores
// that are halves of one make two threads less than twice one.
//
// Each number is the best of many short runs: a machine that is shared is often slower than it can be, and never
// faster. How much of it is there while contenders are timed is RoofSampler's to say.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_MACHINEPROBE_H
#define LATHE_COMPILER_DRIVER_BENCH_MACHINEPROBE_H

#include "compiler/driver/bench/ProbeLoops.h"

#include <optional>

namespace lathe {

/// Operations (a multiply-add counts two) and bytes in a second. Empty: the machine has no such thing.
struct MachineRoofs {
  std::optional<double> fmaF32, dotBf16, dotInt8, amxBf16, amxInt8;
  std::optional<double> readL1, readL2, readL3, readMemory;

  /// The best that the machine has for a precision. There is no peak for bf16 or int8 without an instruction that takes
  /// them.
  std::optional<double> f32() const { return fmaF32; }
  std::optional<double> bf16() const { return better(dotBf16, amxBf16); }
  std::optional<double> int8() const { return better(dotInt8, amxInt8); }

private:
  static std::optional<double> better(std::optional<double> a, std::optional<double> b) {
    return a > b ? a : b; // nothing is less than any number
  }
};

/// Sizes in bytes as CPUID gives them, 0 where it does not; `l3Threads` is how many threads share the last.
struct CacheSizes {
  size_t l1 = 0, l2 = 0, l3 = 0, l3Threads = 1;
};
CacheSizes readCacheSizes();

/// Bytes that each of `threads` reads over and over so that they come from the named level, or 0 if the level has no
/// room between the one before and its own end.
struct ProbeBuffers {
  size_t l1, l2, l3, memory;
};
ProbeBuffers chooseBuffers(const CacheSizes &sizes, int threads);

/// Measures with `threads` (1 and more) threads at the same time, in about `seconds` and the time it takes to fill a
/// buffer beyond the caches. A CPU without AVX-512, for which Lathe has no code, has no roofs.
MachineRoofs probeMachine(int threads, double seconds = 0.6);
/// The peak of one unit alone, in `seconds`, for what compares with it again and again.
std::optional<double> probeUnit(int threads, Unit unit, double seconds);
/// Likewise the rate of reading `bytesPerThread` over and over, from wherever they lie then.
std::optional<double> probeRead(int threads, size_t bytesPerThread, double seconds);

} // namespace lathe

#endif
