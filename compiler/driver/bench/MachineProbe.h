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

#include "compiler/driver/bench/Precision.h"
#include "compiler/driver/bench/ProbeLoops.h"

#include <optional>

namespace lathe {

/// Operations (a multiply-add counts two) and bytes in a second. Empty: the machine has no such thing.
struct MachineRoofs {
  std::optional<double> fmaF32, dotBf16, dotInt8, amxBf16, amxInt8;
  std::optional<double> readL1, readL2, readL3, readMemory;

  /// The fastest unit that the machine has for products of a precision. Those of bf16 can be done in f32, and on some
  /// machines that is the fastest way; int8, and int4 once it is unpacked, need an instruction that takes bytes.
  std::optional<Unit> unitFor(Precision precision) const;
  /// The peak of that unit.
  std::optional<double> peak(Precision precision) const;
};
/// Which of them is the unit's.
std::optional<double> MachineRoofs::*roofOf(Unit unit);

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
