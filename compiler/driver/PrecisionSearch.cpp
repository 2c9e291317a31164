//===- PrecisionSearch.cpp - the cheapest precisions within a bound of drift --===//
#include "compiler/driver/PrecisionSearch.h"

#include "compiler/driver/PlanFile.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace lathe {

std::vector<UnitGroup> groupUnits(ArrayRef<PrecisionUnit> units) {
  std::map<std::string, size_t> firstReader; // by matrix
  llvm::EquivalenceClasses<size_t> classes;
  for (auto [index, unit] : llvm::enumerate(units)) {
    classes.insert(index);
    for (const auto &[matrix, elements] : unit.matrices)
      classes.unionSets(firstReader.try_emplace(matrix, index).first->second, index);
  }
  std::map<size_t, size_t> groupOf; // by leader
  std::vector<UnitGroup> groups;
  for (auto [index, unit] : llvm::enumerate(units)) {
    const auto [group, isNew] = groupOf.try_emplace(classes.getLeaderValue(index), groups.size());
    if (isNew)
      groups.emplace_back();
    groups[group->second].units.push_back(unit.name);
    for (const auto &[matrix, elements] : unit.matrices)
      if (firstReader[matrix] == index)
        groups[group->second].elements += elements;
  }
  return groups;
}

namespace {

class Search {
public:
  explicit Search(const SearchProblem &problem) : problem(problem) { report.bound = problem.bound; }

  Expected<SearchReport> run();

private:
  /// Of each group its place on the ladder; 0 is f32.
  using Rungs = std::vector<size_t>;

  PrecisionPlan planOf(const Rungs &rungs) const;
  Expected<bool> holds(const Rungs &rungs);
  Expected<double> estimate(const Rungs &rungs) const { return problem.estimate(planOf(rungs)); }
  Error measureSensitivities();
  /// Of how much matters: a group's drift alone, or that for each element that would be stored larger.
  enum class Order { ByDrift, ByDriftPerElement };
  Expected<Rungs> raise(double target, Order order) const;
  Expected<Rungs> cheapestWithin(double target) const;
  double bytesOf(const Rungs &rungs) const;
  std::vector<size_t> raisedLargestFirst(const Rungs &rungs) const;
  Expected<Rungs> lowerAgain(Rungs rungs, double target) const;
  bool isMeasured(const Rungs &rungs) const;
  Error tryLower(Rungs rungs);
  Expected<SearchReport> leastDrift();

  const SearchProblem &problem;
  const size_t coarsest = llvm::find(precisionLadder(), problem.cheapest) - precisionLadder().begin();
  std::vector<std::vector<double>> alone; ///< drift with one group at a rung and f32 elsewhere, by group and rung
  SearchReport report;
};

/// The coarsest precision that a group has is that of the rest: a plan names none that nothing is computed in.
PrecisionPlan Search::planOf(const Rungs &rungs) const {
  PrecisionPlan plan = {
      precisionLadder()[*llvm::max_element(rungs)], {}, problem.cacheInBytes, problem.linearAttention};
  for (const auto &[group, rung] : llvm::zip_equal(problem.groups, rungs))
    for (const std::string &unit : group.units)
      plan.set(unit, precisionLadder()[rung]);
  return plan;
}

/// Measures a plan, and whether it is within the bound.
Expected<bool> Search::holds(const Rungs &rungs) {
  report.plan = planOf(rungs);
  Expected<double> drift = problem.measure(report.plan);
  if (!drift)
    return drift.takeError();
  report.measured.push_back({report.plan, *drift});
  return *drift <= problem.bound;
}

Error Search::measureSensitivities() {
  for (size_t group = 0; group < problem.groups.size(); ++group) {
    report.sensitivities.push_back({problem.groups[group].units, {}});
    alone.emplace_back(1, 0.0);
    for (size_t rung = 1; rung <= coarsest; ++rung) {
      Rungs rungs(problem.groups.size(), 0);
      rungs[group] = rung;
      Expected<double> drift = estimate(rungs);
      if (!drift)
        return drift.takeError();
      alone.back().push_back(*drift);
      report.sensitivities.back().drift[precisionLadder()[rung]] = *drift;
    }
  }
  return Error::success();
}

/// Raises groups one rung at a time, always the one that matters most where it is, no further than the target asks for;
/// f32 throughout where only that is within it.
Expected<Search::Rungs> Search::raise(double target, Order order) const {
  auto matters = [&](size_t group, size_t rung) {
    const double elements = std::max<int64_t>(problem.groups[group].elements, 1);
    return alone[group][rung] / (order == Order::ByDrift ? 1 : elements);
  };
  std::vector<Rungs> steps = {Rungs(problem.groups.size(), coarsest)};
  for (;;) {
    Rungs next = steps.back();
    size_t most = next.size();
    for (size_t group = 0; group < next.size(); ++group)
      if (next[group] && (most == next.size() || matters(group, next[group]) > matters(most, next[most])))
        most = group;
    if (most == next.size())
      break;
    --next[most];
    steps.push_back(std::move(next));
  }
  // Each step drifts less than the one before it, but for chance: the first one within the target is found by halving.
  size_t beyond = 0, within = steps.size() - 1;
  while (beyond + 1 < within) {
    const size_t middle = (beyond + within) / 2;
    Expected<double> drift = estimate(steps[middle]);
    if (!drift)
      return drift.takeError();
    (*drift <= target ? within : beyond) = middle;
  }
  return steps[within];
}

/// Of equally large groups those that matter least.
std::vector<size_t> Search::raisedLargestFirst(const Rungs &rungs) const {
  std::vector<size_t> order;
  for (size_t group = 0; group < rungs.size(); ++group)
    if (rungs[group] < coarsest)
      order.push_back(group);
  llvm::sort(order, [&](size_t a, size_t b) {
    const int64_t sizeA = problem.groups[a].elements, sizeB = problem.groups[b].elements;
    if (sizeA != sizeB)
      return sizeA > sizeB;
    return alone[a][coarsest] != alone[b][coarsest] ? alone[a][coarsest] < alone[b][coarsest] : a < b;
  });
  return order;
}

/// Lowers what was raised as far as the target allows.
Expected<Search::Rungs> Search::lowerAgain(Rungs rungs, double target) const {
  for (size_t group : raisedLargestFirst(rungs))
    for (size_t rung = coarsest; rung > rungs[group]; --rung) {
      if (alone[group][rung] > target)
        continue;
      Rungs lower = rungs;
      lower[group] = rung;
      Expected<double> drift = estimate(lower);
      if (!drift)
        return drift.takeError();
      if (*drift <= target) {
        rungs = std::move(lower);
        break;
      }
    }
  return rungs;
}

/// Each rung takes half of what the one before it takes.
double Search::bytesOf(const Rungs &rungs) const {
  double bytes = 0;
  for (const auto &[group, rung] : llvm::zip_equal(problem.groups, rungs))
    bytes += std::ldexp(double(group.elements), -int(rung));
  return bytes;
}

/// Raises and lowers in both orders: what drifts most may be small or large.
Expected<Search::Rungs> Search::cheapestWithin(double target) const {
  std::optional<Rungs> cheapest;
  for (Order order : {Order::ByDrift, Order::ByDriftPerElement}) {
    Expected<Rungs> raised = raise(target, order);
    if (!raised)
      return raised.takeError();
    Expected<Rungs> lowered = lowerAgain(*raised, target);
    if (!lowered)
      return lowered.takeError();
    if (!cheapest || bytesOf(*lowered) < bytesOf(*cheapest))
      cheapest = std::move(*lowered);
  }
  return *cheapest;
}

bool Search::isMeasured(const Rungs &rungs) const {
  return llvm::is_contained(llvm::map_range(report.measured, [](const auto &one) { return one.plan; }), planOf(rungs));
}

/// Lowers single groups of a plan that holds where the estimate forbids it, but is no further off than estimates are:
/// measuring decides.
Error Search::tryLower(Rungs rungs) {
  constexpr double estimatesAreOffBy = 1.5;
  constexpr int mostTrials = 3; // each compiles the model
  int trials = 0;
  for (size_t group : raisedLargestFirst(rungs)) {
    Rungs lower = rungs;
    ++lower[group];
    if (trials == mostTrials || isMeasured(lower))
      continue;
    Expected<double> drift = estimate(lower);
    if (!drift)
      return drift.takeError();
    if (*drift > estimatesAreOffBy * problem.bound)
      continue;
    ++trials;
    Expected<bool> within = holds(lower);
    if (!within)
      return within.takeError();
    if (*within)
      rungs = std::move(lower);
  }
  report.plan = planOf(rungs);
  return Error::success();
}

/// The last resort: of all plans with one group in another precision than f32 the one that drifts least.
Expected<SearchReport> Search::leastDrift() {
  size_t group = 0, rung = coarsest;
  for (size_t g = 0; g < alone.size(); ++g)
    for (size_t r = coarsest; r > 0; --r)
      if (alone[g][r] < alone[group][rung])
        group = g, rung = r;
  Rungs rungs(problem.groups.size(), 0);
  rungs[group] = rung;
  Expected<bool> within = holds(rungs);
  if (!within)
    return within.takeError();
  if (*within)
    return std::move(report);
  const auto least = llvm::min_element(report.measured, [](const auto &a, const auto &b) { return a.drift < b.drift; });
  return createStringError(
      llvm::formatv("--max-drift {0:e2}: no mixture of {1} meets it; the least drift reached is {2:e2}, by {3}. f32 "
                    "throughout (--precision f32) has none",
                    problem.bound, llvm::join(precisionLadder().take_front(coarsest + 1), ", "), least->drift,
                    planText(least->plan))
          .str());
}

Expected<SearchReport> Search::run() {
  Expected<bool> enough = holds(Rungs(problem.groups.size(), coarsest));
  if (!enough)
    return enough.takeError();
  if (*enough)
    return std::move(report);
  if (Error error = problem.prepare())
    return std::move(error);
  if (Error error = measureSensitivities())
    return std::move(error);
  problem.surveyed(report.sensitivities);
  for (double target = problem.bound;;) {
    Expected<Rungs> cheapest = cheapestWithin(target);
    if (!cheapest)
      return cheapest.takeError();
    if (llvm::all_of(*cheapest, [](size_t rung) { return rung == 0; }))
      return leastDrift();
    if (!isMeasured(*cheapest)) {
      Expected<bool> within = holds(*cheapest);
      if (!within)
        return within.takeError();
      if (*within) {
        if (Error error = tryLower(std::move(*cheapest)))
          return std::move(error);
        return std::move(report);
      }
    }
    target *= std::clamp(0.95 * problem.bound / report.measured.back().drift, 0.5, 0.95);
  }
}

} // namespace

Expected<SearchReport> searchPrecisions(const SearchProblem &problem) { return Search(problem).run(); }

} // namespace lathe
