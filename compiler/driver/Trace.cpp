//===- Trace.cpp - what the steps of a run compute, kept and compared ---------===//
#include "compiler/driver/Trace.h"

#include "compiler/driver/Compare.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/bit.h"

#include <cmath>
#include <map>

using llvm::ArrayRef;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

namespace {
struct Recorder {
  TraceFilter keep;
  llvm::StringMap<int64_t> calls;
  std::vector<TracedValue> values;

  void record(const lathe_traced &result);
};

void Recorder::record(const lathe_traced &result) {
  const int64_t call = calls[result.step]++;
  if (!keep(result.step))
    return;
  TracedValue value = {result.step, call, result.rows, result.width, {}};
  value.values.reserve(result.rows * result.width);
  for (int64_t row = 0; row < result.rows; ++row)
    for (int64_t column = 0; column < result.width; ++column) {
      const int64_t at = row * result.stride + column;
      if (result.dtype == LATHE_BF16)
        value.values.push_back(llvm::bit_cast<float>(uint32_t(static_cast<const uint16_t *>(result.data)[at]) << 16));
      else
        value.values.push_back(static_cast<const float *>(result.data)[at]);
    }
  values.push_back(std::move(value));
}
} // namespace

Expected<TracedRun> traceModel(const LoadedModel &model, StringRef entry, const InputTensors &inputs,
                               TraceFilter keep) {
  Recorder recorder{keep, {}, {}};
  const std::function<void(const lathe_traced &)> trace = [&](const lathe_traced &result) { recorder.record(result); };
  TracedRun run;
  Expected<std::vector<FloatTensor>> outputs = runModel(model, entry, {.trace = &trace}, inputs);
  if (!outputs)
    return outputs.takeError();
  run.outputs = std::move(*outputs);
  run.steps = std::move(recorder.values);
  return run;
}

void DistanceMeter::add(ArrayRef<float> values, ArrayRef<float> reference) {
  for (auto [value, expected] : llvm::zip_equal(values, reference)) {
    const double a = value, b = expected, apart = distanceBetween(a, b);
    largest = std::max(largest, apart);
    if (std::isfinite(b))
      scale = std::max(scale, std::abs(b));
    sum += apart;
    dot += a * b;
    square += a * a;
    referenceSquare += b * b;
  }
  count += double(values.size());
}

Distance DistanceMeter::distance() const {
  const bool bothZero = square == 0 && referenceSquare == 0;
  return {.largest = largest,
          .relative = largest / scale,
          .mean = count > 0 ? sum / count : 0,
          .cosine = bothZero                            ? 1
                    : square > 0 && referenceSquare > 0 ? dot / std::sqrt(square * referenceSquare)
                                                        : 0};
}

std::optional<Divergence> findDivergence(const TracedRun &a, const TracedRun &b, double tolerance) {
  std::map<std::pair<StringRef, int64_t>, const TracedValue *> inB;
  for (const TracedValue &value : b.steps)
    inB[{value.step, value.call}] = &value;
  for (const TracedValue &value : a.steps) {
    auto other = inB.find({value.step, value.call});
    if (other == inB.end() || other->second->values.size() != value.values.size())
      continue;
    DistanceMeter meter;
    meter.add(value.values, other->second->values);
    if (Distance distance = meter.distance(); !(distance.relative <= tolerance))
      return Divergence{&value, distance};
  }
  return std::nullopt;
}

} // namespace lathe
