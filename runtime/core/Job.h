// One launch of a kernel, shared among the threads that come to work on it.
#ifndef LATHE_RUNTIME_CORE_JOB_H
#define LATHE_RUNTIME_CORE_JOB_H

#include "lathe/program.h"

#include <atomic>

namespace lathe {

/// Panels [0, panels), cut into one region per worker. A worker takes its own region from the front, in ranges that
/// shrink with what is left, and then steals from the backs of the others'. Neighbouring panels thus run one behind the
/// other on one core, which is what a kernel counts on when it asks for the next panel's weights (1 x 16 tokens of
/// BERT-base, two threads: 8.8 ms against 9.8 with one queue for all), and nobody waits while another has work left.
class Job {
public:
  /// `busyNanoseconds`, unless null, is raised by the time that each worker spends in drain.
  Job(lathe_kernel kernel, const uint64_t *args, int64_t panels, int32_t workers, uint8_t *scratch,
      int64_t scratchBytes, const std::atomic<bool> *cancelled, std::atomic<int64_t> *busyNanoseconds = nullptr);

  /// How many workers may take part, each with an index below.
  int32_t workers() const { return workerCount; }
  /// Runs ranges as worker `index` until none is left or the run is cancelled. Returning means that nothing is left to
  /// take; others may still be running what they took.
  void drain(int32_t index);

private:
  static constexpr int32_t mostRegions = 16; // with more threads, several begin in the same region

  /// What is left of a region, begin and end in one word so that taking from either side is one atomic step.
  struct alignas(64) Region {
    std::atomic<uint64_t> left;
  };

  void drainRegions(int32_t index);
  bool take(Region &region, bool own, int64_t &begin, int64_t &end);

  lathe_kernel kernel;
  const uint64_t *args;
  int64_t panels;
  int64_t grain; ///< panels per unit of a region's bounds: 1, unless the bounds would not fit into 32 bits
  int32_t workerCount, regionCount;
  uint8_t *scratch; ///< of worker 0; the others follow
  int64_t scratchBytes;
  const std::atomic<bool> *cancelled;
  std::atomic<int64_t> *busyNanoseconds;
  Region regions[mostRegions];
};

} // namespace lathe

#endif
