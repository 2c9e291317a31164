//===- Contender.cpp - what lathe bench times ---------------------------------===//
#include "compiler/driver/bench/Contender.h"

#include "compiler/driver/Compare.h"
#include "compiler/driver/JsonText.h"

#include <nlohmann/json.hpp>

using llvm::createStringError;
using llvm::Expected;

namespace lathe {

Expected<double> compareWith(Contender &reference, Contender &other) {
  constexpr double tolerance = 1e-3;
  Expected<std::vector<FloatTensor>> a = other.outputs();
  if (!a)
    return a.takeError();
  Expected<std::vector<FloatTensor>> b = reference.outputs();
  if (!b)
    return b.takeError();
  double largest = 0;
  bool compared = false;
  for (const OutputDifference &difference : compareOutputs(*a, *b)) {
    if (!difference.mismatch.empty())
      continue; // hidden states, say, that only one of them gives
    compared = true;
    largest = std::max(largest, difference.largest);
    if (!(difference.relative <= tolerance))
      return createStringError(other.name() + " gives another " + difference.name + ": " +
                               floatText(difference.largest) + " apart; is --model the directory that was compiled?");
  }
  if (!compared)
    return createStringError(other.name() + " and the artifact have no output in common; is --model the "
                                            "directory that was compiled, and for the same task?");
  return largest;
}

} // namespace lathe
