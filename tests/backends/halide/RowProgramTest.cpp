// Row programs as text, and which rows are worth keeping.
#include "backends/halide/RowProgram.h"

#include <gtest/gtest.h>

using namespace lathe;

namespace {

RowProgram parsed(const std::string &text) {
  RowProgram program;
  std::string error;
  EXPECT_TRUE(parseRowProgram(text, program, error)) << error;
  return program;
}

std::string errorOf(const std::string &text) {
  RowProgram program;
  std::string error;
  EXPECT_FALSE(parseRowProgram(text, program, error)) << text;
  return error;
}

constexpr const char *rmsNorm = "rows 768; shared 768; constant 1e-06; mul 0 0; row_mean 3; add 4 2; rsqrt 5; mul 0 6; "
                                "mul 7 1; result 8";

TEST(RowProgram, TextIsReadAsItIsWritten) {
  for (std::string text :
       {rmsNorm, "rows 1; result 0", "rows 3; rows 1; select 0 1 0; row_max 2; result 2 3",
        "rows 2; constant -0.1; constant 16777217; constant inf; add 1 2; add 4 3; add 0 5; result 6"})
    EXPECT_EQ(printRowProgram(parsed(printRowProgram(parsed(text)))), printRowProgram(parsed(text)));
  EXPECT_EQ(printRowProgram(parsed(rmsNorm)), rmsNorm);
  // Every bit of a constant survives.
  EXPECT_EQ(parsed("constant 1.4012985e-45; rows 2; add 0 1; result 2").values[0].constant, 0x1p-149f);
}

TEST(RowProgram, BuildingGivesWhatReadingGives) {
  RowProgram program;
  int x = program.input(/*shared=*/false, 768), gain = program.input(/*shared=*/true, 768);
  int epsilon = program.constant(1e-6f);
  int mean = program.apply(RowOp::row_mean, {program.apply(RowOp::mul, {x, x})});
  int scale = program.apply(RowOp::rsqrt, {program.apply(RowOp::add, {mean, epsilon})});
  program.results = {program.apply(RowOp::mul, {program.apply(RowOp::mul, {x, scale}), gain})};
  EXPECT_EQ(printRowProgram(program), rmsNorm);
}

TEST(RowProgram, WidthsFollowFromOperands) {
  RowProgram program = parsed(rmsNorm);
  EXPECT_EQ(program.values[3].width, 768);
  EXPECT_EQ(program.values[4].width, 1) << "a reduction";
  EXPECT_EQ(program.values[6].width, 1) << "computed from it";
  EXPECT_EQ(program.values[7].width, 768);
}

TEST(RowProgram, WhatIsNoProgramIsAnError) {
  EXPECT_EQ(errorOf(""), "a row program ends in 'result' and the numbers of values");
  EXPECT_EQ(errorOf("rows 4; neg 0"), "a row program ends in 'result' and the numbers of values");
  EXPECT_EQ(errorOf("rows 4; cosh 0; result 1"), "row program, value 1 'cosh 0': unknown op");
  EXPECT_EQ(errorOf("rows 4; neg 1; result 1"), "row program, value 1 'neg 1': '1' is no value before it");
  EXPECT_EQ(errorOf("rows 4; neg -1; result 1"), "row program, value 1 'neg -1': '-1' is no value before it");
  EXPECT_EQ(errorOf("rows 4; add 0; result 1"), "row program, value 1 'add 0': '' is no value before it");
  EXPECT_EQ(errorOf("rows 4; neg 0 0; result 1"), "row program, value 1 'neg 0 0': expected 1 operands");
  EXPECT_EQ(errorOf("rows 4; rows 3; add 0 1; result 2"),
            "row program, value 2 'add 0 1': operands of 4 and 3 elements");
  EXPECT_EQ(errorOf("rows 0; result 0"), "row program, value 0 'rows 0': expected a width from 1 to 67108864");
  EXPECT_EQ(errorOf("rows 67108865; result 0"),
            "row program, value 0 'rows 67108865': expected a width from 1 to 67108864");
  EXPECT_EQ(errorOf("constant x; result 0"), "row program, value 0 'constant x': expected a number");
  EXPECT_EQ(errorOf("rows 4; result"), "row program, value 1 'result': there must be at least one");
  EXPECT_EQ(errorOf("rows 4; result 0 0"), "row program, value 1 'result 0 0': a value is a result once");
  EXPECT_EQ(errorOf("rows 4; result 0; neg 0"), "row program, value 1 'neg 0': nothing may follow 'result'");
}

TEST(RowProgram, ASumThatThreePassesReadIsKept) {
  // Layer norm of a sum: the mean, the variance and the result read it.
  const std::string norm = "; row_mean 2; sub 2 3; mul 4 4; row_mean 5; rsqrt 6; mul 4 7; result 8";
  EXPECT_EQ(findKeptRows(parsed("rows 768; rows 768; add 0 1" + norm)), std::vector<int>{2});
  // One load more is no reason to store.
  EXPECT_EQ(findKeptRows(parsed("rows 768; constant 2; mul 0 1" + norm)), std::vector<int>{});
  // What is dear is kept for a second pass already, and what it is made from is read once then.
  EXPECT_EQ(findKeptRows(parsed("rows 768; exp 0; row_sum 1; div 1 2; result 3")), std::vector<int>{1});
}

TEST(RowProgram, ResultsAndNumbersAreNotKept) {
  EXPECT_EQ(findKeptRows(parsed("rows 768; exp 0; row_sum 1; div 1 2; result 1 3")), std::vector<int>{});
  EXPECT_EQ(findKeptRows(parsed("rows 1; exp 0; row_sum 1; div 1 2; result 3")), std::vector<int>{});
  EXPECT_EQ(findKeptRows(parsed("rows 768; row_max 0; exp 1; sub 0 2; row_sum 3; mul 0 2; result 4 5")),
            std::vector<int>{});
}

} // namespace
