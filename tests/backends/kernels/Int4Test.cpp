// gemm_s4 at every level that has code of its own for it, against naive loops over integers.
#include "KernelTest.h"

using namespace lathe;
using namespace lathe::test;

namespace {

class Int4Test : public KernelTest, public testing::WithParamInterface<Target> {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(GetParam()); !why.empty())
      GTEST_SKIP() << why;
  }
};

struct Variant {
  std::string params;
  int64_t group;
  bool bias = false, gelu = false, residual = false;
};
const Variant groupVariants[] = {{"{}", 64}, {R"({group = "g32"})", 32}, {R"({group = "g128"})", 128}};
const Variant endVariants[] = {{R"({bias = true, activation = "gelu"})", 64, true, true},
                               {"{bias = true, residual = true}", 64, true, false, true}};

/// One product; strides are larger than rows are long, so that wrong ones show.
struct Problem {
  GemmShape shape;
  int64_t ldx, ldr, ldy;
  std::vector<uint8_t> x;
  std::vector<int32_t> xZeros;
  std::vector<float> xScales, b;
  Int4Weights w;
  Guarded<uint8_t> rows, panels;
  Guarded<float> bias, residual;

  /// With `exact`, scales are 1, so that results are the integers themselves.
  Problem(GemmShape shape, int64_t group, Gaussian &random, bool exact)
      : shape(shape), ldx(alignTo(64 + shape.k, 64) + 64 * random.below(2)), ldr(shape.n + random.below(5)),
        ldy(shape.n + random.below(5)), x(numbers<uint8_t>(shape.m * shape.k, 256, random)),
        xZeros(numbers<int32_t>(shape.m, 256, random)), xScales(scales(shape.m, random, exact)),
        b(random.vector(shape.n)), w(weights(shape, group, random, exact)), rows(paddedRows()), panels(w.panels()),
        bias(padded(b)), residual(random.vector((shape.m - 1) * ldr + shape.n)) {}

  /// The last row is as long as quantize_u8 stores it, too, which is longer than K.
  std::vector<uint8_t> paddedRows() const {
    std::vector<uint8_t> result = quantizedRows(x, xScales, xZeros, shape.m, shape.k, ldx);
    result.resize((shape.m - 1) * ldx + 64 + alignTo(shape.k, 16), 0xAB);
    return result;
  }
  /// From 0 to below the limit, the largest more often than others.
  template <typename Number> static std::vector<Number> numbers(int64_t count, int64_t limit, Gaussian &random) {
    std::vector<Number> result(count);
    for (Number &number : result)
      number = static_cast<Number>(random.below(4) ? random.below(limit) : limit - 1);
    return result;
  }
  static std::vector<float> scales(int64_t count, Gaussian &random, bool exact) {
    std::vector<float> result(count, 1.0f);
    if (!exact)
      for (float &scale : result)
        scale = fromBf16(toBf16((1 + random.below(100)) * 1e-4f));
    return result;
  }
  static Int4Weights weights(GemmShape shape, int64_t group, Gaussian &random, bool exact) {
    Int4Weights w = {shape.n, shape.k, group, scales(shape.n, random, exact), {}, {}, {}};
    w.codes = numbers<uint8_t>(shape.n * shape.k, 16, random);
    w.zeros = numbers<uint8_t>(shape.n * w.groups(), 16, random);
    w.steps = numbers<uint8_t>(shape.n * w.groups(), 16, random);
    for (uint8_t &step : w.steps)
      ++step;
    for (int64_t row = 0; row < shape.n; ++row) // steps that no byte would hold are none of the layout's
      for (int64_t k = 0; k < shape.k; ++k)
        while (w.byteAt(row, k) < -128 || w.byteAt(row, k) > 127)
          w.codes[row * shape.k + k] += w.byteAt(row, k) < 0 ? 1 : -1;
    return w;
  }
  int64_t sum(int64_t row, int64_t column) const {
    int64_t sum = 0;
    for (int64_t k = 0; k < shape.k; ++k)
      sum += (int64_t(x[row * shape.k + k]) - xZeros[row]) * w.byteAt(column, k);
    return sum;
  }
  size_t outputSize() const { return (shape.m - 1) * ldy + shape.n; }
  void run(const Variant &variant, Target target, Guarded<float> &y, int64_t panelsPerCall, int64_t firstRow = 0,
           int64_t count = -1) const {
    Kernel::get("gemm_s4", variant.params, target)
        .run({&rows[firstRow * ldx], ldx, panels.data(), variant.bias ? bias.data() : nullptr,
              variant.residual ? &residual[firstRow * ldr] : nullptr, ldr, y.data(), ldy, count < 0 ? shape.m : count,
              shape.n, shape.k},
             panelsPerCall);
  }
};

TEST_P(Int4Test, ProductsAreExactIntegers) {
  Gaussian random(7);
  for (const Variant &variant : groupVariants)
    for (GemmShape shape : gemm500Shapes()) {
      SCOPED_TRACE(testing::Message() << variant.params << " M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
      const Problem problem(shape, variant.group, random, /*exact=*/true);
      Guarded<float> y(problem.outputSize()), split(problem.outputSize());
      problem.run(variant, GetParam(), y, 0);
      for (int64_t row = 0; row < shape.m; ++row)
        for (int64_t column = 0; column < shape.n; ++column)
          ASSERT_EQ(y[row * problem.ldy + column], static_cast<float>(problem.sum(row, column)))
              << "row " << row << ", column " << column;
      problem.run(variant, GetParam(), split, 1);
      ASSERT_TRUE(sameBits(y, split));
    }
}

TEST_P(Int4Test, ScalesBiasAndActivationFollow) {
  Gaussian random(8);
  for (const Variant &variant : endVariants)
    for (GemmShape shape : gemm500Shapes()) {
      SCOPED_TRACE(testing::Message() << variant.params << " M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
      const Problem problem(shape, variant.group, random, /*exact=*/false);
      Guarded<float> y(problem.outputSize());
      problem.run(variant, GetParam(), y, 0);
      for (int64_t row = 0; row < shape.m; ++row)
        for (int64_t column = 0; column < shape.n; ++column) {
          const double product = double(problem.sum(row, column)) * problem.xScales[row] * problem.w.scales[column];
          double expected = activate(variant.gelu ? "gelu" : "none", product + problem.b[column]);
          if (variant.residual)
            expected += problem.residual[row * problem.ldr + column];
          ASSERT_NEAR(y[row * problem.ldy + column], expected, 1e-6 * (1 + std::abs(product) + std::abs(expected)));
        }
    }
}

TEST_P(Int4Test, OnlyTheGreatestMayBeKept) {
  Gaussian random(16);
  for (GemmShape shape : gemmOddShapes()) {
    SCOPED_TRACE(testing::Message() << "M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
    const Problem problem(shape, 64, random, /*exact=*/false);
    Guarded<float> y(problem.outputSize());
    problem.run(groupVariants[0], GetParam(), y, 0);
    expectGreatest(y, shape.m, problem.ldy, shape.n, [&](Guarded<float> &best, int64_t ldbest) {
      Kernel::get("gemm_s4", "{best = true}", GetParam())
          .run({problem.rows.data(), problem.ldx, problem.panels.data(), nullptr, nullptr, 0, best.data(), ldbest,
                shape.m, shape.n, shape.k},
               1);
    });
  }
}

/// Stored for products in bf16: what is stored otherwise, rounded.
TEST_P(Int4Test, ResultsAreRoundedToBf16) {
  Gaussian random(13);
  for (GemmShape shape : {GemmShape{1, 16, 4}, {7, 17, 33}, {70, 100, 65}, {16, 384, 1100}}) {
    const Problem problem(shape, 64, random, /*exact=*/false);
    const int64_t ldy = alignTo(shape.n, 16);
    Guarded<float> exact(shape.m * shape.n);
    Guarded<uint16_t> y(shape.m * ldy);
    for (auto [params, out, stride] : {std::tuple("{bias = true}", Arg(exact.data()), shape.n),
                                       {"{bias = true, y_bf16 = true}", Arg(y.data()), ldy}})
      Kernel::get("gemm_s4", params, GetParam())
          .run({problem.rows.data(), problem.ldx, problem.panels.data(), problem.bias.data(), nullptr, 0, out, stride,
                shape.m, shape.n, shape.k});
    for (int64_t i = 0; i < shape.m * shape.n; ++i)
      ASSERT_EQ(y[i / shape.n * ldy + i % shape.n], toBf16(exact[i])) << "element " << i;
  }
}

TEST_P(Int4Test, RowsHaveTheSameBitsAloneAndInAnyBatch) {
  Gaussian random(9);
  const Variant &variant = endVariants[1];
  const Problem problem({141, 100, 4177}, variant.group, random, /*exact=*/false);
  Guarded<float> all(problem.outputSize());
  problem.run(variant, GetParam(), all, 0);
  expectSameBitsInAnyBatch(all, problem.shape.m, problem.ldy, problem.shape.n,
                           [&](Guarded<float> &some, int64_t first, int64_t count) {
                             problem.run(variant, GetParam(), some, 0, first, count);
                           });
}

INSTANTIATE_TEST_SUITE_P(Levels, Int4Test,
                         testing::Values(IsaLevel::Avx512, IsaLevel::Avx512Vnni, Target::emulatedAmx(), IsaLevel::Amx),
                         [](const auto &target) { return target.param.name(); });

} // namespace
