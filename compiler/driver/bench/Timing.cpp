//===- Timing.cpp - times of contenders, in turns -----------------------------===//
#include "compiler/driver/bench/Timing.h"

#include <cmath>
#include <numeric>
#include <thread>

using llvm::ArrayRef;
using llvm::Expected;

namespace lathe {

Timing summarize(std::vector<double> seconds) {
  llvm::sort(seconds);
  auto percentile = [&](double fraction) {
    return seconds[static_cast<size_t>(std::ceil(fraction * seconds.size())) - 1];
  };
  return {seconds.front(), percentile(0.5), percentile(0.99)};
}

Expected<std::vector<Timing>> timeInTurns(ArrayRef<Runner *> runners, llvm::function_ref<void()> look,
                                          std::chrono::milliseconds pause) {
  constexpr double enoughSeconds = 2, shortestBlock = 0.2;
  constexpr size_t enoughRuns = 5;
  constexpr int64_t longestBlock = 100000;
  struct Series {
    std::vector<double> seconds;
    double total = 0;
    bool enough() const { return total >= enoughSeconds && seconds.size() >= enoughRuns; }
  };
  std::vector<Series> all(runners.size());
  double longestRun = 0;
  while (!llvm::all_of(all, [](const Series &series) { return series.enough(); })) {
    std::this_thread::sleep_for(pause);
    look();
    // Where somebody's run is long, others' blocks are, too, that nobody waits for them to have been timed for enough.
    const double blockSeconds = std::clamp(longestRun, shortestBlock, enoughSeconds / enoughRuns);
    for (auto [index, runner, series] : llvm::enumerate(runners, all)) {
      double usual = series.seconds.empty() ? blockSeconds : series.total / series.seconds.size();
      int64_t count = std::clamp<int64_t>(blockSeconds / std::max(usual, 1e-9), 1, longestBlock);
      if (index > 0)
        std::this_thread::sleep_for(pause);
      Expected<std::vector<double>> block = runner->time(count);
      if (!block)
        return block.takeError();
      llvm::append_range(series.seconds, *block);
      series.total = std::accumulate(block->begin(), block->end(), series.total);
      longestRun = std::max(longestRun, series.total / series.seconds.size());
    }
  }
  std::vector<Timing> timings;
  for (Series &series : all)
    timings.push_back(summarize(std::move(series.seconds)));
  return timings;
}

} // namespace lathe
