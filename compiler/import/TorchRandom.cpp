//===- TorchRandom.cpp - numbers as PyTorch draws them ------------------------===//
//
// Pairs of uniform numbers become pairs of normal ones (Box and Muller 1958). From 16 numbers on PyTorch does so in
// blocks of 16 f32, and draws the last 16 anew where they begin inside of a block; fewer are drawn in f64, one by one.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/TorchRandom.h"

#include <cmath>
#include <numbers>
#include <random>

namespace lathe {
namespace {

constexpr int64_t blockSize = 16, half = blockSize / 2;

void drawUniform(std::mt19937 &engine, float *numbers, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    numbers[i] = float(engine() & 0xffffff) * 0x1p-24f;
}

void makeNormal(float *block) {
  for (int64_t i = 0; i < half; ++i) {
    const float radius = std::sqrt(-2 * std::log(1 - block[i]));
    const float angle = 2 * std::numbers::pi_v<float> * block[i + half];
    block[i] = radius * std::cos(angle);
    block[i + half] = radius * std::sin(angle);
  }
}

double uniform(std::mt19937 &engine) {
  const uint64_t upper = engine(), lower = engine();
  return double((upper << 32 | lower) & ((uint64_t(1) << 53) - 1)) * 0x1p-53;
}

} // namespace

std::vector<float> torchRandn(int64_t seed, int64_t count) {
  std::mt19937 engine{uint32_t(seed)};
  std::vector<float> numbers(count);
  if (count < blockSize) {
    for (int64_t i = 0; i < count; i += 2) {
      const double angle = 2 * std::numbers::pi * uniform(engine),
                   radius = std::sqrt(-2 * std::log1p(-uniform(engine)));
      numbers[i] = float(radius * std::cos(angle));
      if (i + 1 < count)
        numbers[i + 1] = float(radius * std::sin(angle));
    }
    return numbers;
  }
  drawUniform(engine, numbers.data(), count);
  for (int64_t i = 0; i + blockSize <= count; i += blockSize)
    makeNormal(&numbers[i]);
  if (count % blockSize) {
    float *last = &numbers[count - blockSize];
    drawUniform(engine, last, blockSize);
    makeNormal(last);
  }
  return numbers;
}

} // namespace lathe
