// The roofs of a bench. Their numbers are the machine's business; that they are of what the machine has, of the level
// that they name, and never lost, is ours.
#include "compiler/driver/bench/MachineProbe.h"
#include "compiler/driver/bench/ProbeLoops.h"
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace lathe::test {
namespace {

/// A server core of today: 48 KB, 2 MB, and a share of 32 MB for eight.
constexpr CacheSizes server = {48 << 10, 2 << 20, 32 << 20, 8};

TEST(ChooseBuffers, FitTheirLevelAndNotTheOneBefore) {
  for (int threads : {1, 2, 4}) {
    ProbeBuffers buffers = chooseBuffers(server, threads);
    EXPECT_LE(buffers.l1, server.l1 / 2);
    EXPECT_GT(buffers.l2, 2 * server.l1);
    EXPECT_LE(buffers.l2, server.l2 / 2);
    EXPECT_GE(buffers.l3, 2 * server.l2);
    EXPECT_LE(threads * buffers.l3, server.l3);
    EXPECT_GE(threads * buffers.memory, 4 * server.l3);
    for (size_t bytes : {buffers.l1, buffers.l2, buffers.l3, buffers.memory})
      EXPECT_TRUE(bytes && bytes % readGrain == 0) << bytes;
  }
}

TEST(ChooseBuffers, LeaveOutALevelWithoutRoom) {
  // Where eight threads share it, each one's part of the last level is hardly larger than its own second level.
  EXPECT_EQ(chooseBuffers(server, 8).l3, 0u);
  EXPECT_EQ(chooseBuffers({48 << 10, 2 << 20, 0, 1}, 1).l3, 0u);
  EXPECT_EQ(chooseBuffers({48 << 10, 64 << 10, 32 << 20, 1}, 1).l2, 0u);
  ProbeBuffers unknown = chooseBuffers({}, 2);
  EXPECT_EQ(unknown.l1 + unknown.l2 + unknown.l3, 0u);
  EXPECT_GE(unknown.memory, size_t(64) << 20) << "memory is measured without knowing the caches";
}

TEST(ChooseBuffers, CountEveryLastLevelThatThreadsReach) {
  // 64 threads reach eight last-level caches of 32 MB.
  EXPECT_GE(64 * chooseBuffers(server, 64).memory, 4 * 8 * server.l3);
}

TEST(CacheSizes, AreInOrder) {
  CacheSizes sizes = readCacheSizes();
  EXPECT_LE(sizes.l1, sizes.l2);
  EXPECT_TRUE(sizes.l3 == 0 || sizes.l2 <= sizes.l3);
  EXPECT_GE(sizes.l3Threads, 1u);
}

/// What Linux says of the CPU.
bool isListed(const std::string &flag) {
  std::ifstream file("/proc/cpuinfo");
  std::string text(std::istreambuf_iterator<char>(file), {});
  size_t flags = text.find("\nflags");
  std::string line = text.substr(flags, text.find('\n', flags + 1) - flags) + " ";
  return line.find(" " + flag + " ") != std::string::npos;
}

TEST(Units, AreThoseThatTheSystemLists) {
  EXPECT_EQ(hasUnit(Unit::FmaF32), isListed("avx512f") && isListed("avx512vl") && isListed("fma"));
  EXPECT_EQ(hasUnit(Unit::DotBf16), isListed("avx512_bf16"));
  EXPECT_EQ(hasUnit(Unit::DotInt8), isListed("avx512_vnni"));
  EXPECT_EQ(hasUnit(Unit::AmxBf16), isListed("amx_bf16"));
  EXPECT_EQ(hasUnit(Unit::AmxInt8), isListed("amx_int8"));
}

TEST(Units, RunWhereTheyAre) {
  for (Unit unit : allUnits) {
    EXPECT_GT(operationsPerStep(unit), 0);
    if (hasUnit(unit))
      runUnit(unit, 3); // an instruction that is not there would end the process
  }
}

TEST(ReadOnce, TouchesNothingBeyondTheBuffer) {
  if (!hasUnit(Unit::FmaF32))
    GTEST_SKIP() << "no AVX-512";
  for (size_t bytes : {readGrain, 3 * readGrain, size_t(1) << 20}) {
    // The sanitizers do not see machine code, so the buffer ends where a page begins that may not be touched.
    size_t page = sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
    void *mapped = mmap(nullptr, whole + page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, /*fd=*/-1, /*offset=*/0);
    ASSERT_NE(mapped, MAP_FAILED);
    uint8_t *end = static_cast<uint8_t *>(mapped) + whole;
    ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
    for (ReadPattern pattern : readPatterns)
      readOnce(pattern, end - bytes, bytes);
    munmap(mapped, whole + page);
  }
}

TEST(ProbeMachine, MeasuresWhatThereIs) {
  for (int threads : {1, 2}) {
    MachineRoofs roofs = probeMachine(threads, 0.01);
    for (Unit unit : allUnits)
      EXPECT_EQ((roofs.*roofOf(unit)).has_value(), hasUnit(unit)) << operationsPerStep(unit);
    EXPECT_EQ(roofs.readMemory.has_value(), hasUnit(Unit::FmaF32));
    for (std::optional<double> rate : {roofs.fmaF32, roofs.readMemory, roofs.readL1})
      EXPECT_GT(rate.value_or(1), 0);
  }
}

TEST(MachineRoofs, PeakOfAPrecisionIsThatOfItsBestUnit) {
  MachineRoofs roofs;
  for (Precision precision : allPrecisions)
    EXPECT_FALSE(roofs.peak(precision)) << nameOf(precision);
  roofs.fmaF32 = 150;
  EXPECT_EQ(roofs.peak(Precision::BF16), 150) << "without an instruction of its own, bf16 is widened";
  EXPECT_FALSE(roofs.peak(Precision::Int8));
  roofs.dotBf16 = 100;
  EXPECT_EQ(roofs.unitFor(Precision::BF16), Unit::FmaF32) << "the dot is slower on some machines";
  roofs.dotBf16 = 300;
  EXPECT_EQ(roofs.unitFor(Precision::BF16), Unit::DotBf16);
  roofs.amxBf16 = 2000;
  EXPECT_EQ(roofs.peak(Precision::BF16), 2000);
  roofs.dotInt8 = 600;
  EXPECT_EQ(roofs.peak(Precision::Int8), 600);
  roofs.amxInt8 = 4000;
  EXPECT_EQ(roofs.peak(Precision::Int8), 4000);
  EXPECT_EQ(roofs.peak(Precision::Int4), 4000);
  EXPECT_EQ(roofs.peak(Precision::F32), 150);
}

} // namespace
} // namespace lathe::test
