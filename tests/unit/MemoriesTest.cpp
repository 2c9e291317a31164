// What layers were given of the tokens before a run: what reaches an entry, what comes back, and what is refused.
#include "tests/unit/FakeProgram.h"

#include <gmock/gmock.h>

using namespace lathe;
using namespace lathe::test;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const lathe_api &api = *lathe_runtime_api();

/// Three texts of up to three tokens, of which the second has none, behind two rows each; a row of layer l, column c
/// and text s is 100 l + 10 c + s, then the same and 0.25, 0.5 and 0.75.
class Memories : public testing::Test {
protected:
  Memories() {
    for (int layer : {0, 1})
      for (int column : {0, 1})
        for (int text : {0, 1, 2})
          for (int w = 0; w < vectorWidth; ++w)
            memories[layer].push_back(float(100 * layer + 10 * column + text) + float(w) / 4);
  }

  std::vector<lathe_tensor> padded() {
    return {tensor("input_ids", ids, {3, 3}), tensor("attention_mask", mask, {3, 3}),
            tensor("token_type_ids", types, {3, 3}), tensor("mems.0", memories[0], {2, 3, vectorWidth}),
            tensor("mems.1", memories[1], {2, 3, vectorWidth})};
  }
  lathe_status run(const std::vector<lathe_tensor> &inputs, const std::vector<int64_t> &shape = {3, 3, width}) {
    hidden.assign(9 * width, NAN);
    for (std::vector<float> &layer : kept)
      layer.assign(keptMemory * 3 * vectorWidth, NAN);
    const std::vector<int64_t> ofKept = {keptMemory, 3, vectorWidth};
    std::vector<lathe_tensor> outputs = {tensor("mems.1", kept[1], ofKept), tensor("last_hidden_state", hidden, shape),
                                         tensor("mems.0", kept[0], ofKept)};
    return api.run(fake.context, "remembering", inputs.data(), inputs.size(), outputs.data(), outputs.size(), &error);
  }
  /// Of a token its id and type, how many rows it attends to, and the column of the first.
  std::vector<float> token(int64_t row) const { return {&hidden[row * width], &hidden[row * width] + 4}; }
  std::vector<float> keptRow(int64_t layer, int64_t row, int64_t text) const {
    const float *at = &kept[layer][(row * 3 + text) * vectorWidth];
    return {at, at + vectorWidth};
  }
  std::string refused(const std::vector<lathe_tensor> &inputs) {
    EXPECT_EQ(run(inputs), LATHE_INVALID_ARGUMENT);
    return error.message;
  }

  FakeModel fake;
  std::vector<int64_t> ids = {10, 11, 12, 20, 21, 22, -7, 31, 99}, mask = {1, 1, 1, 0, 0, 0, 0, 1, 0};
  std::vector<int64_t> types = {0, 1, 0, 0, 0, 0, 0, 1, 0};
  std::vector<float> memories[2], hidden, kept[2];
  lathe_error error = {};
};

TEST_F(Memories, TheyStandBeforeEachText) {
  ASSERT_EQ(run(padded()), LATHE_OK) << error.message;
  EXPECT_THAT(token(0), ElementsAre(10, 0, 5, -2));
  EXPECT_THAT(token(2), ElementsAre(12, 0, 5, -2));
  EXPECT_THAT(token(7), ElementsAre(31, 1, 3, -2));
  EXPECT_THAT(token(3), Each(0)) << "a text without a token";
  EXPECT_THAT(keptRow(0, 0, 0), ElementsAre(10, 0, 0, 0)) << "the last three rows of five: tokens alone";
  EXPECT_THAT(keptRow(1, 1, 0), ElementsAre(11, 1, 1, 1));
  EXPECT_THAT(keptRow(1, 1, 2), ElementsAre(31, 1, 1, 1)) << "in its column";
  EXPECT_THAT(keptRow(1, 2, 2), Each(0)) << "padding";
  EXPECT_THAT(keptRow(0, 0, 1), Each(0));
}

TEST_F(Memories, WhatTheyAreGivenTheyGive) {
  ids = {10, 20, 30}, mask = {1, 0, 1}, types = {0, 0, 1};
  std::vector<lathe_tensor> inputs = padded();
  for (int i : {0, 1, 2})
    inputs[i].shape[1] = 1;
  ASSERT_EQ(run(inputs, {3, 1, width}), LATHE_OK) << error.message;
  EXPECT_THAT(keptRow(0, 0, 2), ElementsAre(2, 2.25, 2.5, 2.75));
  EXPECT_THAT(keptRow(1, 1, 0), ElementsAre(110, 110.25, 110.5, 110.75));
  EXPECT_THAT(keptRow(1, 2, 2), ElementsAre(30, 0, 1, 1));
  EXPECT_THAT(keptRow(1, 0, 1), Each(0)) << "a text without a token remembers nothing";
}

TEST_F(Memories, WithoutAnyThereAreZeros) {
  std::vector<lathe_tensor> inputs = padded();
  inputs.resize(3);
  ids.resize(3), mask = {1, 1, 0}, types.resize(3);
  for (auto [input, values] : {std::pair{&inputs[0], &ids}, {&inputs[1], &mask}, {&inputs[2], &types}})
    *input = tensor(input->name, *values, {3, 1});
  ids[1] = 11, ids[2] = 12;
  ASSERT_EQ(run(inputs, {3, 1, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(1), ElementsAre(11, 1, omittedMemory + 1, -omittedMemory));
  EXPECT_THAT(keptRow(1, 1, 1), Each(0));
  EXPECT_THAT(keptRow(1, 2, 1), ElementsAre(11, 0, 1, 1));
}

TEST_F(Memories, RaggedTextsHaveTheirOwn) {
  std::vector<int32_t> offsets = {0, 3, 3, 4};
  ids = {10, 11, 12, 31}, types = {0, 1, 0, 1};
  std::vector<lathe_tensor> inputs = padded();
  inputs[0] = tensor("input_ids", ids, {4}), inputs[1] = tensor("cu_seqlens", offsets, {4});
  inputs[2] = tensor("token_type_ids", types, {4});
  ASSERT_EQ(run(inputs, {4, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(3), ElementsAre(31, 1, 3, -2));
  EXPECT_THAT(keptRow(1, 0, 2), ElementsAre(31, 0, 1, 1)) << "in the column behind its memories";
  EXPECT_THAT(keptRow(1, 1, 2), Each(0));
  EXPECT_THAT(keptRow(1, 2, 0), ElementsAre(12, 2, 0, 1));
}

TEST_F(Memories, TheyMayBeNothing) {
  std::vector<float> none;
  std::vector<lathe_tensor> inputs = padded();
  inputs[3] = tensor("mems.0", none, {0, 3, vectorWidth}), inputs[4] = tensor("mems.1", none, {0, 3, vectorWidth});
  ASSERT_EQ(run(inputs), LATHE_OK) << error.message;
  EXPECT_THAT(token(0), ElementsAre(10, 0, 3, 0));
  EXPECT_THAT(keptRow(0, 1, 2), ElementsAre(31, 1, 1, 0));
}

TEST_F(Memories, WhatDoesNotFitIsNamed) {
  std::vector<lathe_tensor> inputs = padded();
  EXPECT_THAT(refused({inputs[0], inputs[4]}), HasSubstr("mems.0 is missing, while others are given"));
  inputs[4].name = "mems.0";
  EXPECT_THAT(refused(inputs), HasSubstr("mems.0 is given twice"));
  inputs[4].name = "mems.2";
  EXPECT_THAT(refused(inputs), HasSubstr("unknown input mems.2; entry remembering takes mems.0 to mems.1"));
  for (const char *name : {"mems.", "mems.01", "mems.1x", "mems.-1", "mems.99999999999999999999"}) {
    inputs[4].name = name;
    EXPECT_THAT(refused(inputs), HasSubstr(std::string("unknown input ") + name + ";"));
  }
  inputs = padded();
  inputs[4] = tensor("mems.1", memories[1], {1, 3, 2 * vectorWidth});
  EXPECT_THAT(refused(inputs), HasSubstr("mems.1 is [1, 3, 8]; for these texts it must be [2, 3, 4], as mems.0"));
  inputs[3] = tensor("mems.0", memories[0], {3, 2, vectorWidth});
  EXPECT_THAT(refused(inputs), HasSubstr("mems.0 is [3, 2, 4]; for these texts it must be [rows, 3, 4]"));
  inputs = padded();
  inputs[3].dtype = LATHE_I32;
  EXPECT_THAT(refused(inputs), HasSubstr("mems.0 is of another type; accepted: f32"));
  inputs = padded();
  inputs[4].data = nullptr;
  EXPECT_THAT(refused(inputs), HasSubstr("mems.1: data must not be NULL"));
  for (int i : {3, 4})
    inputs[i].shape[0] = INT64_MAX / 16;
  EXPECT_THAT(refused(inputs), HasSubstr("too large"));
  inputs = padded();
  EXPECT_EQ(api.run(fake.context, "packed", &inputs[2], 3, nullptr, 0, &error), LATHE_INVALID_ARGUMENT);
}

TEST_F(Memories, InferCountsWhatIsKept) {
  for (int64_t rows : {0, 2}) {
    std::vector<lathe_tensor> inputs = padded();
    for (lathe_tensor &input : inputs)
      input.data = nullptr;
    inputs[0].shape[1] = inputs[1].shape[1] = inputs[2].shape[1] = 2;
    inputs[3].shape[0] = inputs[4].shape[0] = rows;
    lathe_tensor output = {};
    output.name = "mems.1";
    ASSERT_EQ(api.infer(fake.context, "remembering", inputs.data(), inputs.size(), &output, 1, &error), LATHE_OK);
    EXPECT_EQ(std::vector<int64_t>(output.shape, output.shape + output.rank),
              (std::vector<int64_t>{std::min(rows + 2, keptMemory), 3, vectorWidth}));
  }
}

} // namespace
