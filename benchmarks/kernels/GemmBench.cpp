// Products: every variant on one shape, then every shape, with weights in caches and, for few rows, in memory.
#include "Bench.h"

namespace lathe::bench {

static double expected(const std::vector<float> &x, const std::vector<float> &w, int64_t k, int64_t row,
                       int64_t column) {
  double sum = 0;
  for (int64_t i = 0; i < k; ++i)
    sum += double(x[row * k + i]) * w[column * k + i];
  return sum;
}

static std::string shapeText(GemmShape shape) {
  return std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" + std::to_string(shape.k);
}

/// `activation` and `residual` are those of `params`.
static void gemm(Run &run, const Kernel &kernel, GemmShape shape, const std::string &activation, bool bias,
                 bool residual, bool cold) {
  auto [m, n, k] = shape;
  Random random(1);
  std::vector<float> x = random.vector(m * k), w = random.vector(n * k, 1 / std::sqrt(float(k)));
  std::vector<float> packed = packWeights(w, n, k);
  Array<float> input(x), b(random.vector((n + 15) / 16 * 16)), r(random.vector(m * n)), y(m * n);
  // Cold: enough copies of the weights that none is in a cache when its turn comes again.
  size_t copies = cold ? 1 + (size_t(256) << 20) / (packed.size() * sizeof(float)) : 1;
  std::vector<Array<float>> weights;
  std::vector<std::vector<Arg>> turns;
  for (size_t copy = 0; copy < copies; ++copy) {
    weights.emplace_back(packed);
    turns.push_back({input, k, weights.back(), bias ? Arg(b) : Arg(0), residual ? Arg(r) : Arg(0), n, y, n, m, n, k});
  }
  run.warmUp(kernel, turns);
  bool correct = holdsAt(m * n, [&](int64_t i) {
    double sum = expected(x, w, k, i / n, i % n) + (bias ? b[i % n] : 0);
    return isNear(y[i], activate(activation, sum) + (residual ? r[i] : 0), k);
  });
  double bytes = cold ? double(packed.size() * sizeof(float)) : 0;
  run.time(correct, {2.0 * m * n * k, bytes, /*fromMemory=*/cold});
}

void bench_gemm_f32() {
  auto addVariant = [](GemmShape shape, const std::string &activation, bool bias, bool residual, bool cold = false) {
    std::string params;
    for (const auto &[set, text] : {std::pair(bias, std::string("bias = true")),
                                    {activation != "none", "activation = \"" + activation + "\""},
                                    {residual, std::string("residual = true")}})
      if (set)
        params += (params.empty() ? "" : ", ") + text;
    add("gemm_f32", "{" + params + "}", shapeText(shape) + (cold ? "/cold" : ""),
        [=](Run &run, const Kernel &kernel) { gemm(run, kernel, shape, activation, bias, residual, cold); });
  };
  for (GemmShape shape : gemmModelShapes) {
    addVariant(shape, "none", false, false);
    if (shape.m < 128)
      addVariant(shape, "none", false, false, /*cold=*/true);
  }
  for (const char *activation : {"none", "gelu", "gelu_tanh", "relu", "silu", "tanh"})
    addVariant({128, 3072, 768}, activation, true, false);
  for (const char *activation : {"none", "gelu"})
    addVariant({128, 768, 3072}, activation, true, true);
}

} // namespace lathe::bench
