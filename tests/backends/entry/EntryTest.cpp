// Random encoders through the whole CPU pipeline, fused and unfused, against the interpreter.
#include "tests/backends/entry/CompiledEntry.h"
#include "tests/interpreter/Parsed.h"
#include "tests/interpreter/RandomEncoder.h"

#include <gmock/gmock.h>

using namespace lathe;
using namespace lathe::test;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

namespace {

class EntryTest : public testing::Test {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(); !why.empty())
      GTEST_SKIP() << why;
  }
};

Sequences randomSequences(Random &random, int64_t vocab, int64_t longest) {
  Sequences sequences(random.integer(1, 5));
  for (std::vector<int32_t> &sequence : sequences)
    sequence = randomIntegers(random, random.integer(1, longest), 0, int32_t(vocab - 1));
  return sequences;
}

/// What the interpreter makes of the same sequences.
std::map<std::string, std::vector<double>> interpreted(Parsed &model, const Sequences &sequences) {
  Tensor ids({0}), starts({1});
  for (const std::vector<int32_t> &sequence : sequences) {
    ids.values.insert(ids.values.end(), sequence.begin(), sequence.end());
    starts.values.push_back(double(ids.values.size()));
  }
  ids.shape = {int64_t(ids.values.size())};
  starts.shape = {int64_t(starts.values.size())};
  std::map<std::string, std::vector<double>> results;
  for (auto &[name, tensor] : model.runEntry({{"input_ids", ids}, {"cu_seqlens", starts}}))
    results[name] = tensor.values;
  return results;
}

void expectSame(const std::map<std::string, Rows> &actual, const std::map<std::string, std::vector<double>> &expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto &[name, values] : expected)
    EXPECT_EQ(difference(actual.at(name).values, values, 2e-5), "") << name;
}

TEST_F(EntryTest, RandomEncodersGiveWhatTheInterpreterGives) {
  int withFormulas = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    RandomEncoder encoder(random);
    Parsed model(encoder.text());
    CompiledEntry fused(model.module(), /*graphPasses=*/true), unfused(model.module(), /*graphPasses=*/false);
    ASSERT_EQ(fused.error, "");
    ASSERT_EQ(unfused.error, "");
    withFormulas += encoder.formulas;
    if (encoder.formulas)
      EXPECT_THAT(fused.kernels, Contains(StartsWith("lathe_rows_f32_")));
    else
      EXPECT_THAT(fused.kernels, Not(Contains(StartsWith("lathe_rows_f32_"))));
    for (int round = 0; round < 3; ++round) {
      Sequences sequences = randomSequences(random, encoder.vocab, RandomEncoder::positions);
      std::map<std::string, std::vector<double>> expected = interpreted(model, sequences);
      expectSame(fused.run(sequences), expected);
      expectSame(unfused.run(sequences), expected);
    }
    if (HasFailure())
      return; // one seed is enough to look at
  }
  EXPECT_GT(withFormulas, 3);
}

/// An entry of one table's rows, with `body` between %x and %y: [batch, seq, width].
std::string entryOf(int64_t width, const std::string &body, Random &random) {
  std::string table, gain, w = std::to_string(width);
  for (int64_t row = 0; row < 9; ++row) {
    table += row ? ", [" : "[";
    for (int64_t column = 0; column < width; ++column)
      table += (column ? ", " : "") + std::to_string(random.normal());
    table += "]";
  }
  for (int64_t column = 0; column < width; ++column)
    gain += (column ? ", " : "") + std::to_string(random.normal());
  std::string text = "xf.weight @table = dense<[" + table + "]> : tensor<9xWxf32>\nxf.weight @gain = dense<[" + gain +
                     "]> : tensor<WxF32>\n" + R"mlir(
    func.func @encode(%ids: tensor<?x?xi32> {xf.input = "input_ids", xf.limit = 9 : i64},
                      %mask: tensor<?x?xi1> {xf.input = "attention_mask"})
        -> (tensor<?x?xWxf32> {xf.output = "last_hidden_state", xf.rows = "tokens"}) attributes {xf.entry} {
      %table = xf.load_weight @table : tensor<9xWxf32>
      %gain = xf.load_weight @gain : tensor<WxF32>
      %x = xf.lookup %ids in %table : tensor<?x?xi32>, tensor<9xWxf32> -> ROWS
      )mlir" + body + "\nreturn %y : ROWS\n}\n";
  for (auto [word, type] : {std::pair<std::string, std::string>{"ROWS", "tensor<?x?xWxf32>"},
                            {"ONE", "tensor<?x?x1xf32>"},
                            {"WxF32", "Wxf32"},
                            {"xWx", "x" + w + "x"},
                            {"<Wx", "<" + w + "x"}})
    for (size_t at; (at = text.find(word)) != std::string::npos;)
      text.replace(at, word.size(), type);
  return text;
}

/// Compiles with the graph passes and without, and compares; gives the kernels of both forms, of none where one did not
/// compile.
std::vector<std::vector<std::string>> kernelsOfBothForms(const std::string &text, Random &random) {
  Parsed model(text);
  const Sequences sequences = randomSequences(random, 9, 11);
  const std::map<std::string, std::vector<double>> expected = interpreted(model, sequences);
  std::vector<std::vector<std::string>> kernels;
  for (bool graphPasses : {true, false}) {
    CompiledEntry compiled(model.module(), graphPasses);
    EXPECT_EQ(compiled.error, "");
    if (!compiled.error.empty())
      return {};
    expectSame(compiled.run(sequences), expected);
    kernels.push_back(compiled.kernels);
  }
  return kernels;
}

/// Compiles both ways and compares; returns the fused form's kernels.
std::vector<std::string> expectCompiles(const std::string &text, Random &random) {
  const std::vector<std::vector<std::string>> forms = kernelsOfBothForms(text, random);
  if (forms.empty())
    return {};
  EXPECT_GT(forms[1].size(), forms[0].size());
  return forms[0];
}

TEST_F(EntryTest, ANormIsOneKernel) {
  Random random(1);
  for (int64_t width : {1, 15, 16, 20, 100}) {
    SCOPED_TRACE(width);
    EXPECT_EQ(expectCompiles(entryOf(width, R"mlir(
      %xx = xf.combine mul %x, %x : ROWS, ROWS -> ROWS
      %square = xf.reduce sum %xx : ROWS -> ONE
      %eps = xf.constant 1.0e-5 : tensor<1xf32>
      %s = xf.combine add %square, %eps : ONE, tensor<1xf32> -> ONE
      %scale = xf.map rsqrt %s : ONE
      %n = xf.combine mul %x, %scale : ROWS, ONE -> ROWS
      %y = xf.combine mul %n, %gain : ROWS, tensor<Wxf32> -> ROWS)mlir",
                                     random),
                             random)
                  .size(),
              2u)
        << "a lookup and a row group";
  }
}

// What is computed from a norm and what it came from, before and behind a kernel that reads both.
TEST_F(EntryTest, GroupsReadTwoKindsOfRows) {
  Random random(2);
  EXPECT_EQ(expectCompiles(entryOf(20, R"mlir(
      %size = xf.map abs %x : ROWS
      %most = xf.reduce max %size : ROWS -> ONE
      %less = xf.combine sub %x, %most : ROWS, ONE -> ROWS
      %unit = xf.normalize %less eps 1.0e-12 : ROWS
      %z = xf.combine mul %unit, %most : ROWS, ONE -> ROWS
      %y = xf.add %z, %x : ROWS)mlir",
                                   random),
                           random)
                .size(),
            4u)
      << "a lookup, a group, the kernel, a group";
}

TEST_F(EntryTest, EqualFormulasAreOneFunction) {
  Random random(3);
  std::vector<std::string> kernels = expectCompiles(entryOf(20, R"mlir(
      %a = xf.map sigmoid %x : ROWS
      %b = xf.combine mul %x, %a : ROWS, ROWS -> ROWS
      %c = xf.normalize %b eps 1.0e-12 : ROWS
      %d = xf.map sigmoid %c : ROWS
      %y = xf.combine mul %c, %d : ROWS, ROWS -> ROWS)mlir",
                                                            random),
                                                    random);
  ASSERT_EQ(kernels.size(), 4u);
  EXPECT_EQ(kernels[1], kernels[3]);
}

// A head_dim that rows have several of: per head, before heads are merged again.
TEST_F(EntryTest, RowsOfHeads) {
  Random random(4);
  Parsed model(entryOf(20, R"mlir(
      %h = xf.split_heads %x : ROWS -> tensor<?x4x?x5xf32>
      %hh = xf.combine mul %h, %h : tensor<?x4x?x5xf32>, tensor<?x4x?x5xf32> -> tensor<?x4x?x5xf32>
      %mean = xf.reduce mean %hh : tensor<?x4x?x5xf32> -> tensor<?x4x?x1xf32>
      %scale = xf.map rsqrt %mean : tensor<?x4x?x1xf32>
      %n = xf.combine mul %h, %scale : tensor<?x4x?x5xf32>, tensor<?x4x?x1xf32> -> tensor<?x4x?x5xf32>
      %y = xf.merge_heads %n : tensor<?x4x?x5xf32> -> ROWS)mlir",
                       random));
  Sequences sequences = {{1, 2, 3}, {4}, {5, 6, 7, 8, 0}};
  std::map<std::string, std::vector<double>> expected = interpreted(model, sequences);
  for (bool graphPasses : {true, false}) {
    CompiledEntry compiled(model.module(), graphPasses);
    ASSERT_EQ(compiled.error, "");
    expectSame(compiled.run(sequences), expected);
  }
}

// A product in int8 that reads a known range: where another one computes what it reads, that stores bytes; where not,
// or where others read it too, it is quantised on its way.
TEST_F(EntryTest, ProductsInInt8ReadKnownRanges) {
  Random random(6);
  const std::string range = "xf.weight @range = dense<[-0.75, 1.5]> : tensor<2xf32>\n";
  const struct {
    const char *body;
    bool storesBytes;
  } cases[] = {
      {R"mlir(
      %r = xf.load_weight @range : tensor<2xf32>
      %a = xf.linear %x, %table activation gelu in int8 : ROWS, tensor<9xWxf32> -> ROWS
      %y = xf.linear %a, %table in int8 range(%r : tensor<2xf32>) : ROWS, tensor<9xWxf32> -> ROWS)mlir",
       true},
      {R"mlir(
      %r = xf.load_weight @range : tensor<2xf32>
      %a = xf.normalize %x eps 1.0e-12 : ROWS
      %y = xf.linear %a, %table in int8 range(%r : tensor<2xf32>) : ROWS, tensor<9xWxf32> -> ROWS)mlir",
       false},
      {R"mlir(
      %r = xf.load_weight @range : tensor<2xf32>
      %a = xf.linear %x, %table in int8 : ROWS, tensor<9xWxf32> -> ROWS
      %b = xf.linear %a, %table in int8 range(%r : tensor<2xf32>) : ROWS, tensor<9xWxf32> -> ROWS
      %c = xf.linear %a, %table in int8 : ROWS, tensor<9xWxf32> -> ROWS
      %y = xf.add %b, %c : ROWS)mlir",
       false},
  };
  for (const auto &[body, storesBytes] : cases) {
    SCOPED_TRACE(body);
    const std::vector<std::vector<std::string>> forms = kernelsOfBothForms(range + entryOf(9, body, random), random);
    ASSERT_EQ(forms.size(), 2u);
    for (const std::vector<std::string> &found : forms)
      EXPECT_THAT(found, Contains(HasSubstr(storesBytes ? "gelu_y_u8" : "quantize_u8_fixed")));
  }
}

// What a norm computes is smoothed where it becomes bytes, once for all layers; a product whose input is smoothed
// otherwise, or not at all, has it quantised again.
TEST_F(EntryTest, ProductsReadSmoothedBytes) {
  Random random(7);
  auto numbers = [&](int64_t count) {
    std::string text = "[";
    for (int64_t at = 0; at < count; ++at)
      text += (at ? ", " : "") + std::to_string(std::exp2(double(random.integer(-3, 3))));
    return text + "]";
  };
  const std::string weights = "xf.weight @s = dense<" + numbers(9) + "> : tensor<9xf32>\nxf.weight @t = dense<" +
                              numbers(9) + "> : tensor<9xf32>\n";
  const struct {
    const char *body;
    std::vector<std::string> kernels;
    size_t quantizing; ///< launches that do nothing else
  } cases[] = {
      {R"mlir(
      %s = xf.load_weight @s : tensor<9xf32>
      %a = xf.layer_norm %x, %gain, %gain eps 1.0e-5 : ROWS, tensor<9xf32>, tensor<9xf32> -> ROWS
      %b = xf.linear %a, %table in int8 smoothing(%s : tensor<9xf32>) : ROWS, tensor<9xWxf32> -> ROWS
      %y = xf.add %a, %b : ROWS)mlir",
       {"u8_smoothed"},
       0},
      {R"mlir(
      %s = xf.load_weight @s : tensor<9xf32>
      %t = xf.load_weight @t : tensor<9xf32>
      %a = xf.layer_norm %x, %gain, %gain eps 1.0e-5 : ROWS, tensor<9xf32>, tensor<9xf32> -> ROWS
      %b = xf.linear %a, %table in int4 groups of 32 smoothing(%s : tensor<9xf32>) importance(%t : tensor<9xf32>) : ROWS, tensor<9xWxf32> -> ROWS
      %c = xf.linear %a, %table in int8 smoothing(%t : tensor<9xf32>) : ROWS, tensor<9xWxf32> -> ROWS
      %d = xf.linear %a, %table in int8 : ROWS, tensor<9xWxf32> -> ROWS
      %e = xf.add %b, %c : ROWS
      %y = xf.add %d, %e : ROWS)mlir",
       {"lathe_quantize_u8_smoothed", "lathe_gemm_s4"},
       2},
  };
  for (const auto &[body, kernels, quantizing] : cases) {
    SCOPED_TRACE(body);
    const std::vector<std::vector<std::string>> forms = kernelsOfBothForms(weights + entryOf(9, body, random), random);
    ASSERT_EQ(forms.size(), 2u);
    for (const std::vector<std::string> &found : forms) {
      for (const std::string &kernel : kernels)
        EXPECT_THAT(found, Contains(HasSubstr(kernel)));
      EXPECT_EQ(llvm::count_if(found, [](const std::string &kernel) { return kernel.starts_with("lathe_quantize"); }),
                quantizing);
    }
  }
}

TEST_F(EntryTest, WhatTheCpuCannotComputeIsAnError) {
  Random random(5);
  auto errorOf = [&](const std::string &body) {
    Parsed model(entryOf(20, body, random));
    return CompiledEntry(model.module(), true).error;
  };
  EXPECT_THAT(errorOf(R"mlir(
      %h = xf.split_heads %x : ROWS -> tensor<?x4x?x5xf32>
      %s = xf.matmul %h, transposed %h : tensor<?x4x?x5xf32>, tensor<?x4x?x5xf32> -> tensor<?x4x?x?xf32>
      %t = xf.map tanh %s : tensor<?x4x?x?xf32>
      %o = xf.matmul %t, %h : tensor<?x4x?x?xf32>, tensor<?x4x?x5xf32> -> tensor<?x4x?x5xf32>
      %y = xf.merge_heads %o : tensor<?x4x?x5xf32> -> ROWS)mlir"),
              HasSubstr("reads rows of 'tensor<?x4x?x?xf32>'; the CPU computes on rows of a known width"));
  EXPECT_THAT(errorOf(R"mlir(
      %g = xf.map exp %gain : tensor<Wxf32>
      %y = xf.layer_norm %x, %g, %gain eps 1.0e-5 : ROWS, tensor<Wxf32>, tensor<Wxf32> -> ROWS)mlir"),
              HasSubstr("reads a vector that 'xf.map' computes; the CPU has weights as they are stored there"));
}

} // namespace
