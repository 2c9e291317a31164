// What a row of weights becomes in int4: within what the form can hold, and no worse than any other choice.
#include "ir/xf/Int4.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace lathe::xf;

namespace {

std::vector<float> randomRow(size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.01f * float(seed % 7), 0.04f);
  std::vector<float> row(count);
  for (float &weight : row)
    weight = normal(engine);
  return row;
}

double errorOf(const Int4Row &row, const std::vector<float> &weights, size_t begin, size_t end,
               const std::vector<float> &importance = {}) {
  double sum = 0;
  for (size_t k = begin; k < end; ++k) {
    const double error = double(row.scale) * row.byteAt(int64_t(k)) - weights[k];
    sum += error * error * (importance.empty() ? 1 : importance[k]);
  }
  return sum;
}

TEST(Int4, IsWithinWhatTheLayoutHolds) {
  for (int64_t group : int4Groups)
    for (size_t width : {1, 7, 31, 32, 33, 127, 200, 384}) {
      const std::vector<float> weights = randomRow(width, unsigned(width));
      const Int4Row row = roundToInt4(weights, group);
      ASSERT_EQ(row.codes.size(), width);
      ASSERT_EQ(row.groups.size(), (width + group - 1) / group);
      for (const Int4Row::Group &of : row.groups) {
        EXPECT_GE(of.step, 1);
        EXPECT_LE(of.step, 16);
        EXPECT_LE(of.zero, 15);
      }
      for (size_t k = 0; k < width; ++k) {
        EXPECT_LE(row.codes[k], 15);
        EXPECT_GE(row.byteAt(int64_t(k)), -128);
        EXPECT_LE(row.byteAt(int64_t(k)), 127);
      }
    }
}

/// All steps and zeros that there are, each with the codes that are best for it.
TEST(Int4, NoOtherStepOrZeroIsMuchBetter) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::vector<float> weights = randomRow(96, seed);
    for (size_t k = 32; k < 64; ++k) // a group of one sign, as far from 0 as the others reach
      weights[k] = (seed % 2 ? 1.0f : -1.0f) * (0.1f + 0.1f * std::fabs(weights[k]));
    const Int4Row row = roundToInt4(weights, 32);
    for (size_t begin = 0; begin < weights.size(); begin += 32) {
      const size_t end = std::min<size_t>(begin + 32, weights.size());
      double least = INFINITY;
      for (int step = 1; step <= 16; ++step)
        for (int zero = 0; zero < 16; ++zero) {
          double sum = 0;
          for (size_t k = begin; k < end; ++k) {
            double nearest = INFINITY;
            for (int code = 0; code < 16; ++code)
              if (const int byte = (code - zero) * step; byte >= -128 && byte <= 127)
                nearest = std::min(nearest, std::fabs(double(row.scale) * byte - weights[k]));
            sum += nearest * nearest;
          }
          least = std::min(least, sum);
        }
      EXPECT_LE(errorOf(row, weights, begin, end), least * 1.15) << "seed " << seed << ", from " << begin;
    }
  }
}

TEST(Int4, ImportantColumnsAreNearer) {
  const std::vector<float> weights = randomRow(256, 3);
  std::vector<float> importance(weights.size(), 1);
  for (size_t k = 0; k < importance.size(); k += 5)
    importance[k] = 50;
  const Int4Row plain = roundToInt4(weights, 64), weighted = roundToInt4(weights, 64, importance);
  EXPECT_LT(errorOf(weighted, weights, 0, 256, importance), 0.95 * errorOf(plain, weights, 0, 256, importance));
}

TEST(Int4, RowsOfOneSignUseAllCodes) {
  std::vector<float> weights = randomRow(64, 5);
  for (float &weight : weights)
    weight = 1 + weight;
  const Int4Row row = roundToInt4(weights, 64);
  // Nine bytes from one to the next, where 16 from -127 to 127 would be 16 apart.
  EXPECT_LT(std::sqrt(errorOf(row, weights, 0, 64) / 64), 11 / std::sqrt(12.0) * row.scale);
}

TEST(Int4, ZerosAreZeros) {
  std::vector<float> weights(70, 0.0f);
  for (float weight : {0.0f, 1e-45f}) { // also one whose scale is no number of bf16 above zero
    weights[3] = weight;
    const Int4Row row = roundToInt4(weights, 32);
    for (int64_t k = 0; k < 70; ++k)
      EXPECT_EQ(row.scale * float(row.byteAt(k)), 0);
  }
}

} // namespace
