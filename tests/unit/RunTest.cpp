// The edge: whatever form a caller's tokens have, each output is what the model's definition says for them, exactly.
#include "tests/unit/FakeProgram.h"

#include <gtest/gtest.h>
#include <random>
#include <thread>
#include <xmmintrin.h>

using namespace lathe;
using namespace lathe::test;

namespace {

const lathe_api &api = *lathe_runtime_api();

/// A padded batch and everything known of it; ragged ones have no holes.
struct Batch {
  int64_t batch, columns;
  std::vector<int32_t> ids, types, positions, mask;
  std::vector<int32_t> offsets; // of the ragged form

  int64_t at(int64_t row, int64_t column) const { return row * columns + column; }
};

enum class Padding { None, Right, Left, Holes, WholeRows };

Batch randomBatch(std::mt19937 &random, Padding padding) {
  Batch b;
  b.batch = 1 + int64_t(random() % 6);
  b.columns = 1 + int64_t(random() % positionLimit);
  b.offsets = {0};
  for (int64_t row = 0; row < b.batch; ++row) {
    int64_t length = 1 + int64_t(random() % uint64_t(b.columns));
    bool empty = padding == Padding::WholeRows && random() % 2;
    b.offsets.push_back(b.offsets.back() + int32_t(empty ? 0 : length));
    for (int64_t c = 0; c < b.columns; ++c) {
      bool token = padding == Padding::None    ? true
                   : padding == Padding::Right ? c < length
                   : padding == Padding::Left  ? c >= b.columns - length
                   : padding == Padding::Holes ? random() % 3 != 0
                                               : !empty && c < length;
      b.mask.push_back(token);
      // What stands at masked places must not matter, not even if it is no id.
      b.ids.push_back(token ? int32_t(random() % vocabulary) : -100);
      b.types.push_back(token ? int32_t(random() % tokenTypes) : 77);
      b.positions.push_back(token ? int32_t(random() % positionLimit) : -1);
    }
  }
  return b;
}

/// What the entries compute, from the padded form, in plain loops.
struct Expected {
  std::vector<float> hidden, sums, first;

  /// Of queries and keys within the first `seq` columns.
  std::vector<float> pairs(const Batch &b, int64_t seq) const {
    std::vector<float> values;
    for (int64_t row = 0; row < b.batch; ++row)
      for (int64_t head = 0; head < heads; ++head)
        for (int64_t query = 0; query < seq; ++query)
          for (int64_t key = 0; key < seq; ++key) {
            const size_t q = size_t(b.at(row, query)), k = size_t(b.at(row, key));
            values.push_back(b.mask[q] && b.mask[k] ? pairValue(hidden[q * width], hidden[k * width], head) : 0);
          }
    return values;
  }
};

Expected reference(const Batch &b, bool typed, bool positioned, bool withColumns) {
  Expected e;
  e.sums.assign(size_t(b.batch * width), 0);
  e.first = e.sums;
  e.hidden.assign(size_t(b.batch * b.columns * width), 0);
  for (int64_t row = 0; row < b.batch; ++row)
    for (int64_t c = 0; c < b.columns; ++c) {
      size_t i = size_t(b.at(row, c));
      if (!b.mask[i])
        continue;
      for (int64_t w = 0; w < width; ++w) {
        float value =
            tokenValue(b.ids[i], typed ? b.types[i] : 0, positioned ? b.positions[i] : c, withColumns ? c : 0, w);
        e.hidden[i * size_t(width) + size_t(w)] = value;
        e.sums[size_t(row * width + w)] += value;
        if (c == 0)
          e.first[size_t(row * width + w)] = value;
      }
    }
  return e;
}

template <typename To> std::vector<To> as(const std::vector<int32_t> &values) { return {values.begin(), values.end()}; }

/// The hook of an app with threads of its own.
void hook(void *, int32_t count, lathe_parallel_body body, void *data) {
  std::vector<std::thread> threads;
  for (int32_t i = 0; i < count; ++i)
    threads.emplace_back([=] {
      _mm_setcsr(0x1f80); // an app's thread knows nothing of the runtime's MXCSR
      body(data, i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

template <typename Id, typename Mask> void checkPadded(lathe_context *context, const Batch &b, std::mt19937 &random) {
  std::vector<Id> ids = as<Id>(b.ids), types = as<Id>(b.types), positions = as<Id>(b.positions);
  std::vector<Mask> mask = as<Mask>(b.mask);
  const bool dense = random() % 2, typed = !dense && random() % 2, positioned = random() % 2;
  const std::vector<int64_t> shape = {b.batch, b.columns};
  std::vector<lathe_tensor> inputs = {tensor("attention_mask", mask, shape), tensor("input_ids", ids, shape)};
  if (typed)
    inputs.push_back(tensor("token_type_ids", types, shape));
  if (positioned)
    inputs.push_back(tensor("position_ids", positions, shape));

  Expected expected = reference(b, typed, positioned, !dense);
  std::vector<float> hidden(expected.hidden.size(), NAN), sums(expected.sums.size(), NAN), first(sums);
  std::vector<lathe_tensor> outputs = {tensor("last_hidden_state", hidden, {b.batch, b.columns, width}),
                                       tensor(dense ? "sums" : "sentence_embedding", sums, {b.batch, width})};
  const std::vector<float> expectedPairs = expected.pairs(b, b.columns);
  std::vector<float> pairs(expectedPairs.size(), NAN);
  if (!dense)
    outputs.push_back(tensor("pooler_output", first, {b.batch, width}));
  else
    outputs.push_back(tensor("pairs", pairs, {b.batch, heads, b.columns, b.columns}));
  const bool withoutHidden = random() % 4 == 0; // any subset may be asked for
  if (withoutHidden)
    outputs.erase(outputs.begin());
  lathe_error error = {};
  ASSERT_EQ(api.run(context, dense ? "dense" : "packed", inputs.data(), inputs.size(), outputs.data(), outputs.size(),
                    &error),
            LATHE_OK)
      << error.message;
  if (!withoutHidden)
    EXPECT_EQ(hidden, expected.hidden);
  EXPECT_EQ(sums, expected.sums);
  if (!dense)
    EXPECT_EQ(first, expected.first);
  else
    EXPECT_EQ(pairs, expectedPairs);
}

void checkRagged(lathe_context *context, const Batch &b, std::mt19937 &random) {
  const bool dense = random() % 2;
  Expected expected = reference(b, false, false, !dense);
  std::vector<int32_t> ids;
  std::vector<float> expectedHidden;
  for (size_t i = 0; i < b.ids.size(); ++i)
    if (b.mask[i]) {
      ids.push_back(b.ids[i]);
      expectedHidden.insert(expectedHidden.end(), &expected.hidden[i * width], &expected.hidden[(i + 1) * width]);
    }
  std::vector<int32_t> offsets = b.offsets;
  std::vector<lathe_tensor> inputs = {tensor("input_ids", ids, {int64_t(ids.size())}),
                                      tensor("cu_seqlens", offsets, {b.batch + 1})};
  std::vector<float> hidden(expectedHidden.size(), NAN), sums(expected.sums.size(), NAN);
  std::vector<lathe_tensor> outputs = {tensor("last_hidden_state", hidden, {int64_t(ids.size()), width}),
                                       tensor(dense ? "sums" : "sentence_embedding", sums, {b.batch, width})};
  int64_t longest = 0;
  for (int64_t row = 0; row < b.batch; ++row)
    longest = std::max<int64_t>(longest, offsets[size_t(row) + 1] - offsets[size_t(row)]);
  const std::vector<float> expectedPairs = expected.pairs(b, longest);
  std::vector<float> pairs(expectedPairs.size(), NAN);
  if (dense)
    outputs.push_back(tensor("pairs", pairs, {b.batch, heads, longest, longest}));
  lathe_error error = {};
  ASSERT_EQ(api.run(context, dense ? "dense" : "packed", inputs.data(), inputs.size(), outputs.data(), outputs.size(),
                    &error),
            LATHE_OK)
      << error.message;
  EXPECT_EQ(hidden, expectedHidden);
  EXPECT_EQ(sums, expected.sums);
  if (dense)
    EXPECT_EQ(pairs, expectedPairs);
}

} // namespace

TEST(Run, EveryFormOfInputGivesTheDefinition) {
  std::mt19937 random(7);
  for (int threads : {1, 2, 5})
    for (bool hooked : {false, true}) {
      lathe_context_options options = FakeModel::contextOptions(threads);
      options.parallel_for = hooked ? hook : nullptr;
      FakeModel fake(options);
      for (int round = 0; round < (hooked ? 40 : 200); ++round) {
        SCOPED_TRACE(testing::Message() << "threads " << threads << ", hook " << hooked << ", round " << round);
        Padding padding = Padding(random() % 5);
        Batch batch = randomBatch(random, padding);
        switch (random() % 4) {
        case 0:
          checkPadded<int32_t, uint8_t>(fake.context, batch, random);
          break;
        case 1:
          checkPadded<int64_t, int64_t>(fake.context, batch, random);
          break;
        case 2:
          checkPadded<int64_t, int32_t>(fake.context, batch, random);
          break;
        default:
          if (padding == Padding::Right || padding == Padding::WholeRows)
            checkRagged(fake.context, batch, random);
          else
            checkPadded<int32_t, int32_t>(fake.context, batch, random);
        }
        if (HasFailure())
          return;
      }
    }
  EXPECT_EQ(brokenPromise.load(), nullptr);
}

TEST(Run, OmittedMaskMeansOnes) {
  FakeModel fake;
  std::vector<int64_t> ids = {5, 6, 7, 8};
  std::vector<float> sums(2 * width);
  lathe_tensor input = tensor("input_ids", ids, {2, 2}), output = tensor("sentence_embedding", sums, {2, width});
  ASSERT_EQ(api.run(fake.context, nullptr, &input, 1, &output, 1, nullptr), LATHE_OK);
  EXPECT_EQ(sums[0], tokenValue(5, 0, 0, 0, 0) + tokenValue(6, 0, 1, 1, 0));
}

TEST(Run, NothingGivesNothingAndEmptyRowsGiveZeros) {
  FakeModel fake;
  std::vector<int64_t> none;
  std::vector<float> sums(3 * width, NAN), empty;
  lathe_error error = {};
  for (const char *entry : {"packed", "dense"}) {
    const char *name = entry[0] == 'p' ? "sentence_embedding" : "sums";
    std::fill(sums.begin(), sums.end(), NAN);
    lathe_tensor input = tensor("input_ids", none, {3, 0});
    lathe_tensor outputs[] = {tensor(name, sums, {3, width}), tensor("last_hidden_state", empty, {3, 0, width})};
    EXPECT_EQ(api.run(fake.context, entry, &input, 1, outputs, 2, &error), LATHE_OK) << error.message;
    EXPECT_EQ(sums, std::vector<float>(3 * width, 0));
    input = tensor("input_ids", none, {0, 7});
    outputs[0] = tensor(name, empty, {0, width});
    EXPECT_EQ(api.run(fake.context, entry, &input, 1, outputs, 1, &error), LATHE_OK) << error.message;
  }
  // As many rows as an int64 counts, with nothing in them, must not be walked.
  lathe_tensor input = tensor("input_ids", none, {INT64_MAX / 64, 0});
  EXPECT_EQ(api.run(fake.context, nullptr, &input, 1, nullptr, 0, &error), LATHE_OK) << error.message;
}

TEST(Run, HeadThatReadsAMaskedFirstColumnNamesTheRow) {
  FakeModel fake;
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6}, mask = {1, 1, 0, 0, 0, 1}; // row 1 has no token, row 2 starts late
  std::vector<float> values(3 * width);
  lathe_tensor inputs[] = {tensor("input_ids", ids, {3, 2}), tensor("attention_mask", mask, {3, 2})};
  lathe_tensor logits = tensor("logits", values, {3, width}), pooled = tensor("pooler_output", values, {3, width});
  lathe_error error = {};
  EXPECT_EQ(api.run(fake.context, nullptr, inputs, 2, &logits, 1, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "row 2") && strstr(error.message, "logits")) << error.message;
  EXPECT_EQ(api.run(fake.context, nullptr, inputs, 2, &pooled, 1, &error), LATHE_OK) << error.message;
  EXPECT_EQ(values[0], tokenValue(1, 0, 0, 0, 0));
  EXPECT_EQ(values[2 * width], 0);
}

TEST(Run, InferGivesTheShapesThatRunAccepts) {
  FakeModel fake;
  std::vector<int32_t> ids(6), offsets = {0, 2, 6};
  lathe_tensor padded = tensor("input_ids", ids, {2, 3});
  padded.data = nullptr; // only shapes are read
  lathe_tensor outputs[2] = {};
  outputs[0].name = "pooler_output";
  outputs[1].name = "last_hidden_state";
  ASSERT_EQ(api.infer(fake.context, nullptr, &padded, 1, outputs, 2, nullptr), LATHE_OK);
  EXPECT_EQ(outputs[0].rank, 2);
  EXPECT_EQ(outputs[0].shape[0], 2);
  EXPECT_EQ(outputs[0].shape[1], width);
  EXPECT_EQ(outputs[1].rank, 3);
  EXPECT_EQ(outputs[1].shape[1], 3);
  lathe_tensor ragged[] = {tensor("input_ids", ids, {6}), tensor("cu_seqlens", offsets, {3})};
  ASSERT_EQ(api.infer(fake.context, "packed", ragged, 2, outputs, 2, nullptr), LATHE_OK);
  EXPECT_EQ(outputs[0].shape[0], 2);
  EXPECT_EQ(outputs[1].rank, 2);
  EXPECT_EQ(outputs[1].shape[0], 6);
}

TEST(Run, InferReadsTheLongestSequenceWhereAShapeGoesByIt) {
  FakeModel fake;
  std::vector<int32_t> ids(6), offsets = {0, 2, 6};
  lathe_tensor pairs = {}, inputs[] = {tensor("input_ids", ids, {6}), tensor("cu_seqlens", offsets, {3})};
  pairs.name = "pairs";
  lathe_error error = {};
  ASSERT_EQ(api.infer(fake.context, "dense", inputs, 2, &pairs, 1, &error), LATHE_OK) << error.message;
  EXPECT_EQ(std::vector<int64_t>(pairs.shape, pairs.shape + pairs.rank), (std::vector<int64_t>{2, heads, 4, 4}));
  // Offsets that lie, which is found when it is run, make no array larger than the tokens can.
  offsets = {0, -3, 2000000000};
  ASSERT_EQ(api.infer(fake.context, "dense", inputs, 2, &pairs, 1, &error), LATHE_OK) << error.message;
  EXPECT_EQ(pairs.shape[3], 6);
  inputs[1].data = nullptr;
  EXPECT_EQ(api.infer(fake.context, "dense", inputs, 2, &pairs, 1, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "cu_seqlens: data must not be NULL; the shape of pairs")) << error.message;
  lathe_tensor hidden = {};
  hidden.name = "last_hidden_state";
  EXPECT_EQ(api.infer(fake.context, "dense", inputs, 2, &hidden, 1, &error), LATHE_OK) << error.message;
}

TEST(Run, BudgetCountsTokensAndPaddingOnlyWhereItIsComputed) {
  lathe_context_options options = FakeModel::contextOptions(1);
  options.max_tokens = 5;
  FakeModel fake(options);
  std::vector<int32_t> ids(8, 1), mask = {1, 1, 1, 1, 1, 0, 0, 0};
  lathe_tensor inputs[] = {tensor("input_ids", ids, {2, 4}), tensor("attention_mask", mask, {2, 4})};
  lathe_error error = {};
  EXPECT_EQ(api.run(fake.context, "packed", inputs, 2, nullptr, 0, &error), LATHE_OK) << error.message;
  EXPECT_EQ(api.run(fake.context, "packed", inputs, 1, nullptr, 0, &error), LATHE_OVER_BUDGET);
  EXPECT_TRUE(strstr(error.message, "8 tokens") && strstr(error.message, "is 5")) << error.message;
  EXPECT_EQ(api.run(fake.context, "dense", inputs, 2, nullptr, 0, &error), LATHE_OVER_BUDGET);
}

TEST(Run, CallersMxcsrComesBack) {
  FakeModel fake(FakeModel::contextOptions(2));
  std::vector<int32_t> ids(8, 1);
  lathe_tensor input = tensor("input_ids", ids, {2, 4});
  const unsigned before = _mm_getcsr(), mine = 0x7f80; // rounding towards zero
  _mm_setcsr(mine);
  EXPECT_EQ(api.run(fake.context, nullptr, &input, 1, nullptr, 0, nullptr), LATHE_OK);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after, mine);
  EXPECT_EQ(brokenPromise.load(), nullptr);
}

TEST(Run, FailureOfGeneratedCodeIsPassedOn) {
  FakeModel fake;
  std::vector<int32_t> ids = {1};
  lathe_tensor input = tensor("input_ids", ids, {1, 1});
  lathe_error error = {};
  EXPECT_EQ(api.run(fake.context, "failing", &input, 1, nullptr, 0, &error), LATHE_OUT_OF_MEMORY);
  EXPECT_TRUE(strstr(error.message, "failing")) << error.message;
  EXPECT_EQ(api.run(fake.context, "gigantic", &input, 1, nullptr, 0, &error), LATHE_OUT_OF_MEMORY);
}

TEST(Run, TraceSeesTheResultOfEachStepThatHasOne) {
  struct Seen {
    std::string step;
    int64_t rows, width;
    std::vector<float> values;
  };
  std::vector<Seen> seen;
  lathe_context_options options = FakeModel::contextOptions(2);
  options.trace_user = &seen;
  options.trace = [](void *user, const lathe_traced *result) {
    EXPECT_EQ(result->dtype, LATHE_F32);
    EXPECT_EQ(result->stride, result->width);
    const float *values = static_cast<const float *>(result->data);
    static_cast<std::vector<Seen> *>(user)->push_back(
        {result->step, result->rows, result->width, {values, values + result->rows * result->width}});
  };
  FakeModel fake(options);
  std::vector<int32_t> ids = {1, 2, 3, 1, 2, 0}, mask = {1, 1, 1, 1, 1, 0};
  lathe_tensor inputs[] = {tensor("input_ids", ids, {2, 3}), tensor("attention_mask", mask, {2, 3})};
  std::vector<float> pooled(2 * width);
  lathe_tensor output = tensor("sentence_embedding", pooled, {2, width});
  ASSERT_EQ(api.run(fake.context, "packed", inputs, 2, &output, 1, nullptr), LATHE_OK);
  ASSERT_EQ(seen.size(), 2u); // not the copy, which has none
  EXPECT_EQ(seen[0].step, "values");
  EXPECT_EQ(seen[0].rows, 5);
  EXPECT_EQ(seen[0].width, width);
  EXPECT_EQ(seen[1].step, "sums");
  EXPECT_EQ(seen[1].rows, 2);
  EXPECT_EQ(seen[1].values, pooled);
}

TEST(Run, ProfileCountsTheStepsThatRan) {
  lathe_context_options options = FakeModel::contextOptions(1);
  options.profile = 1;
  FakeModel fake(options);
  std::vector<int32_t> ids(4, 1);
  lathe_tensor input = tensor("input_ids", ids, {2, 2});
  EXPECT_EQ(api.profile(fake.context, nullptr, 0), 0u);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(api.run(fake.context, "dense", &input, 1, nullptr, 0, nullptr), LATHE_OK);
  lathe_profile_step steps[8] = {};
  ASSERT_EQ(api.profile(fake.context, steps, 8), 2u);
  EXPECT_STREQ(steps[0].name, "values");
  EXPECT_STREQ(steps[1].kernel, "sum");
  EXPECT_EQ(steps[1].calls, 3);
  EXPECT_GT(steps[0].seconds, 0);
  EXPECT_GT(steps[0].busy_seconds, 0);
  EXPECT_LE(steps[0].busy_seconds, steps[0].seconds) << "one thread has no more than the time there is";
  EXPECT_EQ(api.profile(fake.context, steps, 1), 2u);
}
