// Times the kernels on one core, on the shapes that tests/backends/kernels checks (run kernels-test first: nothing here
// is worth reading while that fails). Each benchmark checks its own result against another computation before it times.
//
// The machine is seldom quiet, so look at `best`: the fastest of many short runs, as a share of the FMA peak that was
// measured beside it.
#include "compiler/driver/bench/MachineProbe.h"
#include "tests/backends/kernels/Harness.h"
#include "tests/backends/kernels/Reference.h"
#include "tests/backends/kernels/Shapes.h"
#include <benchmark/benchmark.h>
#include <chrono>
#include <functional>

using namespace lathe::test;

namespace {

using Clock = std::chrono::steady_clock;

/// Times `run`, which does `flops` of arithmetic.
void measure(benchmark::State &state, double flops, const std::function<void()> &run) {
  double peak = *lathe::probeFmaF32(1, 0.02), best = INFINITY;
  for (auto _ : state) {
    auto start = Clock::now();
    run();
    double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["best_us"] = best * 1e6;
  state.counters["GFLOP/s"] = flops / best * 1e-9;
  state.counters["peak"] = flops / best / peak;
}

void gemm(benchmark::State &state, GemmShape shape, const std::string &params, bool cold) {
  Random random(1);
  std::vector<float> x = random.vector(shape.m * shape.k), w = random.vector(shape.n * shape.k);
  std::vector<float> packed = packWeights(w, shape.n, shape.k), bias = random.vector((shape.n + 15) / 16 * 16);
  std::vector<float> residual = random.vector(shape.m * shape.n), y(shape.m * shape.n);
  // Enough copies of the weights that none is in a cache when its turn comes again.
  size_t copies = cold ? 1 + (size_t(256) << 20) / (packed.size() * sizeof(float)) : 1;
  std::vector<std::vector<float>> weights(copies, packed);

  const Kernel &kernel = Kernel::get("gemm_f32", params);
  std::vector<uint8_t> scratch(kernel.scratchBytes() + 64);
  size_t turn = 0;
  auto run = [&] {
    std::vector<Arg> args = {
        x.data(), shape.k, weights[turn].data(), bias.data(), residual.data(), shape.n, y.data(), shape.n, shape.m,
        shape.n,  shape.k};
    kernel.call(args, 0, kernel.panels(args), scratch.data());
    turn = (turn + 1) % copies;
  };
  run();
  for (int sample = 0; sample < 50 && params == "{}"; ++sample) {
    int64_t row = random.below(shape.m), column = random.below(shape.n);
    double sum = 0;
    for (int64_t k = 0; k < shape.k; ++k)
      sum += double(x[row * shape.k + k]) * w[column * shape.k + k];
    if (std::abs(y[row * shape.n + column] - sum) > 1e-3 * std::sqrt(double(shape.k)))
      return state.SkipWithError("wrong result");
  }
  measure(state, 2.0 * shape.m * shape.n * shape.k, run);
  if (cold)
    state.counters["GB/s"] = packed.size() * sizeof(float) / (state.counters["best_us"] * 1e3);
}

void registerGemm() {
  for (GemmShape shape : gemmModelShapes) {
    std::string size = std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" + std::to_string(shape.k);
    auto add = [&](const std::string &name, const char *params, bool cold) {
      benchmark::RegisterBenchmark((name + "/" + size).c_str(), gemm, shape, params, cold)->UseManualTime();
    };
    add("gemm_f32", "{}", false);
    if (shape.m >= 128)
      add("gemm_f32_gelu", R"({bias = true, activation = "gelu"})", false);
    else
      add("gemm_f32_cold", "{}", true);
  }
}

void attention(benchmark::State &state, AttentionShape shape) {
  Random random(2);
  std::vector<int32_t> cuSeqlens = prefixSums(shape.lengths);
  int64_t rows = cuSeqlens.back(), width = shape.heads * shape.headDim, ld = 3 * width;
  int64_t longest = *std::max_element(shape.lengths.begin(), shape.lengths.end());
  // Queries, keys and values side by side, as the merged projection leaves them.
  std::vector<float> qkv = random.vector(rows * ld), y(rows * width);
  for (int64_t row = 0; row < rows; ++row)
    std::fill_n(&qkv[row * ld + 2 * width], width, 1.0f);
  const Kernel &kernel = Kernel::get("attention_f32", "{head_dim = " + std::to_string(shape.headDim) + "}");
  std::vector<uint8_t> scratch(kernel.scratchBytes() + 64);
  float scale = 1 / std::sqrt(float(shape.headDim));
  std::vector<Arg> args = {
      qkv.data(),           ld,          &qkv[width], ld,      &qkv[2 * width], ld, y.data(), width, cuSeqlens.data(),
      shape.lengths.size(), shape.heads, scale,       longest, nullptr};
  auto run = [&] { kernel.call(args, 0, kernel.panels(args), scratch.data()); };
  run();
  for (float value : y)
    if (std::abs(value - 1) > 1e-5) // weights that sum to one leave values of one as they are
      return state.SkipWithError("wrong result");
  double scores = 0;
  for (double length : shape.lengths)
    scores += length * length * shape.heads;
  measure(state, 4 * scores * shape.headDim, run);
}

void layerNorm(benchmark::State &state, RowShape shape) {
  Random random(3);
  std::vector<float> x = random.vector(shape.rows * shape.width), gamma(shape.width, 1.0f), beta(shape.width, 0.0f);
  std::vector<float> residual = random.vector(x.size()), y(x.size());
  const Kernel &kernel = Kernel::get("layer_norm_f32", "{residual = true}");
  std::vector<Arg> args = {x.data(), shape.width, residual.data(), shape.width, gamma.data(), beta.data(),
                           y.data(), shape.width, shape.rows,      shape.width, 1e-12f};
  auto run = [&] { kernel.call(args, 0, kernel.panels(args), nullptr); };
  run();
  for (int64_t row = 0; row < shape.rows; ++row) {
    double mean = 0, square = 0;
    for (int64_t column = 0; column < shape.width; ++column) {
      mean += y[row * shape.width + column] / shape.width;
      square += double(y[row * shape.width + column]) * y[row * shape.width + column] / shape.width;
    }
    if (std::abs(mean) > 1e-5 || std::abs(square - 1) > 1e-5)
      return state.SkipWithError("wrong result");
  }
  measure(state, 8.0 * shape.rows * shape.width, run);
  state.counters["ns_per_row"] = state.counters["best_us"] * 1e3 / shape.rows;
}

void registerRest() {
  for (const AttentionShape &shape : attentionModelShapes) {
    std::string name = "attention_f32/" + std::to_string(shape.lengths.size()) + "x" +
                       std::to_string(shape.lengths.front()) + "/heads:" + std::to_string(shape.heads) +
                       "/head_dim:" + std::to_string(shape.headDim);
    benchmark::RegisterBenchmark(name.c_str(), attention, shape)->UseManualTime();
  }
  for (RowShape shape : {RowShape{128, 384}, RowShape{128, 768}})
    benchmark::RegisterBenchmark(
        ("layer_norm_f32/" + std::to_string(shape.rows) + "x" + std::to_string(shape.width)).c_str(), layerNorm, shape)
        ->UseManualTime();
}

} // namespace

int main(int argc, char **argv) {
  if (std::string why = whyUnsupported(); !why.empty()) {
    fprintf(stderr, "skipped: %s\n", why.c_str());
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("fma_peak_gflops", std::to_string(*lathe::probeFmaF32(1, 0.1) * 1e-9));
  benchmark::AddCustomContext("compile_seconds_all_variants", std::to_string(secondsToCompile()));
  registerGemm();
  registerRest();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
