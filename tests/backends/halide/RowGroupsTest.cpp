// Row groups compiled through Halide against the interpreter: shapes, values, bits, and what the objects hold.
#include "backends/cpu/emit/Emit.h"
#include "backends/halide/Compile.h"
#include "tests/backends/halide/Formula.h"
#include "tests/backends/halide/Formulas.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace lathe;
using namespace lathe::test;

namespace {

class RowGroupsTest : public testing::Test {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(); !why.empty())
      GTEST_SKIP() << why;
  }
};

/// max |actual - expected| / max(1, |expected|), element by element.
double worstError(const Tensor &actual, const Tensor &expected) {
  double worst = actual.shape == expected.shape ? 0 : INFINITY;
  for (size_t at = 0; at < actual.values.size() && worst < INFINITY; ++at) {
    double error = std::abs(actual.values[at] - expected.values[at]) / std::max(1.0, std::abs(expected.values[at]));
    worst = std::isnan(error) ? INFINITY : std::max(worst, error);
  }
  return worst;
}

bool sameBits(const std::vector<Tensor> &a, const std::vector<Tensor> &b) {
  for (size_t index = 0; index < a.size(); ++index)
    if (a[index].shape != b[index].shape || a[index].values != b[index].values)
      return false;
  return a.size() == b.size();
}

/// The rows [begin, end) of what belongs to rows.
std::vector<Tensor> rowsOf(const std::vector<Tensor> &tensors, const std::vector<Formula::Value> &values, int64_t begin,
                           int64_t end) {
  std::vector<Tensor> part;
  for (auto [tensor, value] : llvm::zip_equal(tensors, values)) {
    if (value.shared)
      part.push_back(tensor);
    else
      part.push_back(Tensor({end - begin, value.width}, {tensor.row(begin), tensor.row(end)}));
  }
  return part;
}

// Widths around vectors, blocks of four vectors, and those of models; numbers of rows around panels.
constexpr int64_t widths[] = {1, 2, 15, 16, 17, 20, 31, 63, 64, 65, 100, 128, 307, 768};
constexpr int64_t rowCounts[] = {0, 1, 7, 8, 9, 23, 70};

class FormulasTest : public RowGroupsTest, public testing::WithParamInterface<FormulaText> {};

TEST_P(FormulasTest, GiveWhatTheInterpreterGives) {
  const FormulaText &text = GetParam();
  Random random(1);
  for (int64_t width : widths) {
    Formula formula(text.arguments, text.body, text.results, width);
    for (int64_t rows : rowCounts) {
      SCOPED_TRACE(testing::Message() << rows << " rows of " << width);
      int64_t gap = random.integer(0, 2);
      std::vector<Tensor> inputs = randomInputs(random, formula, rows, 2);
      std::vector<Tensor> actual = runCompiled(formula, inputs, gap), expected = formula.interpret(inputs);
      ASSERT_EQ(actual.size(), expected.size());
      for (size_t index = 0; index < actual.size(); ++index)
        // Of a norm over few columns hardly a variance is left to divide by.
        EXPECT_LE(worstError(actual[index], expected[index]), width < 3 ? 1e-3 : 5e-6) << "result " << index;
      // The same bits by panels, and for a row alone.
      EXPECT_TRUE(sameBits(actual, runCompiled(formula, inputs, 0, 1)));
      if (rows > 0) {
        int64_t row = random.integer(0, rows - 1);
        std::vector<Tensor> alone = runCompiled(formula, rowsOf(inputs, formula.arguments, row, row + 1));
        EXPECT_TRUE(sameBits(alone, rowsOf(actual, formula.results, row, row + 1))) << "row " << row;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, FormulasTest, testing::ValuesIn(formulas),
                         [](const testing::TestParamInfo<FormulaText> &info) { return std::string(info.param.name); });

//===----------------------------------------------------------------------===//
// Each primitive
//===----------------------------------------------------------------------===//

struct Function {
  const char *kind;
  double relative, absolute; ///< the error stands within either
};

/// Numbers that are ends of something, in every combination with ordinary ones.
const std::vector<double> special = {0,
                                     -0.0,
                                     1,
                                     -1,
                                     0.5,
                                     -2.5,
                                     3,
                                     1e-6,
                                     -1e-6,
                                     20,
                                     -20,
                                     87,
                                     -86.9,
                                     88.5,
                                     -100,
                                     89,
                                     1e10,
                                     -1e10,
                                     std::numeric_limits<float>::max(),
                                     std::numeric_limits<float>::min(),
                                     std::numeric_limits<double>::infinity(),
                                     -std::numeric_limits<double>::infinity(),
                                     std::numeric_limits<double>::quiet_NaN()};

/// What f32 makes of a double, as the runtime sets the processor: no denormals.
double asFloat(double value) {
  float rounded = float(value);
  return std::abs(rounded) < std::numeric_limits<float>::min() ? 0 : rounded;
}

testing::AssertionResult close(double actual, double expected, const Function &function) {
  expected = asFloat(expected);
  if (std::isnan(expected) || std::isinf(expected))
    return (std::isnan(expected) ? std::isnan(actual) : actual == expected)
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << actual << " where " << expected << " is expected";
  if (std::abs(expected) * (1 + function.relative) > std::numeric_limits<float>::max())
    return testing::AssertionSuccess(); // the error's own bounds reach beyond f32
  double error = std::abs(actual - expected);
  if (error <= function.absolute || error <= function.relative * std::abs(expected))
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << actual << ", expected " << expected << ", apart by " << error;
}

class MapTest : public RowGroupsTest, public testing::WithParamInterface<Function> {};

TEST_P(MapTest, HoldsForAllOfF32) {
  const Function &function = GetParam();
  constexpr int64_t width = 500;
  Formula formula("%x: ROWS", std::string("%y = xf.map ") + function.kind + " %x : ROWS", "%y : ROWS", width);
  Random random(2);
  Tensor x({40, width});
  for (size_t at = 0; at < x.values.size(); ++at)
    x.values[at] = at < special.size() ? special[at]
                   : at % 4 == 0       ? random.normal(0, 0.01)
                   : at % 4 == 1       ? random.normal(0, 3)
                   : at % 4 == 2       ? random.uniform(-90, 90)
                                       : std::exp(random.uniform(-80, 80)) * (random.integer(0, 1) ? 1 : -1);
  for (double &value : x.values)
    value = asFloat(value);
  Tensor actual = runCompiled(formula, {x})[0], expected = formula.interpret({x})[0];
  for (size_t at = 0; at < x.values.size(); ++at)
    ASSERT_TRUE(close(actual.values[at], expected.values[at], function)) << function.kind << " of " << x.values[at];
}

// The errors that RowMath.h states. exp ends a hair before f32 does.
INSTANTIATE_TEST_SUITE_P(Each, MapTest,
                         testing::Values(Function{"neg", 0, 0}, Function{"abs", 0, 0}, Function{"sign", 0, 0},
                                         Function{"floor", 0, 0}, Function{"sqrt", 1e-7, 0}, Function{"rsqrt", 2e-7, 0},
                                         Function{"exp", 2.5e-7, 2.4e-38}, Function{"log", 2e-7, 2e-7},
                                         Function{"log1p", 4e-7, 0}, Function{"tanh", 4e-7, 0},
                                         Function{"erf", 2.5e-6, 2.4e-38}, Function{"sigmoid", 4e-7, 2.4e-38}),
                         [](const testing::TestParamInfo<Function> &info) { return std::string(info.param.kind); });

class CombineTest : public RowGroupsTest, public testing::WithParamInterface<Function> {};

TEST_P(CombineTest, HoldsForAllOfF32) {
  const Function &function = GetParam();
  int64_t width = int64_t(special.size() * special.size());
  Formula formula("%x: ROWS, %y: ROWS",
                  std::string("%z = xf.combine ") + function.kind + " %x, %y : ROWS, ROWS -> ROWS", "%z : ROWS", width);
  Tensor x({2, width}), y({2, width});
  Random random(3);
  for (int64_t at = 0; at < width; ++at) {
    x.row(0)[at] = asFloat(special[at / special.size()]);
    y.row(0)[at] = asFloat(special[at % special.size()]);
    x.row(1)[at] = asFloat(random.normal(0, 3));
    y.row(1)[at] = asFloat(random.normal(0, 3));
  }
  Tensor actual = runCompiled(formula, {x, y})[0], expected = formula.interpret({x, y})[0];
  for (size_t at = 0; at < x.values.size(); ++at)
    ASSERT_TRUE(close(actual.values[at], expected.values[at], function))
        << x.values[at] << " " << function.kind << " " << y.values[at];
}

INSTANTIATE_TEST_SUITE_P(Each, CombineTest,
                         testing::Values(Function{"add", 1e-7, 0}, Function{"sub", 1e-7, 0}, Function{"mul", 1e-7, 0},
                                         Function{"div", 1e-7, 0}, Function{"max", 0, 0}, Function{"min", 0, 0},
                                         // The exponent's own error, 88 times a rounding, is the result's.
                                         Function{"pow", 3e-5, 2.4e-38}, Function{"less", 0, 0},
                                         Function{"equal", 0, 0}),
                         [](const testing::TestParamInfo<Function> &info) { return std::string(info.param.kind); });

TEST_F(RowGroupsTest, ShapesMeetInEveryWay) {
  Random random(4);
  const std::string types[] = {"ROWS", "ONE", "VECTOR", "NUMBER"};
  for (int64_t width : {1, 5, 16, 70})
    for (const std::string &a : types)
      for (const std::string &b : types) {
        if (a != "ROWS" && b != "ROWS" && !((a == "ONE") != (b == "ONE")))
          continue; // no rows come of it
        std::string result = a == "ROWS" || b == "ROWS" || a == "VECTOR" || b == "VECTOR" ? "ROWS" : "ONE";
        SCOPED_TRACE(testing::Message() << a << " - " << b << " of " << width);
        Formula formula("%a: " + a + ", %b: " + b,
                        "%c = xf.combine sub %a, %b : " + a + ", " + b + " -> " + result +
                            "\n%d = xf.select %a, %c, %b : " + a + ", " + result + ", " + b + " -> " + result,
                        "%d : " + result, width);
        std::vector<Tensor> inputs = randomInputs(random, formula, 9);
        inputs[0].values[0] = 0; // one that is not selected
        EXPECT_LE(worstError(runCompiled(formula, inputs, 1)[0], formula.interpret(inputs)[0]), 1e-6);
      }
}

TEST_F(RowGroupsTest, ReductionsOfEveryWidth) {
  Random random(5);
  for (const char *kind : {"sum", "mean", "max", "min"})
    for (int64_t width = 1; width < 140; width += 1 + width / 20) {
      SCOPED_TRACE(testing::Message() << kind << " of " << width);
      Formula formula("%x: ROWS", std::string("%y = xf.reduce ") + kind + " %x : ROWS -> ONE", "%y : ONE", width);
      std::vector<Tensor> inputs = randomInputs(random, formula, 5);
      inputs[0].row(1)[width - 1] = inputs[0].row(1)[0] = std::numeric_limits<double>::infinity();
      inputs[0].row(2)[width / 2] = -std::numeric_limits<double>::infinity();
      inputs[0].row(3)[random.integer(0, width - 1)] = std::numeric_limits<double>::quiet_NaN();
      Tensor actual = runCompiled(formula, inputs, 2)[0], expected = formula.interpret(inputs)[0];
      for (size_t row = 0; row < 5; ++row)
        EXPECT_TRUE(close(actual.values[row], expected.values[row], {"", 1e-6, 1e-5})) << "row " << row;
    }
}

TEST_F(RowGroupsTest, SomePowersAreProducts) {
  Random random(6);
  for (double exponent : {0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 9.0, -1.0, 2.5}) {
    SCOPED_TRACE(exponent);
    Formula formula("%x: ROWS",
                    "%e = xf.constant " + std::to_string(exponent) +
                        " : NUMBER\n%y = xf.combine pow %x, %e : ROWS, NUMBER -> ROWS",
                    "%y : ROWS", 40);
    std::vector<Tensor> inputs = randomInputs(random, formula, 3);
    Tensor actual = runCompiled(formula, inputs)[0], expected = formula.interpret(inputs)[0];
    for (size_t at = 0; at < actual.values.size(); ++at)
      EXPECT_TRUE(close(actual.values[at], expected.values[at], {"", 5e-6, 0})) << "of " << inputs[0].values[at];
  }
}

// A formula of rows of two widths: the length of one scales the other.
TEST_F(RowGroupsTest, RowsOfTwoWidthsMeetInANumber) {
  Random random(7);
  Formula formula("%x: ROWS, %wide: tensor<?x200xf32>",
                  "%m = xf.reduce max %x : ROWS -> ONE\n"
                  "%y = xf.combine mul %wide, %m : tensor<?x200xf32>, ONE -> tensor<?x200xf32>\n",
                  "%y : tensor<?x200xf32>", 20);
  std::vector<Tensor> inputs = randomInputs(random, formula, 9);
  EXPECT_LE(worstError(runCompiled(formula, inputs)[0], formula.interpret(inputs)[0]), 1e-7);
}

/// A formula of bounded functions, drawn at random: whatever it computes stays near 1, so errors do not grow.
class RandomFormula {
public:
  explicit RandomFormula(Random &random) : random(random) {
    for (int64_t left = random.integer(3, 25); left > 0; --left) {
      size_t a = pick(/*withRows=*/true), b = pick(/*withRows=*/false), c = pick(/*withRows=*/false);
      switch (random.integer(0, 3)) {
      case 0:
        define(values[a].type, {a}, "xf.map " + anyOf({"tanh", "sigmoid", "erf", "abs", "neg"}));
        break;
      case 1:
        define("ONE", {a}, "xf.reduce " + anyOf({"mean", "max", "min"}));
        break;
      case 2:
        define(meeting({a, b}), {a, b}, "xf.combine " + anyOf({"max", "min", "sub", "mul"}));
        break;
      case 3: // by an argument, which is exact: a computed one may stand on either side of 0
        define(meeting({condition, b, c}), {condition, b, c}, "xf.select");
        break;
      }
      if (random.integer(0, 2) == 0)
        define(values.back().type, {values.size() - 1}, "xf.map tanh");
    }
    // What the last value is not computed from would be groups of their own.
    std::vector<bool> needed(values.size());
    needed.back() = true;
    for (size_t index = values.size(); index-- > 0;)
      if (needed[index]) {
        body = values[index].definition + body;
        for (size_t operand : values[index].operands)
          needed[operand] = true;
      }
    results = nameOf(values.size() - 1) + " : " + values.back().type;
  }

  std::string arguments = "%v0: ROWS, %v1: ROWS, %v2: ONE, %v3: VECTOR", body, results;

private:
  struct Value {
    std::string type;
    std::vector<size_t> operands;
    std::string definition;
  };

  static std::string nameOf(size_t index) { return "%v" + std::to_string(index); }
  std::string anyOf(const std::vector<std::string> &names) {
    return names[random.integer(0, int64_t(names.size()) - 1)];
  }
  size_t pick(bool withRows) {
    for (;;)
      if (size_t index = random.integer(0, int64_t(values.size()) - 1); !withRows || values[index].type != "VECTOR")
        return index;
  }
  std::string meeting(const std::vector<size_t> &operands) {
    for (size_t operand : operands)
      if (values[operand].type != "ONE")
        return "ROWS";
    return "ONE";
  }
  void define(const std::string &type, const std::vector<size_t> &operands, const std::string &op) {
    std::string names, types;
    for (size_t operand : operands) {
      names += (names.empty() ? "" : ", ") + nameOf(operand);
      types += (types.empty() ? "" : ", ") + values[operand].type;
    }
    std::string result = op.find("xf.map") == 0 ? "" : " -> " + type;
    values.push_back(
        {type, operands, nameOf(values.size()) + " = " + op + " " + names + " : " + types + result + "\n"});
  }

  static constexpr size_t condition = 2;
  Random &random;
  std::vector<Value> values = {{"ROWS", {}, ""}, {"ROWS", {}, ""}, {"ONE", {}, ""}, {"VECTOR", {}, ""}};
};

TEST_F(RowGroupsTest, RandomFormulas) {
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    RandomFormula text(random);
    Formula formula(text.arguments, text.body, text.results, widths[random.integer(0, int64_t(std::size(widths)) - 1)]);
    std::vector<Tensor> inputs = randomInputs(random, formula, random.integer(1, 20), 0.7);
    inputs[2].values[0] = 0;
    Tensor actual = runCompiled(formula, inputs, random.integer(0, 2))[0], expected = formula.interpret(inputs)[0];
    EXPECT_LE(worstError(actual, expected), 1e-4) << text.body;
    if (HasFailure())
      return; // one seed is enough to look at
  }
}

//===----------------------------------------------------------------------===//
// Objects
//===----------------------------------------------------------------------===//

constexpr const char *mish = "rows 307; exp 0; log1p 1; tanh 2; mul 0 3; result 4";
constexpr const char *norm =
    "rows 100; rows 100; shared 100; add 0 1; row_mean 3; sub 3 4; mul 5 5; row_mean 6; rsqrt 7; "
    "mul 5 8; mul 9 2; result 3 10";

TEST_F(RowGroupsTest, ObjectsNeedNothingAndHoldNothingOfHalide) {
  for (const char *program : {mish, norm}) {
    RowKernel kernel(program);
    ASSERT_EQ(kernel.error, "");
    EXPECT_TRUE(llvm::cantFail(undefinedSymbols(kernel.object)).empty());
    std::string bytes(kernel.object.begin(), kernel.object.end());
    for (const char *word : {"halide", "Halide", "kernel_row"})
      EXPECT_EQ(bytes.find(word), std::string::npos) << word;
    EXPECT_LT(bytes.size(), 5000u);
    RecordProperty("bytes", int(bytes.size()));
  }
}

TEST_F(RowGroupsTest, WhatWasCompiledBeforeDoesNotMatter) {
  std::vector<char> first = RowKernel(norm).object;
  // Halide counts the names that it makes up; enough of them that their numbers get longer.
  for (int round = 0; round < 12; ++round)
    EXPECT_EQ(RowKernel(mish).error, "");
  EXPECT_EQ(RowKernel(norm).object, first);
}

TEST_F(RowGroupsTest, LongFormulasCompileInProportion) {
  // Each value reads the one before it twice: as a tree it would have 2^200 leaves.
  std::string text = "rows 16; ";
  for (int value = 0; value < 200; ++value)
    text += "max " + std::to_string(value) + " " + std::to_string(value) + "; ";
  EXPECT_EQ(RowKernel(text + "result 200").error, "");
}

TEST_F(RowGroupsTest, WhatCannotBeCompiledIsAnError) {
  EXPECT_EQ(RowKernel("rows 4; cosh 0; result 1").error, "row program, value 1 'cosh 0': unknown op");
  auto errorOf = [](const char *program, const char *level) {
    return llvm::toString(compileRow(program, "k_row", level).takeError());
  };
  EXPECT_EQ(errorOf("rows 4; neg 0", "avx512"),
            "Halide cannot compile 'k_row': a row program ends in 'result' and the numbers of values");
  EXPECT_EQ(errorOf("rows 4; neg 0; result 1", "avx1024"),
            "Halide cannot compile 'k_row': Halide has no target for the ISA level 'avx1024'");
  EXPECT_TRUE(bool(compileRow("rows 4; neg 0; result 1", "k_row", "avx512"))) << "an error is no end";
}

} // namespace
