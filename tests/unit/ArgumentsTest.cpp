// Callers that are wrong: each mistake is refused with its cause, and none crashes.
#include "tests/unit/FakeProgram.h"

#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

const lathe_api &api = *lathe_runtime_api();

/// A sound request that each test spoils.
struct Arguments : testing::Test {
  FakeModel fake;
  std::vector<int64_t> ids = {1, 2, 3, 4, 5, 6}, mask = {1, 1, 1, 1, 1, 0};
  std::vector<int32_t> offsets = {0, 2, 6};
  std::vector<float> values = std::vector<float>(6 * width);
  std::vector<lathe_tensor> inputs = {tensor("input_ids", ids, {2, 3}), tensor("attention_mask", mask, {2, 3})};
  std::vector<lathe_tensor> outputs = {tensor("sentence_embedding", values, {2, width})};

  void makeRagged() { inputs = {tensor("input_ids", ids, {6}), tensor("cu_seqlens", offsets, {3})}; }

  /// Runs and expects a refusal whose message has all of `words`.
  void refused(std::initializer_list<const char *> words, lathe_status expected = LATHE_INVALID_ARGUMENT) {
    lathe_error error = {};
    lathe_status status =
        api.run(fake.context, "packed", inputs.data(), inputs.size(), outputs.data(), outputs.size(), &error);
    EXPECT_EQ(status, expected) << error.message;
    EXPECT_EQ(error.status, expected);
    for (const char *word : words)
      EXPECT_TRUE(strstr(error.message, word)) << "\"" << error.message << "\" does not say " << word;
    EXPECT_EQ(api.run(fake.context, "packed", inputs.data(), inputs.size(), outputs.data(), outputs.size(), nullptr),
              expected); // and without an error to fill
  }
};

} // namespace

TEST_F(Arguments, SoundOnesRun) {
  EXPECT_EQ(api.run(fake.context, "packed", inputs.data(), 2, outputs.data(), 1, nullptr), LATHE_OK);
  makeRagged();
  EXPECT_EQ(api.run(fake.context, "packed", inputs.data(), 2, outputs.data(), 1, nullptr), LATHE_OK);
}

TEST_F(Arguments, IdOutsideTheVocabularyNamesItsPlace) {
  ids[4] = vocabulary;
  refused({"input_ids", "64", "row 1, column 1", "[0, 64)"});
  ids[4] = -1;
  refused({"-1 at row 1"});
  ids[4] = int64_t(1) << 32; // must not be narrowed first
  refused({"4294967296"});
  makeRagged();
  refused({"row 1, column 2"});
}

TEST_F(Arguments, TypeAndPositionAreBounded) {
  std::vector<int64_t> other = {0, 0, 0, 0, 2, 0};
  inputs.push_back(tensor("token_type_ids", other, {2, 3}));
  refused({"token_type_ids", "2 at row 1, column 1", "[0, 2)"});
  inputs.back().name = "position_ids";
  other[4] = positionLimit;
  refused({"position_ids", "32", "[0, 32)"});
}

TEST_F(Arguments, UnknownNamesListWhatIsAccepted) {
  inputs[1].name = "attention_masks";
  refused({"attention_masks", "attention_mask, token_type_ids, position_ids, cu_seqlens"});
  inputs[1].name = nullptr;
  refused({"input 1 has no name"});
  inputs.pop_back();
  outputs[0].name = "logit";
  refused({"logit;", "last_hidden_state, pooler_output, sentence_embedding, logits"}, LATHE_UNAVAILABLE);
  outputs[0].name = nullptr;
  refused({"output 0 has no name"});
}

TEST_F(Arguments, InputThatAnotherEntryTakesIsUnknownHere) {
  std::vector<int64_t> types(6);
  inputs.push_back(tensor("token_type_ids", types, {2, 3}));
  lathe_error error = {};
  EXPECT_EQ(api.run(fake.context, "dense", inputs.data(), 3, nullptr, 0, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "unknown input token_type_ids; entry dense")) << error.message;
}

TEST_F(Arguments, NothingIsGivenTwice) {
  inputs.push_back(inputs[0]);
  refused({"input_ids is given twice"});
  inputs.pop_back();
  outputs.push_back(outputs[0]);
  refused({"sentence_embedding is asked for twice"});
}

TEST_F(Arguments, Ranks) {
  inputs[1] = tensor("attention_mask", mask, {2, 3, 3});
  refused({"attention_mask is [2, 3, 3]", "a mask per pair of tokens is not supported"});
  inputs[1].rank = 7;
  refused({"rank 7"});
  inputs[1].rank = -1;
  refused({"rank -1"});
  inputs = {tensor("input_ids", ids, {6})};
  refused({"[6]", "cu_seqlens"});
  inputs = {tensor("attention_mask", mask, {2, 3})};
  refused({"input_ids is missing"});
}

TEST_F(Arguments, Shapes) {
  inputs[1] = tensor("attention_mask", mask, {3, 2});
  refused({"attention_mask is [3, 2], but input_ids is [2, 3]"});
  inputs = {tensor("input_ids", ids, {2, -3})};
  refused({"[2, -3]", "negative"});
  inputs = {tensor("input_ids", ids, {INT64_MAX, 3})};
  refused({"too large"});
  inputs = {tensor("input_ids", ids, {INT64_MAX / 4, 0})};
  refused({"larger than any memory"});
  inputs = {tensor("input_ids", ids, {1, positionLimit + 1})};
  refused({"[1, 33]", "positions for 32 columns"}, LATHE_TOO_LONG);
}

TEST_F(Arguments, OutputShapes) {
  outputs[0].shape[0] = 3;
  refused({"sentence_embedding is [3, 8]", "must be [2, 8]"});
  outputs[0] = tensor("sentence_embedding", ids, {2, width});
  refused({"is i64; it must be f32"});
  outputs[0] = tensor("sentence_embedding", values, {2, width});
  outputs[0].data = nullptr;
  refused({"sentence_embedding: data must not be NULL"});
}

TEST_F(Arguments, Types) {
  std::vector<float> floats(6, 1);
  inputs[1] = tensor("attention_mask", floats, {2, 3});
  refused({"attention_mask is f32; accepted: i32, i64 or u8"});
  inputs[1].dtype = lathe_dtype(99);
  refused({"an unknown type"});
  inputs = {tensor("input_ids", floats, {2, 3})};
  refused({"input_ids is f32"});
}

TEST_F(Arguments, MaskHoldsZerosAndOnes) {
  mask[3] = 2;
  refused({"attention_mask: 2 at row 1, column 0", "0 and 1"});
  mask[3] = -10000;
  refused({"-10000"});
}

TEST_F(Arguments, Offsets) {
  makeRagged();
  offsets = {1, 2, 6};
  refused({"begins with 1"});
  offsets = {0, 7, 6};
  refused({"falls from 7 to 6 at index 2"});
  offsets = {0, 2, 5};
  refused({"ends with 5; input_ids has 6"});
  offsets = {0, -1, 6};
  refused({"falls from 0 to -1"});
  offsets = {0, INT32_MIN, 6};
  refused({"falls"});
  inputs[1] = tensor("cu_seqlens", offsets, {0});
  refused({"cu_seqlens is [0]"});
  inputs[1] = tensor("cu_seqlens", ids, {3});
  refused({"cu_seqlens is i64; accepted: i32"});
  makeRagged();
  inputs.push_back(tensor("attention_mask", mask, {6}));
  refused({"attention_mask cannot be combined"});
  inputs = {tensor("input_ids", ids, {2, 3}), tensor("cu_seqlens", offsets, {3})};
  refused({"[tokens]"});
}

TEST_F(Arguments, RaggedSequenceBeyondThePositions) {
  std::vector<int32_t> many(40, 1);
  offsets = {0, 3, 40};
  inputs = {tensor("input_ids", many, {40}), tensor("cu_seqlens", offsets, {3})};
  refused({"sequence 1 has 37 tokens", "32"}, LATHE_TOO_LONG);
}

TEST_F(Arguments, DataAndArraysMustBeThere) {
  inputs[1].data = nullptr;
  refused({"attention_mask: data must not be NULL"});
  lathe_error error = {};
  EXPECT_EQ(api.run(fake.context, nullptr, nullptr, 1, nullptr, 0, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.run(fake.context, nullptr, inputs.data(), 1, nullptr, 1, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.infer(fake.context, nullptr, inputs.data(), 1, nullptr, 1, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.run(fake.context, "missing", nullptr, 0, nullptr, 0, &error), LATHE_UNAVAILABLE);
  EXPECT_TRUE(strstr(error.message, "missing; it has: packed, dense")) << error.message;
}

TEST(NullArguments, AreRefusedOrIgnored) {
  lathe_error error = {};
  lathe_model *model = nullptr;
  lathe_context *context = nullptr;
  EXPECT_EQ(api.open("x", nullptr, nullptr, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.open_memory("x", 1, nullptr, nullptr, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.context_create(nullptr, nullptr, &context, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.run(nullptr, nullptr, nullptr, 0, nullptr, 0, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.infer(nullptr, nullptr, nullptr, 0, nullptr, 0, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.embed_text(nullptr, nullptr, 0, nullptr, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.tokenize(nullptr, "x", nullptr, nullptr, nullptr, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.detokenize(nullptr, nullptr, 0, 0, nullptr, 0, nullptr, &error), LATHE_INVALID_ARGUMENT);
  api.close(nullptr);
  api.context_destroy(nullptr);
  api.cancel(nullptr);
  api.free_encoding(nullptr, nullptr);
  EXPECT_EQ(api.token_text(nullptr, 1), nullptr);
  EXPECT_EQ(api.memory(nullptr, nullptr, 1, 1, 1), 0u);
  EXPECT_EQ(api.profile(nullptr, nullptr, 1), 0u);
  EXPECT_EQ(api.isa(nullptr), nullptr);
  EXPECT_EQ(model, nullptr);
}

TEST(Options, OldNewAndAbsurdSizes) {
  FakeModel fake;
  lathe_context *context = nullptr;
  lathe_error error = {};
  struct {
    lathe_context_options known;
    uint64_t added;
  } newer = {FakeModel::contextOptions(1), 0};
  newer.known.size = sizeof newer;
  ASSERT_EQ(api.context_create(fake.model, &newer.known, &context, &error), LATHE_OK) << error.message;
  api.context_destroy(context);
  newer.added = 1;
  EXPECT_EQ(api.context_create(fake.model, &newer.known, &context, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "newer")) << error.message;
  for (size_t size : {size_t(0), size_t(8), ~size_t(0)}) {
    newer.known.size = size;
    EXPECT_EQ(api.context_create(fake.model, &newer.known, &context, &error), LATHE_INVALID_ARGUMENT);
    EXPECT_EQ(context, nullptr);
  }
}

TEST(Options, ImpossibleValues) {
  FakeModel fake;
  auto create = [&](auto spoil) {
    lathe_context_options options = FakeModel::contextOptions(1);
    spoil(options);
    lathe_context *context = nullptr;
    lathe_status status = api.context_create(fake.model, &options, &context, nullptr);
    api.context_destroy(context);
    return status;
  };
  const lathe_allocator half = {[](void *, size_t) -> void * { return nullptr; }, nullptr, nullptr};
  EXPECT_EQ(create([](auto &o) { o.threads = -1; }), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto &o) { o.threads = 1 << 20; }), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto &o) { o.max_tokens = -1; }), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto &o) { o.max_tokens = INT64_MAX; }), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(create([&](auto &o) { o.allocator = &half; }), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(create([](auto &o) { o.threads = 0; }), LATHE_OK);
}

TEST(Describe, NameBuildAndEntries) {
  EXPECT_EQ(api.abi_version, uint32_t(LATHE_ABI_VERSION));
  EXPECT_EQ(api.size, sizeof(lathe_api));
  EXPECT_STREQ(api.name(), "fake");
  EXPECT_STREQ(api.build_id(), fakeBuildId);
  const lathe_entry_info *infos = nullptr;
  ASSERT_EQ(api.entries(&infos), 7u);
  EXPECT_STREQ(infos[1].name, "dense");
  EXPECT_EQ(api.entries(nullptr), 7u);
}
