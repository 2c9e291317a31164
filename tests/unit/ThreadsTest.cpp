// The pool alone, then contexts of one model on several threads, cancelled and not. TSan watches all of it.
#include "tests/unit/FakeProgram.h"

#include "runtime/core/Clock.h"
#include "runtime/core/Memory.h"
#include "runtime/core/Pool.h"

#include <algorithm>
#include <chrono>
#include <dirent.h>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace lathe;
using namespace lathe::test;

namespace {

const lathe_api &api = *lathe_runtime_api();

int threadCount() {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  while (dirent *task = readdir(tasks))
    count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

// args: int32 hits per panel
void countKernel(const uint64_t *args, int64_t begin, int64_t end, uint8_t *) {
  for (int64_t panel = begin; panel < end; ++panel)
    ++reinterpret_cast<int32_t *>(args[0])[panel];
}

/// A job of one panel per worker, none of which ends before all have begun: so every worker must take part.
struct Meeting {
  static constexpr int64_t scratchBytes = 64;
  uint8_t memory[8 * scratchBytes];
  std::atomic<int> arrived{0};
  std::atomic<uint8_t *> scratch[8] = {};
  std::atomic<int> expected{0};
  std::atomic<int64_t> nanoseconds{0}; ///< spent in the kernel, by all

  /// The scratch that each panel was given; none if a worker did not come within ten seconds.
  std::vector<uint8_t *> hold(Pool &pool, int32_t threads, std::atomic<int64_t> *busy = nullptr) {
    expected = threads;
    std::atomic<bool> cancelled{false};
    const uint64_t args[] = {reinterpret_cast<uint64_t>(this)};
    Job job{attend, args, threads, threads, memory, scratchBytes, &cancelled, busy};
    pool.run(job, threads);
    std::vector<uint8_t *> given;
    for (int i = 0; i < expected; ++i)
      given.push_back(scratch[i]);
    return given;
  }

  static void attend(const uint64_t *args, int64_t begin, int64_t end, uint8_t *scratch) {
    auto &meeting = *reinterpret_cast<Meeting *>(args[0]);
    const int64_t entered = now();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (int64_t panel = begin; panel < end; ++panel) {
      meeting.scratch[panel] = scratch;
      for (++meeting.arrived; meeting.arrived < meeting.expected; std::this_thread::yield())
        if (std::chrono::steady_clock::now() > deadline) {
          meeting.expected = 0;
          return;
        }
    }
    meeting.nanoseconds += now() - entered;
  }
};

} // namespace

TEST(Pool, EveryPanelRunsOnce) {
  for (int32_t threads : {2, 3, 8, 20}) {
    Pool pool(heapAllocator);
    std::atomic<bool> cancelled{false};
    for (int64_t round = 0; round < 3000; ++round) {
      const int64_t panels = 1 + round % 70;
      std::vector<int32_t> hits(size_t(panels), 0);
      const uint64_t args[] = {reinterpret_cast<uint64_t>(hits.data())};
      Job job{countKernel, args, panels, int32_t(panels < threads ? panels : threads), nullptr, 0, &cancelled};
      pool.run(job, threads);
      ASSERT_EQ(hits, std::vector<int32_t>(size_t(panels), 1)) << "threads " << threads << ", panels " << panels;
    }
  }
}

using Range = std::pair<int64_t, int64_t>;

void recordRange(const uint64_t *args, int64_t begin, int64_t end, uint8_t *) {
  reinterpret_cast<std::vector<Range> *>(args[0])->emplace_back(begin, end);
}

/// Ranges in the order in which worker `index`, alone, runs them.
std::vector<Range> rangesOf(int64_t panels, int32_t workers, int32_t index) {
  std::vector<Range> ranges;
  std::atomic<bool> cancelled{false};
  const uint64_t args[] = {reinterpret_cast<uint64_t>(&ranges)};
  Job job(recordRange, args, panels, workers, nullptr, 0, &cancelled);
  job.drain(index);
  return ranges;
}

TEST(Job, OwnPanelsInOrderThenOthersFromTheBack) {
  std::vector<Range> ranges = rangesOf(20, 2, 1);
  const auto firstStolen = std::find_if(ranges.begin(), ranges.end(), [](Range range) { return range.first < 10; });
  int64_t next = 10;
  for (auto range = ranges.begin(); range != firstStolen; ++range) {
    EXPECT_EQ(range->first, next);
    next = range->second;
  }
  EXPECT_EQ(next, 20);
  for (auto range = firstStolen; range != ranges.end(); ++range) {
    EXPECT_EQ(range->second, range == firstStolen ? 10 : std::prev(range)->first);
    next = range->first;
  }
  EXPECT_EQ(next, 0);
}

TEST(Job, CountsBeyond32Bits) {
  const int64_t panels = (int64_t(5) << 32) + 3;
  std::vector<Range> ranges = rangesOf(panels, 3, 0);
  std::sort(ranges.begin(), ranges.end());
  int64_t next = 0;
  for (Range range : ranges) {
    EXPECT_EQ(range.first, next);
    EXPECT_LT(range.first, range.second);
    next = range.second;
  }
  EXPECT_EQ(next, panels);
}

TEST(Pool, EachWorkerHasScratchOfItsOwn) {
  Pool pool(heapAllocator);
  Meeting meeting;
  std::vector<uint8_t *> scratch = meeting.hold(pool, 4);
  std::sort(scratch.begin(), scratch.end());
  for (size_t i = 0; i < scratch.size(); ++i)
    EXPECT_EQ(scratch[i], meeting.memory + i * Meeting::scratchBytes);
}

TEST(Pool, BusyTimeIsThatOfAllWorkers) {
  Pool pool(heapAllocator);
  Meeting meeting;
  std::atomic<int64_t> busy{0};
  const int64_t before = now();
  ASSERT_EQ(meeting.hold(pool, 4, &busy).size(), 4u);
  EXPECT_GE(busy, meeting.nanoseconds);
  EXPECT_LE(busy, 4 * (now() - before));
}

TEST(Pool, SleepersWake) {
  Pool pool(heapAllocator);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2)); // longer than a worker spins
    Meeting meeting;
    ASSERT_EQ(meeting.hold(pool, 3).size(), 3u);
  }
}

TEST(Pool, IsCreatedByTheFirstLaunchThatNeedsItAndJoined) {
  const int before = threadCount();
  {
    FakeModel fake(FakeModel::contextOptions(4));
    EXPECT_EQ(threadCount(), before);
    std::vector<int32_t> ids = {1};
    lathe_tensor one = tensor("input_ids", ids, {1, 1});
    ASSERT_EQ(api.run(fake.context, nullptr, &one, 1, nullptr, 0, nullptr), LATHE_OK);
    EXPECT_EQ(threadCount(), before) << "one panel needs no thread";
    ids.resize(64);
    lathe_tensor many = tensor("input_ids", ids, {4, 16});
    ASSERT_EQ(api.run(fake.context, nullptr, &many, 1, nullptr, 0, nullptr), LATHE_OK);
    EXPECT_EQ(threadCount(), before + 3);
  }
  // A joined thread's entry may outlast the join by a moment.
  for (int i = 0; i < 1000 && threadCount() != before; ++i)
    usleep(1000);
  EXPECT_EQ(threadCount(), before);
}

TEST(Pool, IdleWorkersUseNoCpu) {
  FakeModel fake(FakeModel::contextOptions(2));
  std::vector<int32_t> ids(64);
  lathe_tensor many = tensor("input_ids", ids, {4, 16});
  ASSERT_EQ(api.run(fake.context, nullptr, &many, 1, nullptr, 0, nullptr), LATHE_OK);
  const clock_t before = clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(double(clock() - before) / CLOCKS_PER_SEC, 0.05);
}

TEST(Threads, ContextsOfOneModelGiveTheSameBits) {
  FakeModel fake;
  std::vector<int64_t> ids(8 * 32);
  for (size_t i = 0; i < ids.size(); ++i)
    ids[i] = int64_t(i * 7 % vocabulary);
  auto compute = [&](lathe_context *context) {
    std::vector<float> hidden(ids.size() * size_t(width));
    lathe_tensor input = tensor("input_ids", ids, {8, 32});
    lathe_tensor output = tensor("last_hidden_state", hidden, {8, 32, width});
    EXPECT_EQ(api.run(context, nullptr, &input, 1, &output, 1, nullptr), LATHE_OK);
    return hidden;
  };
  const std::vector<float> expected = compute(fake.context);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      lathe_context_options options = FakeModel::contextOptions(1 + i);
      lathe_context *context = nullptr;
      ASSERT_EQ(api.context_create(fake.model, &options, &context, nullptr), LATHE_OK);
      for (int round = 0; round < 100; ++round)
        EXPECT_EQ(compute(context), expected);
      api.context_destroy(context);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(brokenPromise.load(), nullptr);
}

TEST(Threads, OneContextOnTwoThreadsIsRefused) {
  FakeModel fake;
  std::vector<int32_t> ids = {1};
  lathe_tensor input = tensor("input_ids", ids, {1, 1});
  lathe_status held = LATHE_OK;
  std::thread holder([&] {
    do // the main thread's short runs may be in the way
      held = api.run(fake.context, "slow", &input, 1, nullptr, 0, nullptr);
    while (held == LATHE_INVALID_ARGUMENT);
  });
  lathe_error error = {};
  lathe_status status = LATHE_OK;
  while (status == LATHE_OK) // until the other thread is inside
    status = api.run(fake.context, "packed", &input, 1, nullptr, 0, &error);
  EXPECT_EQ(status, LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "in use")) << error.message;
  api.cancel(fake.context);
  holder.join();
  EXPECT_EQ(held, LATHE_CANCELLED);
}

TEST(Cancel, EndsARunSoonAndOnlyThatRun) {
  for (int threads : {1, 2, 4}) {
    slowPanelsRun = 0;
    FakeModel fake(FakeModel::contextOptions(threads));
    std::vector<int32_t> ids = {1};
    lathe_tensor input = tensor("input_ids", ids, {1, 1});
    std::thread canceller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      api.cancel(fake.context);
    });
    lathe_error error = {};
    EXPECT_EQ(api.run(fake.context, "slow", &input, 1, nullptr, 0, &error), LATHE_CANCELLED);
    EXPECT_TRUE(strstr(error.message, "cancelled")) << error.message;
    EXPECT_LT(slowPanelsRun, slowPanels); // what had begun was finished, the rest never began
    canceller.join();
    EXPECT_EQ(api.run(fake.context, "packed", &input, 1, nullptr, 0, &error), LATHE_OK) << error.message;
  }
}

TEST(Cancel, BeforeARunCancelsTheNextOne) {
  FakeModel fake;
  std::vector<int32_t> ids = {1};
  lathe_tensor input = tensor("input_ids", ids, {1, 1});
  api.cancel(fake.context);
  EXPECT_EQ(api.run(fake.context, nullptr, &input, 1, nullptr, 0, nullptr), LATHE_CANCELLED);
  EXPECT_EQ(api.run(fake.context, nullptr, &input, 1, nullptr, 0, nullptr), LATHE_OK);
}

TEST(Hook, LeavingOutIndicesLosesNothing) {
  lathe_context_options options = FakeModel::contextOptions(4);
  options.parallel_for = [](void *, int32_t count, lathe_parallel_body body, void *data) {
    body(data, count - 1);
    body(data, -1); // and indices out of range are ignored
    body(data, count);
  };
  FakeModel fake(options);
  std::vector<int32_t> ids(64, 1);
  std::vector<float> sums(2 * width);
  lathe_tensor input = tensor("input_ids", ids, {2, 32}), output = tensor("sentence_embedding", sums, {2, width});
  ASSERT_EQ(api.run(fake.context, nullptr, &input, 1, &output, 1, nullptr), LATHE_OK);
  float expected = 0;
  for (int64_t c = 0; c < 32; ++c)
    expected += tokenValue(1, 0, c, c, 0);
  EXPECT_EQ(sums[0], expected);
}
