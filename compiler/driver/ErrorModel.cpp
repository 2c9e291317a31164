//===- ErrorModel.cpp - what each part of a model gets wrong in a precision ---===//
#include "compiler/driver/ErrorModel.h"

#include "compiler/driver/Drift.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"

#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

/// Row by row, without gaps.
static std::vector<float> valuesOf(const lathe_traced &value) {
  assert(value.dtype == LATHE_F32 && "what units hand on is f32");
  std::vector<float> values;
  values.reserve(value.rows * value.width);
  for (int64_t row = 0; row < value.rows; ++row) {
    const float *begin = static_cast<const float *>(value.data) + row * value.stride;
    values.insert(values.end(), begin, begin + value.width);
  }
  return values;
}

/// The values in the run's memory. It is the context's own arena, and what lies there between steps is only this: a
/// model in f32 has no second, rounded form of what its units hand on.
static float *rowOf(const lathe_traced &value, int64_t row) {
  return static_cast<float *>(const_cast<void *>(value.data)) + row * value.stride;
}

static void overwrite(const lathe_traced &value, ArrayRef<float> with) {
  for (int64_t row = 0; row < value.rows; ++row)
    llvm::copy(with.slice(row * value.width, value.width), rowOf(value, row));
}

static void add(const lathe_traced &value, ArrayRef<float> errors) {
  for (int64_t row = 0; row < value.rows; ++row)
    for (int64_t column = 0; column < value.width; ++column)
      rowOf(value, row)[column] += errors[row * value.width + column];
}

static std::vector<float> difference(ArrayRef<float> a, ArrayRef<float> b) {
  std::vector<float> values;
  values.reserve(a.size());
  for (auto [x, y] : llvm::zip_equal(a, b))
    values.push_back(x - y);
  return values;
}

Expected<std::vector<FloatTensor>> ErrorModel::run(const LoadedModel &model, const InputTensors &batch,
                                                   Visitor visit) const {
  std::map<std::string, int64_t> calls;
  const std::function<void(const lathe_traced &)> trace = [&](const lathe_traced &value) {
    auto found = boundaries.find({value.step, calls[value.step]++});
    if (found != boundaries.end())
      visit(found->second, value);
  };
  return runModel(model, "", {.trace = &trace}, batch);
}

/// A layer ends with the last step of its function; the embeddings with the last step before any layer's.
Error ErrorModel::findBoundaries(ArrayRef<std::string> units, const InputTensors &batch) {
  const llvm::StringMap<std::string> last = lastStepsOfLayers(reference.artifact);
  std::map<std::string, int64_t> calls;
  std::optional<std::pair<std::string, int64_t>> beforeLayers;
  bool inLayers = false;
  const std::function<void(const lathe_traced &)> trace = [&](const lathe_traced &value) {
    const int64_t call = calls[value.step]++;
    inLayers |= last.contains(StringRef(value.step).split('/').first);
    if (!inLayers)
      beforeLayers = {value.step, call};
  };
  Expected<std::vector<FloatTensor>> outputs = runModel(reference.model, "", {.trace = &trace}, batch);
  if (!outputs)
    return outputs.takeError();
  for (const std::string &unit : units) {
    auto [kind, number] = StringRef(unit).rsplit(' ');
    int64_t call;
    if (unit == "embeddings" && inLayers && beforeLayers)
      boundaries[*beforeLayers] = handing.size();
    else if (auto found = last.find(kind); found != last.end() && !number.getAsInteger(10, call))
      boundaries[{found->second, call}] = handing.size();
    else
      continue; // it hands nothing on: its errors are the outputs'
    handing.push_back(unit);
  }
  return Error::success();
}

Expected<ErrorModel> ErrorModel::create(const LoadedArtifact &reference, ArrayRef<std::string> units,
                                        const DriftInputs &inputs, size_t precisions) {
  constexpr size_t mostBytes = size_t(1) << 29;
  ErrorModel model(reference);
  if (Error error = model.findBoundaries(units, inputs.batches.front()))
    return std::move(error);
  size_t bytes = 0;
  for (const InputTensors &batch : inputs.batches) {
    size_t numbers = 0;
    Expected<std::vector<FloatTensor>> outputs = model.run(
        reference.model, batch, [&](size_t, const lathe_traced &value) { numbers += value.rows * value.width; });
    if (!outputs)
      return outputs.takeError();
    for (const FloatTensor &output : *outputs)
      numbers += output.count();
    bytes += numbers * sizeof(float) * (precisions + 1);
    if (bytes > mostBytes && !model.expected.empty())
      break;
    model.expected.push_back(std::move(*outputs));
  }
  model.batches = ArrayRef(inputs.batches).take_front(model.expected.size());
  return model;
}

Error ErrorModel::addPrecision(StringRef precision, const LoadedArtifact &probe) {
  std::vector<Errors> &errors = ofPrecisions[precision.str()];
  for (const InputTensors &batch : batches) {
    std::vector<Values> given(handing.size());
    Expected<std::vector<FloatTensor>> rounded =
        run(probe.model, batch, [&](size_t unit, const lathe_traced &value) { given[unit] = valuesOf(value); });
    if (!rounded)
      return rounded.takeError();
    for (auto [unit, values] : llvm::zip_equal(handing, given))
      if (values.empty())
        return llvm::createStringError("in " + precision + " nothing shows what " + unit + " gives");
    // The f32 model, unit by unit from where this one went.
    Errors found{std::vector<Values>(handing.size()), {}};
    Expected<std::vector<FloatTensor>> exact = run(reference.model, batch, [&](size_t unit, const lathe_traced &value) {
      found.states[unit] = difference(given[unit], valuesOf(value));
      overwrite(value, given[unit]);
    });
    if (!exact)
      return exact.takeError();
    for (auto [output, other] : llvm::zip_equal(*rounded, *exact))
      found.outputs.push_back(difference(output.values(), other.values()));
    errors.push_back(std::move(found));
  }
  return Error::success();
}

Expected<double> ErrorModel::estimate(const PrecisionPlan &plan) const {
  std::vector<DistanceMeter> meters(expected.front().size());
  for (size_t b = 0; b < batches.size(); ++b) {
    auto errorsOf = [&](StringRef unit) -> const Errors * {
      auto found = ofPrecisions.find(plan.of(unit).str());
      return found == ofPrecisions.end() ? nullptr : &found->second[b]; // f32 has none
    };
    Expected<std::vector<FloatTensor>> outputs =
        run(reference.model, batches[b], [&](size_t unit, const lathe_traced &value) {
          if (const Errors *errors = errorsOf(handing[unit]))
            add(value, errors->states[unit]);
        });
    if (!outputs)
      return outputs.takeError();
    const Errors *ofHead = errorsOf("head");
    for (auto [index, output] : llvm::enumerate(*outputs)) {
      if (ofHead)
        for (auto [value, error] :
             llvm::zip_equal(llvm::MutableArrayRef(output.data.get(), output.count()), ofHead->outputs[index]))
          value += error;
      meters[index].add(output.values(), expected[b][index].values());
    }
  }
  double drift = 0;
  for (const DistanceMeter &meter : meters)
    drift = std::max(drift, meter.distance().relative);
  return drift;
}

} // namespace lathe
