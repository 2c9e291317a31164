#include "KernelTest.h"

using namespace lathe::test;

namespace {

using GemmTest = KernelTest;

struct Variant {
  bool bias;
  std::string activation;
  bool residual;
  std::string params() const {
    std::string list;
    auto append = [&](const std::string &text) { list += (list.empty() ? "" : ", ") + text; };
    if (bias)
      append("bias = true");
    if (activation != "none")
      append("activation = \"" + activation + "\"");
    if (residual)
      append("residual = true");
    return "{" + list + "}";
  }
};

/// One product with rows further apart than they are long, so that wrong strides show.
struct Problem {
  GemmShape shape;
  int64_t ldx, ldr, ldy;
  std::vector<float> w, b;
  Guarded<float> x, packed, bias, residual;

  Problem(GemmShape shape, Gaussian &random)
      : shape(shape), ldx(shape.k + random.below(5)), ldr(shape.n + random.below(5)), ldy(shape.n + random.below(5)),
        w(random.vector(shape.n * shape.k, 1 / std::sqrt(float(shape.k)))), b(random.vector(shape.n)),
        x(random.vector((shape.m - 1) * ldx + shape.k)), packed(packWeights(w, shape.n, shape.k)), bias(padded(b)),
        residual(random.vector((shape.m - 1) * ldr + shape.n)) {}

  size_t outputSize() const { return (shape.m - 1) * ldy + shape.n; }

  void run(const Variant &variant, Guarded<float> &y, int64_t panelsPerCall, int64_t firstRow = 0,
           int64_t rows = -1) const {
    Kernel::get("gemm_f32", variant.params())
        .run({&x[firstRow * ldx], ldx, packed.data(), variant.bias ? bias.data() : nullptr,
              variant.residual ? &residual[firstRow * ldr] : nullptr, ldr, y.data(), ldy, rows < 0 ? shape.m : rows,
              shape.n, shape.k},
             panelsPerCall);
  }
  double expected(const Variant &variant, int64_t row, int64_t column) const {
    double sum = variant.bias ? b[column] : 0;
    for (int64_t k = 0; k < shape.k; ++k)
      sum += double(x[row * ldx + k]) * w[column * shape.k + k];
    return activate(variant.activation, sum) + (variant.residual ? residual[row * ldr + column] : 0);
  }
};

void check(const Variant &variant, GemmShape shape, Gaussian &random) {
  SCOPED_TRACE(testing::Message() << variant.params() << " M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
  Problem problem(shape, random);
  Guarded<float> y(problem.outputSize());
  problem.run(variant, y, 0);
  double worst = 0;
  for (int64_t row = 0; row < shape.m; ++row) {
    for (int64_t column = 0; column < shape.n; ++column) {
      double expected = problem.expected(variant, row, column);
      worst = std::max(worst, errorOf(y[row * problem.ldy + column], expected));
    }
    if (row + 1 < shape.m)
      for (int64_t gap = shape.n; gap < problem.ldy; ++gap)
        ASSERT_TRUE(std::isnan(y[row * problem.ldy + gap])) << "wrote between rows";
  }
  // A sum of K products in a fixed order wanders by sqrt(K) roundings.
  EXPECT_LE(worst, 1e-6 + 2e-7 * std::sqrt(double(shape.k)));

  // The same bits in any split of panels.
  Guarded<float> split(problem.outputSize());
  problem.run(variant, split, 1);
  EXPECT_TRUE(sameBits(y, split));
}

TEST_F(GemmTest, OddShapesOfEveryVariant) {
  Gaussian random(7);
  for (const Variant &variant :
       {Variant{false, "none", false}, Variant{true, "none", false}, Variant{true, "none", true},
        Variant{true, "gelu", false}, Variant{true, "gelu_tanh", false}, Variant{true, "relu", false},
        Variant{true, "silu", false}, Variant{true, "tanh", false}, Variant{true, "gelu", true}})
    for (GemmShape shape : gemmOddShapes())
      check(variant, shape, random);
}

TEST_F(GemmTest, ModelShapes) {
  Gaussian random(8);
  for (GemmShape shape : gemmModelShapes)
    check({true, "none", false}, shape, random);
}

TEST_F(GemmTest, RowsHaveTheSameBitsAloneAndInAnyBatch) {
  Gaussian random(9);
  Variant variant{true, "gelu", true};
  Problem problem({141, 100, 77}, random);
  Guarded<float> all(problem.outputSize());
  problem.run(variant, all, 0);
  for (int64_t row = 0; row < problem.shape.m; ++row) {
    int64_t rows = std::min<int64_t>(1 + row % 9, problem.shape.m - row);
    Guarded<float> some((rows - 1) * problem.ldy + problem.shape.n);
    problem.run(variant, some, 0, row, rows);
    for (int64_t r = 0; r < rows; ++r)
      ASSERT_EQ(std::memcmp(&some[r * problem.ldy], &all[(row + r) * problem.ldy], problem.shape.n * sizeof(float)), 0)
          << "row " << row + r << " in a batch of " << rows;
  }
}

TEST_F(GemmTest, OnlyTheGreatestMayBeKept) {
  Gaussian random(12);
  for (GemmShape shape : gemmOddShapes()) {
    SCOPED_TRACE(testing::Message() << "M=" << shape.m << " N=" << shape.n << " K=" << shape.k);
    const Problem problem(shape, random);
    Guarded<float> y(problem.outputSize());
    problem.run({true, "none", false}, y, 0);
    expectGreatest(y, shape.m, problem.ldy, shape.n, [&](Guarded<float> &best, int64_t ldbest) {
      Kernel::get("gemm_f32", "{bias = true, best = true}")
          .run({problem.x.data(), problem.ldx, problem.packed.data(), problem.bias.data(), nullptr, 0, best.data(),
                ldbest, shape.m, shape.n, shape.k},
               1);
    });
  }
}

TEST_F(GemmTest, ResidualMayBeTheOutput) {
  Gaussian random(10);
  Problem problem({20, 70, 33}, random);
  Variant variant{true, "none", true};
  Guarded<float> apart(problem.outputSize());
  problem.run(variant, apart, 0);
  Kernel::get("gemm_f32", variant.params())
      .run({problem.x.data(), problem.ldx, problem.packed.data(), problem.bias.data(), problem.residual.data(),
            problem.ldr, problem.residual.data(), problem.ldr, 20, 70, 33});
  for (int64_t row = 0; row < 20; ++row)
    for (int64_t column = 0; column < 70; ++column)
      ASSERT_EQ(apart[row * problem.ldy + column], problem.residual[row * problem.ldr + column]);
}

TEST_F(GemmTest, NothingToDo) {
  Guarded<float> y(1);
  const Kernel &kernel = Kernel::get("gemm_f32");
  std::vector<Arg> none = {y.data(), 1, y.data(), 0, 0, 0, y.data(), 1, 0, 0, 0};
  EXPECT_EQ(kernel.panels(none), 0);
  kernel.run(none);
  EXPECT_TRUE(std::isnan(y[0]));
}

} // namespace
