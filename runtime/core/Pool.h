// Fork-join threads for one context. A launch is about 20 microseconds of work, so handing it over must cost little:
// workers spin shortly before they sleep, and the caller never waits for a worker that has not yet begun. Where cores
// are oversubscribed a launch therefore degrades to the caller doing everything itself.
#ifndef LATHE_RUNTIME_CORE_POOL_H
#define LATHE_RUNTIME_CORE_POOL_H

#include "runtime/core/Job.h"

#include <pthread.h>

namespace lathe {

class Pool {
public:
  explicit Pool(const lathe_allocator &allocator) : allocator(allocator) {}
  ~Pool(); // joins
  Pool(const Pool &) = delete;
  Pool &operator=(const Pool &) = delete;

  /// Runs the job on this thread, as worker 0, and on the pool's; returns when all of it is done. The first call
  /// creates `threads - 1` workers. Those that the system refuses are missed only in speed.
  void run(Job &job, int32_t threads);

private:
  struct Worker {
    Pool *pool;
    int32_t index;
    pthread_t thread;
  };

  void start(int32_t threads);
  void work(int32_t index);
  bool waitForJob(uint32_t lastEpoch, uint32_t &seen);
  void publish(Job &newJob);
  void finish();

  lathe_allocator allocator;
  Worker *workers = nullptr;
  int32_t capacity = 0;
  int32_t count = 0;
  bool started = false;

  // Written by the caller while nobody is inside a job, read by workers that have joined it.
  Job *job = nullptr;
  // The job's epoch, how many workers are inside, whether others may still join, whether the caller sleeps: one word,
  // so that joining, leaving and closing are single atomic steps. It is also the futex that both sides sleep on.
  alignas(64) std::atomic<uint32_t> state{0};
  std::atomic<int32_t> sleepers{0};
  std::atomic<bool> stopping{false};
};

} // namespace lathe

#endif
