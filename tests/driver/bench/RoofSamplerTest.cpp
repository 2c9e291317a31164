// Samples of the machine, and what is said of them.
#include "compiler/driver/bench/RoofSampler.h"
#include "compiler/driver/bench/ProbeLoops.h"

#include "llvm/ADT/STLExtras.h"

#include <filesystem>
#include <gtest/gtest.h>

namespace lathe::test {
namespace {

TEST(RoofSampler, SamplesWhatCanBeMeasured) {
  for (int threads : {1, 2}) {
    RoofSampler sampler(threads);
    EXPECT_TRUE(sampler.samples().empty());
    sampler.take();
    sampler.take();
    ASSERT_EQ(sampler.samples().size(), hasUnit(Unit::FmaF32) ? 2u : 0u);
    for (const RoofSample &sample : sampler.samples()) {
      EXPECT_GT(sample.fmaF32, 0);
      EXPECT_GT(sample.readMemory, 0);
    }
  }
}

TEST(RoofSampler, SamplesTheUnitsThatItIsAskedFor) {
  std::vector<Unit> asked;
  for (Unit unit : {Unit::FmaF32, Unit::DotBf16, Unit::DotBf16})
    if (hasUnit(unit))
      asked.push_back(unit);
  RoofSampler sampler(1, asked);
  sampler.take();
  for (const RoofSample &sample : sampler.samples())
    for (Unit unit : allUnits)
      EXPECT_EQ(sample.*sampleOf(unit) > 0, llvm::is_contained(asked, unit)) << operationsPerStep(unit);
}

TEST(RoofSampler, LeavesNoThreads) {
  auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
  };
  auto before = threads();
  RoofSampler sampler(3);
  sampler.take();
  EXPECT_EQ(threads(), before) << "they would run beside who is timed next";
}

TEST(RoofSpread, GivesSamplesThatWereTaken) {
  std::vector<RoofSample> samples = {{3, 10}, {1, 10.2}, {2, 10.4}};
  RoofSpread peak = spreadOf(samples, &RoofSample::fmaF32), read = spreadOf(samples, &RoofSample::readMemory);
  EXPECT_EQ(peak.least, 1);
  EXPECT_EQ(peak.median, 2);
  EXPECT_EQ(peak.most, 3);
  EXPECT_TRUE(peak.isWide());
  EXPECT_EQ(read.median, 10.2);
  EXPECT_FALSE(read.isWide());
  samples.push_back({4, 4});
  EXPECT_EQ(spreadOf(samples, &RoofSample::fmaF32).median, 2) << "of two in the middle the lower";
}

} // namespace
} // namespace lathe::test
