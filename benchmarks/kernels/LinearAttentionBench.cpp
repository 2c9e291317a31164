// Linear attention: time per token does not grow with the length.
#include "Bench.h"

namespace lathe::bench {

constexpr int64_t headDim = 64, heads = 12;

void bench_linear_attention_f32() {
  for (int64_t features : {64, 256})
    for (const char *form : {"", ", causal = true"})
      for (int64_t length : {128, 512, 4096}) {
        const std::string map = features == headDim ? "elu" : "exp";
        add("linear_attention_f32",
            "{map = \"" + map + "\"" + form + ", head_dim = 64, features = " + std::to_string(features) + "}",
            std::to_string(length) + "/heads:12", [=](Run &run, const Kernel &kernel) {
              Gaussian random(8);
              const int64_t ldq = heads * features, ldv = heads * headDim;
              Array<float> q(random.vector(length * ldq)), k(random.vector(length * ldq)), y(length * ldv);
              // Weights that sum to one leave values of one as they are.
              Array<float> v(std::vector<float>(length * ldv, 1.0f));
              Array<int32_t> cuSeqlens(std::vector<int32_t>{0, int32_t(length)});
              run.warmUp(kernel, std::vector<Arg>{q, ldq, k, ldq, v, ldv, y, ldv, cuSeqlens, 1, heads, 0, length});
              run.time(holdsAt(length * ldv, [&](int64_t i) { return isNear(y[i], 1, length); }),
                       {4.0 * double(length * ldq * headDim), 0});
            });
      }
}

void bench_random_features_f32() {
  constexpr int64_t rows = 1024, features = 256, width = heads * headDim;
  add("random_features_f32", "{}", "1024x12x64x256", [](Run &run, const Kernel &kernel) {
    Gaussian random(9);
    const std::vector<float> w = random.vector(features * headDim);
    Array<float> x(random.vector(rows * width)), packed(packWeights(w, features, headDim)), y(rows * heads * features);
    run.warmUp(kernel, std::vector<Arg>{x, width, packed, y, heads * features, rows, heads, headDim, features, 1.0f});
    auto isRight = [&](int64_t i) {
      const int64_t head = i / features * headDim, f = i % features;
      double expected = 0;
      for (int64_t d = 0; d < headDim; ++d)
        expected += x[head + d] * (w[f * headDim + d] - x[head + d] / 2.0);
      return isNear(y[i], expected, headDim);
    };
    run.time(holdsAt(rows * heads * features, isRight), {2.0 * rows * width * features, 0});
  });
}

} // namespace lathe::bench
