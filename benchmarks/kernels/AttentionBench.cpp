#include "Bench.h"

namespace lathe::bench {

template <typename T> static void attention(Run &run, const Kernel &kernel, const AttentionShape &shape, bool masked) {
  Random random(2);
  std::vector<int32_t> starts = prefixSums(shape.lengths);
  int64_t rows = starts.back(), width = shape.heads * shape.headDim, ld = 3 * width;
  int64_t longest = *std::max_element(shape.lengths.begin(), shape.lengths.end());
  // Queries, keys and values side by side, as the merged projection leaves them. Weights that sum to one leave values
  // of one as they are.
  std::vector<float> values = random.vector(rows * ld);
  for (int64_t row = 0; row < rows; ++row)
    std::fill_n(&values[row * ld + 2 * width], width, 1.0f);
  Array<T> qkv(as<T>(values));
  Array<float> y(rows * width);
  Array<int32_t> cuSeqlens(starts);
  Array<uint8_t> mask(std::vector<uint8_t>(rows, 1));
  run.warmUp(kernel,
             std::vector<Arg>{&qkv[0], ld, &qkv[width], ld, &qkv[2 * width], ld, y, width, cuSeqlens,
                              shape.lengths.size(), shape.heads, 1 / std::sqrt(float(shape.headDim)), longest, mask});
  double pairs = 0;
  for (double length : shape.lengths)
    pairs += length * length;
  run.time(holdsAt(rows * width, [&](int64_t i) { return isNear(y[i], 1); }), {4 * pairs * width, 0});
}

template <typename T> static void addAttention(const std::string &family) {
  for (const AttentionShape &shape : attentionModelShapes)
    for (bool masked : {false, true}) {
      std::string text = std::to_string(shape.lengths.size()) + "x" + std::to_string(shape.lengths.front()) +
                         "/heads:" + std::to_string(shape.heads);
      add(family, "{head_dim = " + std::to_string(shape.headDim) + (masked ? ", masked = true}" : "}"), text,
          [=](Run &run, const Kernel &kernel) { attention<T>(run, kernel, shape, masked); });
    }
}

void bench_attention_f32() { addAttention<float>("attention_f32"); }
void bench_attention_bf16() { addAttention<uint16_t>("attention_bf16"); }

} // namespace lathe::bench
