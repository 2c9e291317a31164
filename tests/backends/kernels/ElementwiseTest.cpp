#include "KernelTest.h"

using namespace lathe::test;

namespace {

using ElementwiseTest = KernelTest;

/// Runs unary_f32 over `values`.
std::vector<float> unary(const std::string &op, const std::vector<float> &values, float scale = 0) {
  Guarded<float> x(values), y(values.size()), split(values.size());
  const Kernel &kernel = Kernel::get("unary_f32", "{op = \"" + op + "\"}");
  kernel.run({x.data(), y.data(), values.size(), scale});
  kernel.run({x.data(), split.data(), values.size(), scale}, 1);
  EXPECT_TRUE(sameBits(y, split));
  kernel.run({x.data(), x.data(), values.size(), scale});
  EXPECT_TRUE(sameBits(x, y)) << "in place";
  return y.copy();
}

/// Every float sign and exponent with a few hundred mantissas, and a fine grid where functions bend.
std::vector<float> everywhere() {
  std::vector<float> values;
  for (uint32_t bits = 0; bits < 0x7F800000u; bits += 0x7FFF) {
    float value = std::bit_cast<float>(bits);
    values.push_back(value);
    values.push_back(-value);
  }
  for (int i = -400000; i <= 400000; ++i)
    values.push_back(i * 2.5e-5f);
  return values;
}

TEST_F(ElementwiseTest, ActivationsOverTheWholeRange) {
  std::vector<float> values = everywhere();
  for (auto [name, tolerance] : {std::pair{"gelu", 3e-7}, {"gelu_tanh", 5e-7}, {"silu", 5e-7}}) {
    std::vector<float> y = unary(name, values);
    double worst = 0, where = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      // Huge inputs: the cubic of the tanh form overflows a float, to the right limit.
      double error = std::abs(y[i] - activate(name, values[i])) / std::max(1.0, std::abs(double(values[i])));
      if (!(error <= worst)) {
        worst = std::isnan(error) ? INFINITY : error;
        where = values[i];
      }
    }
    EXPECT_LE(worst, tolerance) << name << " at " << where;
  }
}

TEST_F(ElementwiseTest, TanhIsAccurateRelativeToItself) {
  std::vector<float> values = everywhere(), y = unary("tanh", values);
  for (size_t i = 0; i < y.size(); ++i) {
    double expected = std::tanh(double(values[i]));
    ASSERT_LE(std::abs(y[i] - expected), 5e-7 * std::abs(expected) + 1e-37) << values[i];
  }
}

TEST_F(ElementwiseTest, LimitsAreExact) {
  EXPECT_EQ(unary("gelu", {-100.0f, -5.25f, 5.25f, 100.0f, 0.0f}), (std::vector<float>{0, 0, 5.25f, 100, 0}));
  EXPECT_EQ(unary("tanh", {-INFINITY, -30.0f, 30.0f, INFINITY, 0.0f}), (std::vector<float>{-1, -1, 1, 1, 0}));
  EXPECT_EQ(unary("relu", {-INFINITY, -1.0f, 0.0f, 2.0f}), (std::vector<float>{0, 0, 0, 2}));
  for (const char *op : {"gelu", "gelu_tanh", "relu", "silu", "tanh", "scale"})
    EXPECT_TRUE(std::isnan(unary(op, {NAN})[0])) << op;
}

TEST_F(ElementwiseTest, CountsThatAreNoMultiples) {
  Gaussian random(1);
  for (size_t count : {0, 1, 15, 16, 17, 4095, 4096, 4097, 8200}) {
    std::vector<float> values = random.vector(count), y = unary("scale", values, 3.0f);
    const std::vector<float> capped = unary("soft_cap", values, 0.7f);
    for (size_t i = 0; i < count; ++i)
      ASSERT_NEAR(capped[i], 0.7 * std::tanh(values[i] / 0.7), 4e-7);
    for (size_t i = 0; i < count; ++i)
      ASSERT_EQ(y[i], values[i] * 3.0f);
  }
}

TEST_F(ElementwiseTest, AddAndCopy) {
  Gaussian random(2);
  for (RowShape shape : rowOddShapes())
    for (bool broadcast : {false, true}) {
      int64_t lda = shape.width + random.below(3), ldb = broadcast ? 0 : shape.width + random.below(3);
      int64_t ldy = shape.width + random.below(3);
      auto size = [&](int64_t ld) { return shape.rows ? (shape.rows - 1) * ld + shape.width : 0; };
      Guarded<float> a(random.vector(size(lda))), b(random.vector(size(ldb))), sum(size(ldy)), copy(size(ldy));
      Guarded<float> split(size(ldy));
      Kernel::get("add_f32").run({a.data(), lda, b.data(), ldb, sum.data(), ldy, shape.rows, shape.width});
      Kernel::get("add_f32").run({a.data(), lda, b.data(), ldb, split.data(), ldy, shape.rows, shape.width}, 1);
      Kernel::get("copy_f32").run({b.data(), ldb, copy.data(), ldy, shape.rows, shape.width}, 1);
      EXPECT_TRUE(sameBits(sum, split));
      EXPECT_TRUE(copy.intact());
      for (int64_t m = 0; m < shape.rows; ++m)
        for (int64_t n = 0; n < ldy && m * ldy + n < static_cast<int64_t>(sum.size()); ++n) {
          bool gap = n >= shape.width;
          ASSERT_TRUE(gap ? std::isnan(sum[m * ldy + n]) : sum[m * ldy + n] == a[m * lda + n] + b[m * ldb + n]);
          ASSERT_TRUE(gap ? std::isnan(copy[m * ldy + n]) : copy[m * ldy + n] == b[m * ldb + n]);
        }
    }
}

} // namespace
