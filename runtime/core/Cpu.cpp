#include "runtime/core/Cpu.h"

#include "runtime/core/NameList.h"
#include "runtime/core/Status.h"

#include <cpuid.h>
#include <string.h>

namespace lathe {
namespace {

struct Feature {
  const char *name;
  uint32_t CpuFacts::*word;
  int bit;
};

// Everything that x86-64-v4 promises beyond v2 (every CPU with AVX has v2), since that is what the avx512 level is
// compiled for. The order is that of a person's expectation: the first missing one is named.
constexpr Feature avx512Features[] = {
    {"avx", &CpuFacts::leaf1Ecx, 28},          {"avx2", &CpuFacts::leaf7Ebx, 5},
    {"avx512f", &CpuFacts::leaf7Ebx, 16},      {"avx512bw", &CpuFacts::leaf7Ebx, 30},
    {"avx512cd", &CpuFacts::leaf7Ebx, 28},     {"avx512dq", &CpuFacts::leaf7Ebx, 17},
    {"avx512vl", &CpuFacts::leaf7Ebx, 31},     {"fma", &CpuFacts::leaf1Ecx, 12},
    {"f16c", &CpuFacts::leaf1Ecx, 29},         {"movbe", &CpuFacts::leaf1Ecx, 22},
    {"bmi1", &CpuFacts::leaf7Ebx, 3},          {"bmi2", &CpuFacts::leaf7Ebx, 8},
    {"lzcnt", &CpuFacts::extendedLeaf1Ecx, 5},
};
constexpr Feature vnniFeatures[] = {{"avx512_vnni", &CpuFacts::leaf7Ecx, 11}};
constexpr Feature bf16Features[] = {{"avx512_bf16", &CpuFacts::leaf7Sub1Eax, 5}};
constexpr Feature amxFeatures[] = {{"amx_tile", &CpuFacts::leaf7Edx, 24},
                                   {"amx_int8", &CpuFacts::leaf7Edx, 25},
                                   {"amx_bf16", &CpuFacts::leaf7Edx, 22}};

struct Level {
  const char *name;
  const Feature *features; // those the level below does not already need
  int featureCount;
  uint64_t savedState; // XCR0 bits
};

// XCR0: SSE, AVX, opmask, upper halves of zmm0-15, zmm16-31. A hypervisor or kernel may withhold these from a CPU that
// has the instructions, which would then fault.
constexpr uint64_t avx512State = 0xe6;
// Tile configuration and data.
constexpr uint64_t amxState = 3ull << 17;

template <int count> constexpr Level describe(const char *name, const Feature (&features)[count], uint64_t savedState) {
  return {name, features, count, savedState};
}

constexpr Level levels[LATHE_ISA_LEVELS] = {
    describe("avx512", avx512Features, avx512State),
    describe("avx512_vnni", vnniFeatures, 0),
    describe("avx512_bf16", bf16Features, 0),
    describe("amx", amxFeatures, amxState),
};

// What is slower than a lower level although the CPU has it.
struct SlowLevel {
  int level;
  bool (*applies)(const CpuFacts &cpu);
};

constexpr SlowLevel slowLevels[] = {
    // vdpbf16ps and f32 FMA in GFLOP/s of one core: 96-107 and 171 on Intel servers with AMX, 235 and 117 on AMD Zen 4.
    {LATHE_ISA_AVX512_BF16, [](const CpuFacts &cpu) { return cpu.intel; }},
};

bool isSlow(const CpuFacts &cpu, int level) {
  for (const SlowLevel &slow : slowLevels)
    if (slow.level == level && slow.applies(cpu))
      return true;
  return false;
}

void listLevels(NameList &list, unsigned set) {
  for (int level = 0; level < LATHE_ISA_LEVELS; ++level)
    if (set >> level & 1)
      list.add(levels[level].name);
}

} // namespace

const char *levelName(int level) { return levels[level].name; }

CpuFacts readCpu() {
  CpuFacts cpu;
  uint32_t eax, ebx, ecx, edx;
  constexpr uint32_t osxsave = 1u << 27;
  if (__get_cpuid(0, &eax, &ebx, &ecx, &edx))
    cpu.intel = ebx == signature_INTEL_ebx && edx == signature_INTEL_edx && ecx == signature_INTEL_ecx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
    cpu.leaf1Ecx = ecx;
    if (ecx & osxsave) {
      // The instruction itself, not its builtin: this file is compiled for CPUs without XSAVE too.
      uint32_t low, high;
      __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
      cpu.xcr0 = uint64_t(high) << 32 | low;
    }
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    cpu.leaf7Ebx = ebx;
    cpu.leaf7Ecx = ecx;
    cpu.leaf7Edx = edx;
    if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
      cpu.leaf7Sub1Eax = eax;
  }
  if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx))
    cpu.extendedLeaf1Ecx = ecx;
  return cpu;
}

bool requestTiles() {
  // The system call itself: the C library has no name for it, and this must not change errno.
  constexpr long archPrctl = 158, requestPermission = 0x1023, tileData = 18;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(archPrctl), "D"(requestPermission), "S"(tileData)
                   : "rcx", "r11", "memory");
  return result == 0;
}

const char *missingFeature(const CpuFacts &cpu, int level) {
  for (int l = 0; l <= level; ++l) {
    for (int i = 0; i < levels[l].featureCount; ++i) {
      const Feature &feature = levels[l].features[i];
      if (!(cpu.*feature.word >> feature.bit & 1))
        return feature.name;
    }
    if ((cpu.xcr0 & levels[l].savedState) != levels[l].savedState)
      return "an operating system that saves its registers (XCR0)";
    if (l == LATHE_ISA_AMX && cpu.tilesRefused)
      return "the operating system's permission to use its tiles";
  }
  return nullptr;
}

lathe_status selectLevel(const CpuFacts &cpu, const char *requested, unsigned compiledLevels, int &level,
                         lathe_error *error) {
  NameList compiled;
  listLevels(compiled, compiledLevels);
  if (requested && *requested) {
    for (level = 0; level < LATHE_ISA_LEVELS; ++level)
      if (!strcmp(requested, levels[level].name))
        break;
    if (level == LATHE_ISA_LEVELS)
      return fail(error, LATHE_UNSUPPORTED_CPU, "LATHE_ISA=%.64s is no ISA level; this library has: %s", requested,
                  compiled.text);
    if (!(compiledLevels >> level & 1))
      return fail(error, LATHE_UNSUPPORTED_CPU,
                  "LATHE_ISA=%s: this library was compiled without that level; it has: %s", requested, compiled.text);
    if (const char *missing = missingFeature(cpu, level))
      return fail(error, LATHE_UNSUPPORTED_CPU, "LATHE_ISA=%s is above this CPU, which lacks %s; this library has: %s",
                  requested, missing, compiled.text);
    return LATHE_OK;
  }
  const char *missing = nullptr;
  int slow = -1; // the highest of these, for a library with no other level for this CPU
  for (level = LATHE_ISA_LEVELS - 1; level >= 0; --level) {
    if (!(compiledLevels >> level & 1))
      continue;
    if (const char *lacks = missingFeature(cpu, level))
      missing = lacks; // in the end that of the lowest level, the least a CPU must have
    else if (!isSlow(cpu, level))
      return LATHE_OK;
    else if (slow < 0)
      slow = level;
  }
  if (slow >= 0) {
    level = slow;
    return LATHE_OK;
  }
  return fail(error, LATHE_UNSUPPORTED_CPU, "this CPU lacks %s; this library has code for: %s",
              missing ? missing : "nothing", compiled.text);
}

} // namespace lathe
