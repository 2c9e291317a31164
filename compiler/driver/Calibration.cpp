//===- Calibration.cpp - what a model's linears read --------------------------===//
#include "compiler/driver/Calibration.h"

#include "passes/precision/Observed.h"

#include "llvm/ADT/bit.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using llvm::Expected;

namespace lathe {

//===----------------------------------------------------------------------===//
// FactorStatistics
//===----------------------------------------------------------------------===//

void FactorStatistics::add(ArrayRef<float> row) {
  assert(row.size() == largestOf.size() && "rows have as many numbers as there are channels");
  if (rowCount % sampledEvery == 0) {
    if (sampled.size() == mostSampled * row.size()) { // every other one stays
      for (size_t kept = 0; kept < mostSampled / 2; ++kept)
        std::copy_n(&sampled[2 * kept * row.size()], row.size(), &sampled[kept * row.size()]);
      sampled.resize(mostSampled / 2 * row.size());
      sampledEvery *= 2;
    }
    if (rowCount % sampledEvery == 0)
      sampled.insert(sampled.end(), row.begin(), row.end());
  }
  ++rowCount;
  for (auto [channel, value] : llvm::enumerate(row)) {
    largestOf[channel] = std::max(largestOf[channel], std::fabs(value));
    squareOf[channel] += double(value) * value;
    all.least = std::min(all.least, value);
    all.greatest = std::max(all.greatest, value);
    ++counts[llvm::bit_cast<uint32_t>(value) >> 16];
  }
}

FactorStatistics::Numbers FactorStatistics::numbers() const {
  Numbers met;
  for (auto [bucket, count] : llvm::enumerate(counts))
    // Amid the numbers that begin with these bits.
    if (const double value = llvm::bit_cast<float>(uint32_t(bucket) << 16 | 0x8000); count && std::isfinite(value))
      met.push_back({value, double(count)});
  return met;
}

double FactorStatistics::errorOf(NumberRange quantized, const Numbers &numbers) {
  const double scale = (double(quantized.greatest) - quantized.least) / 255;
  const double zero = scale > 0 ? std::nearbyint(-quantized.least / scale) : 0;
  double sum = 0, total = 0;
  for (auto [value, count] : numbers) {
    const double step = scale > 0 ? std::clamp(std::nearbyint(value / scale) + zero, 0.0, 255.0) - zero : 0;
    sum += count * (value - scale * step) * (value - scale * step);
    total += count;
  }
  return total > 0 ? sum / total : 0;
}

NumberRange FactorStatistics::bestRange() const {
  constexpr int parts = 64, passes = 2;
  const Numbers met = numbers();
  NumberRange best = all;
  double error = errorOf(best, met);
  // One end at a time: the error at one end hardly depends on where the other one is cut.
  for (int pass = 0; pass < passes; ++pass)
    for (float NumberRange::*end : {&NumberRange::greatest, &NumberRange::least})
      for (int part = 1; part < parts; ++part) {
        NumberRange cut = best;
        cut.*end = all.*end * float(part) / parts;
        if (const double found = errorOf(cut, met); found < error) {
          error = found;
          best = cut;
        }
      }
  return best;
}

//===----------------------------------------------------------------------===//
// Calibration
//===----------------------------------------------------------------------===//

Expected<Calibration> Calibration::gather(const LoadedArtifact &observed, const DriftInputs &inputs,
                                          const LayerPrefixes &prefixes) {
  Linears statistics;
  for (const InputTensors &batch : inputs.batches) {
    llvm::StringMap<size_t> calls;
    std::vector<float> row;
    const std::function<void(const lathe_traced &)> trace = [&](const lathe_traced &result) {
      auto [function, step] = StringRef(result.step).split('/');
      if (!step.consume_front(observedStepPrefix) || result.dtype != LATHE_F32)
        return;
      const size_t call = calls[result.step]++;
      auto layers = prefixes.find(function);
      std::string weight = step.str();
      if (layers != prefixes.end() && call < layers->second.size())
        weight = layers->second[call] + weight;
      auto place = statistics.insert({weight, FactorStatistics(result.width)}).first;
      const float *values = static_cast<const float *>(result.data);
      for (int64_t at = 0; at < result.rows; ++at) {
        row.assign(values + at * result.stride, values + at * result.stride + result.width);
        place->second.add(row);
      }
    };
    Expected<std::vector<FloatTensor>> outputs = runModel(observed.model, "", {.trace = &trace}, batch);
    if (!outputs)
      return outputs.takeError();
  }
  return Calibration(inputs.description, std::move(statistics));
}

const FactorStatistics *Calibration::find(StringRef weight) const {
  auto found = statistics.find(weight.str());
  return found == statistics.end() ? nullptr : &found->second;
}

} // namespace lathe
