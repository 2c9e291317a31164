//===- PrecisionSearch.h - the cheapest precisions within a bound of drift ----===//
#ifndef LATHE_COMPILER_DRIVER_PRECISIONSEARCH_H
#define LATHE_COMPILER_DRIVER_PRECISIONSEARCH_H

#include "passes/precision/PrecisionPlan.h"

#include "llvm/Support/Error.h"

#include <functional>

namespace lathe {

/// Units that have one precision because they read one matrix, as ALBERT's layers do: two precisions would store it
/// twice.
struct UnitGroup {
  std::vector<std::string> units;
  int64_t elements = 0; ///< of its matrices
};
/// A model's units, those that share a matrix together, in the order of a run.
std::vector<UnitGroup> groupUnits(llvm::ArrayRef<PrecisionUnit> units);

/// What a search found.
struct SearchReport {
  struct Sensitivity {
    std::vector<std::string> units;
    std::map<std::string, double> drift; ///< with these units alone in a precision, estimated; by the precision
  };
  struct Measured {
    PrecisionPlan plan;
    double drift;
  };
  double bound = 0;
  PrecisionPlan plan; ///< found
  std::vector<Sensitivity> sensitivities;
  std::vector<Measured> measured; ///< in order; the plan's among them
};

/// What is searched, and how plans are judged.
struct SearchProblem {
  std::string cheapest; ///< the cheapest precision allowed, of precisionLadder; those before it are allowed, too
  bool cacheInBytes = false, linearAttention = false; ///< in every plan
  double bound = 0;                                   ///< of the drift
  std::vector<UnitGroup> groups;
  /// The drift of a plan: exactly, and dear; and nearly, and cheap. Before the first estimate `prepare` is called.
  std::function<llvm::Expected<double>(const PrecisionPlan &plan)> measure;
  std::function<llvm::Error()> prepare;
  std::function<llvm::Expected<double>(const PrecisionPlan &plan)> estimate;
  /// Told when they are known, before plans are tried.
  std::function<void(llvm::ArrayRef<SearchReport::Sensitivity>)> surveyed = [](auto) {};
};

/// Finds a plan whose measured drift is within the bound. If the cheapest precision throughout is, that. Else units are
/// raised, always the one whose error alone does most, until the estimate is within the bound, and those that turn out
/// not to matter lowered again, the largest first; the same with what an error does for each element, and the smaller
/// of both is taken. If measuring contradicts, all that again for a bound as much smaller; if it agrees, single units
/// are lowered that the estimate raised by little, as far as measuring allows. An error where not even one group in a
/// coarser precision than f32 is within it: f32 throughout is no answer. Equal numbers give equal plans.
llvm::Expected<SearchReport> searchPrecisions(const SearchProblem &problem);

} // namespace lathe

#endif
