// Products: every variant on one shape, then every shape, with weights in caches and, for few rows, in memory.
#include "Bench.h"

#include <functional>

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

namespace {
/// The parameters of a family's variant.
struct Variant {
  std::string activation = "none";
  bool bias = false, residual = false, yBf16 = false;
  std::string group = {}; ///< of int4, if not the usual one

  std::string params() const {
    std::string params;
    for (const auto &[set, text] : {std::pair(bias, std::string("bias = true")),
                                    {activation != "none", "activation = \"" + activation + "\""},
                                    {residual, std::string("residual = true")},
                                    {yBf16, std::string("y_bf16 = true")},
                                    {!group.empty(), "group = \"" + group + "\""}})
      if (set)
        params += (params.empty() ? "" : ", ") + text;
    return "{" + params + "}";
  }
};
} // namespace

/// A result may be rounded to bf16, which has 8 bits.
static bool isNearBf16(uint16_t got, double expected) { return errorOf(fromBf16(got), expected) <= 0x1p-8; }

/// x and the weights are of float, or of uint16_t, which is bf16.
template <typename Stored>
static void gemm(Run &run, const Kernel &kernel, GemmShape shape, const Variant &variant, bool cold) {
  auto [m, n, k] = shape;
  Gaussian random(1);
  std::vector<float> x = rounded<Stored>(random.vector(m * k)),
                     w = rounded<Stored>(random.vector(n * k, 1 / std::sqrt(float(k))));
  std::vector<Stored> panels = packed<Stored>(w, n, k);
  Array<Stored> input(as<Stored>(x));
  Array<float> b(random.vector((n + 15) / 16 * 16)), r(random.vector(m * n)), y(variant.yBf16 ? 0 : m * n);
  Array<uint16_t> narrowY(variant.yBf16 ? m * n : 0);
  // Cold: enough copies of the weights that none is in a cache when its turn comes again.
  size_t bytes = panels.size() * sizeof(Stored), copies = cold ? 1 + (size_t(256) << 20) / bytes : 1;
  std::vector<Array<Stored>> weights;
  std::vector<std::vector<Arg>> turns;
  for (size_t copy = 0; copy < copies; ++copy) {
    weights.emplace_back(panels);
    turns.push_back({input, k, weights.back(), variant.bias ? Arg(b) : Arg(0), variant.residual ? Arg(r) : Arg(0), n,
                     variant.yBf16 ? Arg(narrowY) : Arg(y), n, m, n, k});
  }
  run.warmUp(kernel, turns);
  bool correct = holdsAt(m * n, [&](int64_t i) {
    double sum = expected(x, w, k, i / n, i % n) + (variant.bias ? b[i % n] : 0);
    double result = activate(variant.activation, sum) + (variant.residual ? r[i] : 0);
    return variant.yBf16 ? isNearBf16(narrowY[i], result) : isNear(y[i], result, k);
  });
  run.time(correct, {2.0 * m * n * k, cold ? double(bytes) : 0, /*fromMemory=*/cold});
}

template <typename Stored>
static void addGemm(const std::string &family, GemmShape shape, const Variant &variant, bool cold = false) {
  add(family, variant.params(), shapeText(shape) + (cold ? "/cold" : ""),
      [=](Run &run, const Kernel &kernel) { gemm<Stored>(run, kernel, shape, variant, cold); });
}

template <typename Stored> static void addModelShapes(const std::string &family) {
  for (GemmShape shape : gemmModelShapes) {
    addGemm<Stored>(family, shape, {});
    if (shape.m < 128)
      addGemm<Stored>(family, shape, {}, /*cold=*/true);
  }
}

void bench_gemm_f32() {
  addModelShapes<float>("gemm_f32");
  for (const char *activation : {"none", "gelu", "gelu_tanh", "relu", "silu", "tanh"})
    addGemm<float>("gemm_f32", {128, 3072, 768}, {activation, /*bias=*/true});
  for (const char *activation : {"none", "gelu"})
    addGemm<float>("gemm_f32", {128, 768, 3072}, {activation, /*bias=*/true, /*residual=*/true});
}

void bench_gemm_bf16() {
  addModelShapes<uint16_t>("gemm_bf16");
  for (const char *activation : {"none", "gelu"})
    addGemm<uint16_t>("gemm_bf16", {128, 3072, 768}, {activation, /*bias=*/true});
  for (const char *activation : {"gelu", "silu"})
    addGemm<uint16_t>("gemm_bf16", {128, 3072, 768}, {activation, /*bias=*/true, /*residual=*/false, /*yBf16=*/true});
  addGemm<uint16_t>("gemm_bf16", {128, 768, 3072}, {"none", /*bias=*/true, /*residual=*/true});
}

/// Products of bytes, whose results are compared with exact sums: weight(n, k) is what `panels` hold. `behind`:
/// arguments behind those that all such kernels have.
static void gemmOfBytes(Run &run, const Kernel &kernel, GemmShape shape, const Variant &variant, bool cold,
                        Gaussian &random, const std::vector<uint8_t> &panels, const std::vector<Arg> &behind,
                        const std::function<int64_t(int64_t n, int64_t k)> &weight) {
  auto [m, n, k] = shape;
  std::vector<uint8_t> q(m * k);
  for (uint8_t &byte : q)
    byte = static_cast<uint8_t>(random.below(256));
  const float scale = 1 / (64 * 64 * std::sqrt(float(k)));
  const int64_t ldx = 64 + (k + 63) / 64 * 64;
  Array<uint8_t> input(quantizedRows(q, std::vector<float>(m, scale), std::vector<int32_t>(m, 128), m, k, ldx));
  Array<float> b(random.vector((n + 15) / 16 * 16)), r(random.vector(m * n)), y(m * n);
  size_t copies = cold ? 1 + (size_t(256) << 20) / panels.size() : 1;
  std::vector<Array<uint8_t>> weights;
  std::vector<std::vector<Arg>> turns;
  for (size_t copy = 0; copy < copies; ++copy) {
    weights.emplace_back(panels);
    turns.push_back({input, ldx, weights.back(), variant.bias ? Arg(b) : Arg(0), variant.residual ? Arg(r) : Arg(0), n,
                     y, n, m, n, k});
    turns.back().insert(turns.back().end(), behind.begin(), behind.end());
  }
  run.warmUp(kernel, turns);
  bool correct = holdsAt(m * n, [&](int64_t i) {
    int64_t sum = 0;
    for (int64_t j = 0; j < k; ++j)
      sum += int64_t(q[i / n * k + j] - 128) * weight(i % n, j);
    return isNear(y[i], activate(variant.activation, double(sum) * scale + (variant.bias ? b[i % n] : 0)) +
                            (variant.residual ? r[i] : 0));
  });
  run.time(correct, {2.0 * m * n * k, cold ? double(panels.size()) : 0, /*fromMemory=*/cold});
}

static void gemmS8(Run &run, const Kernel &kernel, GemmShape shape, const Variant &variant, bool cold) {
  const int64_t n = shape.n, k = shape.k;
  Gaussian random(1);
  std::vector<int8_t> w(n * k);
  for (int8_t &byte : w)
    byte = static_cast<int8_t>(random.below(255) - 127);
  gemmOfBytes(run, kernel, shape, variant, cold, random, packQuads(w, std::vector<float>(n, 1.0f), n, k),
              /*behind=*/{Arg(0)}, [&](int64_t row, int64_t column) { return w[row * k + column]; });
}

void bench_gemm_s8() {
  auto addOne = [](GemmShape shape, const Variant &variant, bool cold) {
    add("gemm_s8", variant.params(), shapeText(shape) + (cold ? "/cold" : ""),
        [=](Run &run, const Kernel &kernel) { gemmS8(run, kernel, shape, variant, cold); });
  };
  for (GemmShape shape : gemmModelShapes) {
    addOne(shape, {}, /*cold=*/false);
    if (shape.m < 128)
      addOne(shape, {}, /*cold=*/true);
  }
  addOne({128, 3072, 768}, {"gelu", /*bias=*/true}, /*cold=*/false);
  addOne({128, 768, 3072}, {"none", /*bias=*/true, /*residual=*/true}, /*cold=*/false);
}

static void gemmS4(Run &run, const Kernel &kernel, GemmShape shape, const Variant &variant, int64_t group, bool cold) {
  const int64_t n = shape.n, k = shape.k;
  Gaussian random(1);
  Int4Weights w = {n, k, group, std::vector<float>(n, 1.0f), {}, {}, {}};
  w.codes.resize(n * k);
  for (uint8_t &code : w.codes)
    code = static_cast<uint8_t>(random.below(16));
  w.steps.assign(n * w.groups(), 11);
  w.zeros.assign(n * w.groups(), 8);
  gemmOfBytes(run, kernel, shape, variant, cold, random, w.panels(), /*behind=*/{},
              [&](int64_t row, int64_t column) { return w.byteAt(row, column); });
}

void bench_gemm_s4() {
  auto addOne = [](GemmShape shape, const Variant &variant, int64_t group, bool cold) {
    add("gemm_s4", variant.params(), shapeText(shape) + (cold ? "/cold" : ""),
        [=](Run &run, const Kernel &kernel) { gemmS4(run, kernel, shape, variant, group, cold); });
  };
  for (GemmShape shape : gemmModelShapes) {
    addOne(shape, {}, 64, /*cold=*/false);
    if (shape.m < 128)
      addOne(shape, {}, 64, /*cold=*/true);
  }
  for (int64_t group : {32, 128})
    addOne({16, 3072, 768}, {.group = "g" + std::to_string(group)}, group, /*cold=*/true);
  addOne({128, 3072, 768}, {"gelu", /*bias=*/true}, 64, /*cold=*/false);
  addOne({128, 768, 3072}, {"none", /*bias=*/true, /*residual=*/true}, 64, /*cold=*/false);
}

} // namespace lathe::bench
