#include "Peak.h"

#include <algorithm>
#include <chrono>

namespace lathe::bench {

using Vector = float __attribute__((vector_size(64)));
static constexpr int accumulators = 16, steps = 20000;

/// Sixteen independent chains: twice what two units with a latency of four need.
__attribute__((target("avx512f,fma"), noinline)) static float fmaChains() {
  Vector sums[accumulators] = {}, factor = Vector{} + 0.5f, term = Vector{} + 1.0f;
  for (int step = 0; step < steps; ++step)
#pragma clang loop unroll(full)
    for (int i = 0; i < accumulators; ++i)
      sums[i] = __builtin_elementwise_fma(sums[i], factor, term);
  Vector total = {};
  for (const Vector &sum : sums)
    total += sum;
  return total[0];
}

double measureFmaPeak() {
  double best = 0;
  for (int run = 0; run < 100; ++run) {
    auto start = std::chrono::steady_clock::now();
    volatile float sink = fmaChains();
    (void)sink;
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * 16 * accumulators * steps / seconds);
  }
  return best;
}

} // namespace lathe::bench
