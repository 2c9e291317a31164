// What a run takes: never more than the manifest's formula says, and of the process no more than weights, that much and
// a little. Through the C ABI, as an app has it.
#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <cstdlib>
#include <fstream>
#include <numeric>
#include <unistd.h>

namespace lathe::test {
namespace {

Path minilm() {
  const char *given = getenv("LATHE_MINILM");
  return given ? Path(given) : Path(LATHE_BINARY_DIR) / "models" / "minilm";
}

/// The memory that an artifact's manifest promises for its first entry.
class Promise {
public:
  explicit Promise(const Path &artifact)
      : memory(Json::parse(readFile(artifact / "manifest.json")).at("entries")[0].at("memory")) {}

  int64_t bytes(const std::vector<int64_t> &lengths, int64_t threads, bool dense) const {
    int64_t batch = 0, longest = 0, tokens = 0;
    for (int64_t length : lengths) {
      batch += length > 0;
      longest = std::max(longest, length);
      tokens += length;
    }
    if (dense)
      tokens = batch * longest;
    return evaluate("arena_bytes", tokens, batch, longest) +
           threads * evaluate("scratch_bytes_per_thread", tokens, batch, longest) +
           evaluate("edge_bytes", tokens, batch, longest);
  }

private:
  static int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }
  int64_t evaluate(const char *field, int64_t tokens, int64_t batch, int64_t longest) const {
    const int64_t quantum = memory.at("counts_rounded_up_to");
    const int64_t t = roundUp(tokens, quantum), b = roundUp(batch, quantum), l = roundUp(longest, quantum);
    const Json &formula = memory.at(field);
    const auto term = [&](const char *name) { return formula.at(name).get<int64_t>(); };
    return roundUp(term("fixed") + term("per_token") * t + term("per_sequence") * b + term("per_longest") * l +
                       term("per_score") * b * l * l,
                   memory.at("bytes_rounded_up_to"));
  }

  const Json memory;
};

/// Inputs of given lengths, padded with a mask or ragged, and arrays for the entry's outputs.
class Batch {
public:
  Batch(const lathe_api &api, lathe_context *context, const std::vector<int64_t> &lengths, bool ragged,
        size_t firstOutput, size_t outputCount)
      : api(api), context(context) {
    const int64_t batch = static_cast<int64_t>(lengths.size());
    const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    offsets = {0};
    for (int64_t length : lengths) {
      offsets.push_back(static_cast<int32_t>(offsets.back() + length));
      for (int64_t column = 0; column < longest; ++column) {
        mask.push_back(column < length);
        if (!ragged || column < length)
          ids.push_back(3);
      }
    }
    if (ragged)
      inputs = {{"input_ids", LATHE_I32, 1, {offsets.back()}, ids.data()},
                {"cu_seqlens", LATHE_I32, 1, {batch + 1}, offsets.data()}};
    else
      inputs = {{"input_ids", LATHE_I32, 2, {batch, longest}, ids.data()},
                {"attention_mask", LATHE_I32, 2, {batch, longest}, mask.data()}};
    const lathe_entry_info *entries = nullptr;
    api.entries(&entries);
    for (size_t i = firstOutput; i < std::min(firstOutput + outputCount, entries[0].n_outputs); ++i)
      outputs.push_back({entries[0].outputs[i].name, LATHE_F32, 0, {}, nullptr});
    lathe_error error = {};
    EXPECT_EQ(api.infer(context, nullptr, inputs.data(), inputs.size(), outputs.data(), outputs.size(), &error),
              LATHE_OK)
        << error.message;
    for (lathe_tensor &output : outputs) {
      const int64_t count = std::accumulate(output.shape, output.shape + output.rank, int64_t(1), std::multiplies<>());
      values.emplace_back(count, 1.0f);
      output.data = values.back().data();
    }
  }

  void run() const {
    lathe_error error = {};
    EXPECT_EQ(api.run(context, nullptr, inputs.data(), inputs.size(), outputs.data(), outputs.size(), &error), LATHE_OK)
        << error.message;
  }

private:
  const lathe_api &api;
  lathe_context *context;
  std::vector<int32_t> ids, mask, offsets;
  std::vector<lathe_tensor> inputs, outputs;
  std::vector<std::vector<float>> values;
};

/// Memory that a context takes; it has the caller's threads, which are none, so that it needs none for a pool.
struct Counted {
  size_t used = 0, peak = 0;
  lathe_allocator allocator = {[](void *user, size_t bytes) {
                                 auto &counted = *static_cast<Counted *>(user);
                                 counted.used += bytes;
                                 counted.peak = std::max(counted.peak, counted.used);
                                 return aligned_alloc(64, (bytes + 63) / 64 * 64);
                               },
                               [](void *user, void *data, size_t bytes) {
                                 static_cast<Counted *>(user)->used -= bytes;
                                 free(data);
                               },
                               this};

  lathe_context *makeContext(const LoadedModel &loaded, int32_t threads, int64_t budget) {
    lathe_context_options options = {};
    options.size = sizeof options;
    options.threads = threads;
    options.max_tokens = budget;
    options.allocator = &allocator;
    options.parallel_for = [](void *, int32_t count, lathe_parallel_body body, void *data) {
      for (int32_t index = 0; index < count; ++index)
        body(data, index);
    };
    lathe_context *context = nullptr;
    lathe_error error = {};
    EXPECT_EQ(loaded.api().context_create(loaded.model(), &options, &context, &error), LATHE_OK) << error.message;
    return context;
  }
};

void expectWithinPromise(const Path &model, const Arguments &flags, bool dense) {
  SCOPED_TRACE(testing::Message() << model << (flags.empty() ? "" : " " + flags.front()));
  const Path artifact = compiled(model, flags);
  const LoadedModel loaded(artifact, "model", 1);
  const Promise promise(artifact);
  const std::vector<std::vector<int64_t>> batches = {
      {1}, {16}, {17}, {5, 0, 2}, {9, 9, 9, 9}, {24, 1}, std::vector<int64_t>(33, 3), {3, 24, 16, 1, 24}};
  for (int32_t threads : {1, 3})
    for (bool ragged : {false, true})
      for (auto [first, count] : {std::pair<size_t, size_t>{0, 100}, {0, 1}, {1, 1}})
        for (const std::vector<int64_t> &lengths : batches) {
          SCOPED_TRACE(testing::Message() << threads << " threads, ragged " << ragged << ", outputs from " << first
                                          << ", batch of " << lengths.size());
          const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
          const int64_t present = std::count_if(lengths.begin(), lengths.end(), [](int64_t n) { return n > 0; });
          const int64_t tokens =
              dense ? present * longest : std::accumulate(lengths.begin(), lengths.end(), int64_t(0));
          Counted counted;
          lathe_context *context = counted.makeContext(loaded, threads, tokens);
          const size_t before = counted.used;
          const Batch batch(loaded.api(), context, lengths, ragged, first, count);
          batch.run();
          const size_t promised = promise.bytes(lengths, threads, dense), used = counted.peak - before;
          const size_t said = loaded.api().memory(context, nullptr, tokens, present, longest);
          EXPECT_LE(used, said);
          EXPECT_LE(said, promised);
          EXPECT_GE(2 * said + 4096, promised) << "a promise so far above what is needed says nothing";
          loaded.api().context_destroy(context);
        }
}

TEST(Memory, IsNeverAboveTheManifestsFormula) {
  expectWithinPromise(goldens() / "demo-model", {}, /*dense=*/false);
  expectWithinPromise(goldens() / "demo-model", {"--no-graph-passes"}, /*dense=*/true);
  expectWithinPromise(goldens() / "bert" / "base-odd" / "model", {"--task", "base"}, /*dense=*/false);
  expectWithinPromise(goldens() / "bert" / "mlm-tied" / "model", {}, /*dense=*/false);
}

/// A context keeps what its largest run used; growing to it, it never holds the old and the new together.
TEST(Memory, OfManyRunsIsThatOfTheLargest) {
  const Path artifact = compiled(goldens() / "demo-model");
  const LoadedModel loaded(artifact, "model", 1);
  Counted counted;
  lathe_context *context = counted.makeContext(loaded, 1, 320);
  const size_t before = counted.used;
  for (int64_t batch : {1, 2, 5, 3, 10, 1})
    Batch(loaded.api(), context, std::vector<int64_t>(batch, 32), false, 0, 1).run();
  EXPECT_LE(counted.peak - before,
            static_cast<size_t>(Promise(artifact).bytes(std::vector<int64_t>(10, 32), 1, /*dense=*/false)));
  loaded.api().context_destroy(context);
}

/// Bytes of this process in memory: all of them, or those that are no file's.
size_t resident(const char *field) {
  std::ifstream status("/proc/self/status");
  for (std::string name, line; status >> name && std::getline(status, line);)
    if (name == field)
      return std::stoul(line) * 1024;
  ADD_FAILURE() << "no " << field;
  return 0;
}

void expectSmallProcess(const Path &model, const std::vector<int64_t> &lengths, int threads) {
  SCOPED_TRACE(testing::Message() << model);
  constexpr size_t allowance = 8 << 20;
  const Path artifact = compiled(model);
  const size_t weights = std::filesystem::file_size(artifact / "model.weights");
  const size_t promised = Promise(artifact).bytes(lengths, threads, /*dense=*/false);
  // The arrays that a caller has are made, and touched, by a context that is gone before anything is counted.
  std::vector<std::vector<float>> values;
  {
    const LoadedModel loaded(artifact, "model", 1);
    Batch(loaded.api(), loaded.context(), {1}, false, 0, 1).run();
  }
  const size_t all = resident("VmRSS:"), own = resident("RssAnon:");
  const LoadedModel loaded(artifact, "model", threads);
  const Batch batch(loaded.api(), loaded.context(), lengths, true, 0, 1);
  const size_t arrays = resident("RssAnon:") - own;
  for (int run = 0; run < 3; ++run)
    batch.run();
  EXPECT_LE(resident("VmRSS:") - all, weights + promised + arrays + allowance);
  EXPECT_LE(resident("RssAnon:") - own, promised + arrays + allowance) << "weights are the file's pages, not ours";
}

#if defined(__SANITIZE_ADDRESS__)
#define LATHE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define LATHE_SANITIZED 1
#endif
#endif

TEST(Memory, OfTheProcessIsWeightsWorkAndLittleElse) {
#ifdef LATHE_SANITIZED
  GTEST_SKIP() << "a sanitizer has memory of its own";
#endif
  // So many tokens that the working memory is far larger than what is allowed beside it.
  expectSmallProcess(goldens() / "demo-model", std::vector<int64_t>(500, 64), 2);
  if (!std::filesystem::exists(minilm() / "model.safetensors"))
    GTEST_SKIP() << "weights far larger than the allowance: no MiniLM in " << minilm() << ", run ./dev demo";
  expectSmallProcess(minilm(), {16, 128, 7}, 2);
}

} // namespace
} // namespace lathe::test
