// Loops over rows, selection and the numbers they use: the same on every CPU, and right.
#include "tests/unit/generate/Writing.h"

#include "runtime/generate/Numbers.h"
#include "runtime/generate/Processors.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace lathe;
using namespace lathe::test;

namespace {

std::vector<float> randomRow(int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> row(size_t(size), 0.0f);
  for (float &score : row)
    score = normal(random);
  return row;
}

TEST(Numbers, AreThoseOfTheMathematicalLibrary) {
  for (double x = -86.9; x <= 0; x += 0.0371) {
    const double exact = std::exp(double(float(x)));
    EXPECT_NEAR(expOfNegative(float(x)) / exact, 1, 2.5e-7) << x;
  }
  EXPECT_EQ(expOfNegative(0), 1);
  EXPECT_EQ(expOfNegative(-INFINITY), 0);
  EXPECT_EQ(expOfNegative(-1e9f), 0);
  for (double x = 1e-300; x < 1e300; x *= 1.7)
    EXPECT_NEAR(logOf(x), std::log(x), std::fabs(std::log(x)) * 1e-15) << x;
  for (double x = 0.7; x < 1.5; x += 0.001)
    EXPECT_NEAR(logOf(x), std::log(x), 1e-16 + std::fabs(std::log(x)) * 1e-15) << x;
  for (double base : {1.0, 2.0, 7.0, 100.0, 1e6})
    for (double exponent : {-7.5, -1.0, 0.0, 0.6, 1.0, 2.0, 13.0})
      EXPECT_NEAR(powerOf(base, exponent) / std::pow(base, exponent), 1, 1e-13) << base << "^" << exponent;
  EXPECT_EQ(powerOf(10, 1e6), INFINITY);
  EXPECT_EQ(powerOf(10, -1e6), 0);
}

TEST(Rows, GiveTheSameOnEveryCpu) {
  if (!hasAvx512())
    GTEST_SKIP() << "this CPU has no AVX-512";
  for (int64_t size : {1, 15, 63, 64, 65, 200, 1000, 50257}) {
    std::vector<float> row = randomRow(size, uint32_t(size)), divided[2], masked[2], normalized[2];
    std::vector<float> maxima[2];
    std::vector<double> sums[2];
    for (bool avx512 : {false, true}) {
      const RowLoops &loops = rowLoops(avx512);
      maxima[avx512].resize(size_t(rowBlocks(size)));
      sums[avx512].resize(size_t(rowBlocks(size)));
      EXPECT_TRUE(loops.maxima(row.data(), size, maxima[avx512].data()));
      const float peak = peakOf(maxima[avx512].data(), rowBlocks(size));
      loops.expSums(row.data(), size, maxima[avx512].data(), -1.5f, peak, sums[avx512].data());
      divided[avx512] = masked[avx512] = normalized[avx512] = row;
      loops.divide(divided[avx512].data(), size, 0.7f);
      loops.mask(masked[avx512].data(), size, 0.1f);
      loops.normalize(normalized[avx512].data(), size, peak, 3.1f);
    }
    EXPECT_EQ(maxima[0], maxima[1]);
    for (size_t b = 0; b < sums[0].size(); ++b)
      EXPECT_NEAR(sums[0][b], sums[1][b], sums[1][b] * 1e-6) << b;
    EXPECT_EQ(divided[0], divided[1]);
    EXPECT_EQ(masked[0], masked[1]);
    EXPECT_EQ(normalized[0], normalized[1]);
  }
}

TEST(Rows, FindTheFirstOfTheGreatestAndWhatIsNoNumber) {
  for (int64_t size : {1, 2, 64, 65, 129, 1000})
    for (bool avx512 : {false, hasAvx512()}) {
      const RowLoops &loops = rowLoops(avx512);
      std::vector<float> row = randomRow(size, 7), maxima(size_t(rowBlocks(size)), 0.0f);
      row[size_t(size / 2)] = row[size_t(size - 1)] = 100;
      ASSERT_TRUE(loops.maxima(row.data(), size, maxima.data()));
      EXPECT_EQ(firstPeak(row.data(), size, maxima.data(), peakOf(maxima.data(), rowBlocks(size))), size / 2);
      for (int64_t bad : {int64_t(0), size / 2, size - 1}) {
        std::vector<float> broken = row;
        broken[size_t(bad)] = NAN;
        EXPECT_FALSE(loops.maxima(broken.data(), size, maxima.data())) << bad;
      }
    }
}

TEST(Rows, LogSoftmaxIsThatOfDoublePrecision) {
  const int64_t size = 50257;
  std::vector<float> row = randomRow(size, 3);
  const std::vector<float> logits = row;
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit));
  std::vector<float> maxima(size_t(rowBlocks(size)), 0.0f), after(maxima);
  std::vector<double> sums(maxima.size());
  const RowLoops &loops = rowLoops(hasAvx512());
  loops.maxima(row.data(), size, maxima.data());
  logSoftmax(row.data(), size, maxima.data(), sums.data(), loops);
  for (size_t i = 0; i < row.size(); i += 97)
    EXPECT_NEAR(row[i], logits[i] - std::log(sum), 1e-5);
  loops.maxima(row.data(), size, after.data());
  EXPECT_EQ(after, maxima);
}

TEST(Select, CrossingIsThatOfASortedList) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const size_t n = 1 + random() % 300;
    std::vector<uint32_t> keys(n);
    std::vector<float> weights(n);
    const uint32_t mask = round % 3 ? 0xffffffff : 0x80000403; // with equal keys, too
    for (size_t i = 0; i < n; ++i) {
      keys[i] = uint32_t(random()) & mask;
      weights[i] = float(random() % 1000);
    }
    const double target = random() % 3 ? random() % (n * 500) : double(n) * 2000;
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return keys[a] > keys[b]; });
    double sum = 0, before = 0;
    uint32_t key = keys[order[0]];
    for (size_t i : order) {
      if (keys[i] != key) {
        if (sum >= target)
          break;
        before = sum;
        key = keys[i];
      }
      sum += weights[i];
    }
    const Crossing crossing = findCrossing(keys.data(), weights.data(), int64_t(n), target);
    EXPECT_EQ(crossing.key, key);
    EXPECT_EQ(crossing.before, before);
  }
}

TEST(Select, KeysHaveTheOrderOfScores) {
  const float scores[] = {-INFINITY, -1e30f, -2, -1e-30f, 0, 1e-30f, 1, 3e7f, INFINITY};
  for (size_t i = 0; i < std::size(scores); ++i) {
    EXPECT_EQ(scoreOfKey(orderedKey(scores[i])), scores[i]);
    if (i)
      EXPECT_LT(orderedKey(scores[i - 1]), orderedKey(scores[i]));
  }
  EXPECT_EQ(orderedKey(-0.0f), orderedKey(0.0f));
}

TEST(Select, TopListIsTheBeginningOfASortedList) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    const size_t n = 1 + random() % 200, k = 1 + random() % 20;
    std::vector<Candidate> all(n), memory(k);
    TopList top(memory.data(), int64_t(k));
    for (size_t i = 0; i < n; ++i) {
      all[i] = {float(random() % 50), int64_t(i)};
      top.add(all[i]);
    }
    top.sort();
    std::sort(all.begin(), all.end(), comesBefore);
    ASSERT_EQ(top.size, int64_t(std::min(n, k)));
    for (int64_t i = 0; i < top.size; ++i)
      EXPECT_EQ(top.heap[i].index, all[size_t(i)].index);
  }
}

} // namespace
