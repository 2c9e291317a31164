// Seeded random data, and comparison of results with a tolerance.
#ifndef LATHE_TESTS_SUPPORT_TENSORS_H
#define LATHE_TESTS_SUPPORT_TENSORS_H

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lathe::test {

/// A small random generator that gives the same numbers everywhere, which the standard library's distributions do not
/// promise. A test prints its seed where it is not a constant.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}

  uint64_t next();
  /// In [low, high], both included.
  int64_t integer(int64_t low, int64_t high);
  /// In [low, high).
  double uniform(double low = 0, double high = 1);
  double normal(double mean = 0, double deviation = 1);

private:
  uint64_t state;
};

std::vector<float> randomNormal(Random &random, size_t count, float mean = 0, float deviation = 1);
std::vector<float> randomUniform(Random &random, size_t count, float low, float high);
/// In [low, high], both included.
std::vector<int32_t> randomIntegers(Random &random, size_t count, int32_t low, int32_t high);

/// max |actual - expected| / max(1, max |expected|), the project's measure of error. Infinite where only one of the two
/// is finite or either is NaN.
double relativeError(std::span<const float> actual, std::span<const float> expected);
double relativeError(std::span<const float> actual, std::span<const double> expected);

/// Empty if the relative error is at most `tolerance`. Otherwise says how large it is, how many elements are beyond the
/// tolerance, and which is the first and which the worst, by index, or by indices if `shape` is given:
///
///   EXPECT_EQ(difference(actual, expected, 1e-5, {2, 7, 384}), "");
std::string difference(std::span<const float> actual, std::span<const float> expected, double tolerance,
                       const std::vector<int64_t> &shape = {});
std::string difference(std::span<const float> actual, std::span<const double> expected, double tolerance,
                       const std::vector<int64_t> &shape = {});

} // namespace lathe::test

#endif // LATHE_TESTS_SUPPORT_TENSORS_H
