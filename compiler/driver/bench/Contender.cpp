//===- Contender.cpp - what lathe bench times ---------------------------------===//
#include "compiler/driver/bench/Contender.h"

#include "compiler/driver/Compare.h"
#include "compiler/driver/JsonText.h"

#include <chrono>
#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Expected;

namespace lathe {

Expected<std::vector<double>> timeRuns(int64_t count, llvm::function_ref<llvm::Error()> run) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> seconds;
  for (int64_t number = 0; number <= count; ++number) {
    Clock::time_point began = Clock::now();
    if (llvm::Error error = run())
      return std::move(error);
    if (number)
      seconds.push_back(std::chrono::duration<double>(Clock::now() - began).count());
  }
  return seconds;
}

/// Whether two that compute in these precisions, or finer ones, could have the same weights.
static bool isNear(const OutputDifference &difference, Precision coarser) {
  switch (coarser) {
  case Precision::F32:
    return difference.relative <= 1e-3;
  case Precision::BF16:
    return difference.overall <= 0.1;
  case Precision::Int8:
    return difference.overall <= 0.4;
  case Precision::Int4:
    return difference.overall <= 0.6;
  }
  return false;
}

/// The largest difference of a contender's outputs from the artifact's.
static Expected<double> compareWith(ArrayRef<FloatTensor> reference, Precision precision, Contender &other) {
  Expected<std::vector<FloatTensor>> outputs = other.outputs();
  if (!outputs)
    return outputs.takeError();
  double largest = 0;
  bool compared = false;
  for (const OutputDifference &difference : compareOutputs(*outputs, reference)) {
    if (!difference.mismatch.empty())
      continue; // a pooler, say, that only one of them gives
    compared = true;
    largest = std::max(largest, difference.largest);
    if (!isNear(difference, std::max(precision, other.precision())))
      return createStringError(other.name() + " gives another " + difference.name + ": " +
                               floatText(difference.largest) + " apart; is --model the directory that was compiled?");
  }
  if (!compared)
    return createStringError(other.name() + " and the artifact have no output in common; is --model the "
                                            "directory that was compiled, and for the same task?");
  return largest;
}

Expected<std::vector<std::optional<double>>> compareContenders(ArrayRef<Contender *> contenders) {
  std::vector<std::optional<double>> differences(contenders.size());
  if (contenders.size() < 2)
    return differences;
  Expected<std::vector<FloatTensor>> own = contenders.front()->outputs();
  if (!own)
    return own.takeError();
  for (auto [contender, difference] : llvm::drop_begin(llvm::zip_equal(contenders, differences))) {
    Expected<double> largest = compareWith(*own, contenders.front()->precision(), *contender);
    if (!largest)
      return largest.takeError();
    difference = *largest;
    if (!differences.front() || contender->name() == "eager")
      differences.front() = *largest;
  }
  return differences;
}

} // namespace lathe
