#include "KernelTest.h"

#include "ir/xf/Buckets.h"

#include <cstring>

using namespace lathe::test;

namespace {

using UnfusedTest = KernelTest;

TEST_F(UnfusedTest, BatchedMatmul) {
  Gaussian random(1);
  std::vector<GemmShape> shapes = gemmOddShapes();
  // More than one block of K, and the shapes of attention.
  shapes.insert(shapes.end(), {{5, 20, 256}, {9, 50, 257}, {3, 7, 700}, {128, 128, 32}, {128, 32, 128}});
  for (bool transpose : {false, true})
    for (GemmShape shape : shapes) {
      auto [m, n, k] = shape;
      int64_t groups = 1 + random.below(3);
      SCOPED_TRACE(testing::Message() << groups << " x " << m << "x" << n << "x" << k << " transposed " << transpose);
      Guarded<float> x(random.vector(groups * m * k)), y(random.vector(groups * n * k, 1 / std::sqrt(float(k))));
      Guarded<float> out(groups * m * n), split(groups * m * n);
      const Kernel &kernel = Kernel::get("batched_matmul_f32", transpose ? "{transpose_b = true}" : "{}");
      kernel.run({x.data(), y.data(), out.data(), groups, m, n, k});
      kernel.run({x.data(), y.data(), split.data(), groups, m, n, k}, 1);
      EXPECT_TRUE(sameBits(out, split));
      double worst = 0;
      for (int64_t g = 0; g < groups; ++g)
        for (int64_t row = 0; row < m; ++row)
          for (int64_t column = 0; column < n; ++column) {
            double sum = 0;
            for (int64_t i = 0; i < k; ++i)
              sum += double(x[(g * m + row) * k + i]) * y[g * n * k + (transpose ? column * k + i : i * n + column)];
            worst = std::max(worst, errorOf(out[(g * m + row) * n + column], sum));
          }
      EXPECT_LE(worst, 1e-6 + 2e-7 * std::sqrt(double(k)));
    }
}

TEST_F(UnfusedTest, SplitAndMergeHeads) {
  Gaussian random(2);
  for (int64_t headDim : {1, 5, 16, 17, 64})
    for (int64_t heads : {1, 3})
      for (int64_t seq : {1, 2, 9}) {
        int64_t batch = 1 + random.below(3), width = heads * headDim, rows = batch * seq, ld = width + random.below(3);
        Guarded<float> x(random.vector((rows - 1) * ld + width)), split(rows * width), merged((rows - 1) * ld + width);
        Kernel::get("split_heads_f32").run({x.data(), split.data(), ld, batch, seq, heads, headDim, 1}, 1);
        Kernel::get("merge_heads_f32").run({split.data(), merged.data(), ld, batch, seq, heads, headDim}, 1);
        EXPECT_TRUE(split.intact() && merged.intact());
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t column = 0; column < width; ++column) {
            int64_t head = row / seq * heads + column / headDim;
            float value = x[row * ld + column];
            ASSERT_EQ(split[(head * seq + row % seq) * headDim + column % headDim], value);
            ASSERT_EQ(merged[row * ld + column], value);
          }
      }
}

TEST_F(UnfusedTest, SplitHeadsRepeatsThem) {
  Gaussian random(5);
  constexpr int64_t batch = 2, seq = 3, kept = 2, repeats = 3, headDim = 5, heads = kept * repeats, ld = 11;
  Guarded<float> x(random.vector(batch * seq * ld)), split(batch * heads * seq * headDim);
  Kernel::get("split_heads_f32").run({x.data(), split.data(), ld, batch, seq, heads, headDim, repeats}, 1);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < seq; ++row)
        for (int64_t c = 0; c < headDim; ++c)
          ASSERT_EQ(split[((b * heads + head) * seq + row) * headDim + c],
                    x[(b * seq + row) * ld + head / repeats * headDim + c]);
}

TEST_F(UnfusedTest, MaskScores) {
  Gaussian random(3);
  for (int64_t seq : {1, 15, 16, 17, 40})
    for (int64_t heads : {1, 3}) {
      int64_t batch = 1 + random.below(3), size = batch * heads * seq * seq;
      Guarded<float> x(random.vector(size)), y(size);
      Guarded<uint8_t> mask(batch * seq);
      for (uint8_t &present : mask)
        present = random.below(2) ? static_cast<uint8_t>(1 + random.below(255)) : 0;
      Kernel::get("mask_scores_f32").run({x.data(), y.data(), mask.data(), batch, heads, seq, seq}, 1);
      for (int64_t i = 0; i < size; ++i)
        ASSERT_EQ(y[i], mask[i / (heads * seq * seq) * seq + i % seq] ? x[i] : -INFINITY);
      Kernel::get("mask_scores_f32").run({x.data(), x.data(), mask.data(), batch, heads, seq, seq});
      EXPECT_TRUE(sameBits(x, y)) << "in place";
    }
}

TEST_F(UnfusedTest, ChooseQueries) {
  Gaussian random(7);
  for (int64_t seq : {1, 15, 16, 17, 40})
    for (int64_t heads : {1, 3}) {
      const int64_t batch = 1 + random.below(3), keys = seq + 2, size = batch * heads * seq * keys;
      Guarded<float> x(random.vector(size)), y(size);
      Guarded<int32_t> chosen(batch * seq);
      for (int32_t &isChosen : chosen)
        isChosen = int32_t(random.below(2));
      Kernel::get("choose_queries_f32").run({x.data(), y.data(), chosen.data(), batch, heads, seq, keys}, 1);
      for (int64_t i = 0; i < size; ++i)
        ASSERT_EQ(y[i], chosen[i / (heads * seq * keys) * seq + i / keys % seq] ? x[i] : -INFINITY);
      Kernel::get("choose_queries_f32").run({x.data(), x.data(), chosen.data(), batch, heads, seq, keys});
      EXPECT_TRUE(sameBits(x, y)) << "in place";
    }
}

TEST_F(UnfusedTest, DistanceScores) {
  Gaussian random(5);
  for (int64_t seq : {1, 2, 15, 16, 17, 50})
    for (const char *form :
         {"{buckets = 32, distance = 128}", "{windowed = true}", "{causal = true}", "{windowed = true, causal = true}",
          "{sloped = true}", "{causal = true, prefixed = true}", "{windowed = true, causal = true, prefixed = true}",
          "{windowed = true, globals = true}", "{windowed = true, block = 5}",
          "{windowed = true, globals = true, block = 5}", "{paired = true}"}) {
      const bool windowed = std::strstr(form, "windowed"), causal = std::strstr(form, "causal");
      const bool prefixed = std::strstr(form, "prefixed"), sloped = std::strstr(form, "sloped"),
                 hasGlobals = std::strstr(form, "globals"), paired = std::strstr(form, "paired");
      const int64_t batch = 2, heads = 3, size = batch * heads * seq * seq;
      const int64_t block = std::strstr(form, "block") ? 5 : 1, reachBlocks = block > 1 ? 1 : 7,
                    reach = (reachBlocks + 1) * block - 1;
      Guarded<float> x(random.vector(size)), bias(random.vector(32 * heads)), y(size);
      Guarded<float> slopes(random.vector(heads));
      Guarded<int32_t> globals(batch * seq);
      for (int32_t &isGlobal : globals)
        isGlobal = hasGlobals && random.below(4) == 0 ? 1 + int32_t(random.below(3)) : 0;
      Guarded<int32_t> columns(batch * seq), prefix(std::vector<int32_t>{20, 3});
      for (int64_t b = 0; b < batch; ++b)
        for (int64_t row = 0, column = 0; row < seq; ++row, column += 1 + random.below(9))
          columns[b * seq + row] = int32_t(column);
      const int64_t places = *std::max_element(columns.begin(), columns.end()) + 1;
      Guarded<float> pairs(random.vector(heads * places * places));
      const Kernel &kernel = Kernel::get("distance_scores_f32", form);
      kernel.run(
          {x.data(), y.data(), batch, heads, seq, columns.data(), bias.data(),   reach,        0,      0,
           0,        0,        0,     0,     0,   prefix.data(),  slopes.data(), pairs.data(), places, globals.data(),
           0,        0},
          1);
      for (int64_t i = 0; i < size; ++i) {
        const int64_t head = i / (seq * seq) % heads, first = i / (heads * seq * seq) * seq;
        const int64_t column = columns[first + i % seq], ofQuery = columns[first + i / seq % seq];
        const int64_t away = column - ofQuery, global = globals[first + i % seq];
        const bool inPrefix = prefixed && column < prefix[first / seq];
        const bool isFar = windowed && std::abs(column / block - ofQuery / block) > reachBlocks;
        const bool near = causal && away > 0 ? inPrefix : !isFar;
        const bool seen = !globals[first + i / seq % seq] && (near || global);
        const float added = seen && global ? std::log(float(global)) : 0;
        const float expected = windowed || causal ? (seen ? x[i] + added : -INFINITY)
                               : paired           ? x[i] + pairs[(head * places + ofQuery) * places + column]
                               : sloped ? std::fma(slopes[head], float(away), x[i])
                                        : x[i] + bias[lathe::xf::twoSidedBucket(away, 32, 128) * heads + head];
        if (added)
          ASSERT_NEAR(y[i], expected, 1e-6f * std::max(1.0f, std::abs(expected)));
        else
          ASSERT_EQ(y[i], expected) << away;
      }
      kernel.run(
          {x.data(), x.data(), batch, heads, seq, columns.data(), bias.data(),   reach,        0,      0,
           0,        0,        0,     0,     0,   prefix.data(),  slopes.data(), pairs.data(), places, globals.data(),
           0,        0});
      EXPECT_TRUE(sameBits(x, y)) << "in place";
    }
}

TEST_F(UnfusedTest, DistanceScoresOfKeysBeforeQueries) {
  Gaussian random(8);
  for (int64_t seq : {1, 15, 17})
    for (const char *form :
         {"{causal = true, key_columns = true}", "{windowed = true, causal = true, key_columns = true}",
          "{query_terms = true, key_columns = true}"}) {
      const bool windowed = std::strstr(form, "windowed"), hasTerms = std::strstr(form, "terms");
      const int64_t batch = 2, heads = 3, keys = seq + 5, size = batch * heads * seq * keys, reach = 4, terms = 4,
                    furthest = 6, ld = heads * terms;
      Guarded<float> x(random.vector(size)), y(size), index(2 * furthest + 1),
          ofQueries(random.vector(batch * seq * ld));
      for (float &which : index)
        which = float(random.below(terms));
      Guarded<int32_t> columns(batch * seq), keyColumns(batch * keys);
      for (int64_t token = 0; token < batch * seq; ++token)
        columns[token] = int32_t(token % seq);
      for (int64_t key = 0; key < batch * keys; ++key)
        keyColumns[key] = int32_t(key % keys - 5);
      Kernel::get("distance_scores_f32", form)
          .run({x.data(),
                y.data(),
                batch,
                heads,
                seq,
                columns.data(),
                0,
                reach,
                ofQueries.data(),
                ld,
                0,
                0,
                terms,
                index.data(),
                furthest,
                0,
                0,
                0,
                0,
                0,
                keys,
                keyColumns.data()},
               1);
      for (int64_t i = 0; i < size; ++i) {
        const int64_t head = i / (seq * keys) % heads, query = i / (heads * seq * keys) * seq + i / keys % seq;
        const int64_t away = i % keys - 5 - i / keys % seq;
        const float term =
            ofQueries[query * ld + head * terms + int64_t(index[furthest + std::clamp(away, -furthest, furthest)])];
        const bool seen = away <= 0 && (!windowed || -away <= reach);
        ASSERT_EQ(y[i], hasTerms ? x[i] + term : seen ? x[i] : -INFINITY) << away;
      }
    }
}

TEST_F(UnfusedTest, ScoresWithTerms) {
  Gaussian random(6);
  for (int64_t seq : {1, 15, 17, 40}) {
    const int64_t batch = 2, heads = 3, terms = 4, furthest = 6, size = batch * heads * seq * seq,
                  ld = heads * terms + 1;
    Guarded<float> x(random.vector(size)), y(size), index(2 * furthest + 1);
    Guarded<float> ofQueries(random.vector(batch * seq * ld)), ofKeys(random.vector(batch * seq * ld));
    for (float &which : index)
      which = float(random.below(terms));
    Guarded<int32_t> columns(batch * seq);
    for (int64_t token = 0; token < batch * seq; ++token)
      columns[token] = int32_t(token % seq);
    Kernel::get("distance_scores_f32", "{query_terms = true, key_terms = true}")
        .run({x.data(),
              y.data(),
              batch,
              heads,
              seq,
              columns.data(),
              0,
              0,
              ofQueries.data(),
              ld,
              ofKeys.data(),
              ld,
              terms,
              index.data(),
              furthest,
              0,
              0,
              0,
              0,
              0,
              0,
              0},
             1);
    for (int64_t i = 0; i < size; ++i) {
      const int64_t head = i / (seq * seq) % heads, first = i / (heads * seq * seq) * seq;
      const int64_t query = i / seq % seq, key = i % seq;
      const int64_t which = head * terms + int64_t(index[furthest + std::clamp(key - query, -furthest, furthest)]);
      ASSERT_EQ(y[i], x[i] + ofQueries[(first + query) * ld + which] + ofKeys[(first + key) * ld + which]);
    }
  }
}

TEST_F(UnfusedTest, Softmax) {
  Gaussian random(4);
  for (RowShape shape : rowOddShapes()) {
    SCOPED_TRACE(testing::Message() << shape.rows << "x" << shape.width);
    std::vector<float> values = random.vector(shape.rows * shape.width, 10);
    for (float &value : values)
      if (random.below(4) == 0)
        value = -INFINITY;
    if (shape.rows > 2)
      std::fill_n(values.begin() + shape.width, shape.width, -INFINITY);
    Guarded<float> x(values), y(values.size());
    const Kernel &kernel = Kernel::get("softmax_f32");
    kernel.run({x.data(), y.data(), shape.rows, shape.width}, 1);
    for (int64_t m = 0; m < shape.rows; ++m) {
      const float *row = &values[m * shape.width];
      double largest = *std::max_element(row, row + shape.width), total = 0;
      for (int64_t n = 0; n < shape.width; ++n)
        total += std::isinf(largest) ? 1 : std::exp(row[n] - largest);
      for (int64_t n = 0; n < shape.width; ++n) {
        double expected = std::isinf(row[n]) ? 0 : std::exp(row[n] - largest) / total;
        ASSERT_LE(std::abs(y[m * shape.width + n] - expected), 5e-7);
      }
    }
    kernel.run({x.data(), x.data(), shape.rows, shape.width});
    EXPECT_TRUE(sameBits(x, y)) << "in place";
  }
}

/// The exponential itself, through rows of two: their second entry is e^x / (1 + e^x).
TEST_F(UnfusedTest, ExponentialsAreAccurateRelativeToThemselves) {
  std::vector<float> values;
  for (int i = 0; i < 200000; ++i)
    values.insert(values.end(), {0.0f, -87.0f * i / 200000});
  Guarded<float> x(values), y(values.size());
  Kernel::get("softmax_f32").run({x.data(), y.data(), values.size() / 2, 2});
  double worst = 0;
  for (size_t i = 1; i < values.size(); i += 2) {
    double e = std::exp(double(values[i])), expected = e / (1 + e);
    worst = std::max(worst, std::abs(y[i] - expected) / expected);
  }
  EXPECT_LE(worst, 3.2e-7);
  Guarded<float> low(std::vector<float>{0.0f, -89.0f, -1000.0f, -INFINITY}), zeros(4);
  Kernel::get("softmax_f32").run({low.data(), zeros.data(), 1, 4});
  EXPECT_EQ(zeros.copy(), (std::vector<float>{1, 0, 0, 0}));
}

} // namespace
