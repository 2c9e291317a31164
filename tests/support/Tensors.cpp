#include "tests/support/Tensors.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <sstream>

using namespace lathe::test;

/// SplitMix64: one addition and a mixing function, good enough for test data and for any seed.
uint64_t Random::next() {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

int64_t Random::integer(int64_t low, int64_t high) {
  uint64_t count = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
  uint64_t step = count == 0 ? next() : next() % count; // 0: all 64-bit numbers
  return static_cast<int64_t>(static_cast<uint64_t>(low) + step);
}

double Random::uniform(double low, double high) {
  return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53;
}

double Random::normal(double mean, double deviation) { // Box and Muller 1958
  double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return mean + deviation * radius * std::cos(2 * std::numbers::pi * uniform());
}

std::vector<float> lathe::test::randomNormal(Random &random, size_t count, float mean, float deviation) {
  std::vector<float> values(count);
  for (float &value : values)
    value = static_cast<float>(random.normal(mean, deviation));
  return values;
}

std::vector<float> lathe::test::randomUniform(Random &random, size_t count, float low, float high) {
  std::vector<float> values(count);
  for (float &value : values)
    value = static_cast<float>(random.uniform(low, high));
  return values;
}

std::vector<int32_t> lathe::test::randomIntegers(Random &random, size_t count, int32_t low, int32_t high) {
  std::vector<int32_t> values(count);
  for (int32_t &value : values)
    value = static_cast<int32_t>(random.integer(low, high));
  return values;
}

/// What differences are divided by.
template <typename T> static double scaleOf(std::span<const T> expected) {
  double scale = 1;
  for (double value : expected)
    if (std::isfinite(value))
      scale = std::max(scale, std::abs(value));
  return scale;
}

static double elementError(double actual, double expected, double scale) {
  if (actual == expected) // also equal infinities
    return 0;
  double error = std::abs(actual - expected) / scale;
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

template <typename T> static double maxError(std::span<const float> actual, std::span<const T> expected) {
  if (actual.size() != expected.size())
    return std::numeric_limits<double>::infinity();
  double scale = scaleOf(expected), worst = 0;
  for (size_t i = 0; i < actual.size(); ++i)
    worst = std::max(worst, elementError(actual[i], expected[i], scale));
  return worst;
}

static std::string indexText(size_t index, const std::vector<int64_t> &shape) {
  std::string text;
  for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) {
    std::string part = std::to_string(*dim > 0 ? index % *dim : 0);
    text = text.empty() ? part : part + ", " + text;
    index = *dim > 0 ? index / *dim : index;
  }
  return "[" + (shape.empty() ? std::to_string(index) : text) + "]";
}

template <typename T>
static std::string describeDifference(std::span<const float> actual, std::span<const T> expected, double tolerance,
                                      const std::vector<int64_t> &shape) {
  std::ostringstream out;
  out.precision(9);
  if (actual.size() != expected.size()) {
    out << actual.size() << " elements, expected " << expected.size();
    return out.str();
  }
  double scale = scaleOf(expected), worstError = 0;
  size_t first = actual.size(), worst = 0, beyond = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    double error = elementError(actual[i], expected[i], scale);
    if (error > worstError) {
      worstError = error;
      worst = i;
    }
    if (error > tolerance) {
      first = std::min(first, i);
      ++beyond;
    }
  }
  if (beyond == 0)
    return "";
  auto show = [&](size_t i) { out << indexText(i, shape) << " is " << actual[i] << ", expected " << expected[i]; };
  out << "relative error " << worstError << " exceeds " << tolerance << "; " << beyond << " of " << actual.size()
      << " elements do; first ";
  show(first);
  out << "; worst ";
  show(worst);
  return out.str();
}

double lathe::test::relativeError(std::span<const float> actual, std::span<const float> expected) {
  return maxError(actual, expected);
}

double lathe::test::relativeError(std::span<const float> actual, std::span<const double> expected) {
  return maxError(actual, expected);
}

std::string lathe::test::difference(std::span<const float> actual, std::span<const float> expected, double tolerance,
                                    const std::vector<int64_t> &shape) {
  return describeDifference(actual, expected, tolerance, shape);
}

std::string lathe::test::difference(std::span<const float> actual, std::span<const double> expected, double tolerance,
                                    const std::vector<int64_t> &shape) {
  return describeDifference(actual, expected, tolerance, shape);
}
