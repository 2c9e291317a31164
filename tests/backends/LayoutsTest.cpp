// Where a layout puts each element, with what it fills the rest, and what it refuses.
#include "backends/cpu/layouts/WeightLayout.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/bit.h"

#include <gtest/gtest.h>

using namespace lathe;

namespace {

/// What a layout stores of a tensor whose element (row, column) is `value(row, column)`; checks its size.
template <typename Element>
llvm::Expected<std::vector<Element>> stored(const char *layoutName, std::vector<int64_t> shape,
                                            llvm::function_ref<float(int64_t, int64_t)> value) {
  const WeightLayout *layout = lookupLayout(layoutName);
  WeightRows rows;
  rows.count = shape[0];
  rows.width = shape.size() > 1 ? shape[1] : 1;
  auto read = [&](int64_t row, llvm::MutableArrayRef<float> out) {
    for (int64_t column = 0; column < rows.width; ++column)
      out[column] = value(row, column);
  };
  rows.read = read;
  std::string bytes;
  if (llvm::Error error =
          layout->write(rows, [&](llvm::ArrayRef<char> piece) { bytes.append(piece.begin(), piece.end()); }))
    return std::move(error);
  mlir::MLIRContext context;
  EXPECT_EQ(layout->bytes(mlir::Builder(&context), shape), int64_t(bytes.size())) << layoutName;
  std::vector<Element> elements(bytes.size() / sizeof(Element));
  memcpy(elements.data(), bytes.data(), bytes.size());
  return elements;
}

/// Numbers that bf16 has.
float number(int64_t row, int64_t column) { return float(1 + row % 3) + float(column) / 64; }
float fromBf16(uint16_t bits) { return llvm::bit_cast<float>(uint32_t(bits) << 16); }

TEST(Layouts, VectorsEndInWholeVectors) {
  for (int64_t count : {1, 15, 16, 17, 100}) {
    const auto elements = llvm::cantFail(stored<float>("vector", {count}, number));
    ASSERT_EQ(int64_t(elements.size()), (count + 15) / 16 * 16);
    for (int64_t i = 0; i < int64_t(elements.size()); ++i)
      EXPECT_EQ(elements[i], i < count ? number(i, 0) : 0);
  }
}

TEST(Layouts, RowsStayAsTheyAre) {
  const auto f32 = llvm::cantFail(stored<float>("rows", {5, 7}, number));
  const auto bf16 = llvm::cantFail(stored<uint16_t>("rows_bf16", {5, 7}, number));
  for (int64_t i = 0; i < 35; ++i) {
    EXPECT_EQ(f32[i], number(i / 7, i % 7));
    EXPECT_EQ(fromBf16(bf16[i]), number(i / 7, i % 7));
  }
}

TEST(Layouts, PanelsHaveSixteenRowsSideBySide) {
  for (auto [n, k] : {std::pair<int64_t, int64_t>{1, 1}, {16, 4}, {17, 5}, {48, 7}, {100, 20}}) {
    const int64_t words = (k + 1) / 2;
    const auto f32 = llvm::cantFail(stored<float>("panels", {n, k}, number));
    const auto bf16 = llvm::cantFail(stored<uint16_t>("panels_bf16", {n, k}, number));
    for (int64_t row = 0; row < (n + 15) / 16 * 16; ++row) {
      for (int64_t column = 0; column < k; ++column)
        EXPECT_EQ(f32[(row / 16 * k + column) * 16 + row % 16], row < n ? number(row, column) : 0);
      for (int64_t column = 0; column < 2 * words; ++column) {
        const float expected = row < n && column < k ? number(row, column) : 0;
        EXPECT_EQ(fromBf16(bf16[((row / 16 * words + column / 2) * 16 + row % 16) * 2 + column % 2]), expected)
            << "row " << row << ", column " << column << " of " << n << "x" << k;
      }
    }
  }
}

TEST(Layouts, Bf16RoundsToNearestAndToEvenAtTies) {
  const float ulp = 0x1p-7f;
  const std::vector<std::pair<float, float>> pairs = {
      {1 + ulp / 2, 1},   {1 + ulp * 3 / 2, 1 + 2 * ulp}, {1 + ulp / 2 + 1e-6f, 1 + ulp},
      {-1 - ulp / 2, -1}, {3e38f, 0x1.c4p127f},           {-0.0f, -0.0f},
      {0x1p-149f, 0},     {0x1.8p-133f, 0x1p-132f}};
  const auto elements = llvm::cantFail(stored<uint16_t>("rows_bf16", {1, int64_t(pairs.size())},
                                                        [&](int64_t, int64_t column) { return pairs[column].first; }));
  for (size_t i = 0; i < pairs.size(); ++i)
    EXPECT_EQ(fromBf16(elements[i]), pairs[i].second) << pairs[i].first;
}

TEST(Layouts, WhatBf16CannotHoldIsRefused) {
  for (const char *layout : {"rows_bf16", "panels_bf16"})
    for (float large : {3.4e38f, -3.4e38f}) {
      auto refused = stored<uint16_t>(layout, {3, 3}, [&](int64_t row, int64_t) { return row == 2 ? large : 1; });
      ASSERT_FALSE(refused) << layout;
      EXPECT_NE(llvm::toString(refused.takeError()).find("is too large for bf16"), std::string::npos);
    }
}

/// Numbers whose largest in each row is 127 times a power of two, so that each is its byte times that.
float stepped(int64_t row, int64_t column) {
  return std::ldexp(float(column == 1 ? -127 : (row * 31 + column * 17) % 255 - 127), int(row % 5) - 3);
}

TEST(Layouts, BytesHaveAScaleForEachRow) {
  for (auto [n, k] : {std::pair<int64_t, int64_t>{1, 2}, {16, 4}, {17, 5}, {48, 7}, {100, 20}}) {
    const int64_t words = (k + 3) / 4;
    const auto rows = llvm::cantFail(stored<int8_t>("rows_s8", {n, k}, stepped));
    const auto panels = llvm::cantFail(stored<int8_t>("panels_s8", {n, k}, stepped));
    for (int64_t row = 0; row < (n + 15) / 16 * 16; ++row) {
      const int8_t *panel = &panels[row / 16 * (128 + words * 64)], *plain = &rows[row * (4 + words * 4)];
      const float scale = row < n ? std::ldexp(1.0f, int(row % 5) - 3) : 0;
      float panelScale, rowScale;
      int32_t sum, expectedSum = 0;
      memcpy(&panelScale, panel + row % 16 * 4, 4);
      memcpy(&sum, panel + 64 + row % 16 * 4, 4);
      EXPECT_EQ(panelScale, scale);
      for (int64_t column = 0; column < words * 4; ++column) {
        const float value = row < n && column < k ? stepped(row, column) : 0;
        const int8_t byte = panel[128 + (column / 4 * 16 + row % 16) * 4 + column % 4];
        EXPECT_EQ(float(byte) * scale, value) << "row " << row << ", column " << column << " of " << n << "x" << k;
        expectedSum += byte;
        if (row < n) {
          memcpy(&rowScale, plain, 4);
          EXPECT_EQ(float(plain[4 + column]) * rowScale, value);
        }
      }
      EXPECT_EQ(sum, expectedSum);
    }
  }
}

/// What a layout of int4 says of an element, read as its description tells.
float int4ElementOf(const std::vector<uint8_t> &panels, int64_t group, int64_t k, int64_t row, int64_t column) {
  const int64_t groups = (k + group - 1) / group, header = (32 + 16 * groups + 63) / 64 * 64;
  const uint8_t *panel = &panels[row / 16 * (header + (k + 7) / 8 * 64)];
  uint16_t scale;
  memcpy(&scale, panel + row % 16 * 2, 2);
  const uint8_t ofGroup = panel[32 + std::min(column / group, groups - 1) * 16 + row % 16];
  const uint8_t pair = panel[header + column / 8 * 64 + row % 16 * 4 + column % 4];
  const int code = column % 8 < 4 ? pair & 15 : pair >> 4;
  return fromBf16(scale) * float((code - (ofGroup >> 4)) * ((ofGroup & 15) + 1));
}

TEST(Layouts, NibblesHaveAStepAndAZeroForEachGroup) {
  auto value = [](int64_t row, int64_t column) { return std::sin(float(row * 31 + column * column)) / float(1 + row); };
  for (int64_t group : {32, 64, 128})
    for (auto [n, k] : {std::pair<int64_t, int64_t>{1, 2}, {16, 8}, {17, 33}, {48, 129}, {100, 200}}) {
      const std::string layout = "panels_s4_g" + std::to_string(group);
      const auto panels = llvm::cantFail(stored<uint8_t>(layout.c_str(), {n, k}, value));
      double squares = 0, errors = 0;
      for (int64_t row = 0; row < (n + 15) / 16 * 16; ++row)
        for (int64_t column = 0; column < (k + 7) / 8 * 8; ++column) {
          const float expected = row < n && column < k ? value(row, column) : 0;
          const float found = int4ElementOf(panels, group, k, row, column);
          if (row >= n || column >= k)
            EXPECT_EQ(found, 0) << "row " << row << ", column " << column << " of " << n << "x" << k;
          // Sixteen numbers from -1 to 1 are 2/15 apart; what is cut off at the ends may be further from the last.
          EXPECT_NEAR(found, expected, 0.25f / float(1 + row)) << "row " << row << ", column " << column;
          squares += expected * expected;
          errors += (found - expected) * (found - expected);
        }
      EXPECT_LT(errors, 0.006 * squares) << layout << " of " << n << "x" << k;
    }
}

TEST(Layouts, ARowOfZerosIsZeros) {
  for (int8_t byte : llvm::cantFail(stored<int8_t>("panels_s8", {3, 9}, [](int64_t, int64_t) { return 0; })))
    EXPECT_EQ(byte, 0);
}

TEST(Layouts, AreFoundByName) {
  EXPECT_EQ(lookupLayout("panels")->name(), "panels");
  EXPECT_EQ(lookupLayout("columns"), nullptr);
}

} // namespace
