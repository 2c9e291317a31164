//===- ProbeLoops.h - loops that do one thing and nothing else ----------------===//
//
// What MachineProbe times. All are written as machine code, so that what runs does not depend on how the compiler was
// asked to optimise.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PROBELOOPS_H
#define LATHE_COMPILER_DRIVER_BENCH_PROBELOOPS_H

#include <cstddef>
#include <cstdint>

namespace lathe {

/// What a core computes with, by instruction.
enum class Unit {
  FmaF32,  ///< vfmadd213ps on 512 bits
  DotBf16, ///< vdpbf16ps
  DotInt8, ///< vpdpbusd (VNNI)
  AmxBf16, ///< tdpbf16ps
  AmxInt8, ///< tdpbssd
};
inline constexpr Unit allUnits[] = {Unit::FmaF32, Unit::DotBf16, Unit::DotInt8, Unit::AmxBf16, Unit::AmxInt8};

/// Whether the CPU has the unit and the operating system saves its registers. Of tiles, asks for the process's
/// permission to use them.
bool hasUnit(Unit unit);

/// Operations of one step on registers alone; a multiply-add counts two.
double operationsPerStep(Unit unit);
/// Runs `steps` (1 and more) of independent chains, more of them than the unit's latency can use. Needs hasUnit.
void runUnit(Unit unit, int64_t steps);

/// How a buffer is read: from one end to the other, or its four quarters side by side; prefetched so many bytes ahead
/// (0: left to the hardware).
struct ReadPattern {
  bool quarters;
  int64_t prefetchBytes;
};
inline constexpr ReadPattern readPatterns[] = {{false, 0}, {false, 2048}, {true, 0}, {true, 1024}};
/// What the size of a buffer must be a multiple of.
inline constexpr size_t readGrain = 1024;

/// Loads every byte of `bytes`, a multiple of readGrain, at 64-byte aligned `data`, with 512-bit loads. Needs
/// hasUnit(Unit::FmaF32).
void readOnce(ReadPattern pattern, const uint8_t *data, size_t bytes);

} // namespace lathe

#endif
