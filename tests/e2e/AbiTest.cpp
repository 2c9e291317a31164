// What runtime/include/lathe/abi.h promises, on a compiled model loaded with dlopen: the caller's own threads and
// memory, budgets, cancelling, status codes, and that the bits never depend on any of these.
#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <xmmintrin.h>

namespace lathe::test {
namespace {

constexpr int64_t kWidth = 48;
const std::vector<std::string> kTexts = {"A man is eating.", "", "The cat is sleeping on the sofa.",
                                         "It will rain tomorrow."};

class Abi : public testing::Test {
protected:
  static Path artifact() { return compiled(goldens() / "demo-model"); }

  /// A context with `options`, destroyed with the test.
  lathe_context *makeContext(lathe_context_options options) {
    options.size = sizeof options;
    lathe_context *context = nullptr;
    lathe_error error = {};
    EXPECT_EQ(api.context_create(loaded.model(), &options, &context, &error), LATHE_OK) << error.message;
    contexts.push_back(context);
    return context;
  }

  std::vector<float> embed(lathe_context *context, const std::vector<std::string> &texts = kTexts) {
    std::vector<const char *> pointers;
    for (const std::string &text : texts)
      pointers.push_back(text.c_str());
    std::vector<float> values(texts.size() * kWidth);
    lathe_error error = {};
    EXPECT_EQ(api.embed_text(context, pointers.data(), texts.size(), values.data(), &error), LATHE_OK) << error.message;
    return values;
  }

  /// Runs ids [1, n] and returns the status.
  lathe_status runIds(lathe_context *context, int64_t n, lathe_error *error) {
    std::vector<int64_t> ids(n, 7);
    std::vector<float> values(kWidth);
    const lathe_tensor input = {"input_ids", LATHE_I64, 2, {1, n}, ids.data()};
    const lathe_tensor output = {"sentence_embedding", LATHE_F32, 2, {1, kWidth}, values.data()};
    return api.run(context, nullptr, &input, 1, &output, 1, error);
  }

  void TearDown() override {
    for (lathe_context *context : contexts)
      api.context_destroy(context);
  }

  LoadedModel loaded{artifact(), "model", 1};
  const lathe_api &api = loaded.api();
  const std::vector<float> expected = embed(loaded.context());
  std::vector<lathe_context *> contexts;
};

TEST_F(Abi, TableDescribesItself) {
  EXPECT_EQ(api.size, sizeof(lathe_api));
  EXPECT_STREQ(api.name(), "model");
  EXPECT_EQ(std::strspn(api.build_id(), "0123456789abcdef"), 32u);
  EXPECT_EQ(std::strlen(api.build_id()), 32u);
  EXPECT_STREQ(api.isa(loaded.model()), "avx512");
  const lathe_entry_info *entries = nullptr;
  ASSERT_GE(api.entries(&entries), 1u);
  EXPECT_EQ(api.entries(nullptr), api.entries(&entries));
  EXPECT_STREQ(entries[0].inputs[0].name, "input_ids");
  EXPECT_FALSE(entries[0].inputs[0].optional);
}

TEST_F(Abi, InferGivesTheShapesThatRunFills) {
  const std::vector<int32_t> ids = loaded.ids(kTexts[0]);
  const std::vector<int64_t> wide(ids.begin(), ids.end());
  const int64_t n = static_cast<int64_t>(ids.size());
  const lathe_tensor input = {"input_ids", LATHE_I64, 2, {1, n}, const_cast<int64_t *>(wide.data())};
  lathe_tensor output = {"sentence_embedding", LATHE_U8, 0, {}, nullptr};
  lathe_error error = {};
  ASSERT_EQ(api.infer(loaded.context(), nullptr, &input, 1, &output, 1, &error), LATHE_OK) << error.message;
  EXPECT_EQ(output.dtype, LATHE_F32);
  ASSERT_EQ(output.rank, 2);
  EXPECT_EQ(output.shape[0], 1);
  EXPECT_EQ(output.shape[1], kWidth);
  std::vector<float> values(kWidth);
  output.data = values.data();
  ASSERT_EQ(api.run(loaded.context(), nullptr, &input, 1, &output, 1, &error), LATHE_OK) << error.message;
  EXPECT_EQ(std::memcmp(values.data(), expected.data(), kWidth * sizeof(float)), 0) << "ids and text give other bits";
}

TEST_F(Abi, CallersThreadsInAnyOrder) {
  std::atomic<int> calls = 0;
  lathe_context_options options = {};
  options.threads = 4;
  options.parallel_user = &calls;
  options.parallel_for = [](void *user, int32_t count, lathe_parallel_body body, void *data) {
    ++*static_cast<std::atomic<int> *>(user);
    for (int32_t index = count; index-- > 0;)
      body(data, index);
  };
  EXPECT_TRUE(embed(makeContext(options)) == expected);
  EXPECT_GT(calls, 0) << "the caller's threads were never used";
}

/// Counts what is allocated; gives nothing beyond `limit` bytes.
struct CountingMemory {
  size_t used = 0, peak = 0, limit = SIZE_MAX;
  lathe_allocator allocator = {[](void *user, size_t bytes) -> void * {
                                 auto &memory = *static_cast<CountingMemory *>(user);
                                 if (bytes > memory.limit - memory.used)
                                   return nullptr;
                                 memory.used += bytes;
                                 memory.peak = std::max(memory.peak, memory.used);
                                 return aligned_alloc(64, (bytes + 63) / 64 * 64);
                               },
                               [](void *user, void *data, size_t bytes) {
                                 static_cast<CountingMemory *>(user)->used -= bytes;
                                 free(data);
                               },
                               this};
};

TEST_F(Abi, CallersMemoryIsUsedAndGivenBack) {
  CountingMemory memory;
  lathe_context_options options = {};
  options.allocator = &memory.allocator;
  EXPECT_TRUE(embed(makeContext(options)) == expected);
  EXPECT_GT(memory.peak, 0u);
  api.context_destroy(contexts.back());
  contexts.pop_back();
  EXPECT_EQ(memory.used, 0u);
}

TEST_F(Abi, MemoryThatRunsOutIsAStatus) {
  for (size_t limit : {size_t{0}, size_t{100}, size_t{10000}}) {
    CountingMemory memory;
    memory.limit = limit;
    lathe_context_options options = {};
    options.size = sizeof options;
    options.allocator = &memory.allocator;
    lathe_context *context = nullptr;
    lathe_error error = {};
    lathe_status status = api.context_create(loaded.model(), &options, &context, &error);
    if (status == LATHE_OK)
      status = runIds(context, 60, &error);
    EXPECT_EQ(status, LATHE_OUT_OF_MEMORY) << "with " << limit << " bytes: " << error.message;
    api.context_destroy(context);
    EXPECT_EQ(memory.used, 0u);
  }
}

TEST_F(Abi, TokenBudget) {
  lathe_context_options options = {};
  options.max_tokens = 16;
  lathe_context *small = makeContext(options);
  lathe_error error = {};
  EXPECT_EQ(runIds(small, 16, &error), LATHE_OK) << error.message;
  EXPECT_EQ(runIds(small, 17, &error), LATHE_OVER_BUDGET);
  EXPECT_NE(std::strstr(error.message, "16"), nullptr) << error.message;
  EXPECT_TRUE(embed(small) == expected) << "texts in several batches give other bits";
}

TEST_F(Abi, CancelEndsOneRun) {
  lathe_error error = {};
  api.cancel(loaded.context());
  EXPECT_EQ(runIds(loaded.context(), 5, &error), LATHE_CANCELLED) << error.message;
  EXPECT_EQ(runIds(loaded.context(), 5, &error), LATHE_OK) << error.message;
}

TEST_F(Abi, FloatEnvironmentNeitherMattersNorChanges) {
  const unsigned before = _mm_getcsr();
  const unsigned upwardsAndFlushing = before | _MM_ROUND_UP | _MM_FLUSH_ZERO_ON;
  _mm_setcsr(upwardsAndFlushing);
  const std::vector<float> values = embed(loaded.context());
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_TRUE(values == expected);
  EXPECT_EQ(after & ~0x3fu, upwardsAndFlushing & ~0x3fu); // the lowest six bits are sticky exception flags
}

TEST_F(Abi, OpensFromMemory) {
  const std::string bytes = readFile(artifact() / "model.weights");
  const size_t room = (bytes.size() + 127) / 64 * 64;
  const std::unique_ptr<char, decltype(&free)> memory(static_cast<char *>(aligned_alloc(64, room)), free);
  std::memcpy(memory.get(), bytes.data(), bytes.size());
  lathe_model *model = nullptr;
  lathe_context *context = nullptr;
  lathe_error error = {};
  ASSERT_EQ(api.open_memory(memory.get(), bytes.size(), nullptr, &model, &error), LATHE_OK) << error.message;
  ASSERT_EQ(api.context_create(model, nullptr, &context, &error), LATHE_OK) << error.message;
  EXPECT_TRUE(embed(context) == expected);
  api.context_destroy(context);
  api.close(model);

  std::memmove(memory.get() + 4, memory.get(), bytes.size());
  EXPECT_EQ(api.open_memory(memory.get() + 4, bytes.size(), nullptr, &model, &error), LATHE_INVALID_ARGUMENT);
}

TEST_F(Abi, StatusSaysWhatIsWrong) {
  lathe_error error = {};
  lathe_model *model = nullptr;
  EXPECT_EQ(api.open("/no/such/file", nullptr, &model, &error), LATHE_IO_ERROR);
  EXPECT_NE(std::strstr(error.message, "/no/such/file"), nullptr) << error.message;
  EXPECT_EQ(error.status, LATHE_IO_ERROR);
  EXPECT_EQ(model, nullptr);

  const ScratchDirectory work;
  writeFile(work / "short.weights", readFile(artifact() / "model.weights").substr(0, 1000));
  EXPECT_EQ(api.open((work / "short.weights").c_str(), nullptr, &model, &error), LATHE_BAD_WEIGHTS) << error.message;

  int64_t id = 7;
  float values[kWidth];
  const lathe_tensor input = {"input_ids", LATHE_I64, 2, {1, 1}, &id};
  const lathe_tensor output = {"sentence_embedding", LATHE_F32, 2, {1, kWidth}, values};
  EXPECT_EQ(api.run(loaded.context(), "dance", &input, 1, &output, 1, &error), LATHE_UNAVAILABLE);
  EXPECT_NE(std::strstr(error.message, "dance"), nullptr) << error.message;
  const lathe_tensor unknown = {"colours", LATHE_F32, 2, {1, kWidth}, values};
  EXPECT_EQ(api.run(loaded.context(), nullptr, &input, 1, &unknown, 1, &error), LATHE_UNAVAILABLE);
  EXPECT_NE(std::strstr(error.message, "colours"), nullptr) << error.message;
  const lathe_tensor narrow = {"sentence_embedding", LATHE_F32, 2, {1, kWidth - 1}, values};
  EXPECT_EQ(api.run(loaded.context(), nullptr, &input, 1, &narrow, 1, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.run(loaded.context(), nullptr, &input, 1, &narrow, 1, nullptr), LATHE_INVALID_ARGUMENT);
}

TEST_F(Abi, NothingToDoIsNoError) {
  lathe_error error = {};
  EXPECT_EQ(api.embed_text(loaded.context(), nullptr, 0, nullptr, &error), LATHE_OK) << error.message;
  api.close(nullptr);
  api.context_destroy(nullptr);
}

TEST_F(Abi, ProfileNamesStepsAndKernels) {
  lathe_context_options options = {};
  options.profile = 1;
  lathe_context *context = makeContext(options);
  embed(context);
  std::vector<lathe_profile_step> steps(api.profile(context, nullptr, 0));
  ASSERT_GT(steps.size(), 0u);
  EXPECT_EQ(api.profile(context, steps.data(), steps.size()), steps.size());
  double seconds = 0;
  for (const lathe_profile_step &step : steps) {
    EXPECT_NE(step.name, nullptr);
    EXPECT_NE(step.kernel, nullptr);
    EXPECT_GT(step.calls, 0) << step.name;
    EXPECT_GT(step.busy_seconds, 0) << step.name;
    seconds += step.seconds;
  }
  EXPECT_GT(seconds, 0);
}

TEST_F(Abi, MemoryGrowsWithTheRun) {
  const size_t little = api.memory(loaded.context(), nullptr, 16, 1, 16);
  EXPECT_GT(little, 0u);
  EXPECT_GT(api.memory(loaded.context(), nullptr, 1600, 100, 16), little);
}

TEST_F(Abi, DetokenizeSaysHowMuchRoomItNeeds) {
  const std::vector<int32_t> ids = loaded.ids("The cat sleeps.");
  size_t length = 0;
  lathe_error error = {};
  ASSERT_EQ(api.detokenize(loaded.model(), ids.data(), ids.size(), 1, nullptr, 0, &length, &error), LATHE_OK)
      << error.message;
  EXPECT_EQ(length, std::strlen("the cat sleeps."));
  std::string text(length, '?');
  ASSERT_EQ(api.detokenize(loaded.model(), ids.data(), ids.size(), 1, text.data(), length + 1, &length, &error),
            LATHE_OK);
  EXPECT_EQ(text, "the cat sleeps.");
  EXPECT_STREQ(api.token_text(loaded.model(), ids[0]), "[CLS]");
  EXPECT_EQ(api.token_text(loaded.model(), 1 << 30), nullptr);
  EXPECT_EQ(api.token_text(loaded.model(), -1), nullptr);
}

} // namespace
} // namespace lathe::test
