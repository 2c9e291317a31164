// gemm_s8, quantize_u8 and embed_s8 at every level that has code of its own for them, against naive loops over
// integers.
#include "KernelTest.h"

using namespace lathe;
using namespace lathe::test;

namespace {

class Int8Test : public KernelTest, public testing::WithParamInterface<Target> {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(GetParam()); !why.empty())
      GTEST_SKIP() << why;
  }
};

struct Variant {
  std::string params, activation;
  bool bias, residual;
};
const Variant variants[] = {
    {"{}", "none", false, false},
    {"{bias = true}", "none", true, false},
    {R"({bias = true, activation = "gelu"})", "gelu", true, false},
    {"{bias = true, residual = true}", "none", true, true},
};

/// One product of bytes from their whole ranges; strides are larger than rows are long, so that wrong ones show.
struct Problem {
  GemmShape shape;
  int64_t ldx, ldr, ldy;
  std::vector<uint8_t> x;
  std::vector<int8_t> w;
  std::vector<float> xScales, wScales, b;
  std::vector<int32_t> zeros;
  Guarded<uint8_t> rows, panels;
  Guarded<float> bias, residual;

  /// With `exact`, scales are 1, so that results are the integers themselves.
  Problem(GemmShape shape, Gaussian &random, bool exact)
      : shape(shape), ldx(alignTo(64 + shape.k, 64) + 64 * random.below(2)), ldr(shape.n + random.below(5)),
        ldy(shape.n + random.below(5)), x(bytes<uint8_t>(shape.m * shape.k, 0, 256, random)),
        w(bytes<int8_t>(shape.n * shape.k, -127, 255, random)), xScales(scales(shape.m, random, exact)),
        wScales(scales(shape.n, random, exact)), b(random.vector(shape.n)), zeros(zeroPoints(shape.m, random)),
        rows(quantizedRows(x, xScales, zeros, shape.m, shape.k, ldx)), panels(packQuads(w, wScales, shape.n, shape.k)),
        bias(padded(b)), residual(random.vector((shape.m - 1) * ldr + shape.n)) {}

  template <typename Byte> static std::vector<Byte> bytes(int64_t count, int first, int values, Gaussian &random) {
    std::vector<Byte> result(count);
    for (Byte &byte : result) // ends of the range are where saturation would show
      byte = static_cast<Byte>(random.below(4) ? first + random.below(values) : first + values - 1);
    return result;
  }
  static std::vector<float> scales(int64_t count, Gaussian &random, bool exact) {
    std::vector<float> result(count, 1.0f);
    if (!exact)
      for (float &scale : result)
        scale = (1 + random.below(100)) * 1e-4f;
    return result;
  }
  static std::vector<int32_t> zeroPoints(int64_t count, Gaussian &random) {
    std::vector<int32_t> result(count);
    for (int32_t &zero : result)
      zero = static_cast<int32_t>(random.below(256));
    return result;
  }
  int64_t sum(int64_t row, int64_t column) const {
    int64_t sum = 0;
    for (int64_t k = 0; k < shape.k; ++k)
      sum += (int64_t(x[row * shape.k + k]) - zeros[row]) * w[column * shape.k + k];
    return sum;
  }
  size_t outputSize() const { return (shape.m - 1) * ldy + shape.n; }
  void run(const Variant &variant, Target target, Guarded<float> &y, int64_t panelsPerCall, int64_t firstRow = 0,
           int64_t count = -1) const {
    Kernel::get("gemm_s8", variant.params, target)
        .run({&rows[firstRow * ldx], ldx, panels.data(), variant.bias ? bias.data() : nullptr,
              variant.residual ? &residual[firstRow * ldr] : nullptr, ldr, y.data(), ldy, count < 0 ? shape.m : count,
              shape.n, shape.k, nullptr},
             panelsPerCall);
  }
};

TEST_P(Int8Test, ProductsAreExactIntegers) {
  Gaussian random(7);
  for (GemmShape shape : gemm500Shapes()) {
    SCOPED_TRACE(testing::Message() << "M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
    const Problem problem(shape, random, /*exact=*/true);
    Guarded<float> y(problem.outputSize()), split(problem.outputSize());
    problem.run(variants[0], GetParam(), y, 0);
    for (int64_t row = 0; row < shape.m; ++row)
      for (int64_t column = 0; column < shape.n; ++column)
        ASSERT_EQ(y[row * problem.ldy + column], static_cast<float>(problem.sum(row, column)));
    problem.run(variants[0], GetParam(), split, 1);
    ASSERT_TRUE(sameBits(y, split));
  }
}

TEST_P(Int8Test, ScalesBiasAndActivationFollow) {
  Gaussian random(8);
  for (const Variant &variant : variants)
    for (GemmShape shape : gemm500Shapes()) {
      SCOPED_TRACE(testing::Message() << variant.params << " M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
      const Problem problem(shape, random, /*exact=*/false);
      Guarded<float> y(problem.outputSize());
      problem.run(variant, GetParam(), y, 0);
      for (int64_t row = 0; row < shape.m; ++row)
        for (int64_t column = 0; column < shape.n; ++column) {
          const double product = double(problem.sum(row, column)) * problem.xScales[row] * problem.wScales[column];
          double expected = activate(variant.activation, product + (variant.bias ? problem.b[column] : 0));
          if (variant.residual)
            expected += problem.residual[row * problem.ldr + column];
          ASSERT_NEAR(y[row * problem.ldy + column], expected, 1e-6 * (1 + std::abs(product) + std::abs(expected)));
        }
    }
}

TEST_P(Int8Test, OnlyTheGreatestMayBeKept) {
  Gaussian random(14);
  for (GemmShape shape : gemm500Shapes()) {
    SCOPED_TRACE(testing::Message() << "M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
    const Problem problem(shape, random, /*exact=*/shape.m % 2 == 0); // exact sums are often the same
    Guarded<float> y(problem.outputSize());
    problem.run(variants[0], GetParam(), y, 0);
    expectGreatest(y, shape.m, problem.ldy, shape.n, [&](Guarded<float> &best, int64_t ldbest) {
      Kernel::get("gemm_s8", "{best = true}", GetParam())
          .run({problem.rows.data(), problem.ldx, problem.panels.data(), nullptr, nullptr, 0, best.data(), ldbest,
                shape.m, shape.n, shape.k, nullptr},
               1);
    });
  }
}

/// The same numbers, rounded, and zeros up to a whole vector: what the next product reads beyond an odd column.
TEST_P(Int8Test, ResultsCanBeStoredInBf16) {
  Gaussian random(10);
  for (GemmShape shape : {GemmShape{1, 33, 5}, GemmShape{67, 100, 130}, GemmShape{9, 16, 1030}}) {
    const Problem problem(shape, random, /*exact=*/false);
    Guarded<float> y(problem.outputSize());
    problem.run(variants[1], GetParam(), y, 0);
    const int64_t ldy = alignTo(shape.n, 16);
    Guarded<uint16_t> narrow(shape.m * ldy);
    Kernel::get("gemm_s8", "{bias = true, y_bf16 = true}", GetParam())
        .run({problem.rows.data(), problem.ldx, problem.panels.data(), problem.bias.data(), nullptr, 0, narrow.data(),
              ldy, shape.m, shape.n, shape.k, nullptr});
    for (int64_t row = 0; row < shape.m; ++row)
      for (int64_t column = 0; column < ldy; ++column)
        ASSERT_EQ(narrow[row * ldy + column], column < shape.n ? toBf16(y[row * problem.ldy + column]) : toBf16(0.0f));
  }
}

/// What the next product reads is what quantize_u8 makes of the numbers in the same range: some of them lie beyond it.
TEST_P(Int8Test, ResultsCanBeStoredInBytes) {
  Gaussian random(13);
  const Guarded<float> range(std::vector<float>{-0.125f, 1.5f});
  for (const char *activation : {"", R"(, activation = "gelu")"})
    for (GemmShape shape : gemm500Shapes()) {
      SCOPED_TRACE(testing::Message() << activation << " M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
      const Problem problem(shape, random, /*exact=*/false);
      const Variant variant = {std::string("{bias = true") + activation + "}", "", true, false};
      Guarded<float> y(problem.outputSize());
      problem.run(variant, GetParam(), y, 0);
      const int64_t ldy = 64 + alignTo(shape.n, 64);
      const size_t size = (shape.m - 1) * ldy + 64 + alignTo(shape.n, 16);
      Guarded<uint8_t> stored(size), split(size), expected(size);
      for (auto [target, panelsPerCall] : {std::pair(&stored, 0), {&split, 1}})
        Kernel::get("gemm_s8", std::string("{bias = true, y_u8 = true") + activation + "}", GetParam())
            .run({problem.rows.data(), problem.ldx, problem.panels.data(), problem.bias.data(), nullptr, 0,
                  target->data(), ldy, shape.m, shape.n, shape.k, range.data()},
                 panelsPerCall);
      Kernel::get("quantize_u8", "{fixed = true}")
          .run({y.data(), problem.ldy, expected.data(), ldy, shape.m, shape.n, range.data(), nullptr});
      for (int64_t row = 0; row < shape.m; ++row) {
        ASSERT_EQ(std::memcmp(&stored[row * ldy], &expected[row * ldy], 8), 0) << "the header of row " << row;
        ASSERT_EQ(std::memcmp(&stored[row * ldy + 64], &expected[row * ldy + 64], shape.n), 0) << "row " << row;
        ASSERT_EQ(std::memcmp(&split[row * ldy + 64], &expected[row * ldy + 64], shape.n), 0) << "row " << row;
      }
    }
}

TEST_P(Int8Test, RowsHaveTheSameBitsAloneAndInAnyBatch) {
  Gaussian random(9);
  const Variant &variant = variants[3];
  const Problem problem({141, 100, 4177}, random, /*exact=*/false);
  Guarded<float> all(problem.outputSize());
  problem.run(variant, GetParam(), all, 0);
  expectSameBitsInAnyBatch(all, problem.shape.m, problem.ldy, problem.shape.n,
                           [&](Guarded<float> &some, int64_t first, int64_t count) {
                             problem.run(variant, GetParam(), some, 0, first, count);
                           });
}

INSTANTIATE_TEST_SUITE_P(Levels, Int8Test,
                         testing::Values(IsaLevel::Avx512, IsaLevel::Avx512Vnni, Target::emulatedAmx(), IsaLevel::Amx),
                         [](const auto &target) { return target.param.name(); });

class QuantizeTest : public KernelTest {};

TEST_F(QuantizeTest, RowsAreCutInto255Steps) {
  Gaussian random(11);
  for (int64_t width : {1, 2, 15, 16, 17, 64, 65, 100, 771})
    for (int kind = 0; kind < 4; ++kind) { // of any sign, positive, negative, all zero
      const int64_t ldx = width + 3, ldy = 64 + alignTo(width, 64), rows = 5;
      std::vector<float> numbers = random.vector((rows - 1) * ldx + width);
      for (float &number : numbers)
        number = kind == 0 ? number : kind == 1 ? std::abs(number) : kind == 2 ? -std::abs(number) : 0;
      const Guarded<float> x(numbers);
      Guarded<uint8_t> y((rows - 1) * ldy + 64 + alignTo(width, 16));
      Kernel::get("quantize_u8").run({x.data(), ldx, y.data(), ldy, rows, width, nullptr, nullptr});
      for (int64_t row = 0; row < rows; ++row) {
        const float *values = &x[row * ldx];
        const float above = std::max(0.0f, *std::max_element(values, values + width));
        const float below = std::max(0.0f, -*std::min_element(values, values + width));
        float scale;
        int32_t zero;
        std::memcpy(&scale, &y[row * ldy], sizeof scale);
        std::memcpy(&zero, &y[row * ldy + 4], sizeof zero);
        ASSERT_EQ(scale, (above + below) / 255);
        const float perStep = above + below > 0 ? 255 / (above + below) : 0;
        ASSERT_EQ(zero, std::nearbyint(below * perStep));
        for (int64_t column = 0; column < width; ++column) {
          const uint8_t q = y[row * ldy + 64 + column];
          ASSERT_EQ(q, std::clamp(std::nearbyint(values[column] * perStep) + float(zero), 0.0f, 255.0f));
          ASSERT_NEAR(scale * float(q - zero), values[column], 0.5001f * scale + 1e-7f)
              << "an end may lose half a step";
        }
      }
    }
}

TEST_F(QuantizeTest, SmoothedColumnsAreMultipliedFirst) {
  Gaussian random(15);
  for (bool fixed : {false, true})
    for (int64_t width : {1, 16, 17, 100}) {
      const int64_t ldy = 64 + alignTo(width, 64), rows = 3;
      const Guarded<float> x(random.vector(rows * width)), smoothing(random.vector(width)),
          range(std::vector<float>{-0.5f, 0.75f});
      Guarded<float> products(rows * width);
      for (int64_t at = 0; at < rows * width; ++at)
        products[at] = x[at] * smoothing[at % width];
      Guarded<uint8_t> y((rows - 1) * ldy + 64 + alignTo(width, 16)), expected(y.size());
      Kernel::get("quantize_u8", fixed ? "{fixed = true, smoothed = true}" : "{smoothed = true}")
          .run({x.data(), width, y.data(), ldy, rows, width, range.data(), smoothing.data()});
      Kernel::get("quantize_u8", fixed ? "{fixed = true}" : "{}")
          .run({products.data(), width, expected.data(), ldy, rows, width, range.data(), nullptr});
      EXPECT_TRUE(sameBits(y, expected)) << width;
    }
}

TEST_F(QuantizeTest, RowsOfBf16AreThoseWidened) {
  Gaussian random(16);
  for (const char *other : {"", "smoothed = true", "fixed = true"})
    for (int64_t width : {1, 2, 15, 16, 17, 64, 65, 771}) {
      const int64_t ldx = width + 3, ldy = 64 + alignTo(width, 64), rows = 3;
      Guarded<uint16_t> x((rows - 1) * ldx + width);
      Guarded<float> wide(x.size());
      const Guarded<float> smoothing(random.vector(width)), range(std::vector<float>{-0.5f, 0.75f});
      for (size_t at = 0; at < x.size(); ++at) {
        x[at] = toBf16(random.normal());
        wide[at] = fromBf16(x[at]);
      }
      Guarded<uint8_t> y((rows - 1) * ldy + 64 + alignTo(width, 16)), expected(y.size());
      auto run = [&](bool narrow, Arg rowsOfX, Guarded<uint8_t> &to) {
        const std::string params = std::string(narrow ? "x_bf16 = true" : "") + (narrow && *other ? ", " : "") + other;
        Kernel::get("quantize_u8", "{" + params + "}")
            .run({rowsOfX, ldx, to.data(), ldy, rows, width, range.data(), smoothing.data()});
      };
      run(false, wide.data(), expected);
      run(true, x.data(), y);
      EXPECT_TRUE(sameBits(y, expected)) << width << " " << other;
    }
}

TEST_F(QuantizeTest, ARangeCanBeFixed) {
  Gaussian random(14);
  struct {
    float least, greatest;
  } ranges[] = {{-1, 1}, {0, 0.5f}, {-2, 0}, {0, 0}};
  for (auto [least, greatest] : ranges)
    for (int64_t width : {1, 16, 100}) {
      const int64_t ldy = 64 + alignTo(width, 64), rows = 3;
      const Guarded<float> x(random.vector(rows * width)), range(std::vector<float>{least, greatest});
      Guarded<uint8_t> y((rows - 1) * ldy + 64 + alignTo(width, 16));
      Kernel::get("quantize_u8", "{fixed = true}")
          .run({x.data(), width, y.data(), ldy, rows, width, range.data(), nullptr});
      for (int64_t row = 0; row < rows; ++row) {
        float scale;
        int32_t zero;
        std::memcpy(&scale, &y[row * ldy], sizeof scale);
        std::memcpy(&zero, &y[row * ldy + 4], sizeof zero);
        for (int64_t column = 0; column < width; ++column) {
          const float clamped = std::clamp(x[row * width + column], least, greatest);
          ASSERT_NEAR(scale * float(y[row * ldy + 64 + column] - zero), clamped, 0.5001f * scale + 1e-7f)
              << least << " to " << greatest << ": " << x[row * width + column];
        }
      }
    }
}

class EmbedS8Test : public KernelTest {};

TEST_F(EmbedS8Test, RowsAreScaled) {
  Gaussian random(12);
  for (auto [orZeros, width] : orZerosAndWidths()) {
    constexpr int64_t rows = 37, count = 11;
    const auto first = Problem::bytes<int8_t>(rows * width, -127, 255, random),
               second = Problem::bytes<int8_t>(rows * width, -127, 255, random);
    const std::vector<float> firstScales = Problem::scales(rows, random, false),
                             secondScales = Problem::scales(rows, random, false);
    const Guarded<uint8_t> packed(packQuads(first, firstScales, rows, width));
    const int64_t rowBytes = 4 + alignTo(width, 4);
    Guarded<uint8_t> plain(rows * rowBytes);
    for (int64_t row = 0; row < rows; ++row) {
      std::memcpy(&plain[row * rowBytes], &secondScales[row], sizeof(float));
      std::copy_n(&second[row * width], width, reinterpret_cast<int8_t *>(&plain[row * rowBytes + 4]));
    }
    Guarded<int32_t> ids(2 * count);
    for (int32_t &id : ids)
      id = static_cast<int32_t>(random.below(rows + orZeros) - orZeros);
    Guarded<float> y(count * width);
    Kernel::get("embed_s8", orZeros ? "{tables = 2, packed = 1, or_zeros = true}" : "{tables = 2, packed = 1}")
        .run({y.data(), width, count, width, nullptr, nullptr, 0.0f, packed.data(), &ids[0], plain.data(), &ids[count],
              nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr});
    for (int64_t m = 0; m < count; ++m)
      for (int64_t column = 0; column < width; ++column) {
        const int32_t a = ids[m], b = ids[count + m];
        const float ofFirst = a < 0 ? 0 : firstScales[a] * first[a * width + column];
        const float ofSecond = b < 0 ? 0 : secondScales[b] * second[b * width + column];
        ASSERT_EQ(y[m * width + column], ofFirst + ofSecond)
            << "width " << width << ", row " << m << ", column " << column;
      }
  }
}

} // namespace
