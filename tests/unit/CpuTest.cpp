// The choice of ISA level for CPUs of every kind, none of which needs to be this one.
#include "runtime/core/Cpu.h"

#include <gtest/gtest.h>

using namespace lathe;

namespace {

constexpr unsigned avx512Compiled = 1u << LATHE_ISA_AVX512;

CpuFacts capable() { return {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0ull}; }

struct Choice {
  lathe_status status;
  int level = -1;
  lathe_error error = {};
};

Choice choose(const CpuFacts &cpu, const char *requested, unsigned compiled = avx512Compiled) {
  Choice choice;
  choice.status = selectLevel(cpu, requested, compiled, choice.level, &choice.error);
  return choice;
}

bool contains(const lathe_error &error, const char *text) { return strstr(error.message, text) != nullptr; }

} // namespace

TEST(Cpu, CapableCpuGetsTheCompiledLevel) {
  for (const char *requested : {static_cast<const char *>(nullptr), "", "avx512"}) {
    Choice choice = choose(capable(), requested);
    EXPECT_EQ(choice.status, LATHE_OK) << choice.error.message;
    EXPECT_EQ(choice.level, LATHE_ISA_AVX512);
  }
}

TEST(Cpu, EveryMissingFeatureIsNamed) {
  const struct {
    uint32_t CpuFacts::*word;
    int bit;
    const char *name;
  } features[] = {{&CpuFacts::leaf1Ecx, 12, "fma"},         {&CpuFacts::leaf1Ecx, 22, "movbe"},
                  {&CpuFacts::leaf1Ecx, 28, "avx"},         {&CpuFacts::leaf1Ecx, 29, "f16c"},
                  {&CpuFacts::leaf7Ebx, 3, "bmi1"},         {&CpuFacts::leaf7Ebx, 5, "avx2"},
                  {&CpuFacts::leaf7Ebx, 8, "bmi2"},         {&CpuFacts::leaf7Ebx, 16, "avx512f"},
                  {&CpuFacts::leaf7Ebx, 17, "avx512dq"},    {&CpuFacts::leaf7Ebx, 28, "avx512cd"},
                  {&CpuFacts::leaf7Ebx, 30, "avx512bw"},    {&CpuFacts::leaf7Ebx, 31, "avx512vl"},
                  {&CpuFacts::extendedLeaf1Ecx, 5, "lzcnt"}};
  for (const auto &feature : features) {
    CpuFacts cpu = capable();
    cpu.*feature.word &= ~(1u << feature.bit);
    EXPECT_STREQ(missingFeature(cpu, LATHE_ISA_AVX512), feature.name);
    for (const char *requested : {static_cast<const char *>(nullptr), "avx512"}) {
      Choice choice = choose(cpu, requested);
      EXPECT_EQ(choice.status, LATHE_UNSUPPORTED_CPU);
      EXPECT_TRUE(contains(choice.error, feature.name)) << choice.error.message;
    }
  }
}

TEST(Cpu, EveryMissingFeatureOfAHigherLevelIsNamed) {
  const struct {
    int level;
    uint32_t CpuFacts::*word;
    int bit;
    const char *name;
  } features[] = {{LATHE_ISA_AVX512_VNNI, &CpuFacts::leaf7Ecx, 11, "avx512_vnni"},
                  {LATHE_ISA_AVX512_BF16, &CpuFacts::leaf7Sub1Eax, 5, "avx512_bf16"},
                  {LATHE_ISA_AMX, &CpuFacts::leaf7Edx, 22, "amx_bf16"},
                  {LATHE_ISA_AMX, &CpuFacts::leaf7Edx, 24, "amx_tile"},
                  {LATHE_ISA_AMX, &CpuFacts::leaf7Edx, 25, "amx_int8"}};
  for (const auto &feature : features) {
    CpuFacts cpu = capable();
    cpu.*feature.word &= ~(1u << feature.bit);
    for (int level = 0; level < LATHE_ISA_LEVELS; ++level) // levels above contain it
      EXPECT_STREQ(missingFeature(cpu, level), level < feature.level ? nullptr : feature.name) << levelName(level);
  }
  for (int bit : {17, 18}) {
    CpuFacts cpu = capable();
    cpu.xcr0 &= ~(1ull << bit);
    EXPECT_EQ(missingFeature(cpu, LATHE_ISA_AVX512_BF16), nullptr);
    EXPECT_STREQ(missingFeature(cpu, LATHE_ISA_AMX), "an operating system that saves its registers (XCR0)");
  }
}

TEST(Cpu, RegistersThatTheSystemDoesNotSaveAreMissing) {
  for (int bit : {1, 2, 5, 6, 7}) {
    CpuFacts cpu = capable();
    cpu.xcr0 &= ~(1ull << bit);
    Choice choice = choose(cpu, nullptr);
    EXPECT_EQ(choice.status, LATHE_UNSUPPORTED_CPU);
    EXPECT_TRUE(contains(choice.error, "operating system")) << choice.error.message;
  }
}

TEST(Cpu, OldestCpuIsToldTheFirstMissingFeature) {
  Choice choice = choose({}, nullptr);
  EXPECT_EQ(choice.status, LATHE_UNSUPPORTED_CPU);
  EXPECT_TRUE(contains(choice.error, "lacks avx;")) << choice.error.message;
}

TEST(Cpu, UnknownLevelNamesWhatThereIs) {
  for (const char *requested : {"sse2", "AVX512", "avx512 ", "avx512_vnni"}) {
    Choice choice = choose(capable(), requested);
    EXPECT_EQ(choice.status, LATHE_UNSUPPORTED_CPU);
    EXPECT_TRUE(contains(choice.error, requested)) << choice.error.message;
    EXPECT_TRUE(contains(choice.error, "has: avx512")) << choice.error.message;
  }
}

TEST(Cpu, LevelThatWasNotCompiledIsRefused) {
  EXPECT_EQ(choose(capable(), "avx512", 0).status, LATHE_UNSUPPORTED_CPU);
  EXPECT_EQ(choose(capable(), nullptr, 0).status, LATHE_UNSUPPORTED_CPU);
}

constexpr unsigned allCompiled = (1u << LATHE_ISA_LEVELS) - 1;
constexpr unsigned levels(std::initializer_list<int> list) {
  unsigned set = 0;
  for (int level : list)
    set |= 1u << level;
  return set;
}

/// capable(), but for the levels above.
CpuFacts cpuOf(int level) {
  CpuFacts cpu = capable();
  if (level < LATHE_ISA_AMX)
    cpu.leaf7Edx = 0;
  if (level < LATHE_ISA_AVX512_BF16)
    cpu.leaf7Sub1Eax = 0;
  if (level < LATHE_ISA_AVX512_VNNI)
    cpu.leaf7Ecx = 0;
  return cpu;
}

TEST(Cpu, HighestCompiledLevelOfTheCpuIsChosen) {
  for (int has = 0; has < LATHE_ISA_LEVELS; ++has)
    for (unsigned compiled = 1; compiled <= allCompiled; ++compiled) {
      int expected = has;
      while (expected >= 0 && !(compiled >> expected & 1))
        --expected;
      Choice choice = choose(cpuOf(has), nullptr, compiled);
      EXPECT_EQ(choice.status, expected < 0 ? LATHE_UNSUPPORTED_CPU : LATHE_OK) << has << " " << compiled;
      EXPECT_EQ(choice.level, expected) << has << " " << compiled;
    }
}

TEST(Cpu, EachLevelCanBeForced) {
  for (int level = 0; level < LATHE_ISA_LEVELS; ++level) {
    Choice choice = choose(capable(), levelName(level), allCompiled);
    EXPECT_EQ(choice.status, LATHE_OK) << choice.error.message;
    EXPECT_EQ(choice.level, level);
    choice = choose(capable(), levelName(level), allCompiled & ~(1u << level));
    EXPECT_EQ(choice.status, LATHE_UNSUPPORTED_CPU);
    EXPECT_TRUE(contains(choice.error, "without that level")) << choice.error.message;
    if (level) {
      choice = choose(cpuOf(level - 1), levelName(level), allCompiled);
      EXPECT_EQ(choice.status, LATHE_UNSUPPORTED_CPU);
      EXPECT_TRUE(contains(choice.error, "above this CPU")) << choice.error.message;
      EXPECT_TRUE(contains(choice.error, "avx512, avx512_vnni, avx512_bf16, amx")) << choice.error.message;
    }
  }
}

/// Intel's bf16 dot is slower than its f32 FMA: a library uses it there if asked to, or if it has nothing else.
TEST(Cpu, SlowLevelIsLeftOut) {
  CpuFacts intel = cpuOf(LATHE_ISA_AVX512_BF16);
  intel.intel = true;
  EXPECT_EQ(choose(cpuOf(LATHE_ISA_AVX512_BF16), nullptr, allCompiled).level, LATHE_ISA_AVX512_BF16);
  EXPECT_EQ(choose(intel, nullptr, allCompiled).level, LATHE_ISA_AVX512_VNNI);
  EXPECT_EQ(choose(intel, nullptr, levels({LATHE_ISA_AVX512, LATHE_ISA_AVX512_BF16})).level, LATHE_ISA_AVX512);
  EXPECT_EQ(choose(intel, nullptr, levels({LATHE_ISA_AVX512_BF16, LATHE_ISA_AMX})).level, LATHE_ISA_AVX512_BF16);
  EXPECT_EQ(choose(intel, "avx512_bf16", allCompiled).level, LATHE_ISA_AVX512_BF16);
  CpuFacts withTiles = capable();
  withTiles.intel = true;
  EXPECT_EQ(choose(withTiles, nullptr, allCompiled).level, LATHE_ISA_AMX);
  withTiles.tilesRefused = true;
  EXPECT_EQ(choose(withTiles, nullptr, allCompiled).level, LATHE_ISA_AVX512_VNNI);
}

TEST(Cpu, TilesAreGrantedWhereTheCpuHasThemOnly) {
  if (!missingFeature(readCpu(), LATHE_ISA_AMX)) {
    EXPECT_EQ(requestTiles(), requestTiles()) << "asking again changes nothing";
    return;
  }
  EXPECT_FALSE(requestTiles());
}

TEST(Cpu, ThisCpuAgreesWithTheCompilersView) {
  const bool expected = __builtin_cpu_supports("x86-64-v4");
  EXPECT_EQ(missingFeature(readCpu(), LATHE_ISA_AVX512) == nullptr, expected);
  EXPECT_EQ(missingFeature(readCpu(), LATHE_ISA_AVX512_VNNI) == nullptr,
            expected && __builtin_cpu_supports("avx512vnni"));
  EXPECT_EQ(missingFeature(readCpu(), LATHE_ISA_AVX512_BF16) == nullptr,
            expected && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16"));
}
