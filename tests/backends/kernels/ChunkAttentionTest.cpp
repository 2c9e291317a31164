// chunk_attention_f32, and what makes its lists, hash_buckets_f32 and sort_tokens, against naive loops.
#include "KernelTest.h"

#include <numeric>

using namespace lathe;
using namespace lathe::test;

namespace {

struct Form {
  bool hashed, causal, masked;
};
struct Cut {
  int64_t chunk, before, after, rounds;
};

/// Sequences of queries, keys and values; dense when there is a mask. Between rows are NaNs. Columns have gaps, and
/// hashed lists are in any order.
struct Problem {
  Form form;
  Cut cut;
  int64_t headDim, heads;
  std::vector<int64_t> lengths;
  int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  int64_t rounds = form.hashed ? cut.rounds : 1, lists = form.hashed ? heads * rounds : 1;
  std::vector<int32_t> starts;
  int64_t rows, ldq, ldk, ldv, ldy;
  float scale = 1 / std::sqrt(float(headDim));
  Guarded<float> q, k, v;
  Guarded<int32_t> cuSeqlens, rowColumns, columns, order;
  Guarded<uint8_t> mask;
  std::vector<std::vector<int32_t>> tokens; ///< of each sequence

  Problem(Form form, Cut cut, int64_t headDim, int64_t heads, std::vector<int64_t> given, Gaussian &random)
      : form(form), cut(cut), headDim(headDim), heads(heads), lengths(std::move(given)),
        starts(prefixSums(form.masked ? std::vector<int64_t>(lengths.size(), longest) : lengths)), rows(starts.back()),
        ldq(heads * headDim + random.below(3)), ldk(heads * headDim + random.below(3)),
        ldv(heads * headDim + random.below(3)), ldy(heads * headDim + random.below(3)), q(numbers(ldq, random)),
        k(numbers(ldk, random)), v(numbers(ldv, random)), cuSeqlens(prefixSums(lengths)), rowColumns(lengths.size()),
        columns(rows), order(rows * lists), mask(rows) {
    for (size_t s = 0; s < lengths.size(); ++s) {
      std::vector<int32_t> &present = tokens.emplace_back();
      int32_t column = int32_t(random.below(cut.chunk));
      for (int64_t token = 0; token < starts[s + 1] - starts[s]; ++token) {
        columns[starts[s] + token] = column;
        column += 1 + int32_t(random.below(8) == 0 ? random.below(3 * cut.chunk) : 0);
        mask[starts[s] + token] = !form.masked || (token < lengths[s] && random.below(5) > 0);
        if (mask[starts[s] + token])
          present.push_back(int32_t(token));
      }
      rowColumns[s] = column + int32_t(random.below(cut.chunk));
      for (int64_t list = 0; list < lists; ++list) {
        std::vector<int32_t> ranked = present;
        for (size_t i = 1; i < ranked.size() && form.hashed; ++i)
          std::swap(ranked[i], ranked[random.below(int64_t(i) + 1)]);
        for (size_t rank = 0; rank < ranked.size(); ++rank)
          order[(starts[s] + int64_t(rank)) * lists + list] = ranked[rank];
      }
    }
  }

  std::vector<float> numbers(int64_t ld, Gaussian &random) const {
    const int64_t width = heads * headDim;
    std::vector<float> values = random.vector(rows > 0 ? (rows - 1) * ld + width : 0);
    for (size_t i = 0; i < values.size(); ++i)
      if (int64_t(i) % ld >= width)
        values[i] = NAN;
    return values;
  }
  int64_t resultSize() const { return rows > 0 ? (rows - 1) * ldy + heads * headDim : 0; }
  std::string params() const {
    return "{head_dim = " + std::to_string(headDim) + (form.hashed ? ", hashed = true" : "") +
           (form.causal ? ", causal = true" : "") + (form.masked ? ", masked = true" : "") + "}";
  }
  void run(Guarded<float> &y, int64_t block, int64_t panelsPerCall) const {
    Guarded<float> state(rows * heads * 2);
    for (int64_t round = 0; round < rounds; ++round)
      Kernel::get("chunk_attention_f32", params())
          .run({q.data(),
                ldq,
                k.data(),
                ldk,
                v.data(),
                ldv,
                y.data(),
                ldy,
                cuSeqlens.data(),
                lengths.size(),
                heads,
                scale,
                longest,
                mask.data(),
                rowColumns.data(),
                columns.data(),
                order.data(),
                lists,
                state.data(),
                cut.chunk,
                cut.before,
                cut.after,
                cut.chunk,
                2 * cut.chunk,
                round,
                rounds,
                block},
               panelsPerCall);
    EXPECT_TRUE(state.intact());
  }

  /// Chunks of all rounds of a head, of tokens; one where it is all.
  std::vector<std::vector<int32_t>> chunks(size_t s, int64_t head) const {
    const int64_t places = rowColumns[s] > cut.chunk ? (rowColumns[s] + 2 * cut.chunk - 1) / (2 * cut.chunk) * 2 : 1;
    const bool isWhole = rowColumns[s] <= cut.chunk;
    std::vector<std::vector<int32_t>> result(isWhole ? 1 : places * rounds);
    for (int64_t round = 0; round < (isWhole ? 1 : rounds); ++round)
      for (size_t rank = 0; rank < tokens[s].size(); ++rank) {
        const int32_t token = order[(starts[s] + int64_t(rank)) * lists + (form.hashed ? head * rounds + round : 0)];
        const int64_t place = form.hashed ? int64_t(rank) : columns[starts[s] + token];
        result[round * places + place / cut.chunk].push_back(token);
      }
    return result;
  }

  /// One head of a sequence: rows of so many columns by token.
  std::vector<std::vector<double>> expected(size_t s, int64_t head) const {
    const std::vector<std::vector<int32_t>> all = chunks(s, head);
    const int64_t count = int64_t(all.size());
    auto at = [&](const Guarded<float> &x, int64_t ld, int64_t token, int64_t d) {
      return double(x[(starts[s] + token) * ld + head * headDim + d]);
    };
    std::vector<std::vector<std::pair<float, std::vector<double>>>> found(starts[s + 1] - starts[s]);
    for (int64_t chunk = 0; chunk < count; ++chunk)
      for (int32_t query : all[chunk]) {
        std::vector<std::pair<double, int32_t>> scores;
        for (int64_t by = count > 1 ? -cut.before : 0; by <= (count > 1 ? cut.after : 0); ++by)
          for (int32_t key : all[std::abs(by) < count ? (chunk + count + by) % count : chunk]) {
            double score = 0;
            for (int64_t d = 0; d < headDim; ++d)
              score += scale * at(q, ldq, query, d) * at(k, ldk, key, d);
            if (form.hashed && key == query)
              scores.push_back({-1e5, key});
            else if (!form.causal || key <= query)
              scores.push_back({score, key});
          }
        double largest = -INFINITY, sum = 0;
        for (auto [score, key] : scores)
          largest = std::max(largest, score);
        for (auto [score, key] : scores)
          sum += std::exp(score - largest);
        const float logSum = float(largest + std::log(sum));
        std::vector<double> values(headDim);
        for (auto [score, key] : scores)
          for (int64_t d = 0; d < headDim; ++d)
            values[d] += std::exp(score - logSum) * at(v, ldv, key, d);
        found[query].push_back({logSum, values});
      }
    std::vector<std::vector<double>> result(found.size(), std::vector<double>(headDim));
    for (size_t token = 0; token < found.size(); ++token) {
      double largest = -INFINITY, sum = 0;
      for (const auto &[logSum, values] : found[token])
        largest = std::max<double>(largest, logSum);
      for (const auto &[logSum, values] : found[token])
        sum += std::exp(logSum - largest);
      for (const auto &[logSum, values] : found[token])
        for (int64_t d = 0; d < headDim; ++d)
          result[token][d] += std::exp(logSum - double(float(largest + std::log(sum)))) * values[d];
    }
    return result;
  }
};

void check(const Problem &problem, int64_t block = 64) {
  SCOPED_TRACE(testing::Message() << problem.params() << " chunk=" << problem.cut.chunk
                                  << " before=" << problem.cut.before << " after=" << problem.cut.after
                                  << " rounds=" << problem.rounds << " heads=" << problem.heads << " block=" << block
                                  << " lengths=" << testing::PrintToString(problem.lengths));
  Guarded<float> y(problem.resultSize()), split(problem.resultSize());
  problem.run(y, block, 0);
  double worst = 0;
  for (size_t s = 0; s < problem.lengths.size(); ++s)
    for (int64_t head = 0; head < problem.heads; ++head) {
      const std::vector<std::vector<double>> expected = problem.expected(s, head);
      for (size_t token = 0; token < expected.size(); ++token)
        for (int64_t d = 0; d < problem.headDim; ++d)
          worst = std::max(worst,
                           errorOf(y[(problem.starts[s] + int64_t(token)) * problem.ldy + head * problem.headDim + d],
                                   expected[token][d]));
    }
  EXPECT_LE(worst, 1e-5);
  for (int64_t row = 0; row + 1 < problem.rows; ++row)
    for (int64_t gap = problem.heads * problem.headDim; gap < problem.ldy; ++gap)
      ASSERT_TRUE(std::isnan(y[row * problem.ldy + gap])) << "wrote between rows";
  problem.run(split, block, 1);
  EXPECT_TRUE(sameBits(y, split));
}

class ChunkAttentionTest : public KernelTest {};

constexpr int64_t widths[] = {1, 5, 20, 64};
/// Chunks before and after, also more than there are, and rounds.
constexpr Cut cuts[] = {{4, 1, 0, 1}, {7, 1, 1, 2}, {16, 2, 0, 3}, {3, 0, 2, 2}, {30, 0, 0, 1}, {25, 5, 4, 2}};
const std::vector<int64_t> batches[] = {{1}, {7, 0, 33}, {70, 4, 16}};

TEST_F(ChunkAttentionTest, OddShapes) {
  Gaussian random(1);
  for (bool hashed : {false, true})
    for (bool causal : {false, true})
      for (bool masked : {false, true})
        for (Cut cut : cuts)
          for (const std::vector<int64_t> &lengths : batches)
            check({{hashed, causal, masked}, cut, widths[random.below(4)], 1 + random.below(3), lengths, random},
                  1 + random.below(128));
}

/// More keys in a chunk than are packed at once, and more queries than a panel has.
TEST_F(ChunkAttentionTest, LongChunks) {
  Gaussian random(2);
  for (bool hashed : {false, true})
    check({{hashed, false, false}, {600, 1, 0, 2}, 20, 1, {1500}, random}, 120);
}

/// A sequence alone has the bits that it has in a batch.
TEST_F(ChunkAttentionTest, SameBitsAlone) {
  Gaussian random(3);
  for (bool hashed : {false, true}) {
    const Problem problem({hashed, true, false}, {7, 1, 0, 2}, 20, 2, {65, 7, 33}, random);
    Guarded<float> y(problem.resultSize());
    problem.run(y, 64, 0);
    for (size_t s = 0; s < problem.lengths.size(); ++s) {
      const int64_t first = problem.starts[s], length = problem.lengths[s];
      Guarded<int32_t> alone(std::vector<int32_t>{0, int32_t(length)});
      Guarded<float> result((length - 1) * problem.ldy + problem.heads * problem.headDim);
      Guarded<float> state(length * problem.heads * 2);
      for (int64_t round = 0; round < problem.rounds; ++round)
        Kernel::get("chunk_attention_f32", problem.params())
            .run({&problem.q[first * problem.ldq],
                  problem.ldq,
                  &problem.k[first * problem.ldk],
                  problem.ldk,
                  &problem.v[first * problem.ldv],
                  problem.ldv,
                  result.data(),
                  problem.ldy,
                  alone.data(),
                  1,
                  problem.heads,
                  problem.scale,
                  length,
                  nullptr,
                  &problem.rowColumns[s],
                  &problem.columns[first],
                  &problem.order[first * problem.lists],
                  problem.lists,
                  state.data(),
                  7,
                  1,
                  0,
                  7,
                  14,
                  round,
                  problem.rounds,
                  64});
      EXPECT_EQ(std::memcmp(result.data(), &y[first * problem.ldy], result.size() * sizeof(float)), 0) << s;
    }
  }
}

/// The numbers are wholes, so that products are exact, and often equal.
TEST_F(ChunkAttentionTest, BucketsAreThoseOfTheFirstGreatestProduct) {
  Gaussian random(4);
  for (int64_t headDim : {1, 5, 16, 20})
    for (std::vector<int64_t> factors : {std::vector<int64_t>{2}, {4}, {2, 6}, {34, 2, 4}, {100}})
      for (int64_t rows : {1, 9, 64, 70}) {
        const int64_t heads = 1 + random.below(3), rounds = 1 + random.below(3), lists = heads * rounds;
        const int64_t ldx = heads * headDim + random.below(3), ldy = lists + random.below(2);
        const int64_t half = std::accumulate(factors.begin(), factors.end(), int64_t(0)) / 2, ldr = rounds * half;
        std::vector<float> given((rows - 1) * ldx + heads * headDim), rotations(heads * headDim * ldr);
        for (std::vector<float> *numbers : {&given, &rotations})
          for (float &number : *numbers)
            number = float(random.below(7)) - 3;
        Guarded<float> x(given), r(rotations), others(rotations.size());
        const bool replaces = random.below(2); // then the others are none
        Guarded<int32_t> y((rows - 1) * ldy + lists);
        int64_t first = 0, digit = 1;
        for (int64_t factor : factors) {
          Kernel::get("hash_buckets_f32", "{head_dim = " + std::to_string(headDim) + "}")
              .run({x.data(), ldx, replaces ? others.data() : r.data(), replaces ? r.data() : nullptr, ldr, first,
                    factor / 2, half, y.data(), ldy, rows, heads, rounds, digit},
                   1);
          first += factor / 2;
          digit *= factor;
        }
        EXPECT_TRUE(y.intact());
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t list = 0; list < lists; ++list) {
            int64_t expected = 0, column = list % rounds * half, weight = 1;
            for (int64_t factor : factors) {
              std::vector<float> products;
              for (int64_t i = 0; i < factor; ++i) {
                float product = 0;
                for (int64_t d = 0; d < headDim; ++d)
                  product += x[row * ldx + list / rounds * headDim + d] *
                             r[(list / rounds * headDim + d) * ldr + column + i % (factor / 2)];
                products.push_back(i < factor / 2 ? product : -product);
              }
              expected += weight * (std::max_element(products.begin(), products.end()) - products.begin());
              weight *= factor;
              column += factor / 2;
            }
            ASSERT_EQ(y[row * ldy + list], expected) << "row " << row << ", list " << list;
          }
      }
}

TEST_F(ChunkAttentionTest, TokensAreSortedByBucket) {
  Gaussian random(5);
  for (int64_t buckets : {1, 2, 50})
    for (bool masked : {false, true}) {
      const std::vector<int64_t> lengths = {7, 0, 40, 1};
      const int64_t lists = 3, ldx = 4, ldy = 5, longest = 40;
      const std::vector<int32_t> starts = prefixSums(masked ? std::vector<int64_t>(lengths.size(), longest) : lengths);
      Guarded<int32_t> x(starts.back() * ldx), y(starts.back() * ldy), cuSeqlens(prefixSums(lengths));
      Guarded<uint8_t> mask(starts.back());
      for (size_t i = 0; i < x.size(); ++i)
        x[i] = int32_t(random.below(buckets));
      for (size_t i = 0; i < mask.size(); ++i)
        mask[i] = !masked || random.below(3) > 0;
      Kernel::get("sort_tokens", "{buckets = " + std::to_string(buckets) + (masked ? ", masked = true}" : "}"))
          .run({x.data(), ldx, y.data(), ldy, cuSeqlens.data(), lengths.size(), lists, mask.data(), longest}, 1);
      EXPECT_TRUE(y.intact());
      for (size_t s = 0; s < lengths.size(); ++s)
        for (int64_t list = 0; list < lists; ++list) {
          std::vector<std::pair<int32_t, int32_t>> expected; // buckets and tokens
          for (int32_t token = 0; token < starts[s + 1] - starts[s]; ++token)
            if (mask[starts[s] + token])
              expected.push_back({x[(starts[s] + token) * ldx + list], token});
          std::sort(expected.begin(), expected.end());
          for (size_t rank = 0; rank < expected.size(); ++rank)
            ASSERT_EQ(y[(starts[s] + int64_t(rank)) * ldy + list], expected[rank].second);
        }
    }
}

TEST_F(ChunkAttentionTest, AxisIds) {
  Guarded<int32_t> x(2500), y(2500);
  for (int32_t i = 0; i < 2500; ++i)
    x[i] = 3 * i;
  Kernel::get("axis_ids", "{}").run({x.data(), y.data(), 2500, 12, 50}, 1);
  EXPECT_TRUE(y.intact());
  for (int32_t i = 0; i < 2500; ++i)
    ASSERT_EQ(y[i], 3 * i / 12 % 50);
}

} // namespace
