// The same valid inputs for all, padded for those who need it.
#include "compiler/driver/bench/Workload.h"
#include "tests/driver/Errors.h"

namespace lathe::test {
namespace {

std::vector<int64_t> values(const InputTensors &inputs, const char *name) {
  std::vector<int64_t> all;
  if (const InputTensors::Array *array = inputs.find(name))
    for (int64_t index = 0; index < array->count(); ++index)
      all.push_back(array->at(index));
  return all;
}

TEST(Workload, OfEqualLengthsHasNoPadding) {
  Workload workload = makeWorkload({3, 3}, 10);
  EXPECT_EQ(workload.inputs.find("input_ids")->shape, (llvm::SmallVector<int64_t, 3>{2, 3}));
  EXPECT_EQ(workload.inputs.arrays().size(), 1u);
  EXPECT_EQ(values(workload.inputs, "input_ids"), values(workload.padded, "input_ids"));
  EXPECT_EQ(workload.tokens(), 6);
}

TEST(Workload, OfOtherLengthsIsRaggedOrPadded) {
  Workload workload = makeWorkload({1, 3}, 1000);
  std::vector<int64_t> ragged = values(workload.inputs, "input_ids"), padded = values(workload.padded, "input_ids");
  EXPECT_EQ(values(workload.inputs, "cu_seqlens"), (std::vector<int64_t>{0, 1, 4}));
  EXPECT_EQ(values(workload.padded, "attention_mask"), (std::vector<int64_t>{1, 0, 0, 1, 1, 1}));
  EXPECT_EQ(padded, (std::vector<int64_t>{ragged[0], 0, 0, ragged[1], ragged[2], ragged[3]}));
  EXPECT_EQ(workload.longest(), 3);
}

TEST(Workload, IsTheSameEachTimeAndWithinTheLimit) {
  std::vector<int64_t> ids = values(makeWorkload({500, 500}, 7).inputs, "input_ids");
  EXPECT_EQ(ids, values(makeWorkload({500, 500}, 7).inputs, "input_ids"));
  EXPECT_EQ(*std::min_element(ids.begin(), ids.end()), 0);
  EXPECT_EQ(*std::max_element(ids.begin(), ids.end()), 6);
}

TEST(Workload, OfImagesIsTheirPixelsAndTokens) {
  Workload workload = makeImageWorkload(2, {.channels = 3, .height = 4, .width = 6, .tokens = 7});
  const InputTensors::Array *pixels = workload.inputs.find("pixel_values");
  ASSERT_TRUE(pixels);
  EXPECT_EQ(pixels->shape, (llvm::SmallVector<int64_t, 3>{2, 3, 4, 6}));
  EXPECT_EQ(pixels->dtype, LATHE_F32);
  EXPECT_NE(pixels->valueAt(0), pixels->valueAt(72)) << "two images";
  EXPECT_EQ(workload.lengths, (std::vector<int64_t>{7, 7}));
  EXPECT_EQ(workload.mostTokens(), 14);
}

TEST(Lengths, AreOneALine) {
  EXPECT_EQ(llvm::cantFail(parseLengths("3\r\n\n 12 \n7", "f")), (std::vector<int64_t>{3, 12, 7}));
  expectError(parseLengths("3\n0\n", "f"), {"f", "line 2", "'0'"});
  expectError(parseLengths("3\n4 5\n", "f"), {"line 2"});
  expectError(parseLengths("99999999999999999999", "f"), {"line 1"});
  expectError(parseLengths("\n", "f"), {"no lengths"});
}

} // namespace
} // namespace lathe::test
