// The comparison that other tests rely on must itself be able to fail.
#include "tests/support/Tensors.h"
#include <gtest/gtest.h>
#include <limits>

using namespace lathe::test;

TEST(Difference, EmptyWithinTolerance) {
  std::vector<float> expected = {1, -200, 3}, actual = {1, -200.001f, 3};
  EXPECT_EQ(difference(actual, expected, 1e-5), "");
  EXPECT_LT(relativeError(actual, expected), 1e-5);
  EXPECT_EQ(difference(std::vector<float>{}, std::vector<float>{}, 0), "");
}

TEST(Difference, NamesFirstAndWorst) {
  std::vector<float> expected = {0, 0, 0, 0, 0, 0}, actual = {0, 0.25f, 0, 0, -0.5f, 0};
  EXPECT_EQ(
      difference(actual, expected, 0.1, {2, 3}),
      "relative error 0.5 exceeds 0.1; 2 of 6 elements do; first [0, 1] is 0.25, expected 0; worst [1, 1] is -0.5, "
      "expected 0");
  EXPECT_NE(difference(actual, expected, 0.1).find("first [1]"), std::string::npos);
}

TEST(Difference, NothingHidesANan) {
  float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  std::vector<double> expected = {1, 2};
  EXPECT_NE(difference(std::vector<float>{1, nan}, expected, 1e30), "");
  EXPECT_NE(difference(std::vector<float>{1, infinity}, expected, 1e30), "");
  EXPECT_NE(difference(std::vector<float>{1, 2}, std::vector<double>{1, nan}, 1e30), "");
  EXPECT_NE(difference(std::vector<float>{1, 2}, std::vector<double>{1, infinity}, 1e30), "");
  EXPECT_EQ(difference(std::vector<float>{infinity}, std::vector<float>{infinity}, 0), "");
  EXPECT_NE(difference(std::vector<float>{1}, expected, 1e30), "");
}

TEST(Random, SameSeedSameNumbersInsideTheirBounds) {
  Random a(5), b(5), c(6);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
  for (int i = 0; i < 1000; ++i) {
    int64_t integer = a.integer(-3, 3);
    EXPECT_TRUE(integer >= -3 && integer <= 3);
    double uniform = a.uniform(2, 4);
    EXPECT_TRUE(uniform >= 2 && uniform < 4);
  }
  double sum = 0, squares = 0;
  for (float value : randomNormal(a, 100'000, 1, 2)) {
    sum += value;
    squares += (value - 1) * (value - 1);
  }
  EXPECT_NEAR(sum / 1e5, 1, 0.03);
  EXPECT_NEAR(squares / 1e5, 4, 0.08);
}
