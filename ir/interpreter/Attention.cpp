//===- Attention.cpp - what the ops of attention mean -------------------------===//
#include "ir/interpreter/Ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe::reference {

static constexpr double absent = -std::numeric_limits<double>::infinity();

Tensor splitHeads(const Tensor &x, int64_t heads, int64_t repeats) {
  int64_t batch = x.shape[0], seq = x.shape[1], headDim = x.shape[2] * repeats / heads;
  Tensor result({batch, heads, seq, headDim});
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t s = 0; s < seq; ++s)
        std::copy_n(x.row(b * seq + s) + h / repeats * headDim, headDim, result.row((b * heads + h) * seq + s));
  return result;
}

Tensor mergeHeads(const Tensor &x) {
  int64_t batch = x.shape[0], heads = x.shape[1], seq = x.shape[2], headDim = x.shape[3];
  Tensor result({batch, seq, heads * headDim});
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t s = 0; s < seq; ++s)
        std::copy_n(x.row((b * heads + h) * seq + s), headDim, result.row(b * seq + s) + h * headDim);
  return result;
}

Tensor matmul(const Tensor &lhs, const Tensor &rhs, bool transposed) {
  int64_t matrices = lhs.shape[0] * lhs.shape[1], m = lhs.shape[2], k = lhs.shape[3];
  int64_t n = transposed ? rhs.shape[2] : rhs.shape[3];
  Tensor result({lhs.shape[0], lhs.shape[1], m, n});
  for (int64_t g = 0; g < matrices; ++g)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += lhs.row(g * m + i)[l] * (transposed ? rhs.row(g * n + j)[l] : rhs.row(g * k + l)[j]);
        result.row(g * m + i)[j] = sum;
      }
  return result;
}

Tensor maskScores(const Tensor &scores, const Tensor &mask) {
  int64_t rowsPerSequence = scores.shape[1] * scores.shape[2];
  Tensor result = scores;
  for (int64_t row = 0; row < scores.rows(); ++row)
    for (int64_t key = 0; key < scores.width(); ++key)
      if (mask.row(row / rowsPerSequence)[key] == 0)
        result.row(row)[key] = absent;
  return result;
}

Tensor capScores(const Tensor &scores, double cap) {
  Tensor result = scores;
  for (double &score : result.values)
    score = cap * std::tanh(score / cap);
  return result;
}

static double keyColumn(const Distances &distances, int64_t j) {
  return (distances.keyColumns ? distances.keyColumns : distances.columns)->values[j];
}

/// What the tokens in rows i and j of all columns, of sequence `b`, get added to their score in head `h`: -inf where
/// the query does not see the key.
static double byDistance(const Distances &distances, int64_t b, int64_t i, int64_t j, int64_t h) {
  const double column = keyColumn(distances, j), from = distances.columns->values[i];
  const int64_t distance = int64_t(column - from), block = distances.block;
  if (distances.globals && distances.globals->values[i] != 0)
    return absent;
  if (distances.globals && distances.globals->values[j] != 0)
    return std::log(distances.globals->values[j]);
  if (distances.causal && distance > 0 && !(distances.prefix && column < distances.prefix->values[b]))
    return absent;
  if (distances.reach &&
      (distances.causal ? -distance : std::abs(int64_t(column) / block - int64_t(from) / block)) > *distances.reach)
    return absent;
  return (distances.bias ? distances.bias->row(distances.buckets.bucketOf(distance))[h] : 0) +
         (distances.slopes ? distances.slopes->values[h] * double(distance) : 0) +
         (distances.pairs ? distances.pairs->row(h * distances.pairs->width() + int64_t(from))[int64_t(column)] : 0);
}

/// What the tokens in rows i and j of all columns add to their product in head `h` of `heads`, before it is scaled.
static double termsOf(const Distances &distances, int64_t i, int64_t j, int64_t h, int64_t heads) {
  if (!distances.index)
    return 0;
  const int64_t most = distances.index->width() / 2;
  const int64_t away = int64_t(keyColumn(distances, j) - distances.columns->values[i]);
  const int64_t c = int64_t(distances.index->values[most + std::clamp(away, -most, most)]);
  auto term = [&](const Tensor *terms, int64_t row) {
    return terms ? terms->row(row)[h * (terms->width() / heads) + c] : 0;
  };
  return term(distances.queryTerms, i) + term(distances.keyTerms, j);
}

/// Adds to scores [batch, heads, queries, keys] what goes by distance.
static Tensor scoresByDistance(const Tensor &scores, const Distances &distances) {
  const int64_t heads = scores.shape[1], queries = scores.shape[2], keys = scores.shape[3];
  Tensor result = scores;
  for (int64_t row = 0; row < scores.rows(); ++row) {
    const int64_t b = row / queries / heads, query = b * queries + row % queries, head = row / queries % heads;
    for (int64_t key = 0; key < keys; ++key)
      result.row(row)[key] += termsOf(distances, query, b * keys + key, head, heads);
    for (int64_t key = 0; key < keys; ++key)
      result.row(row)[key] += byDistance(distances, b, query, b * keys + key, head);
  }
  return result;
}

Tensor biasScores(const Tensor &scores, const Tensor &table, const Tensor &columns, xf::BucketsAttr buckets) {
  return scoresByDistance(scores, {.columns = &columns, .bias = &table, .buckets = buckets});
}

Tensor addTerms(const Tensor &scores, const Tensor *queryTerms, const Tensor *keyTerms, const Tensor &columns,
                const Tensor &index, const Tensor *keyColumns) {
  return scoresByDistance(
      scores,
      {.columns = &columns, .keyColumns = keyColumns, .queryTerms = queryTerms, .keyTerms = keyTerms, .index = &index});
}

Tensor biasPairs(const Tensor &scores, const Tensor &table, const Tensor &columns) {
  return scoresByDistance(scores, {.columns = &columns, .pairs = &table});
}

Tensor slopeScores(const Tensor &scores, const Tensor &slopes, const Tensor &columns) {
  return scoresByDistance(scores, {.columns = &columns, .slopes = &slopes});
}

Tensor windowScores(const Tensor &scores, const Tensor &columns, std::optional<int64_t> reach, bool causal,
                    const Tensor *prefix, const Tensor *globals, int64_t block, const Tensor *keyColumns) {
  return scoresByDistance(scores, {.columns = &columns,
                                   .keyColumns = keyColumns,
                                   .reach = reach,
                                   .block = block,
                                   .causal = causal,
                                   .prefix = prefix,
                                   .globals = globals});
}

Tensor chooseQueries(const Tensor &scores, const Tensor &chosen) {
  const int64_t heads = scores.shape[1], queries = scores.shape[2];
  Tensor result = scores;
  for (int64_t row = 0; row < scores.rows(); ++row)
    if (chosen.row(row / queries / heads)[row % queries] == 0)
      std::fill_n(result.row(row), scores.width(), absent);
  return result;
}

Tensor softmax(const Tensor &x) {
  Tensor result = x;
  for (int64_t index = 0; index < x.rows(); ++index) {
    double *begin = result.row(index), *end = begin + x.width();
    double largest = begin == end ? absent : *std::max_element(begin, end);
    if (largest == absent) {
      std::fill(begin, end, 0.0);
      continue;
    }
    double sum = 0;
    for (double *value = begin; value != end; ++value)
      sum += *value = std::exp(*value - largest);
    for (double *value = begin; value != end; ++value)
      *value /= sum;
  }
  return result;
}

/// Rounds what weights are, each divided by the largest: exponentials of scores relative to the largest score. What is
/// multiplied then adds up to one again.
static void roundExponentials(std::vector<double> &weights, xf::Precision precision) {
  const double largest = weights.empty() ? 0 : *llvm::max_element(weights);
  if (largest == 0)
    return;
  Tensor exponentials({int64_t(weights.size())}, weights);
  for (double &value : exponentials.values)
    value /= largest;
  exponentials = roundedFactor(exponentials, precision);
  const double sum = std::accumulate(exponentials.values.begin(), exponentials.values.end(), 0.0);
  for (auto [weight, value] : llvm::zip_equal(weights, exponentials.values))
    weight = value / sum;
}

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor *mask,
                 const Tensor *cuSeqlens, int64_t heads, double scale, std::optional<xf::Precision> precision,
                 const Distances &distances, std::optional<double> cap, const Tensor *keyCuSeqlens,
                 const Tensor *chosen) {
  const int64_t headDim = query.width() / heads, repeats = query.width() / key.width();
  const int64_t valueDim = value.width() * repeats / heads;
  llvm::SmallVector<int64_t> shape(query.shape);
  shape.back() = heads * valueDim;
  Tensor result(shape);
  const Tensor q = roundedFactor(query, precision), k = roundedFactor(key, precision),
               v = roundedFactor(value, precision);
  const int64_t batch = cuSeqlens ? int64_t(cuSeqlens->values.size()) - 1 : query.shape[0];
  for (int64_t b = 0; b < batch; ++b) {
    // Rows of this sequence; queries and keys of one axis are the same rows in packed form.
    int64_t queryBegin, queryEnd, keyBegin, keyEnd;
    if (const Tensor *ofKeys = keyCuSeqlens ? keyCuSeqlens : cuSeqlens) {
      queryBegin = cuSeqlens ? int64_t(cuSeqlens->values[b]) : b;
      queryEnd = cuSeqlens ? int64_t(cuSeqlens->values[b + 1]) : b + 1;
      keyBegin = int64_t(ofKeys->values[b]), keyEnd = int64_t(ofKeys->values[b + 1]);
    } else {
      queryBegin = b * query.shape[1], queryEnd = queryBegin + query.shape[1];
      keyBegin = b * key.shape[1], keyEnd = keyBegin + key.shape[1];
    }
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t column = h * headDim, keyColumn = h / repeats * headDim;
      for (int64_t i = queryBegin; i < queryEnd; ++i) {
        if (chosen && chosen->values[i] == 0)
          continue;
        Tensor scores({1, keyEnd - keyBegin});
        for (int64_t j = keyBegin; j < keyEnd; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < headDim; ++d)
            dot += q.row(i)[column + d] * k.row(j)[keyColumn + d];
          double &score = scores.values[j - keyBegin];
          dot = (dot + termsOf(distances, i, j, h, heads)) * scale;
          if (cap)
            dot = *cap * std::tanh(dot / *cap);
          score = mask && mask->values[j] == 0 ? absent : dot;
          if (distances.columns)
            score += byDistance(distances, b, i, j, h);
        }
        Tensor weights = softmax(scores);
        if (precision)
          roundExponentials(weights.values, *precision);
        for (int64_t j = keyBegin; j < keyEnd; ++j)
          for (int64_t d = 0; d < valueDim; ++d)
            result.row(i)[h * valueDim + d] += weights.values[j - keyBegin] * v.row(j)[h / repeats * valueDim + d];
      }
    }
  }
  return result;
}

Tensor remember(const Tensor &memory, const Tensor &x, const Tensor *memoryCuSeqlens, const Tensor *cuSeqlens) {
  const int64_t batch = cuSeqlens ? int64_t(cuSeqlens->values.size()) - 1 : x.shape[0];
  auto rowsOf = [](const Tensor &rows, const Tensor *offsets, int64_t b) -> std::pair<int64_t, int64_t> {
    if (offsets)
      return {int64_t(offsets->values[b]), int64_t(offsets->values[b + 1])};
    return {b * rows.shape[1], (b + 1) * rows.shape[1]};
  };
  Tensor result = memory;
  for (int64_t b = 0; b < batch; ++b) {
    const auto [begin, end] = rowsOf(x, cuSeqlens, b);
    const int64_t memoryEnd = rowsOf(memory, memoryCuSeqlens, b).second;
    for (int64_t row = begin; row < end; ++row)
      std::copy_n(x.row(row), x.width(), result.row(memoryEnd - end + row));
  }
  return result;
}

Tensor angles(const Tensor &positions, const Tensor &frequencies) {
  llvm::SmallVector<int64_t> shape(positions.shape);
  const int64_t n = frequencies.width();
  shape.push_back(2 * n);
  Tensor result(shape);
  for (auto [row, position] : llvm::enumerate(positions.values))
    for (int64_t i = 0; i < n; ++i) {
      const double angle = float(position) * float(frequencies.values[i]);
      result.row(row)[i] = std::cos(angle);
      result.row(row)[n + i] = std::sin(angle);
    }
  return result;
}

Tensor rotate(const Tensor &x, const Tensor &angles, int64_t heads) {
  const int64_t headDim = x.width() / heads, n = angles.width() / 2;
  Tensor result = x; // columns behind the pairs stay
  for (int64_t row = 0; row < x.rows(); ++row)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < n; ++i) {
        const double *from = x.row(row) + h * headDim, cosine = angles.row(row)[i], sine = angles.row(row)[n + i];
        double *to = result.row(row) + h * headDim;
        to[i] = from[i] * cosine - from[n + i] * sine;
        to[n + i] = from[n + i] * cosine + from[i] * sine;
      }
  return result;
}

} // namespace lathe::reference
