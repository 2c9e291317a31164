//===- Compare.cpp - how far two results are apart ----------------------------===//
#include "compiler/driver/Compare.h"

#include "compiler/import/safetensors/SafetensorsHeader.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>
#include <tuple>

using llvm::ArrayRef;
using llvm::StringRef;

namespace lathe {

/// hidden_states.2 before hidden_states.10 before last_hidden_state, and before hidden_states.3 the attentions.2 that
/// it is made with.
static auto orderOf(StringRef name) {
  int64_t number = std::numeric_limits<int64_t>::max();
  StringRef digits = name;
  if (digits.consume_front("hidden_states."))
    digits.getAsInteger(10, number);
  else if (int32_t layer; digits.consume_front("attentions.") && !digits.getAsInteger(10, layer))
    number = int64_t(layer) + 1;
  return std::tuple(number, name);
}

static const FloatTensor *find(ArrayRef<FloatTensor> tensors, StringRef name) {
  auto *found = llvm::find_if(tensors, [&](const FloatTensor &tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : found;
}

double distanceBetween(double a, double b) {
  const double distance = a == b ? 0 : std::abs(a - b);
  return std::isnan(distance) ? std::numeric_limits<double>::infinity() : distance;
}

static OutputDifference compareValues(const FloatTensor &a, const FloatTensor &b) {
  OutputDifference difference{.name = a.name};
  double scale = 1, differenceSquares = 0, squares = 0;
  int64_t worst = 0;
  for (int64_t index = 0, count = a.count(); index < count; ++index) {
    double x = a.data[index], y = b.data[index], distance = distanceBetween(x, y);
    if (std::isfinite(y)) {
      scale = std::max(scale, std::abs(y));
      squares += y * y;
    }
    differenceSquares += distance * distance;
    if (distance > difference.largest) {
      difference.largest = distance;
      worst = index;
    }
  }
  difference.relative = difference.largest / scale;
  difference.overall = differenceSquares > 0 ? std::sqrt(differenceSquares / squares) : 0;
  if (difference.largest > 0) {
    difference.a = a.data[worst];
    difference.b = b.data[worst];
    for (int64_t extent : llvm::reverse(a.shape)) {
      difference.position.insert(difference.position.begin(), worst % extent);
      worst /= extent;
    }
  }
  return difference;
}

std::vector<OutputDifference> compareOutputs(ArrayRef<FloatTensor> a, ArrayRef<FloatTensor> b) {
  std::vector<StringRef> names;
  for (ArrayRef<FloatTensor> side : {a, b})
    for (const FloatTensor &tensor : side)
      names.push_back(tensor.name);
  llvm::sort(names, [](StringRef x, StringRef y) { return orderOf(x) < orderOf(y); });
  names.erase(llvm::unique(names), names.end());
  std::vector<OutputDifference> differences;
  for (StringRef name : names) {
    const FloatTensor *inA = find(a, name), *inB = find(b, name);
    if (!inA || !inB)
      differences.push_back({.name = name.str(), .mismatch = inA ? "only A has it" : "only B has it"});
    else if (inA->shape != inB->shape)
      differences.push_back(
          {.name = name.str(), .mismatch = shapeText(inA->shape) + " in A, " + shapeText(inB->shape) + " in B"});
    else
      differences.push_back(compareValues(*inA, *inB));
  }
  return differences;
}

} // namespace lathe
