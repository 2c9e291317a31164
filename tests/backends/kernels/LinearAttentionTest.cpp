// linear_attention_f32 and random_features_f32 against naive loops.
#include "KernelTest.h"

using namespace lathe;
using namespace lathe::test;

namespace {

/// The logarithm of a feature.
double logFeature(bool ofExponents, double x) { return ofExponents || x < 0 ? x : std::log1p(x); }

struct Form {
  bool ofExponents, causal, masked;
};

/// Sequences of queries, keys and values; dense when there is a mask. Between rows are NaNs.
struct Problem {
  Form form;
  int64_t headDim, features, heads;
  std::vector<int64_t> lengths;
  int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  std::vector<int32_t> starts;
  int64_t rows, ldq, ldk, ldv, ldy;
  Guarded<float> q, k, v;
  Guarded<int32_t> cuSeqlens;
  Guarded<uint8_t> mask;

  Problem(Form form, int64_t headDim, int64_t features, int64_t heads, std::vector<int64_t> given, Gaussian &random,
          float size = 1)
      : form(form), headDim(headDim), features(features), heads(heads), lengths(std::move(given)),
        starts(prefixSums(form.masked ? std::vector<int64_t>(lengths.size(), longest) : lengths)), rows(starts.back()),
        ldq(heads * features + random.below(3)), ldk(heads * features + random.below(3)),
        ldv(heads * headDim + random.below(3)), ldy(heads * headDim + random.below(3)),
        q(numbers(ldq, heads * features, size, random)), k(numbers(ldk, heads * features, size, random)),
        v(numbers(ldv, heads * headDim, 1, random)), cuSeqlens(prefixSums(lengths)), mask(rows) {
    for (size_t s = 0; s < lengths.size(); ++s)
      for (int64_t row = starts[s]; row < starts[s + 1]; ++row)
        mask[row] = !form.masked || (row - starts[s] < lengths[s] && random.below(5) > 0);
  }

  std::vector<float> numbers(int64_t ld, int64_t width, float size, Gaussian &random) const {
    std::vector<float> values = random.vector(rows > 0 ? (rows - 1) * ld + width : 0, size);
    for (size_t i = 0; i < values.size(); ++i)
      if (int64_t(i) % ld >= width)
        values[i] = NAN;
    return values;
  }
  int64_t resultSize() const { return rows > 0 ? (rows - 1) * ldy + heads * headDim : 0; }
  std::string params() const {
    return std::string("{map = \"") + (form.ofExponents ? "exp" : "elu") + "\"" +
           (form.causal ? ", causal = true" : "") + (form.masked ? ", masked = true" : "") +
           ", head_dim = " + std::to_string(headDim) + ", features = " + std::to_string(features) + "}";
  }
  void run(Guarded<float> &y, int64_t panelsPerCall) const {
    Kernel::get("linear_attention_f32", params())
        .run({q.data(), ldq, k.data(), ldk, v.data(), ldv, y.data(), ldy, cuSeqlens.data(), lengths.size(), heads,
              mask.data(), longest},
             panelsPerCall);
  }

  /// One row of one head.
  std::vector<double> expected(size_t sequence, int64_t row, int64_t head) const {
    const int64_t end = form.causal ? row + 1 : starts[sequence + 1];
    std::vector<double> weights, result(headDim, 0.0);
    for (int64_t key = starts[sequence]; key < end; ++key) {
      std::vector<double> logs;
      for (int64_t f = head * features; f < (head + 1) * features; ++f)
        logs.push_back(logFeature(form.ofExponents, q[row * ldq + f]) + logFeature(form.ofExponents, k[key * ldk + f]));
      const double largest = *std::max_element(logs.begin(), logs.end());
      double sum = 0;
      for (double log : logs)
        sum += std::exp(log - largest);
      weights.push_back(mask[key] ? largest + std::log(sum) : -INFINITY);
    }
    const double largest = *std::max_element(weights.begin(), weights.end());
    double total = 0;
    for (size_t i = 0; i < weights.size() && largest > -INFINITY; ++i) {
      const double weight = std::exp(weights[i] - largest);
      total += weight;
      for (int64_t c = 0; c < headDim; ++c)
        result[c] += weight * v[(starts[sequence] + int64_t(i)) * ldv + head * headDim + c];
    }
    for (double &value : result)
      value = total > 0 ? value / total : 0;
    return result;
  }
};

/// Exponents of that size are rounded by so much of themselves, and a weight by a few of them.
void check(const Problem &problem, double tolerance = 1e-5) {
  SCOPED_TRACE(testing::Message() << problem.params() << " heads=" << problem.heads
                                  << " lengths=" << testing::PrintToString(problem.lengths));
  Guarded<float> y(problem.resultSize()), split(problem.resultSize());
  problem.run(y, 0);
  double worst = 0;
  for (size_t s = 0; s < problem.lengths.size(); ++s)
    for (int64_t row = problem.starts[s]; row < problem.starts[s + 1]; row += row % 64 > 40 ? 7 : 1)
      for (int64_t head = 0; head < problem.heads; ++head) {
        const std::vector<double> expected = problem.expected(s, row, head);
        for (int64_t c = 0; c < problem.headDim; ++c)
          worst = std::max(worst, errorOf(y[row * problem.ldy + head * problem.headDim + c], expected[c]));
      }
  EXPECT_LE(worst, tolerance);
  for (int64_t row = 0; row + 1 < problem.rows; ++row)
    for (int64_t gap = problem.heads * problem.headDim; gap < problem.ldy; ++gap)
      ASSERT_TRUE(std::isnan(y[row * problem.ldy + gap])) << "wrote between rows";
  problem.run(split, 1);
  EXPECT_TRUE(sameBits(y, split));
}

class LinearAttentionTest : public KernelTest {};

constexpr std::pair<int64_t, int64_t> sizes[] = {{1, 1}, {5, 5}, {20, 20}, {64, 64}, {12, 21}, {64, 100}};
/// Lengths around those of blocks of keys and of tiles; empty sequences among them.
const std::vector<int64_t> batches[] = {{1}, {7, 0, 33}, {8, 31, 9}, {32}, {100, 64, 3}};

TEST_F(LinearAttentionTest, OddShapes) {
  Gaussian random(1);
  for (bool ofExponents : {false, true})
    for (bool causal : {false, true})
      for (bool masked : {false, true})
        for (auto [headDim, features] : sizes)
          for (const std::vector<int64_t> &lengths : batches)
            check({{ofExponents, causal, masked}, headDim, features, 1 + random.below(3), lengths, random});
}

TEST_F(LinearAttentionTest, LongSequences) {
  Gaussian random(2);
  for (bool ofExponents : {false, true})
    for (bool causal : {false, true})
      check({{ofExponents, causal, false}, 64, 64, 1, {1500}, random});
}

/// Exponents so far apart that none of these exponentials would be a number but the largest, or all would be 0.
TEST_F(LinearAttentionTest, NoFeatureIsTooLarge) {
  Gaussian random(3);
  for (bool causal : {false, true})
    for (float size : {30.0f, 300.0f}) {
      Problem problem({true, causal, false}, 12, 21, 2, {40, 3}, random, size);
      check(problem, 1e-4);
      // The same for all features of a query, and of all keys, cancels.
      Guarded<float> y(problem.resultSize()), moved(problem.resultSize());
      problem.run(y, 0);
      for (int64_t row = 0; row < problem.rows; ++row)
        for (int64_t f = 0; f < problem.heads * problem.features; ++f) {
          problem.q[row * problem.ldq + f] -= float(1024 * (row + 1));
          problem.k[row * problem.ldk + f] += 4096;
        }
      problem.run(moved, 0);
      for (size_t i = 0; i < y.size(); ++i)
        if (!std::isnan(y[i])) {
          ASSERT_NEAR(moved[i], y[i], 0.05) << i; // what these are rounded to is a 2000th of them
        }
    }
}

/// A sequence alone has the bits that it has in a batch.
TEST_F(LinearAttentionTest, SameBitsAlone) {
  Gaussian random(4);
  for (bool ofExponents : {false, true})
    for (bool causal : {false, true}) {
      const Problem problem({ofExponents, causal, false}, 20, 20, 2, {65, 7, 33}, random);
      Guarded<float> y(problem.resultSize());
      problem.run(y, 0);
      for (size_t s = 0; s < problem.lengths.size(); ++s) {
        const int64_t first = problem.starts[s], length = problem.lengths[s];
        Guarded<int32_t> alone(std::vector<int32_t>{0, int32_t(length)});
        Guarded<float> result((length - 1) * problem.ldy + problem.heads * problem.headDim);
        Kernel::get("linear_attention_f32", problem.params())
            .run({&problem.q[first * problem.ldq], problem.ldq, &problem.k[first * problem.ldk], problem.ldk,
                  &problem.v[first * problem.ldv], problem.ldv, result.data(), problem.ldy, alone.data(), 1,
                  problem.heads, nullptr, length});
        EXPECT_EQ(std::memcmp(result.data(), &y[first * problem.ldy], result.size() * sizeof(float)), 0) << s;
      }
    }
}

/// What stands behind a token changes no bit of what it gets.
TEST_F(LinearAttentionTest, CausalSeesNothingBehind) {
  Gaussian random(5);
  for (bool ofExponents : {false, true}) {
    const Problem problem({ofExponents, true, false}, 20, 20, 2, {70}, random);
    Guarded<float> y(problem.resultSize()), changed(problem.resultSize());
    problem.run(y, 0);
    for (size_t i = 41 * problem.ldk; i < problem.k.size(); ++i)
      problem.k[i] += 50;
    problem.run(changed, 0);
    EXPECT_EQ(std::memcmp(y.data(), changed.data(), 41 * problem.ldy * sizeof(float)), 0);
    EXPECT_NE(std::memcmp(y.data(), changed.data(), y.size() * sizeof(float)), 0);
  }
}

TEST_F(LinearAttentionTest, RandomFeatures) {
  Gaussian random(6);
  const Kernel &kernel = Kernel::get("random_features_f32", "{}");
  for (int64_t headDim : {1, 5, 16, 20, 64})
    for (int64_t features : {1, 16, 21, 50, 100})
      for (int64_t rows : {1, 7, 8, 19}) {
        const int64_t heads = 1 + random.below(3), ldx = heads * headDim + random.below(3);
        const int64_t ldy = heads * features + random.below(3);
        const float scale = 1 / std::sqrt(std::sqrt(float(headDim)));
        const std::vector<float> w = random.vector(features * headDim);
        Guarded<float> x(random.vector((rows - 1) * ldx + heads * headDim)), packed(packWeights(w, features, headDim));
        Guarded<float> y((rows - 1) * ldy + heads * features);
        kernel.run({x.data(), ldx, packed.data(), y.data(), ldy, rows, heads, headDim, features, scale}, 1);
        EXPECT_TRUE(y.intact());
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t head = 0; head < heads; ++head)
            for (int64_t f = 0; f < features; ++f) {
              double expected = 0;
              for (int64_t d = 0; d < headDim; ++d) {
                const double scaled = double(scale) * x[row * ldx + head * headDim + d];
                expected += w[f * headDim + d] * scaled - scaled * scaled / 2;
              }
              ASSERT_LE(errorOf(y[row * ldy + head * features + f], expected), 5e-6);
            }
        for (int64_t row = 0; row + 1 < rows; ++row)
          for (int64_t gap = heads * features; gap < ldy; ++gap)
            ASSERT_TRUE(std::isnan(y[row * ldy + gap])) << "wrote between rows";
      }
}

} // namespace
