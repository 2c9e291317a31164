//===- Int4.cpp - what a row of weights becomes in int4 ------------------------===//
#include "ir/xf/Int4.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <array>
#include <cmath>

using namespace llvm;

namespace lathe::xf {
namespace {

constexpr int largestStep = 16, codes = 16, largestByte = 127;
constexpr size_t longestGroup = 128;

/// A row's weights in units of its scale, a group of them, padded with zeros of no importance to whole vectors.
struct Group {
  static constexpr size_t sideBySide = 8; ///< sums, so that a compiler may use vectors: the order is written out
  std::array<float, longestGroup> values, importance;
  size_t count;                 ///< with padding
  float least = 0, largest = 0; ///< of these and 0, which is always one of the 16

  Group(ArrayRef<float> weights, ArrayRef<float> importances, float scale)
      : count(alignTo(weights.size(), sideBySide)) {
    values.fill(0);
    importance.fill(0);
    for (auto [value, weight] : zip(values, weights))
      value = weight / scale;
    for (size_t k = 0; k < weights.size(); ++k)
      importance[k] = importances.empty() ? 1.0f : importances[k];
    for (float value : ArrayRef(values).take_front(weights.size())) {
      least = std::min(least, value);
      largest = std::max(largest, value);
    }
  }
};

/// Of one step: how many each value is of.
struct Stepped {
  const Group &group;
  int step;
  std::array<float, longestGroup> multiples;

  Stepped(const Group &group, int step) : group(group), step(step) {
    constexpr float shift = 0x1.8p23f; // beyond it a float has no fraction: rounds to the nearest, to even at ties
    const float perStep = 1 / float(step);
    for (size_t k = 0; k < group.count; ++k)
      multiples[k] = (group.values[k] * perStep + shift) - shift;
  }

  /// The multiples that a zero leaves within 16 codes and within a byte.
  std::pair<float, float> range(int zero) const {
    return {float(std::max(-zero, -(largestByte + 1) / step)), float(std::min(codes - 1 - zero, largestByte / step))};
  }

  float errorWith(int zero) const {
    auto [lowest, highest] = range(zero);
    std::array<float, Group::sideBySide> sums = {};
    for (size_t first = 0; first < group.count; first += Group::sideBySide)
      for (size_t i = 0; i < Group::sideBySide; ++i) {
        const size_t k = first + i;
        const float kept = std::min(std::max(multiples[k], lowest), highest) * float(step);
        sums[i] += group.importance[k] * (kept - group.values[k]) * (kept - group.values[k]);
      }
    float sum = 0;
    for (float part : sums)
      sum += part;
    return sum;
  }
};

/// Appends a group of weights to the row.
void addGroup(Int4Row &row, ArrayRef<float> weights, ArrayRef<float> importance) {
  const Group group(weights, importance, row.scale);
  const float extent = group.largest - group.least, middle = (group.largest + group.least) / 2;
  // With steps of less than half of what reaches from end to end both ends would be cut off.
  const int first = std::clamp(int(extent / (2 * codes)), 1, largestStep);
  Int4Row::Group best = {uint8_t(first), codes / 2};
  float leastError = INFINITY;
  for (int step = first; step <= largestStep; ++step) {
    const Stepped stepped(group, step);
    const int centred = int(std::nearbyint(float(codes - 1) / 2 - middle / float(step)));
    for (int zero = std::max(centred - 1, 0); zero <= std::min(centred + 1, codes - 1); ++zero) {
      if (float error = stepped.errorWith(zero); error < leastError) {
        leastError = error;
        best = {uint8_t(step), uint8_t(zero)};
      }
    }
  }
  const Stepped stepped(group, best.step);
  auto [lowest, highest] = stepped.range(best.zero);
  row.groups.push_back(best);
  for (size_t k = 0; k < weights.size(); ++k)
    row.codes.push_back(uint8_t(std::clamp(stepped.multiples[k], lowest, highest) + best.zero));
}

/// To the nearest, at ties away from zero.
float roundToBf16(float value) { return bit_cast<float>((bit_cast<uint32_t>(value) + 0x8000) & 0xFFFF0000); }

} // namespace

bool isInt4Group(int64_t group) { return is_contained(int4Groups, group); }

Int4Row roundToInt4(ArrayRef<float> weights, int64_t group, ArrayRef<float> importance) {
  assert(isInt4Group(group) && (importance.empty() || importance.size() == weights.size()));
  float largest = 0;
  for (float weight : weights)
    largest = std::max(largest, std::fabs(weight));
  Int4Row row = {roundToBf16(largest / largestByte), {}, {}, group};
  row.codes.reserve(weights.size());
  for (size_t begin = 0; begin < weights.size(); begin += group) {
    const size_t count = std::min<size_t>(group, weights.size() - begin);
    if (row.scale > 0) {
      addGroup(row, weights.slice(begin, count), importance.empty() ? importance : importance.slice(begin, count));
    } else {
      row.groups.push_back({1, 0});
      row.codes.insert(row.codes.end(), count, 0);
    }
  }
  return row;
}

} // namespace lathe::xf
