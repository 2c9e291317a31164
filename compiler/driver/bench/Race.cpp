//===- Race.cpp - contenders in turns -----------------------------------------===//
#include "compiler/driver/bench/Race.h"

#include "compiler/driver/bench/GenerationContender.h"

#include <thread>

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

namespace lathe {

namespace {
/// Writes one token behind each prompt, where the contender is asked for several.
class FirstToken final : public Runner {
public:
  explicit FirstToken(Contender &contender) : contender(contender) {}
  Expected<std::vector<double>> time(int64_t count) override { return contender.timeFirst(count); }

private:
  Contender &contender;
};
} // namespace

Expected<std::vector<Row>> race(ArrayRef<Contender *> contenders, StepProfiler *profiler, const Workload &workload,
                                Setting &setting) {
  Expected<std::vector<std::optional<double>>> differences = compareContenders(contenders);
  if (!differences)
    return differences.takeError();
  if (workload.generation)
    if (Error error = compareWritten(contenders, workload))
      return std::move(error);
  std::this_thread::sleep_for(threadsRest);
  setting.probed = probeMachine(static_cast<int>(setting.threads));
  std::vector<Unit> units; // whose peaks somebody is compared with
  for (Contender *contender : contenders)
    if (std::optional<Unit> unit = setting.probed.unitFor(contender->precision()))
      units.push_back(*unit);
  RoofSampler sampler(static_cast<int>(setting.threads), units);
  std::vector<Runner *> runners(contenders.begin(), contenders.end());
  std::vector<FirstToken> firsts;
  if (workload.generation && workload.generation->newTokens > 1)
    for (Contender *contender : contenders)
      firsts.emplace_back(*contender);
  for (FirstToken &first : firsts)
    runners.push_back(&first);
  if (profiler)
    runners.push_back(profiler);
  Expected<std::vector<Timing>> timings = timeInTurns(runners, [&] { sampler.take(); });
  if (!timings)
    return timings.takeError();
  const ArrayRef<Timing> times(timings->data(), contenders.size()),
      ofFirsts(timings->data() + contenders.size(), firsts.size());
  setting.samples = sampler.samples();
  std::vector<Row> rows;
  for (auto [contender, timing, difference] : llvm::zip_equal(contenders, times, *differences))
    rows.push_back({contender->name().str(), timing, contender->residentBytes(), contender->loadSeconds(), difference,
                    contender->precision()});
  for (auto [row, timing] : llvm::zip(rows, ofFirsts)) // of none where one token is all
    row.first = timing;
  return rows;
}

} // namespace lathe
