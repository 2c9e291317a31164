// Times the kernels on one core, on the shapes that tests/backends/kernels checks (run kernels-test first: nothing here
// is worth reading while that fails). Each benchmark checks its own result against another computation before it times.
//
// The machine is seldom quiet, so look at `best`: the fastest of many short runs, as a share of the FMA peak that was
// measured beside it.
#include "Peak.h"
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
  double peak = lathe::bench::measureFmaPeak(), best = INFINITY;
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

} // namespace

int main(int argc, char **argv) {
  if (std::string why = whyUnsupported(); !why.empty()) {
    fprintf(stderr, "skipped: %s\n", why.c_str());
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("fma_peak_gflops", std::to_string(lathe::bench::measureFmaPeak() * 1e-9));
  benchmark::AddCustomContext("compile_seconds_all_variants", std::to_string(secondsToCompile()));
  registerGemm();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
