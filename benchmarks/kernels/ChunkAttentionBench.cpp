// Attention between neighbouring chunks: time per token does not grow with the length.
#include "Bench.h"

#include <numeric>

namespace lathe::bench {

constexpr int64_t headDim = 64, heads = 2, width = heads * headDim, chunk = 64;

/// Each list has its tokens in another order.
static std::vector<int32_t> shuffled(int64_t length, int64_t lists) {
  std::vector<int32_t> order(length * lists);
  for (int64_t rank = 0; rank < length; ++rank)
    for (int64_t list = 0; list < lists; ++list)
      order[rank * lists + list] = int32_t((rank * 37 + list) % length); // lengths are no multiples of 37
  return order;
}

void bench_chunk_attention_f32() {
  for (const char *form : {"", ", hashed = true"})
    for (int64_t length : {512, 4096, 65536}) {
      add("chunk_attention_f32", "{head_dim = 64" + std::string(form) + ", causal = true}",
          std::to_string(length) + "/heads:2/chunk:64", [=](Run &run, const Kernel &kernel) {
            Gaussian random(8);
            const bool hashed = *form != 0;
            const int64_t lists = hashed ? heads : 1;
            Array<float> q(random.vector(length * width)), k(random.vector(length * width)), y(length * width);
            // Weights that sum to one leave values of one as they are.
            Array<float> v(std::vector<float>(length * width, 1.0f));
            Array<int32_t> cuSeqlens(std::vector<int32_t>{0, int32_t(length)});
            Array<int32_t> rowColumns(std::vector<int32_t>{int32_t(length)});
            std::vector<int32_t> inOrder(length);
            std::iota(inOrder.begin(), inOrder.end(), 0);
            Array<int32_t> columns(inOrder), order(hashed ? shuffled(length, lists) : inOrder);
            run.warmUp(kernel,
                       std::vector<Arg>{q,       width, k,      width,  v,       width,      y,       width, cuSeqlens,
                                        1,       heads, 0.125f, length, nullptr, rowColumns, columns, order, lists,
                                        nullptr, chunk, 1,      0,      chunk,   chunk,      0,       1,     64});
            run.time(holdsAt(length * width, [&](int64_t i) { return isNear(y[i], 1, 2 * chunk); }),
                     {4.0 * double(length * width * 2 * chunk), 0});
          });
    }
}

void bench_hash_buckets_f32() {
  constexpr int64_t rows = 4096, columns = 32;
  add("hash_buckets_f32", "{head_dim = 64}", "4096x2x64x32", [](Run &run, const Kernel &kernel) {
    Gaussian random(9);
    Array<float> x(random.vector(rows * width)), rotations(random.vector(width * columns));
    Array<int32_t> y(rows * heads);
    run.warmUp(kernel, std::vector<Arg>{x, width, rotations, nullptr, columns, 0, columns, columns, y, heads, rows,
                                        heads, 1, 1});
    auto isRight = [&](int64_t i) {
      const int64_t row = i / heads, head = i % heads;
      double best = -INFINITY;
      int64_t bucket = 0;
      for (int64_t index = 0; index < 2 * columns; ++index) {
        double product = 0;
        for (int64_t d = head * headDim; d < (head + 1) * headDim; ++d)
          product += double(x[row * width + d]) * rotations[d * columns + index % columns];
        if ((index < columns ? product : -product) > best) {
          best = index < columns ? product : -product;
          bucket = index;
        }
      }
      return y[i] == bucket;
    };
    run.time(holdsAt(rows * heads, isRight), {2.0 * rows * width * columns, 0});
  });
}

void bench_sort_tokens() {
  constexpr int64_t rows = 65536, lists = 2, buckets = 1024;
  add("sort_tokens", "{buckets = 1024}", "65536/lists:2", [](Run &run, const Kernel &kernel) {
    Array<int32_t> x(rows * lists), y(rows * lists), cuSeqlens(std::vector<int32_t>{0, int32_t(rows)});
    for (int64_t i = 0; i < rows * lists; ++i)
      x[i] = int32_t(i / lists * 37 % buckets);
    run.warmUp(kernel, std::vector<Arg>{x, lists, y, lists, cuSeqlens, 1, lists, nullptr, 0});
    // As many tokens in each bucket, 1024 apart.
    auto isRight = [&](int64_t i) {
      const int64_t rank = i / lists, token = y[i];
      return token * 37 % buckets == rank / (rows / buckets) && token / buckets == rank % (rows / buckets);
    };
    run.time(holdsAt(rows * lists, isRight), {0, 2.0 * rows * lists * sizeof(int32_t)});
  });
}

void bench_axis_ids() {
  constexpr int64_t ids = 65536;
  add("axis_ids", "{}", "65536", [](Run &run, const Kernel &kernel) {
    Array<int32_t> x(ids), y(ids);
    for (int64_t i = 0; i < ids; ++i)
      x[i] = int32_t(i);
    run.warmUp(kernel, std::vector<Arg>{x, y, ids, 1024, 512});
    run.time(holdsAt(ids, [&](int64_t i) { return y[i] == i / 1024 % 512; }), {0, 2.0 * ids * sizeof(int32_t)});
  });
}

} // namespace lathe::bench
