// What only the unfused form calls: attention in parts, over all its scores.
#include "Bench.h"

namespace lathe::bench {

namespace {
/// A batch of equal lengths, as the dense form has them.
struct Dense {
  int64_t batch, seq, heads, headDim;
  explicit Dense(const AttentionShape &shape)
      : batch(static_cast<int64_t>(shape.lengths.size())), seq(shape.lengths.front()), heads(shape.heads),
        headDim(shape.headDim) {}
  int64_t width() const { return heads * headDim; }
  int64_t rows() const { return batch * seq; }
  int64_t scores() const { return batch * heads * seq * seq; }
  std::string text() const {
    return std::to_string(batch) + "x" + std::to_string(seq) + "/heads:" + std::to_string(heads) +
           "/head_dim:" + std::to_string(headDim);
  }
};

/// The models' shapes whose scores are not hundreds of megabytes.
std::vector<Dense> denseShapes() {
  std::vector<Dense> shapes;
  for (const AttentionShape &shape : attentionModelShapes)
    if (Dense dense(shape); dense.scores() * sizeof(float) < (64u << 20))
      shapes.push_back(dense);
  return shapes;
}
} // namespace

static double floats(double count) { return count * sizeof(float); }

/// `split` says which way.
static void heads(Run &run, const Kernel &kernel, Dense dense, bool split) {
  auto [batch, seq, heads, headDim] = dense;
  int64_t width = dense.width(), size = dense.rows() * width;
  Gaussian random(1);
  Array<float> x(random.vector(size)), y(size);
  std::vector<Arg> args{x, y, width, batch, seq, heads, headDim};
  if (split) // Every head once.
    args.push_back(int64_t(1));
  run.warmUp(kernel, args);
  bool correct = holdsAt(size, [&](int64_t i) {
    int64_t row = i / width, column = i % width, head = row / seq * heads + column / headDim;
    int64_t apart = (head * seq + row % seq) * headDim + column % headDim;
    return split ? y[apart] == x[i] : y[i] == x[apart];
  });
  run.time(correct, {0, floats(2.0 * size)});
}

void bench_split_heads_f32() {
  for (Dense dense : denseShapes())
    add("split_heads_f32", "{}", dense.text(),
        [=](Run &run, const Kernel &kernel) { heads(run, kernel, dense, true); });
}

void bench_merge_heads_f32() {
  for (Dense dense : denseShapes())
    add("merge_heads_f32", "{}", dense.text(),
        [=](Run &run, const Kernel &kernel) { heads(run, kernel, dense, false); });
}

void bench_batched_matmul_f32() {
  for (bool transposed : {true, false})
    for (Dense dense : denseShapes())
      add("batched_matmul_f32", transposed ? "{transpose_b = true}" : "{}", dense.text(),
          [=](Run &run, const Kernel &kernel) {
            // Queries times keys, or weights times values.
            int64_t groups = dense.batch * dense.heads, m = dense.seq, n = transposed ? dense.seq : dense.headDim,
                    k = transposed ? dense.headDim : dense.seq;
            Gaussian random(2);
            Array<float> a(random.vector(groups * m * k)), b(random.vector(groups * n * k, 1 / std::sqrt(float(k)))),
                y(groups * m * n);
            run.warmUp(kernel, std::vector<Arg>{a, b, y, groups, m, n, k});
            bool correct = holdsAt(groups * m * n, [&](int64_t i) {
              int64_t group = i / (m * n), row = i / n % m, column = i % n;
              double sum = 0;
              for (int64_t j = 0; j < k; ++j)
                sum += double(a[(group * m + row) * k + j]) *
                       b[group * n * k + (transposed ? column * k + j : j * n + column)];
              return isNear(y[i], sum, k);
            });
            run.time(correct, {2.0 * groups * m * n * k, 0});
          });
}

/// Scores that stay where their key, or their query, is marked, and are none elsewhere; about a quarter is not.
template <typename Mark> static void addMarkedScores(const std::string &family, bool ofQueries) {
  for (Dense dense : denseShapes())
    add(family, "{}", dense.text(), [=](Run &run, const Kernel &kernel) {
      auto [batch, seq, heads, headDim] = dense;
      int64_t size = dense.scores();
      Gaussian random(3);
      Array<float> x(random.vector(size)), y(size);
      Array<Mark> marks(batch * seq);
      for (int64_t i = 0; i < batch * seq; ++i)
        marks[i] = random.below(4) > 0;
      run.warmUp(kernel, std::vector<Arg>{x, y, marks, batch, heads, seq, seq});
      bool correct = holdsAt(size, [&](int64_t i) {
        const int64_t token = (ofQueries ? i / seq : i) % seq;
        return y[i] == (marks[i / (heads * seq * seq) * seq + token] ? x[i] : -INFINITY);
      });
      run.time(correct, {0, floats(2.0 * size)});
    });
}

void bench_mask_scores_f32() { addMarkedScores<uint8_t>("mask_scores_f32", /*ofQueries=*/false); }
void bench_choose_queries_f32() { addMarkedScores<int32_t>("choose_queries_f32", /*ofQueries=*/true); }

void bench_distance_scores_f32() {
  for (Dense dense : denseShapes())
    add("distance_scores_f32", "{buckets = 32, distance = 128}", dense.text(), [=](Run &run, const Kernel &kernel) {
      auto [batch, seq, heads, headDim] = dense;
      int64_t size = dense.scores();
      Gaussian random(5);
      Array<float> x(random.vector(size)), y(size), bias(std::vector<float>(32 * heads, 0.5f));
      Array<int32_t> columns(batch * seq);
      for (int64_t i = 0; i < batch * seq; ++i)
        columns[i] = int32_t(i % seq);
      run.warmUp(kernel, std::vector<Arg>{x, y, batch, heads, seq, columns, bias, int64_t(0), 0, 0, 0,
                                          0, 0, 0,     0,     0,   0,       0,    0,          0, 0, 0});
      run.time(holdsAt(size, [&](int64_t i) { return y[i] == x[i] + 0.5f; }), {0, floats(2.0 * size)});
    });
}

void bench_softmax_f32() {
  for (Dense dense : denseShapes())
    add("softmax_f32", "{}", dense.text(), [=](Run &run, const Kernel &kernel) {
      int64_t rows = dense.rows() * dense.heads, size = dense.scores();
      Gaussian random(4);
      Array<float> x(random.vector(size, 3)), y(size);
      run.warmUp(kernel, std::vector<Arg>{x, y, rows, dense.seq});
      bool correct = holdsAt(size, [&](int64_t i) {
        const float *row = &x[i / dense.seq * dense.seq];
        double largest = *std::max_element(row, row + dense.seq), total = 0;
        for (int64_t j = 0; j < dense.seq; ++j)
          total += std::exp(row[j] - largest);
        return isNear(y[i], std::exp(x[i] - largest) / total);
      });
      run.time(correct, {0, floats(2.0 * size)});
    });
}

} // namespace lathe::bench
