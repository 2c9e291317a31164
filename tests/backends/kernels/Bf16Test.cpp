// gemm_bf16, round_bf16 and embed_bf16 at every level that has code of its own for them, against naive loops over
// values that are rounded to bf16 beforehand.
#include "KernelTest.h"

using namespace lathe;
using namespace lathe::test;

namespace {

float rounded(float value) { return fromBf16(toBf16(value)); }
/// The distance from a bf16 of that size to the next.
double ulpOf(double value) { return std::ldexp(1.0, std::ilogb(std::max(std::abs(value), 1e-30)) - 7); }

class Bf16Test : public KernelTest, public testing::WithParamInterface<Target> {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(GetParam()); !why.empty())
      GTEST_SKIP() << why;
  }
};

struct Variant {
  std::string params, activation;
  bool bias, residual, narrow;
};
const Variant variants[] = {
    {"{}", "none", false, false, false},
    {"{bias = true}", "none", true, false, false},
    {R"({bias = true, activation = "gelu"})", "gelu", true, false, false},
    {R"({bias = true, activation = "gelu", y_bf16 = true})", "gelu", true, false, true},
    {R"({bias = true, activation = "silu", y_bf16 = true})", "silu", true, false, true},
    {"{bias = true, residual = true}", "none", true, true, false},
};

/// One product; strides are larger than rows are long, so that wrong ones show.
struct Problem {
  GemmShape shape;
  int64_t ldx, ldr, ldy;
  std::vector<float> x, w, b;
  Guarded<uint16_t> packedX, packedW;
  Guarded<float> bias, residual;

  Problem(GemmShape shape, Gaussian &random)
      : shape(shape), ldx(alignTo(shape.k, 2) + 2 * random.below(3)), ldr(shape.n + random.below(5)),
        ldy(alignTo(shape.n, 16) + random.below(5)), x(random.vector(shape.m * shape.k)),
        w(random.vector(shape.n * shape.k, 1 / std::sqrt(float(shape.k)))), b(random.vector(shape.n)),
        packedX(rowsOf(x, shape.m, shape.k, ldx)), packedW(packPairs(w, shape.n, shape.k)), bias(padded(b)),
        residual(random.vector((shape.m - 1) * ldr + shape.n)) {
    for (std::vector<float> *values : {&x, &w})
      for (float &value : *values)
        value = rounded(value);
  }
  static std::vector<uint16_t> rowsOf(const std::vector<float> &x, int64_t m, int64_t k, int64_t ldx) {
    std::vector<uint16_t> rows((m - 1) * ldx + alignTo(k, 2));
    for (int64_t row = 0; row < m; ++row)
      for (int64_t column = 0; column < k; ++column)
        rows[row * ldx + column] = toBf16(x[row * k + column]);
    return rows;
  }
  size_t outputSize(bool narrow) const { return (shape.m - 1) * ldy + (narrow ? alignTo(shape.n, 16) : shape.n); }

  template <typename T>
  void run(const Variant &variant, Target target, Guarded<T> &y, int64_t panelsPerCall, int64_t firstRow = 0,
           int64_t rows = -1) const {
    Kernel::get("gemm_bf16", variant.params, target)
        .run({&packedX[firstRow * ldx], ldx, packedW.data(), variant.bias ? bias.data() : nullptr,
              variant.residual ? &residual[firstRow * ldr] : nullptr, ldr, y.data(), ldy, rows < 0 ? shape.m : rows,
              shape.n, shape.k},
             panelsPerCall);
  }
};

template <typename T> void check(const Variant &variant, Target target, GemmShape shape, Gaussian &random) {
  SCOPED_TRACE(testing::Message() << variant.params << " M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
  constexpr bool narrow = std::is_same_v<T, uint16_t>;
  const Problem problem(shape, random);
  Guarded<T> y(problem.outputSize(narrow)), split(problem.outputSize(narrow));
  problem.run(variant, target, y, 0);
  for (int64_t row = 0; row < shape.m; ++row) {
    for (int64_t column = 0; column < shape.n; ++column) {
      double sum = variant.bias ? problem.b[column] : 0, magnitude = std::abs(sum);
      for (int64_t k = 0; k < shape.k; ++k) {
        double product = double(problem.x[row * shape.k + k]) * problem.w[column * shape.k + k];
        sum += product;
        magnitude += std::abs(product);
      }
      double expected = activate(variant.activation, sum);
      if (variant.residual)
        expected += problem.residual[row * problem.ldr + column];
      // Of the sum, of functions that grow no faster, and of what is added behind them.
      double bound = std::ldexp(1.13, -20) * std::sqrt(double(shape.k)) * magnitude + 4e-7 * (1 + std::abs(expected));
      if constexpr (narrow)
        ASSERT_NEAR(fromBf16(y[row * problem.ldy + column]), expected, bound + ulpOf(expected));
      else
        ASSERT_NEAR(y[row * problem.ldy + column], expected, bound);
    }
    if constexpr (narrow) // what the next product reads beyond an odd number of columns
      for (int64_t column = shape.n; column < alignTo(shape.n, 16); ++column)
        ASSERT_EQ(y[row * problem.ldy + column], 0);
  }
  // The same bits in any split of panels.
  problem.run(variant, target, split, 1);
  ASSERT_TRUE(sameBits(y, split));
}

TEST_P(Bf16Test, ProductsOfOddShapes) {
  const std::vector<GemmShape> shapes = gemm500Shapes();
  Gaussian random(7);
  for (const Variant &variant : variants)
    for (GemmShape shape : shapes) {
      if (variant.narrow)
        check<uint16_t>(variant, GetParam(), shape, random);
      else
        check<float>(variant, GetParam(), shape, random);
      if (HasFailure())
        return; // one shape is enough to look at
    }
}

TEST_P(Bf16Test, OnlyTheGreatestMayBeKept) {
  Gaussian random(15);
  for (GemmShape shape : gemmOddShapes()) {
    SCOPED_TRACE(testing::Message() << "M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
    const Problem problem(shape, random);
    Guarded<float> y(problem.outputSize(false));
    problem.run(variants[1], GetParam(), y, 0);
    expectGreatest(y, shape.m, problem.ldy, shape.n, [&](Guarded<float> &best, int64_t ldbest) {
      Kernel::get("gemm_bf16", "{bias = true, best = true}", GetParam())
          .run({problem.packedX.data(), problem.ldx, problem.packedW.data(), problem.bias.data(), nullptr, 0,
                best.data(), ldbest, shape.m, shape.n, shape.k},
               1);
    });
  }
}

TEST_P(Bf16Test, RowsHaveTheSameBitsAloneAndInAnyBatch) {
  Gaussian random(9);
  const Variant &variant = variants[5];
  const Problem problem({141, 100, 2177}, random);
  Guarded<float> all(problem.outputSize(false));
  problem.run(variant, GetParam(), all, 0);
  expectSameBitsInAnyBatch(all, problem.shape.m, problem.ldy, problem.shape.n,
                           [&](Guarded<float> &some, int64_t first, int64_t count) {
                             problem.run(variant, GetParam(), some, 0, first, count);
                           });
}

INSTANTIATE_TEST_SUITE_P(Levels, Bf16Test,
                         testing::Values(IsaLevel::Avx512, IsaLevel::Avx512Bf16, Target::emulatedAmx(), IsaLevel::Amx),
                         [](const auto &target) { return target.param.name(); });

class RoundBf16Test : public Bf16Test {};

TEST_P(RoundBf16Test, RoundsToNearestAndToEvenAtTies) {
  const float ulp = std::ldexp(1.0f, -7);
  std::vector<float> values = {1,     1 + ulp / 2, 1 + 3 * ulp / 2, 1 + ulp / 2 + 1e-6f, -1 - ulp / 2, 0, -0.0f,
                               3e38f, INFINITY,    -INFINITY};
  Gaussian random(11);
  for (int64_t width : {1, 10, 16, 17, 100}) {
    const int64_t ldx = width + 3, ldy = alignTo(width, 16) + 16, rows = 5;
    std::vector<float> numbers = random.vector((rows - 1) * ldx + width);
    std::copy_n(values.begin(), std::min<size_t>(width, values.size()), numbers.begin());
    const Guarded<float> x(numbers);
    Guarded<uint16_t> y((rows - 1) * ldy + alignTo(width, 16));
    Kernel::get("round_bf16", "{}", GetParam()).run({x.data(), ldx, y.data(), ldy, rows, width});
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < alignTo(width, 16); ++column)
        ASSERT_EQ(y[row * ldy + column], column < width ? toBf16(x[row * ldx + column]) : 0) << row << ", " << column;
  }
  Guarded<float> x(std::vector<float>{NAN, std::bit_cast<float>(0x7FFFFFFFu), std::bit_cast<float>(0xFF800001u)});
  Guarded<uint16_t> y(16);
  Kernel::get("round_bf16", "{}", GetParam()).run({x.data(), 3, y.data(), 16, 1, 3});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(std::isnan(fromBf16(y[i]))) << i;
}

INSTANTIATE_TEST_SUITE_P(Levels, RoundBf16Test, testing::Values(IsaLevel::Avx512, IsaLevel::Avx512Bf16),
                         [](const auto &target) { return target.param.name(); });

class EmbedBf16Test : public KernelTest {};

TEST_F(EmbedBf16Test, TablesAreWidened) {
  Gaussian random(12);
  for (auto [orZeros, width] : orZerosAndWidths()) {
    constexpr int64_t rows = 37, count = 11;
    const std::vector<float> first = random.vector(rows * width), second = random.vector(rows * width);
    const Guarded<uint16_t> packed(packPairs(first, rows, width));
    Guarded<uint16_t> plain(rows * width);
    std::transform(second.begin(), second.end(), plain.begin(), toBf16);
    Guarded<int32_t> ids(2 * count);
    for (int32_t &id : ids)
      id = static_cast<int32_t>(random.below(rows + orZeros) - orZeros);
    Guarded<float> y(count * width);
    Kernel::get("embed_bf16", orZeros ? "{tables = 2, packed = 1, or_zeros = true}" : "{tables = 2, packed = 1}")
        .run({y.data(), width, count, width, nullptr, nullptr, 0.0f, packed.data(), &ids[0], plain.data(), &ids[count],
              nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr});
    auto at = [&](const std::vector<float> &table, int32_t id, int64_t column) {
      return id < 0 ? 0 : rounded(table[id * width + column]);
    };
    for (int64_t m = 0; m < count; ++m)
      for (int64_t column = 0; column < width; ++column)
        ASSERT_EQ(y[m * width + column], at(first, ids[m], column) + at(second, ids[count + m], column))
            << "width " << width << ", row " << m << ", column " << column;
  }
}

} // namespace
