//===- ChunkAttention.cpp - what attention between neighbouring chunks means --===//
#include "ir/interpreter/Ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::reference {
namespace {

/// Tokens of a row by chunk, those of all rounds one behind the other.
using ChunkedTokens = std::vector<std::vector<int64_t>>;

/// One head of one row.
struct HeadOfRow {
  const Tensor &query, &key, &value;
  xf::ChunksAttr chunks;
  bool causal, hashed;
  int64_t head, heads;
  double scale;

  const double *of(const Tensor &x, int64_t token) const { return x.row(token) + head * (x.width() / heads); }
};

/// The bucket of a head's query: of each factor the index of the greatest of its products and of those negated.
int64_t bucketOf(const double *query, int64_t headDim, const Tensor &rotations, int64_t firstRow, int64_t column,
                 llvm::ArrayRef<int64_t> factors) {
  int64_t bucket = 0, digit = 1;
  for (int64_t factor : factors) {
    int64_t greatest = 0;
    double best = -std::numeric_limits<double>::infinity();
    for (int64_t index = 0; index < factor; ++index) {
      const int64_t half = factor / 2;
      double product = 0;
      for (int64_t d = 0; d < headDim; ++d)
        product += query[d] * rotations.row(firstRow + d)[column + index % half];
      if (double signedProduct = index < half ? product : -product; signedProduct > best) {
        best = signedProduct;
        greatest = index;
      }
    }
    bucket += digit * greatest;
    digit *= factor;
    column += factor / 2;
  }
  return bucket;
}

/// What a query gets of one round: its softmax over what its chunks have, and the logarithm of their sum, in f32.
struct RoundResult {
  std::vector<double> values;
  float logSum;
};

RoundResult attend(const HeadOfRow &row, const ChunkedTokens &tokens, int64_t query, int64_t chunk) {
  const int64_t count = tokens.size(), headDim = row.key.width() / row.heads, width = row.value.width() / row.heads;
  const bool isWhole = count == 1;
  std::vector<std::pair<double, int64_t>> scores;
  for (int64_t by = isWhole ? 0 : -row.chunks.getBefore(); by <= (isWhole ? 0 : row.chunks.getAfter()); ++by) {
    const int64_t seen = std::abs(by) < count ? (chunk + by + count) % count : chunk;
    for (int64_t key : tokens[seen]) {
      double product = 0;
      for (int64_t d = 0; d < headDim; ++d)
        product += row.of(row.query, query)[d] * row.of(row.key, key)[d];
      if (row.hashed && key == query)
        scores.push_back({-1e5, key});
      else if (!row.causal || key <= query)
        scores.push_back({row.scale * product, key});
    }
  }
  const double largest = std::max_element(scores.begin(), scores.end())->first;
  double sum = 0;
  for (auto [score, key] : scores)
    sum += std::exp(score - largest);
  RoundResult result = {std::vector<double>(width), float(largest + std::log(sum))};
  for (auto [score, key] : scores)
    for (int64_t d = 0; d < width; ++d)
      result.values[d] += std::exp(score - result.logSum) * row.of(row.value, key)[d];
  return result;
}

/// Rounds weighed by their sums.
std::vector<double> weighed(const std::vector<RoundResult> &rounds) {
  if (rounds.size() == 1)
    return rounds.front().values;
  float largest = -std::numeric_limits<float>::infinity();
  for (const RoundResult &round : rounds)
    largest = std::max(largest, round.logSum);
  double sum = 0;
  for (const RoundResult &round : rounds)
    sum += std::exp(double(round.logSum) - largest);
  const float logSum = float(largest + std::log(sum));
  std::vector<double> values(rounds.front().values.size());
  for (const RoundResult &round : rounds)
    for (size_t d = 0; d < values.size(); ++d)
      values[d] += std::exp(double(round.logSum) - logSum) * round.values[d];
  return values;
}

} // namespace

Tensor chunkAttention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor &rowColumns,
                      const ChunkOperands &others, llvm::ArrayRef<int64_t> factors, xf::ChunksAttr chunks, bool causal,
                      int64_t heads, double scale) {
  Tensor result(value.shape);
  const Tensor *rotations = others.given && others.given->rows() ? others.given : others.rotations;
  const int64_t headDim = key.width() / heads, width = value.width() / heads, roundColumns = llvm::sum_of(factors) / 2;
  for (int64_t b = 0; b < int64_t(rowColumns.values.size()); ++b) {
    const int64_t begin = others.cuSeqlens ? int64_t(others.cuSeqlens->values[b]) : b * key.shape[1];
    const int64_t end = others.cuSeqlens ? int64_t(others.cuSeqlens->values[b + 1]) : begin + key.shape[1];
    std::vector<int64_t> present;
    for (int64_t token = begin; token < end; ++token)
      if (!others.mask || others.mask->values[token] != 0)
        present.push_back(token);
    const int64_t places = chunks.placesOf(int64_t(rowColumns.values[b])), length = chunks.getLength();
    const int64_t chunksOfRound = places > length ? places / length : 1;
    const int64_t rounds = rotations && places > length ? rotations->width() / roundColumns : 1;
    for (int64_t head = 0; head < heads; ++head) {
      const HeadOfRow row = {query, key, value, chunks, causal, bool(rotations), head, heads, scale};
      ChunkedTokens tokens(rounds * chunksOfRound);
      for (int64_t round = 0; round < rounds; ++round) {
        std::vector<std::pair<int64_t, int64_t>> order; // buckets and tokens
        for (int64_t token : present)
          order.push_back({rotations ? bucketOf(row.of(query, token), headDim, *rotations, head * headDim,
                                                round * roundColumns, factors)
                                     : 0,
                           token});
        llvm::sort(order);
        for (auto [rank, ranked] : llvm::enumerate(order)) {
          const int64_t token = ranked.second;
          const int64_t place = rotations ? int64_t(rank) : int64_t(others.columns->values[token]);
          tokens[round * chunksOfRound + place / length].push_back(token);
        }
      }
      std::vector<std::vector<RoundResult>> results(end - begin);
      for (auto [chunk, ofChunk] : llvm::enumerate(tokens))
        for (int64_t token : ofChunk)
          results[token - begin].push_back(attend(row, tokens, token, chunk));
      for (int64_t token : present)
        llvm::copy(weighed(results[token - begin]), result.row(token) + head * width);
    }
  }
  return result;
}

} // namespace lathe::reference
