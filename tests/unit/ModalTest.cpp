// Vectors of an image before each text: what reaches an entry, what comes back, and what is refused.
#include "tests/unit/FakeProgram.h"

#include <gmock/gmock.h>

using namespace lathe;
using namespace lathe::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const lathe_api &api = *lathe_runtime_api();

/// Two texts of up to three tokens behind two vectors each; vector i of all is i, i + 0.1, i + 0.2, i + 0.3.
class Modal : public testing::Test {
protected:
  Modal() {
    for (int i = 0; i < 4; ++i)
      for (int w = 0; w < vectorWidth; ++w)
        vectors.push_back(float(i) + float(w) / 10);
  }

  std::vector<lathe_tensor> padded() {
    return {tensor("input_ids", ids, {2, 3}), tensor("attention_mask", mask, {2, 3}),
            tensor("input_modal", vectors, {2, 2, vectorWidth})};
  }
  lathe_status run(const std::vector<lathe_tensor> &inputs, std::vector<int64_t> shape) {
    int64_t elements = 1;
    for (int64_t extent : shape)
      elements *= extent;
    hidden.assign(size_t(elements), NAN);
    lathe_tensor output = tensor("last_hidden_state", hidden, shape);
    return api.run(fake.context, "modal", inputs.data(), inputs.size(), &output, 1, &error);
  }
  /// What the entry said of a token: the vector's first number, then id, type, position and what tells a vector.
  std::vector<float> token(int64_t row) const {
    const float *at = hidden.data() + row * width;
    return {at[0], at[vectorWidth], at[vectorWidth + 1], at[vectorWidth + 2], at[vectorWidth + 3]};
  }
  std::string refused(const std::vector<lathe_tensor> &inputs, std::vector<int64_t> shape = {2, 5, width}) {
    EXPECT_EQ(run(inputs, std::move(shape)), LATHE_INVALID_ARGUMENT);
    return error.message;
  }

  FakeModel fake;
  std::vector<int64_t> ids = {10, 11, 12, 20, -7, 99}, mask = {1, 1, 1, 1, 0, 0};
  std::vector<float> vectors, hidden;
  lathe_error error = {};
};

TEST_F(Modal, VectorsStandBeforeEachText) {
  ASSERT_EQ(run(padded(), {2, 5, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(0), ElementsAre(0, -1, 0, 0, 0));
  EXPECT_THAT(token(1), ElementsAre(1, -1, 0, 1, 0));
  EXPECT_FLOAT_EQ(hidden[width + 3], 1.3f);
  EXPECT_THAT(token(2), ElementsAre(0, 10, 1, 0, -1)) << "types are 1 where none are given, positions begin anew";
  EXPECT_THAT(token(4), ElementsAre(0, 12, 1, 2, -1));
  EXPECT_THAT(token(5), ElementsAre(2, -1, 0, 0, 0));
  EXPECT_THAT(token(7), ElementsAre(0, 20, 1, 0, -1));
  EXPECT_THAT(token(8), ElementsAre(0, 0, 0, 0, 0)) << "padding, under which anything may stand";
}

TEST_F(Modal, TokensBeginAndEndThem) {
  std::vector<int32_t> starts = {1, 2}, ends = {3, 4};
  std::vector<lathe_tensor> inputs = padded();
  inputs.push_back(tensor("modal_start_tokens", starts, {2}));
  inputs.push_back(tensor("modal_end_tokens", ends, {2}));
  ASSERT_EQ(run(inputs, {2, 7, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(0), ElementsAre(0, 1, 0, 0, -1));
  EXPECT_THAT(token(2), ElementsAre(1, -1, 0, 2, 0));
  EXPECT_THAT(token(3), ElementsAre(0, 3, 0, 3, -1));
  EXPECT_THAT(token(4), ElementsAre(0, 10, 1, 0, -1));
  EXPECT_THAT(token(7), ElementsAre(0, 2, 0, 0, -1));
}

TEST_F(Modal, EverythingIsTakenAsGiven) {
  std::vector<int64_t> types = {0, 1, 0, 1, 5, 5}, positions = {9, 8, 7, 6, 99, 99};
  std::vector<int32_t> modalTypes = {1, 0, 0, 1}, modalPositions = {30, 31, 3, 2};
  std::vector<lathe_tensor> inputs = padded();
  inputs.push_back(tensor("token_type_ids", types, {2, 3}));
  inputs.push_back(tensor("position_ids", positions, {2, 3}));
  inputs.push_back(tensor("modal_token_type_ids", modalTypes, {2, 2}));
  inputs.push_back(tensor("modal_position_ids", modalPositions, {2, 2}));
  ASSERT_EQ(run(inputs, {2, 5, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(0), ElementsAre(0, -1, 1, 30, 0));
  EXPECT_THAT(token(6), ElementsAre(3, -1, 1, 2, 0));
  EXPECT_THAT(token(3), ElementsAre(0, 11, 1, 8, -1));
}

TEST_F(Modal, RaggedTextsHaveTheirOwn) {
  std::vector<int32_t> offsets = {0, 3, 4};
  ids = {10, 11, 12, 20};
  const std::vector<lathe_tensor> inputs = {tensor("input_ids", ids, {4}), tensor("cu_seqlens", offsets, {3}),
                                            tensor("input_modal", vectors, {2, 2, vectorWidth})};
  ASSERT_EQ(run(inputs, {8, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(4), ElementsAre(0, 12, 1, 2, -1));
  EXPECT_THAT(token(5), ElementsAre(2, -1, 0, 0, 0));
  EXPECT_THAT(token(7), ElementsAre(0, 20, 1, 0, -1));
}

TEST_F(Modal, ATextMayBeMaskedAltogetherAndImagesMayBeNothing) {
  mask = {0, 0, 0, 1, 1, 0};
  ids[4] = 21;
  ASSERT_EQ(run(padded(), {2, 5, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(1), ElementsAre(1, -1, 0, 1, 0));
  EXPECT_THAT(token(2), ElementsAre(0, 0, 0, 0, 0));
  vectors.clear();
  std::vector<lathe_tensor> inputs = padded();
  inputs[2] = tensor("input_modal", vectors, {2, 0, vectorWidth});
  ASSERT_EQ(run(inputs, {2, 3, width}), LATHE_OK) << error.message;
  EXPECT_THAT(token(0), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(token(4), ElementsAre(0, 21, 1, 1, -1));
}

TEST_F(Modal, WrongShapesAreNamed) {
  std::vector<lathe_tensor> inputs = padded();
  EXPECT_THAT(refused({inputs[0], inputs[1]}),
              HasSubstr("input_modal is missing; for these texts it must be [2, vectors, 4]"));
  inputs[2] = tensor("input_modal", vectors, {4, 1, vectorWidth});
  EXPECT_THAT(refused(inputs), HasSubstr("input_modal is [4, 1, 4]; for these texts it must be [2, vectors, 4]"));
  inputs = padded();
  std::vector<int32_t> three = {1, 2, 3};
  inputs.push_back(tensor("modal_start_tokens", three, {3}));
  EXPECT_THAT(refused(inputs), HasSubstr("modal_start_tokens is [3]; for these texts it must be [2]"));
  inputs.back() = tensor("modal_token_type_ids", three, {1, 3});
  EXPECT_THAT(refused(inputs), HasSubstr("modal_token_type_ids is [1, 3]; for these texts it must be [2, 2]"));
  inputs = padded();
  inputs[2].shape[1] = INT64_MAX / 8;
  EXPECT_THAT(refused(inputs), HasSubstr("too large"));
  inputs = padded();
  inputs[2].data = nullptr;
  EXPECT_THAT(refused(inputs), HasSubstr("input_modal: data must not be NULL"));
  inputs = padded();
  EXPECT_EQ(api.run(fake.context, "packed", inputs.data(), 3, nullptr, 0, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_THAT(error.message, HasSubstr("unknown input input_modal"));
}

TEST_F(Modal, WrongIdsNameTheirInput) {
  std::vector<int32_t> starts = {1, vocabulary};
  std::vector<lathe_tensor> inputs = padded();
  inputs.push_back(tensor("modal_start_tokens", starts, {2}));
  EXPECT_THAT(refused(inputs, {2, 6, width}),
              HasSubstr("modal_start_tokens: 64 at row 1, column 0 is outside [0, 64)"));
  ids[1] = -1;
  EXPECT_THAT(refused(padded()), HasSubstr("input_ids: -1 at row 0, column 1 is outside [0, 64)"));
  ids[1] = 11;
  mask[1] = 2;
  EXPECT_THAT(refused(padded()), HasSubstr("attention_mask: 2 at row 0, column 1; accepted: 0 and 1"));
  std::vector<int32_t> offsets = {0, 5, 4};
  EXPECT_THAT(refused({tensor("input_ids", ids, {4}), tensor("cu_seqlens", offsets, {3}),
                       tensor("input_modal", vectors, {2, 2, vectorWidth})},
                      {8, width}),
              HasSubstr("cu_seqlens falls from 5 to 4"));
}

TEST_F(Modal, InferCountsWhatStandsBeforeTheTexts) {
  std::vector<lathe_tensor> inputs = padded();
  for (lathe_tensor &input : inputs)
    input.data = nullptr;
  lathe_tensor output = {};
  output.name = "last_hidden_state";
  ASSERT_EQ(api.infer(fake.context, "modal", inputs.data(), inputs.size(), &output, 1, &error), LATHE_OK);
  EXPECT_EQ(std::vector<int64_t>(output.shape, output.shape + output.rank), (std::vector<int64_t>{2, 5, width}));
}

} // namespace
