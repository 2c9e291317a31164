//===- Ops.cpp - what each xf op means ----------------------------------------===//
#include "ir/interpreter/Ops.h"

#include "ir/xf/Int4.h"

#include "llvm/ADT/APFloat.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe::reference {

static constexpr double absent = -std::numeric_limits<double>::infinity();

Tensor lookup(const Tensor &ids, const Tensor &table) {
  llvm::SmallVector<int64_t> shape(ids.shape);
  shape.push_back(table.width());
  Tensor result(shape);
  for (auto [index, id] : llvm::enumerate(ids.values))
    std::copy_n(table.row(int64_t(id)), table.width(), result.row(index));
  return result;
}

Tensor linear(const Tensor &x, const Tensor &weight, const Tensor *bias) {
  llvm::SmallVector<int64_t> shape(x.shape);
  shape.back() = weight.shape[0];
  Tensor result(shape);
  for (int64_t m = 0; m < x.rows(); ++m)
    for (int64_t n = 0; n < weight.shape[0]; ++n) {
      const double *a = x.row(m), *w = weight.row(n);
      double sum = bias ? bias->values[n] : 0;
      for (int64_t k = 0; k < x.width(); ++k)
        sum += a[k] * w[k];
      result.row(m)[n] = sum;
    }
  return result;
}

static void roundToBf16(std::vector<double> &values) {
  for (double &value : values) {
    llvm::APFloat number(value);
    bool inexact;
    number.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven, &inexact);
    value = number.convertToDouble();
  }
}

/// Calls `round` with each row, along the last axis.
static void forRows(Tensor &x, llvm::function_ref<void(llvm::MutableArrayRef<double>)> round) {
  const size_t width = x.shape.empty() ? 1 : x.shape.back();
  for (size_t begin = 0; begin < x.values.size(); begin += width)
    round(llvm::MutableArrayRef(x.values).slice(begin, width));
}

Tensor roundedFactor(const Tensor &x, std::optional<xf::Precision> precision, const Tensor *range) {
  Tensor result = x;
  if (precision == xf::Precision::BF16)
    roundToBf16(result.values);
  if (precision == xf::Precision::INT8 || precision == xf::Precision::INT4)
    forRows(result, [&](llvm::MutableArrayRef<double> row) {
      const double above = range ? range->values[1] : std::max(0.0, *llvm::max_element(row));
      const double below = range ? -range->values[0] : -std::min(0.0, *llvm::min_element(row));
      const double scale = (above + below) / 255, zero = scale ? std::nearbyint(below / scale) : 0;
      for (double &value : row)
        value = scale ? scale * (std::clamp(std::nearbyint(value / scale) + zero, 0.0, 255.0) - zero) : 0;
    });
  return result;
}

Tensor timesColumns(const Tensor &x, const Tensor &factors) {
  Tensor result = x;
  forRows(result, [&](llvm::MutableArrayRef<double> row) {
    for (auto [value, factor] : llvm::zip_equal(row, factors.values))
      value *= factor;
  });
  return result;
}

Tensor dividedByColumns(const Tensor &weight, const Tensor &factors) {
  Tensor result = weight;
  forRows(result, [&](llvm::MutableArrayRef<double> row) {
    for (auto [value, factor] : llvm::zip_equal(row, factors.values))
      value = float(value) / float(factor); // in f32, which is what is rounded next, here as in the weights file
  });
  return result;
}

Tensor roundedWeight(const Tensor &weight, std::optional<xf::Precision> precision, std::optional<int64_t> group,
                     const Tensor *importance) {
  if (precision != xf::Precision::INT8 && precision != xf::Precision::INT4)
    return roundedFactor(weight, precision);
  Tensor result = weight;
  if (precision == xf::Precision::INT4) {
    const std::vector<float> ofColumns =
        importance ? std::vector<float>(importance->values.begin(), importance->values.end()) : std::vector<float>();
    forRows(result, [&](llvm::MutableArrayRef<double> row) {
      const xf::Int4Row rounded = xf::roundToInt4(std::vector<float>(row.begin(), row.end()), *group, ofColumns);
      for (auto [k, value] : llvm::enumerate(row))
        value = double(rounded.scale) * rounded.byteAt(k);
    });
    return result;
  }
  forRows(result, [](llvm::MutableArrayRef<double> row) {
    double largest = 0;
    for (double value : row)
      largest = std::max(largest, std::abs(value));
    const double scale = largest / 127;
    for (double &value : row)
      value = scale ? scale * std::nearbyint(value / scale) : 0;
  });
  return result;
}

Tensor concat(llvm::ArrayRef<const Tensor *> inputs) {
  Tensor result = *inputs.front();
  for (const Tensor *input : inputs.drop_front()) {
    result.shape[0] += input->shape[0];
    result.values.insert(result.values.end(), input->values.begin(), input->values.end());
  }
  return result;
}

Tensor join(llvm::ArrayRef<const Tensor *> inputs) {
  llvm::SmallVector<int64_t> shape(inputs.front()->shape);
  shape.back() = 0;
  for (const Tensor *input : inputs)
    shape.back() += input->width();
  Tensor result(shape);
  for (int64_t row = 0; row < result.rows(); ++row) {
    double *out = result.row(row);
    for (const Tensor *input : inputs)
      out = std::copy_n(input->row(row), input->width(), out);
  }
  return result;
}

std::vector<Tensor> split(const Tensor &input, llvm::ArrayRef<int64_t> widths) {
  std::vector<Tensor> results;
  int64_t begin = 0;
  for (int64_t width : widths) {
    llvm::SmallVector<int64_t> shape(input.shape);
    shape.back() = width;
    Tensor part(shape);
    for (int64_t row = 0; row < input.rows(); ++row)
      std::copy_n(input.row(row) + begin, width, part.row(row));
    results.push_back(std::move(part));
    begin += width;
  }
  return results;
}

Tensor splitHeads(const Tensor &x, int64_t heads) {
  int64_t batch = x.shape[0], seq = x.shape[1], headDim = x.shape[2] / heads;
  Tensor result({batch, heads, seq, headDim});
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t s = 0; s < seq; ++s)
        std::copy_n(x.row(b * seq + s) + h * headDim, headDim, result.row((b * heads + h) * seq + s));
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

/// A score's bias in head `h`, and -inf beyond the reach.
static double byDistance(const Distances &distances, int64_t distance, int64_t h) {
  if (distances.reach && std::abs(distance) > *distances.reach)
    return absent;
  return distances.bias ? distances.bias->row(distances.buckets.bucketOf(distance))[h] : 0;
}

/// What the tokens in rows i and j of all columns add to their product in head `h` of `heads`, before it is scaled.
static double termsOf(const Distances &distances, int64_t i, int64_t j, int64_t h, int64_t heads) {
  if (!distances.index)
    return 0;
  const int64_t most = distances.index->width() / 2;
  const int64_t away = int64_t(distances.columns->values[j] - distances.columns->values[i]);
  const int64_t c = int64_t(distances.index->values[most + std::clamp(away, -most, most)]);
  auto term = [&](const Tensor *terms, int64_t row) {
    return terms ? terms->row(row)[h * (terms->width() / heads) + c] : 0;
  };
  return term(distances.queryTerms, i) + term(distances.keyTerms, j);
}

/// Adds to scores [batch, heads, seq, seq] what goes by distance.
static Tensor scoresByDistance(const Tensor &scores, const Distances &distances) {
  const int64_t heads = scores.shape[1], seq = scores.shape[2];
  Tensor result = scores;
  for (int64_t row = 0; row < scores.rows(); ++row) {
    const double *columns = distances.columns->row(row / seq / heads);
    const int64_t first = row / seq / heads * seq;
    for (int64_t key = 0; key < seq; ++key)
      result.row(row)[key] += termsOf(distances, first + row % seq, first + key, row / seq % heads, heads);
    for (int64_t key = 0; key < seq; ++key)
      result.row(row)[key] += byDistance(distances, int64_t(columns[key] - columns[row % seq]), row / seq % heads);
  }
  return result;
}

Tensor biasScores(const Tensor &scores, const Tensor &table, const Tensor &columns, xf::BucketsAttr buckets) {
  return scoresByDistance(scores, {.columns = &columns, .bias = &table, .buckets = buckets});
}

Tensor addTerms(const Tensor &scores, const Tensor *queryTerms, const Tensor *keyTerms, const Tensor &columns,
                const Tensor &index) {
  return scoresByDistance(scores,
                          {.columns = &columns, .queryTerms = queryTerms, .keyTerms = keyTerms, .index = &index});
}

Tensor windowScores(const Tensor &scores, const Tensor &columns, int64_t reach) {
  return scoresByDistance(scores, {.columns = &columns, .reach = reach});
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
                 const Distances &distances) {
  Tensor result(query.shape);
  const Tensor q = roundedFactor(query, precision), k = roundedFactor(key, precision),
               v = roundedFactor(value, precision);
  int64_t headDim = query.width() / heads;
  int64_t batch = cuSeqlens ? int64_t(cuSeqlens->values.size()) - 1 : query.shape[0];
  for (int64_t b = 0; b < batch; ++b) {
    // Rows of this sequence; queries and keys are the same rows in packed form.
    int64_t queryBegin, queryEnd, keyBegin, keyEnd;
    if (cuSeqlens) {
      queryBegin = keyBegin = int64_t(cuSeqlens->values[b]);
      queryEnd = keyEnd = int64_t(cuSeqlens->values[b + 1]);
    } else {
      queryBegin = b * query.shape[1], queryEnd = queryBegin + query.shape[1];
      keyBegin = b * key.shape[1], keyEnd = keyBegin + key.shape[1];
    }
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = queryBegin; i < queryEnd; ++i) {
        Tensor scores({1, keyEnd - keyBegin});
        for (int64_t j = keyBegin; j < keyEnd; ++j) {
          double dot = 0;
          for (int64_t d = h * headDim; d < (h + 1) * headDim; ++d)
            dot += q.row(i)[d] * k.row(j)[d];
          double &score = scores.values[j - keyBegin];
          dot += termsOf(distances, i, j, h, heads);
          score = mask && mask->values[j] == 0 ? absent : dot * scale;
          if (distances.columns)
            score += byDistance(distances, int64_t(distances.columns->values[j] - distances.columns->values[i]), h);
        }
        Tensor weights = softmax(scores);
        if (precision)
          roundExponentials(weights.values, *precision);
        for (int64_t j = keyBegin; j < keyEnd; ++j)
          for (int64_t d = h * headDim; d < (h + 1) * headDim; ++d)
            result.row(i)[d] += weights.values[j - keyBegin] * v.row(j)[d];
      }
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
  const int64_t n = x.width() / heads / 2;
  Tensor result(x.shape);
  for (int64_t row = 0; row < x.rows(); ++row)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < n; ++i) {
        const double *from = x.row(row) + h * 2 * n, cosine = angles.row(row)[i], sine = angles.row(row)[n + i];
        double *to = result.row(row) + h * 2 * n;
        to[i] = from[i] * cosine - from[n + i] * sine;
        to[n + i] = from[n + i] * cosine + from[i] * sine;
      }
  return result;
}

Tensor add(const Tensor &lhs, const Tensor &rhs) {
  Tensor result = lhs;
  for (auto [sum, term] : llvm::zip_equal(result.values, rhs.values))
    sum += term;
  return result;
}

Tensor scale(const Tensor &x, double factor) {
  Tensor result = x;
  for (double &value : result.values)
    value *= factor;
  return result;
}

static double activate(xf::Activation activation, double x) {
  switch (activation) {
  case xf::Activation::Gelu:
    return 0.5 * x * (1 + std::erf(x * M_SQRT1_2));
  case xf::Activation::GeluTanh:
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case xf::Activation::Relu:
    return std::max(x, 0.0);
  case xf::Activation::Silu:
    return x / (1 + std::exp(-x));
  case xf::Activation::Tanh:
    return std::tanh(x);
  }
  llvm_unreachable("every activation has a meaning");
}

Tensor activate(xf::Activation activation, const Tensor &x) {
  Tensor result = x;
  for (double &value : result.values)
    value = activate(activation, value);
  return result;
}

Tensor layerNorm(const Tensor &x, const Tensor &gain, const Tensor *bias, double eps) {
  Tensor result = x;
  int64_t width = x.width();
  for (int64_t index = 0; index < x.rows(); ++index) {
    double *row = result.row(index), mean = 0, variance = 0;
    for (int64_t i = 0; i < width; ++i)
      mean += row[i] / width;
    for (int64_t i = 0; i < width; ++i)
      variance += (row[i] - mean) * (row[i] - mean) / width;
    for (int64_t i = 0; i < width; ++i)
      row[i] = (row[i] - mean) / std::sqrt(variance + eps) * gain.values[i] + (bias ? bias->values[i] : 0);
  }
  return result;
}

Tensor normalize(const Tensor &x, double eps) {
  Tensor result = x;
  for (int64_t index = 0; index < x.rows(); ++index) {
    double *row = result.row(index), squares = 0;
    for (int64_t i = 0; i < x.width(); ++i)
      squares += row[i] * row[i];
    for (int64_t i = 0; i < x.width(); ++i)
      row[i] /= std::max(std::sqrt(squares), eps);
  }
  return result;
}

/// First and one-past-last row of sequence `b`.
static std::pair<int64_t, int64_t> rowsOf(const Tensor &x, const Tensor *cuSeqlens, int64_t b) {
  if (cuSeqlens)
    return {int64_t(cuSeqlens->values[b]), int64_t(cuSeqlens->values[b + 1])};
  return {b * x.shape[1], (b + 1) * x.shape[1]};
}

static int64_t batchOf(const Tensor &x, const Tensor *cuSeqlens) {
  return cuSeqlens ? int64_t(cuSeqlens->values.size()) - 1 : x.shape[0];
}

Tensor adjacent(xf::Side side, const Tensor &x, const Tensor *mask, const Tensor *cuSeqlens, const Tensor &columns) {
  const int64_t by = side == xf::Side::Next ? 1 : -1;
  Tensor result(x.shape);
  for (int64_t b = 0; b < batchOf(x, cuSeqlens); ++b) {
    auto [begin, end] = rowsOf(x, cuSeqlens, b);
    for (int64_t row = begin; row < end; ++row) {
      const int64_t beside = row + by;
      if (beside >= begin && beside < end && columns.values[beside] == columns.values[row] + by &&
          (!mask || mask->values[beside] != 0))
        std::copy_n(x.row(beside), x.width(), result.row(row));
    }
  }
  return result;
}

Tensor firstToken(const Tensor &x, const Tensor *cuSeqlens) {
  Tensor result({batchOf(x, cuSeqlens), x.width()});
  for (int64_t b = 0; b < result.shape[0]; ++b) {
    auto [begin, end] = rowsOf(x, cuSeqlens, b);
    if (begin != end)
      std::copy_n(x.row(begin), x.width(), result.row(b));
  }
  return result;
}

Tensor pool(xf::PoolMode mode, const Tensor &x, const Tensor *mask, const Tensor *cuSeqlens) {
  Tensor result({batchOf(x, cuSeqlens), x.width()});
  for (int64_t b = 0; b < result.shape[0]; ++b) {
    auto [begin, end] = rowsOf(x, cuSeqlens, b);
    double *out = result.row(b);
    int64_t tokens = 0;
    for (int64_t row = begin; row < end; ++row) {
      if (mask && mask->values[row] == 0)
        continue;
      ++tokens;
      for (int64_t i = 0; i < x.width(); ++i) {
        double value = x.row(row)[i];
        if (mode == xf::PoolMode::Mean)
          out[i] += value;
        else
          out[i] = tokens == 1 ? value : std::max(out[i], value);
      }
    }
    if (mode == xf::PoolMode::Mean && tokens)
      for (int64_t i = 0; i < x.width(); ++i)
        out[i] /= tokens;
  }
  return result;
}

} // namespace lathe::reference
