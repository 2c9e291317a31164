// Which ISA level a library runs at. The decision is a pure function of what CPUID says, what LATHE_ISA asks for and
// what was compiled, so that it can be tested for every kind of CPU on any machine.
#ifndef LATHE_RUNTIME_CORE_CPU_H
#define LATHE_RUNTIME_CORE_CPU_H

#include "lathe/program.h"

namespace lathe {

/// The CPUID and XCR0 words that the levels read; zero where the CPU has no such leaf.
struct CpuFacts {
  uint32_t leaf1Ecx = 0;
  uint32_t leaf7Ebx = 0, leaf7Ecx = 0, leaf7Edx = 0;
  uint32_t leaf7Sub1Eax = 0;
  uint32_t extendedLeaf1Ecx = 0; // 0x80000001
  uint64_t xcr0 = 0;             // register state that the operating system saves; 0 without OSXSAVE
  bool intel = false;            // by its vendor's name
  bool tilesRefused = false;     // the operating system was asked for AMX's tiles, and said no
};

CpuFacts readCpu();

/// Asks the operating system to let this process use AMX's tiles, which it keeps from processes that do not ask.
/// Threads need not ask again. False without the permission.
bool requestTiles();

/// Name of a level: "avx512".
const char *levelName(int level);

/// The first thing `level` needs and `cpu` has not, e.g. "avx512bw"; null if it has everything.
const char *missingFeature(const CpuFacts &cpu, int level);

/// Chooses the fastest of `compiledLevels` (bit i is level i) that the CPU has, or the one that `requested`, the value
/// of LATHE_ISA, names; null or empty asks for none. The fastest is the highest that is not known to be slower than
/// those below. A level that is unknown, not compiled or above the CPU is an error that names what is available.
lathe_status selectLevel(const CpuFacts &cpu, const char *requested, unsigned compiledLevels, int &level,
                         lathe_error *error);

} // namespace lathe

#endif
