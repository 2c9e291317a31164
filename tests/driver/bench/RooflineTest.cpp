// Which of arithmetic and bytes bounds work, and where bytes come from.
#include "compiler/driver/bench/Roofline.h"

#include <gtest/gtest.h>

namespace lathe::test {
namespace {

/// 100 operations a second; 40, 20 and 10 bytes a second from caches of 2 * 8 and 64 bytes and from memory.
Roofline machine() {
  MachineRoofs roofs;
  roofs.fmaF32 = 100;
  roofs.readL1 = 80;
  roofs.readL2 = 40;
  roofs.readL3 = 20;
  roofs.readMemory = 10;
  return Roofline(roofs, {4, 8, 64, 2}, 2);
}

TEST(Roofline, KnowsTheLevelThatHoldsBytes) {
  Roofline roofline = machine();
  EXPECT_EQ(roofline.levelFor(16)->name, "L2");
  EXPECT_EQ(roofline.levelFor(17)->name, "L3");
  EXPECT_EQ(roofline.levelFor(65)->name, "memory");
  EXPECT_EQ(roofline.levels().back().bytesPerSecond, 10);
}

TEST(Roofline, AddsTheCachesOfAllThreads) {
  MachineRoofs roofs;
  roofs.readL2 = roofs.readL3 = roofs.readMemory = 1;
  EXPECT_EQ(Roofline(roofs, {4, 8, 64, 2}, 6).levels()[0].capacity, 48);
  EXPECT_EQ(Roofline(roofs, {4, 8, 64, 2}, 5).levels()[1].capacity, 192) << "five threads reach three caches";
}

TEST(Roofline, OfARunIsTheLongerOfArithmeticAndWeightsFromMemory) {
  EXPECT_EQ(machine().ofRun({.flops = 200, .weightBytes = 10, .activationBytes = 1e9}), 2);
  EXPECT_EQ(machine().ofRun({.flops = 200, .weightBytes = 30}), 3);
}

TEST(Roofline, OfAStepTakesWeightsFromWhereTheRunsWeightsLie) {
  Work step = {.flops = 10, .weightBytes = 8};
  EXPECT_EQ(machine().ofStep(step, /*runWeightBytes=*/16), 0.2);
  EXPECT_EQ(machine().ofStep(step, 60), 0.4);
  EXPECT_EQ(machine().ofStep(step, 100), 0.8);
  step.flops = 1000;
  EXPECT_EQ(machine().ofStep(step, 100), 10);
}

TEST(Roofline, OfAStepTakesActivationsFromWhereItsOwnLie) {
  EXPECT_EQ(machine().ofStep({.activationBytes = 16}, 100), 0.4);
  EXPECT_EQ(machine().ofStep({.activationBytes = 60}, 100), 3);
  EXPECT_EQ(machine().ofStep({.activationBytes = 100}, 100), 10);
}

TEST(Roofline, IsEmptyWhereNothingWasMeasured) {
  Roofline unknown(MachineRoofs(), {}, 1);
  EXPECT_FALSE(unknown.peak());
  EXPECT_FALSE(unknown.ofRun({1, 1, 1}));
  EXPECT_FALSE(unknown.ofStep({1, 1, 1}, 1));
  MachineRoofs noMemory;
  noMemory.fmaF32 = noMemory.readL2 = 1;
  EXPECT_FALSE(Roofline(noMemory, {4, 8, 64, 2}, 1).ofRun({1, 1, 1}));
}

} // namespace
} // namespace lathe::test
