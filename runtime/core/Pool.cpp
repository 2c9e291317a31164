#include "runtime/core/Pool.h"

#include "runtime/core/FloatEnvironment.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lathe {
namespace {

// Fields of Pool::state.
constexpr uint32_t openBit = 1, callerSleepsBit = 2;
constexpr uint32_t insideUnit = 4, insideMask = 0x7ffc; // up to 8191 workers
constexpr uint32_t epochUnit = 0x8000;

uint32_t inside(uint32_t state) { return state & insideMask; }
uint32_t epochOf(uint32_t state) { return state / epochUnit; }

// Caller and workers sleep on one word; the bit set tells whom a wake is for.
constexpr uint32_t wakeCaller = 1, wakeWorkers = 2;

void futexWait(std::atomic<uint32_t> &word, uint32_t expected, uint32_t who) {
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, nullptr, nullptr, who);
}

void futexWake(std::atomic<uint32_t> &word, int count, uint32_t who) {
  syscall(SYS_futex, &word, FUTEX_WAKE_BITSET_PRIVATE, count, nullptr, nullptr, who);
}

/// Bounded waiting in three phases: pause instructions, for the usual gap between launches; then giving the core to
/// whoever wants it, since the thread waited for may be the one that is not running; then, by the caller, sleep.
class Spin {
public:
  bool again() {
    uint64_t elapsed = __builtin_ia32_rdtsc() - start;
    if (elapsed > yieldTicks)
      return false;
    if (elapsed > pauseTicks)
      sched_yield();
    else
      __builtin_ia32_pause();
    return true;
  }

private:
  // Ticks run at 2 to 4 GHz on every CPU in question: about 8 and 200 microseconds. Waking a sleeper takes longer than
  // a launch on a virtual machine, so sleep is for the time between runs, not for the serial steps within one.
  static constexpr uint64_t pauseTicks = 20'000, yieldTicks = 500'000;
  uint64_t start = __builtin_ia32_rdtsc();
};

} // namespace

Pool::~Pool() {
  stopping.store(true);
  state.fetch_add(epochUnit); // so that no worker falls asleep on the old value
  futexWake(state, count, wakeWorkers);
  for (int32_t i = 0; i < count; ++i)
    pthread_join(workers[i].thread, nullptr);
  if (workers)
    allocator.release(allocator.user, workers, sizeof(Worker) * size_t(capacity));
}

void Pool::start(int32_t threads) {
  started = true;
  size_t bytes = sizeof(Worker) * size_t(threads - 1);
  workers = static_cast<Worker *>(allocator.allocate(allocator.user, bytes));
  if (!workers)
    return;
  capacity = threads - 1;
  // Signals are for the app's own threads.
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  for (; count < capacity; ++count) {
    Worker &worker = workers[count];
    worker.pool = this;
    worker.index = count + 1; // the caller is worker 0
    auto body = [](void *data) -> void * {
      Worker *self = static_cast<Worker *>(data);
      self->pool->work(self->index);
      return nullptr;
    };
    if (pthread_create(&worker.thread, nullptr, body, &worker))
      break;
  }
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

void Pool::run(Job &newJob, int32_t threads) {
  if (!started)
    start(threads);
  if (!count) {
    newJob.drain(0);
    return;
  }
  publish(newJob);
  newJob.drain(0);
  finish();
}

void Pool::publish(Job &newJob) {
  job = &newJob;
  // Nobody is inside and nobody may join, so nobody else writes the word.
  uint32_t epoch = epochOf(state.load(std::memory_order_relaxed)) + 1;
  state.store(epoch * epochUnit | openBit);
  // Sequentially consistent with the worker's increment: either we see it here, or its futex call sees the new word.
  if (sleepers.load())
    futexWake(state, newJob.workers() - 1, wakeWorkers);
}

void Pool::finish() {
  uint32_t seen = state.fetch_and(~openBit, std::memory_order_acq_rel) & ~openBit;
  for (Spin spin; inside(seen);) {
    if (spin.again()) {
      seen = state.load(std::memory_order_acquire);
      continue;
    }
    // The last worker to leave sees the bit and wakes us.
    if (!(seen & callerSleepsBit))
      seen = state.fetch_or(callerSleepsBit, std::memory_order_acq_rel) | callerSleepsBit;
    if (inside(seen))
      futexWait(state, seen, wakeCaller);
    seen = state.load(std::memory_order_acquire);
  }
}

bool Pool::waitForJob(uint32_t lastEpoch, uint32_t &seen) {
  auto ready = [&] {
    seen = state.load(std::memory_order_acquire);
    return stopping.load() || ((seen & openBit) && epochOf(seen) != lastEpoch);
  };
  for (Spin spin; spin.again();)
    if (ready())
      return !stopping.load();
  while (!ready()) {
    sleepers.fetch_add(1);
    futexWait(state, seen, wakeWorkers);
    sleepers.fetch_sub(1);
  }
  return !stopping.load();
}

void Pool::work(int32_t index) {
  FloatEnvironment environment;
  uint32_t seen, lastEpoch = ~0u; // no epoch has this value
  while (waitForJob(lastEpoch, seen)) {
    // Joining fails when the job closes first or another worker comes between; then look again.
    if (!state.compare_exchange_strong(seen, seen + insideUnit, std::memory_order_acq_rel))
      continue;
    lastEpoch = epochOf(seen);
    if (index < job->workers())
      job->drain(index);
    uint32_t before = state.fetch_sub(insideUnit, std::memory_order_acq_rel);
    if ((before & callerSleepsBit) && inside(before) == insideUnit)
      futexWake(state, 1, wakeCaller);
  }
}

} // namespace lathe
