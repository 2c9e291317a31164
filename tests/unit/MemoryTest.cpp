// Memory: the caller's allocator gets everything back and may refuse at any point; sizes never wrap.
#include "tests/unit/FakeProgram.h"

#include "runtime/core/Checked.h"
#include "runtime/core/Memory.h"

#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <vector>

using namespace lathe;
using namespace lathe::test;

namespace {

const lathe_api &api = *lathe_runtime_api();

/// Refuses the allocation number `refuse`, counted from 0, and remembers what is out.
struct CountingAllocator {
  std::mutex mutex; // texts are tokenized on all threads
  int refuse = -1;
  int calls = 0;
  std::map<void *, size_t> live;

  lathe_allocator table() {
    return {[](void *user, size_t bytes) -> void * {
              auto &self = *static_cast<CountingAllocator *>(user);
              std::lock_guard lock(self.mutex);
              if (self.calls++ == self.refuse)
                return nullptr;
              void *memory = heapAllocator.allocate(nullptr, bytes);
              self.live[memory] = bytes;
              return memory;
            },
            [](void *user, void *memory, size_t bytes) {
              auto &self = *static_cast<CountingAllocator *>(user);
              std::lock_guard lock(self.mutex);
              auto found = self.live.find(memory);
              ASSERT_NE(found, self.live.end());
              EXPECT_EQ(found->second, bytes);
              self.live.erase(found);
              heapAllocator.release(nullptr, memory, bytes);
            },
            this};
  }
};

/// Opens, embeds into `rows` and closes with one allocator for all; the first status that is not OK.
lathe_status useEverything(CountingAllocator &counting, std::vector<float> &rows, lathe_error &error) {
  lathe_allocator allocator = counting.table();
  lathe_open_options open = {sizeof open, &allocator};
  lathe_context_options options = FakeModel::contextOptions(2);
  options.allocator = &allocator;
  options.profile = 1;
  WeightsImage weights = makeWeights();
  lathe_model *model = nullptr;
  lathe_context *context = nullptr;
  lathe_status status =
      openMemory(lathe_program_v1, capableHost(), weights.data.get(), weights.bytes, &open, model, &error);
  if (!status)
    status = api.context_create(model, &options, &context, &error);
  const char *texts[] = {"a bb ccc", "dddd", "e e e e e e e e e e e"};
  rows.assign(3 * width, 0);
  if (!status)
    status = api.embed_text(context, texts, 3, rows.data(), &error);
  api.context_destroy(context);
  api.close(model);
  return status;
}

} // namespace

TEST(Memory, AllocatorGetsEverythingBack) {
  CountingAllocator counting;
  std::vector<float> rows;
  lathe_error error = {};
  EXPECT_EQ(useEverything(counting, rows, error), LATHE_OK) << error.message;
  EXPECT_TRUE(counting.live.empty());
  EXPECT_GT(counting.calls, 5);
}

TEST(Memory, EveryRefusalIsReportedOrSurvived) {
  CountingAllocator sound;
  std::vector<float> expected, rows;
  lathe_error error = {};
  useEverything(sound, expected, error);
  int reported = 0;
  for (int refuse = 0; refuse < sound.calls; ++refuse) {
    CountingAllocator counting;
    counting.refuse = refuse;
    lathe_status status = useEverything(counting, rows, error);
    EXPECT_TRUE(status == LATHE_OUT_OF_MEMORY || status == LATHE_OK) << refuse << ": " << error.message;
    EXPECT_TRUE(status || rows == expected) << refuse;
    reported += status == LATHE_OUT_OF_MEMORY;
    EXPECT_TRUE(counting.live.empty()) << refuse;
  }
  // Without its list of workers, the pool runs on the caller's thread; and a text behind the first is tried again.
  EXPECT_GE(reported, sound.calls / 2);
}

TEST(Memory, FormulaCoversWhatARunTakes) {
  CountingAllocator counting;
  lathe_allocator allocator = counting.table();
  lathe_context_options options = FakeModel::contextOptions(3);
  options.allocator = &allocator;
  FakeModel fake(options);
  auto live = [&] {
    size_t bytes = 0;
    for (const auto &[memory, size] : counting.live)
      bytes += size;
    return bytes;
  };
  const size_t before = live();
  std::vector<int32_t> ids(20 * 16, 1);
  lathe_tensor input = tensor("input_ids", ids, {20, 16});
  ASSERT_EQ(api.run(fake.context, "packed", &input, 1, nullptr, 0, nullptr), LATHE_OK);
  const size_t threadList = 2 * 64; // at most
  EXPECT_LE(live() - before, api.memory(fake.context, "packed", 320, 20, 16) + threadList);
  EXPECT_GE(live() - before, api.memory(fake.context, "packed", 320, 20, 16));
  EXPECT_EQ(api.memory(fake.context, "missing", 1, 1, 1), 0u);
  EXPECT_EQ(api.memory(fake.context, "packed", -1, 1, 1), 0u);
  EXPECT_EQ(api.memory(fake.context, "packed", INT64_MAX, INT64_MAX, 1), 0u);
  EXPECT_EQ(api.memory(fake.context, "gigantic", 16, 1, INT64_MAX / 2), 0u);
}

TEST(Memory, PagesGrowAndKeepTheirAddressRange) {
  WorkingMemory memory(nullptr);
  uint8_t *first = memory.reserve(1000);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(memory.reserve(500), first);
  uint8_t *grown = memory.reserve(size_t(64) << 20);
  ASSERT_NE(grown, nullptr);
  grown[(size_t(64) << 20) - 1] = 1;
  EXPECT_EQ(memory.reserve(SIZE_MAX), nullptr);
  EXPECT_EQ(memory.reserve(1000), grown); // a refusal leaves what was there
}

TEST(Memory, GrowsByAsMuchAsTheAllocatorIsAskedFor) {
  CountingAllocator counting;
  lathe_allocator allocator = counting.table();
  {
    WorkingMemory memory(&allocator);
    uint8_t *small = memory.reserve(100);
    EXPECT_EQ(memory.reserve(100), small);
    EXPECT_EQ(counting.calls, 1);
    uint8_t *larger = memory.reserve(101);
    ASSERT_EQ(counting.live.size(), 1u); // one at a time: contents need not survive
    EXPECT_EQ(counting.live[larger], 101u);
  }
  EXPECT_TRUE(counting.live.empty());
}

TEST(Checked, OverflowSticks) {
  EXPECT_TRUE((Checked(INT64_MAX - 1) + 1).valid);
  EXPECT_FALSE((Checked(INT64_MAX) + 1).valid);
  EXPECT_FALSE((Checked(INT64_MAX) * 2 + 0).valid);
  EXPECT_FALSE((Checked(INT64_MAX) * 2 * 0).valid);
  EXPECT_FALSE((Checked(-1) + 5).valid);
  EXPECT_FALSE(Checked(INT64_MAX - 5).roundUp(64).valid);
  EXPECT_EQ(Checked(65).roundUp(64).value, 128);
}
