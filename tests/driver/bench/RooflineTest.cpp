// Which of arithmetic and bytes bounds work, and where bytes come from.
#include "compiler/driver/bench/Roofline.h"

#include <gtest/gtest.h>

namespace lathe::test {
namespace {

/// 100 operations a second; 40, 20 and 10 bytes a second from caches of 2 * 8 and 64 bytes and from memory.
Roofline machine() {
  MachineRoofs roofs;
  roofs.fmaF32 = 100;
  roofs.dotBf16 = 200;
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
  EXPECT_EQ(machine().ofRun({.flops = 200, .weightBytes = 10, .activationBytes = 1e9}, Precision::F32), 2);
  EXPECT_EQ(machine().ofRun({.flops = 200, .weightBytes = 30}, Precision::F32), 3);
}

TEST(Roofline, HasAPeakForEachPrecision) {
  EXPECT_EQ(machine().peak(Precision::F32), 100);
  EXPECT_EQ(machine().peak(Precision::BF16), 200);
  EXPECT_EQ(machine().ofRun({.flops = 200, .weightBytes = 10}, Precision::BF16), 1);
  EXPECT_FALSE(machine().ofRun({.flops = 200, .weightBytes = 10}, Precision::Int8));
  Work product = {.flops = 1000};
  EXPECT_EQ(machine().ofStep({"q", "lathe_gemm_bf16_bias", 1, product}, 1), 5);
  EXPECT_EQ(machine().ofStep({"a", "lathe_attention_f32", 1, product}, 1), 10) << "a step of the same run";
}

TEST(Roofline, OfAStepTakesWeightsFromWhereTheRunsWeightsLie) {
  StepWork step = {"s", "lathe_gemm_f32", 1, {.flops = 10, .weightBytes = 8}};
  EXPECT_EQ(machine().ofStep(step, /*runWeightBytes=*/16), 0.2);
  EXPECT_EQ(machine().ofStep(step, 60), 0.4);
  EXPECT_EQ(machine().ofStep(step, 100), 0.8);
  step.work.flops = 1000;
  EXPECT_EQ(machine().ofStep(step, 100), 10);
}

TEST(Roofline, OfAStepTakesActivationsFromWhereItsOwnLie) {
  for (auto [bytes, seconds] : {std::pair(16, 0.4), {60, 3}, {100, 10}})
    EXPECT_EQ(machine().ofStep({"s", "lathe_add_f32", 1, {.activationBytes = double(bytes)}}, 100), seconds);
}

TEST(Roofline, IsEmptyWhereNothingWasMeasured) {
  Roofline unknown(MachineRoofs(), {}, 1);
  EXPECT_FALSE(unknown.peak(Precision::F32));
  EXPECT_FALSE(unknown.ofRun({1, 1, 1}, Precision::F32));
  EXPECT_FALSE(unknown.ofStep({"s", "lathe_gemm_f32", 1, {1, 1, 1}}, 1));
  MachineRoofs noMemory;
  noMemory.fmaF32 = noMemory.readL2 = 1;
  EXPECT_FALSE(Roofline(noMemory, {4, 8, 64, 2}, 1).ofRun({1, 1, 1}, Precision::F32));
}

} // namespace
} // namespace lathe::test
