//===- ProbeTeam.h - threads that do the same at the same time ----------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PROBETEAM_H
#define LATHE_COMPILER_DRIVER_BENCH_PROBETEAM_H

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace lathe {

/// Threads that do the same at the same time; the caller's is one of them. They are placed by the operating system, as
/// those of what is measured are, and wait awake: a team should not live while something else is timed.
class ProbeTeam {
public:
  explicit ProbeTeam(int threads);
  ~ProbeTeam();
  ProbeTeam(const ProbeTeam &) = delete;
  ProbeTeam &operator=(const ProbeTeam &) = delete;

  /// Calls newBody(thread) on each and returns the seconds from the first one's start to the last one's end.
  double run(const std::function<void(int)> &newBody);

  const int threads;

private:
  using Clock = std::chrono::steady_clock;

  void work(int index);
  void meet();

  std::vector<std::thread> others;
  std::vector<Clock::time_point> begins, ends;
  const std::function<void(int)> *body = nullptr;
  std::atomic<int> arrived{0};
  std::atomic<unsigned> turns{0};
};

/// Memory of each thread of a team, first touched by that thread so that it lies near it, in huge pages where the
/// system gives them, as the runtime asks for weights to be: a roof is what the best placed bytes arrive at. Outlives
/// the team, if need be.
class ProbeMemory {
public:
  ProbeMemory(ProbeTeam &team, size_t bytes);
  ~ProbeMemory();
  ProbeMemory(const ProbeMemory &) = delete;
  ProbeMemory &operator=(const ProbeMemory &) = delete;

  /// Whether the system gave it to every thread.
  bool complete() const;
  const uint8_t *operator[](int thread) const { return memory[thread]; }

private:
  const size_t mappedBytes;
  std::vector<void *> mappings;
  std::vector<uint8_t *> memory;
};

} // namespace lathe

#endif
