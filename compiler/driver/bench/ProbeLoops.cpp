//===- ProbeLoops.cpp - loops that do one thing and nothing else --------------===//
#include "compiler/driver/bench/ProbeLoops.h"

#include "runtime/core/Cpu.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lathe {

//===----------------------------------------------------------------------===//
// What there is
//===----------------------------------------------------------------------===//

/// Linux gives tile registers, 8 KB a thread, to processes that ask.
static bool mayUseTiles() {
  constexpr int requestComponent = 0x1023, tileData = 18;
  constexpr uint64_t tileState = uint64_t(3) << 17; // XCR0: the configuration and the data
  return (readCpu().xcr0 & tileState) == tileState && syscall(SYS_arch_prctl, requestComponent, tileData) == 0;
}

bool hasUnit(Unit unit) {
  uint32_t eax, ebx, ecx = 0, edx = 0, extendedEax = 0, ignored;
  if (missingFeature(readCpu(), LATHE_ISA_AVX512) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
    return false;
  if (eax >= 1)
    __get_cpuid_count(7, 1, &extendedEax, &ignored, &ignored, &ignored);
  auto bit = [](uint32_t word, int index) { return (word >> index & 1) != 0; };
  bool tiles = bit(edx, 24);
  switch (unit) {
  case Unit::FmaF32:
    return true;
  case Unit::DotBf16:
    return bit(extendedEax, 5);
  case Unit::DotInt8:
    return bit(ecx, 11);
  case Unit::AmxBf16:
    return tiles && bit(edx, 22) && mayUseTiles();
  case Unit::AmxInt8:
    return tiles && bit(edx, 25) && mayUseTiles();
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Computing
//===----------------------------------------------------------------------===//

// A step is 24 instructions, each on an accumulator of its own: two units with a latency of four to six cycles need
// 8 to 12 to be busy all the time.
#define LATHE_EIGHT(DO, A, B, C, D, E, F, G, H) DO(A) DO(B) DO(C) DO(D) DO(E) DO(F) DO(G) DO(H)
#define LATHE_EACH_ACCUMULATOR(DO)                                                                                     \
  LATHE_EIGHT(DO, 0, 1, 2, 3, 4, 5, 6, 7)                                                                              \
  LATHE_EIGHT(DO, 8, 9, 10, 11, 12, 13, 14, 15) LATHE_EIGHT(DO, 16, 17, 18, 19, 20, 21, 22, 23)
#define LATHE_ACCUMULATORS                                                                                             \
  "zmm0", "zmm1", "zmm2", "zmm3", "zmm4", "zmm5", "zmm6", "zmm7", "zmm8", "zmm9", "zmm10", "zmm11", "zmm12", "zmm13",  \
      "zmm14", "zmm15", "zmm16", "zmm17", "zmm18", "zmm19", "zmm20", "zmm21", "zmm22", "zmm23"
static constexpr int accumulators = 24;

/// Starts every accumulator at `start`, then repeats INSTRUCTION(accumulator), which may read zmm30 and zmm31.
#define LATHE_CHAINS(INSTRUCTION)                                                                                      \
  __asm__ volatile("vmovups (%[start]), %%zmm29\n\t"                                                                   \
                   "vmovups (%[left]), %%zmm30\n\t"                                                                    \
                   "vmovups (%[right]), %%zmm31\n\t" LATHE_EACH_ACCUMULATOR(                                           \
                       LATHE_START) ".p2align 5\n"                                                                     \
                                    "1:\n\t" LATHE_EACH_ACCUMULATOR(INSTRUCTION) "decq %[steps]\n\t"                   \
                                                                                 "jnz 1b\n\t"                          \
                                                                                 "vzeroupper"                          \
                   : [steps] "+r"(steps)                                                                               \
                   : [start] "r"(start), [left] "r"(left), [right] "r"(right)                                          \
                   : LATHE_ACCUMULATORS, "zmm29", "zmm30", "zmm31", "cc", "memory")
#define LATHE_START(I) "vmovaps %%zmm29, %%zmm" #I "\n\t"

#define LATHE_FMA(I) "vfmadd213ps %%zmm31, %%zmm30, %%zmm" #I "\n\t"
/// x = left * x + right with left near -1: values stay between the bounds that they swing between, and never become so
/// small that they slow down. Bits change at every step, as they do in real work: what is at rest takes less power, and
/// with less power runs a clock that real work does not get.
__attribute__((target("avx512f"))) static void runFma(int64_t steps) {
  float start[16], left[16], right[16];
  for (int lane = 0; lane < 16; ++lane) {
    start[lane] = 0.37f + 0.011f * lane;
    left[lane] = -0.9999f + 0.00001f * lane;
    right[lane] = 1.73f - 0.029f * lane;
  }
  LATHE_CHAINS(LATHE_FMA);
}

#define LATHE_DOT_BF16(I) "vdpbf16ps %%zmm31, %%zmm30, %%zmm" #I "\n\t"
__attribute__((target("avx512f,avx512bf16"))) static void runDotBf16(int64_t steps) {
  float start[16] = {};
  uint16_t left[32], right[32];
  for (int lane = 0; lane < 32; ++lane) {
    left[lane] = static_cast<uint16_t>(0x3f40 + 5 * lane);                        // 0.75 to 1.95
    right[lane] = static_cast<uint16_t>((lane % 2 ? 0xbf40 : 0x3f40) + 3 * lane); // of alternating sign
  }
  LATHE_CHAINS(LATHE_DOT_BF16);
}

#define LATHE_DOT_INT8(I) "vpdpbusd %%zmm31, %%zmm30, %%zmm" #I "\n\t"
__attribute__((target("avx512f,avx512vnni"))) static void runDotInt8(int64_t steps) {
  int32_t start[16] = {};
  uint8_t left[64];
  int8_t right[64];
  for (int lane = 0; lane < 64; ++lane) {
    left[lane] = static_cast<uint8_t>(31 + 3 * lane);
    right[lane] = static_cast<int8_t>(lane % 2 ? 7 * lane % 127 : -5 * lane % 127);
  }
  LATHE_CHAINS(LATHE_DOT_INT8);
}

/// Palette 1, eight tiles of 16 rows of 64 bytes: the operand of ldtilecfg.
struct alignas(64) TileConfig {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t columnBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Six sums of tiles 6 and 7: a tile product starts every 16 cycles and takes about 52.
#define LATHE_TILE_CHAINS(NAME)                                                                                        \
  __asm__ volatile("ldtilecfg (%[config])\n\t"                                                                         \
                   "tilezero %%tmm0\n\t"                                                                               \
                   "tilezero %%tmm1\n\t"                                                                               \
                   "tilezero %%tmm2\n\t"                                                                               \
                   "tilezero %%tmm3\n\t"                                                                               \
                   "tilezero %%tmm4\n\t"                                                                               \
                   "tilezero %%tmm5\n\t"                                                                               \
                   "tileloadd (%[left], %[stride]), %%tmm6\n\t"                                                        \
                   "tileloadd (%[right], %[stride]), %%tmm7\n\t"                                                       \
                   ".p2align 5\n"                                                                                      \
                   "1:\n\t" NAME " %%tmm7, %%tmm6, %%tmm0\n\t" NAME " %%tmm7, %%tmm6, %%tmm1\n\t" NAME                 \
                   " %%tmm7, %%tmm6, %%tmm2\n\t" NAME " %%tmm7, %%tmm6, %%tmm3\n\t" NAME                               \
                   " %%tmm7, %%tmm6, %%tmm4\n\t" NAME " %%tmm7, %%tmm6, %%tmm5\n\t"                                    \
                   "decq %[steps]\n\t"                                                                                 \
                   "jnz 1b\n\t"                                                                                        \
                   "tilerelease"                                                                                       \
                   : [steps] "+r"(steps)                                                                               \
                   : [config] "r"(&config), [left] "r"(left), [right] "r"(right), [stride] "r"(int64_t(64))            \
                   : "tmm0", "tmm1", "tmm2", "tmm3", "tmm4", "tmm5", "tmm6", "tmm7", "cc", "memory")
static constexpr int tileSums = 6;

__attribute__((target("amx-tile,amx-bf16"))) static void runAmxBf16(int64_t steps) {
  const TileConfig config;
  uint16_t left[16 * 32], right[16 * 32];
  for (int element = 0; element < 16 * 32; ++element) {
    left[element] = static_cast<uint16_t>(0x3f40 + element % 37);
    right[element] = static_cast<uint16_t>((element % 2 ? 0xbf40 : 0x3f40) + element % 29);
  }
  LATHE_TILE_CHAINS("tdpbf16ps");
}

__attribute__((target("amx-tile,amx-int8"))) static void runAmxInt8(int64_t steps) {
  const TileConfig config;
  int8_t left[16 * 64], right[16 * 64];
  for (int element = 0; element < 16 * 64; ++element) {
    left[element] = static_cast<int8_t>(element % 97 - 48);
    right[element] = static_cast<int8_t>(element % 89 - 44);
  }
  LATHE_TILE_CHAINS("tdpbssd");
}

double operationsPerStep(Unit unit) {
  switch (unit) {
  case Unit::FmaF32:
    return accumulators * 16 * 2;
  case Unit::DotBf16:
    return accumulators * 32 * 2;
  case Unit::DotInt8:
    return accumulators * 64 * 2;
  case Unit::AmxBf16:
    return tileSums * 16 * 16 * 32 * 2;
  case Unit::AmxInt8:
    return tileSums * 16 * 16 * 64 * 2;
  }
  return 0;
}

void runUnit(Unit unit, int64_t steps) {
  switch (unit) {
  case Unit::FmaF32:
    return runFma(steps);
  case Unit::DotBf16:
    return runDotBf16(steps);
  case Unit::DotInt8:
    return runDotInt8(steps);
  case Unit::AmxBf16:
    return runAmxBf16(steps);
  case Unit::AmxInt8:
    return runAmxInt8(steps);
  }
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

// Four lines from each of four places. Nobody needs what is loaded; that no other instruction uses it up is the point.
#define LATHE_LOAD_LINES(PLACE)                                                                                        \
  "vmovaps 0" PLACE ", %%zmm0\n\tvmovaps 64" PLACE ", %%zmm1\n\tvmovaps 128" PLACE ", %%zmm2\n\tvmovaps 192" PLACE     \
  ", %%zmm3\n\t"
#define LATHE_PREFETCH_LINES(PLACE)                                                                                    \
  "prefetcht0 0" PLACE "\n\tprefetcht0 64" PLACE "\n\tprefetcht0 128" PLACE "\n\tprefetcht0 192" PLACE "\n\t"
#define LATHE_FOUR_PLACES(DO, BASE)                                                                                    \
  DO("(%[" BASE "])") DO("(%[" BASE "],%[apart])") DO("(%[" BASE "],%[apart],2)") DO("(%[" BASE "],%[apart3])")

__attribute__((target("avx512f"))) void readOnce(ReadPattern pattern, const uint8_t *data, size_t bytes) {
  constexpr size_t atOnce = 256;
  size_t apart = pattern.quarters ? bytes / 4 : atOnce, step = pattern.quarters ? atOnce : 4 * atOnce;
  const uint8_t *end = data + (pattern.quarters ? bytes / 4 : bytes), *ahead = data + pattern.prefetchBytes;
  if (pattern.prefetchBytes == 0)
    __asm__ volatile(".p2align 6\n"
                     "1:\n\t" LATHE_FOUR_PLACES(LATHE_LOAD_LINES, "at") "addq %[step], %[at]\n\t"
                                                                        "cmpq %[end], %[at]\n\t"
                                                                        "jb 1b\n\t"
                                                                        "vzeroupper"
                     : [at] "+r"(data)
                     : [apart] "r"(apart), [apart3] "r"(3 * apart), [step] "r"(step), [end] "r"(end)
                     : "zmm0", "zmm1", "zmm2", "zmm3", "cc", "memory");
  else // a prefetch of what is not mapped does nothing
    __asm__ volatile(".p2align 6\n"
                     "1:\n\t" LATHE_FOUR_PLACES(LATHE_PREFETCH_LINES, "ahead")
                         LATHE_FOUR_PLACES(LATHE_LOAD_LINES, "at") "addq %[step], %[ahead]\n\t"
                                                                   "addq %[step], %[at]\n\t"
                                                                   "cmpq %[end], %[at]\n\t"
                                                                   "jb 1b\n\t"
                                                                   "vzeroupper"
                     : [at] "+r"(data), [ahead] "+r"(ahead)
                     : [apart] "r"(apart), [apart3] "r"(3 * apart), [step] "r"(step), [end] "r"(end)
                     : "zmm0", "zmm1", "zmm2", "zmm3", "cc", "memory");
}

} // namespace lathe
