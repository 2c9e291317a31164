#include "Bench.h"

namespace lathe::bench {

/// How many embeddings of distances there are, and for which distances: DeBERTa-v3's.
constexpr int64_t terms = 512, furthest = 512;
/// How far a window reaches: that of ModernBERT's local layers, and of Longformer's.
constexpr int64_t reachOfModernBert = 64, reachOfLongformer = 256;

template <typename T>
static void attention(Run &run, const Kernel &kernel, const AttentionShape &shape, const std::string &form,
                      int64_t reach) {
  Gaussian random(2);
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
  std::vector<int32_t> counted;
  for (int64_t length : shape.lengths)
    for (int64_t column = 0; column < length; ++column)
      counted.push_back(int32_t(column));
  Array<int32_t> columns(counted);
  std::vector<int32_t> marked(rows);
  for (int32_t start : starts)
    if (start < rows)
      marked[start] = 1; // as for classification
  Array<int32_t> marks(marked);
  Array<float> bias(random.vector(32 * shape.heads));
  const int64_t termRows = form.find("terms") != std::string::npos ? rows : 0;
  Array<float> queryTerms(random.vector(termRows * shape.heads * terms)),
      keyTerms(random.vector(queryTerms.bytes() / 4));
  std::vector<float> which;
  for (int64_t away = -furthest; away <= furthest; ++away)
    which.push_back(float(std::clamp<int64_t>(terms / 2 - away, 0, terms - 1)));
  Array<float> index(which);
  run.warmUp(kernel, std::vector<Arg>{&qkv[0],
                                      ld,
                                      &qkv[width],
                                      ld,
                                      &qkv[2 * width],
                                      ld,
                                      y,
                                      width,
                                      cuSeqlens,
                                      shape.lengths.size(),
                                      shape.heads,
                                      1 / std::sqrt(float(shape.headDim)),
                                      longest,
                                      mask,
                                      columns,
                                      bias,
                                      reach,
                                      queryTerms,
                                      shape.heads * terms,
                                      keyTerms,
                                      shape.heads * terms,
                                      terms,
                                      index,
                                      furthest,
                                      0,
                                      0,
                                      0,
                                      0,
                                      marks,
                                      0.0f,
                                      0,
                                      0,
                                      marks,
                                      0});
  double pairs = 0;
  for (double length : shape.lengths)
    pairs += form.find("windowed") != std::string::npos ? length * std::min<double>(length, 2 * reach + 1)
             : form.find("causal") != std::string::npos ? length * (length + 1) / 2
                                                        : length * length;
  const bool hasGlobals = form.find("globals") != std::string::npos; // rows of such tokens are zeros
  run.time(holdsAt(rows * width, [&](int64_t i) { return isNear(y[i], hasGlobals ? 1 - marks[i / width] : 1); }),
           {4 * pairs * width, 0});
}

template <typename T> static void addAttention(const std::string &family) {
  for (const AttentionShape &shape : attentionModelShapes)
    for (const char *form : {"", ", masked = true", ", buckets = 32, distance = 128", ", windowed = true",
                             ", causal = true", ", query_terms = true, key_terms = true"}) {
      if (shape.headDim != 64 && std::string(form).find("masked") == std::string::npos && *form)
        continue; // heads of 64 are enough to see what a form costs
      std::string text = std::to_string(shape.lengths.size()) + "x" + std::to_string(shape.lengths.front()) +
                         "/heads:" + std::to_string(shape.heads);
      add(family, "{head_dim = " + std::to_string(shape.headDim) + form + "}", text,
          [=](Run &run, const Kernel &kernel) { attention<T>(run, kernel, shape, form, reachOfModernBert); });
    }
  const AttentionShape longText = {64, 12, {4096}};
  for (const char *form : {", masked = true", ", windowed = true, globals = true"})
    add(family, "{head_dim = 64" + std::string(form) + "}", "1x4096/heads:12",
        [=](Run &run, const Kernel &kernel) { attention<T>(run, kernel, longText, form, reachOfLongformer); });
}

void bench_attention_f32() {
  addAttention<float>("attention_f32");
  addPagedAttention<float>("attention_f32");
}
void bench_attention_bf16() {
  addAttention<uint16_t>("attention_bf16");
  addPagedAttention<uint16_t>("attention_bf16");
}

} // namespace lathe::bench
