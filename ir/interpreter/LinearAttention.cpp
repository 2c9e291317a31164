//===- LinearAttention.cpp - what the ops of linear attention mean ------------===//
#include "ir/interpreter/Ops.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::reference {

Tensor randomFeatures(const Tensor &x, const Tensor &projection, int64_t heads) {
  const int64_t headDim = projection.width(), features = projection.rows();
  llvm::SmallVector<int64_t> shape(x.shape);
  shape.back() = heads * features;
  Tensor result(shape);
  const double scale = std::pow(double(headDim), -0.25);
  for (int64_t row = 0; row < x.rows(); ++row)
    for (int64_t h = 0; h < heads; ++h) {
      const double *head = x.row(row) + h * headDim;
      double squares = 0;
      for (int64_t d = 0; d < headDim; ++d)
        squares += scale * head[d] * scale * head[d];
      for (int64_t f = 0; f < features; ++f) {
        double dot = 0;
        for (int64_t d = 0; d < headDim; ++d)
          dot += projection.row(f)[d] * scale * head[d];
        result.row(row)[h * features + f] = dot - squares / 2;
      }
    }
  return result;
}

/// The logarithm of phi(q) . phi(k): relative to the largest summand, so that none gets lost.
static double logWeight(xf::FeatureMap map, const double *q, const double *k, int64_t features) {
  auto logFeature = [&](double x) { return map == xf::FeatureMap::Exp || x < 0 ? x : std::log1p(x); };
  double largest = -std::numeric_limits<double>::infinity();
  for (int64_t f = 0; f < features; ++f)
    largest = std::max(largest, logFeature(q[f]) + logFeature(k[f]));
  double sum = 0;
  for (int64_t f = 0; f < features; ++f)
    sum += std::exp(logFeature(q[f]) + logFeature(k[f]) - largest);
  return largest + std::log(sum);
}

/// What is divided by its sum is the softmax of its logarithm.
Tensor linearAttention(xf::FeatureMap map, const Tensor &query, const Tensor &key, const Tensor &value,
                       const Tensor *mask, const Tensor *cuSeqlens, bool causal, int64_t heads) {
  Tensor result(value.shape);
  const int64_t features = key.width() / heads, headDim = value.width() / heads;
  const int64_t batch = cuSeqlens ? int64_t(cuSeqlens->values.size()) - 1 : key.shape[0];
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t begin = cuSeqlens ? int64_t(cuSeqlens->values[b]) : b * key.shape[1];
    const int64_t end = cuSeqlens ? int64_t(cuSeqlens->values[b + 1]) : begin + key.shape[1];
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = begin; i < end; ++i) {
        const int64_t seen = causal ? i + 1 : end;
        Tensor logWeights({1, seen - begin});
        for (int64_t j = begin; j < seen; ++j)
          logWeights.values[j - begin] = mask && mask->values[j] == 0 ? -std::numeric_limits<double>::infinity()
                                                                      : logWeight(map, query.row(i) + h * features,
                                                                                  key.row(j) + h * features, features);
        const Tensor weights = softmax(logWeights);
        for (int64_t j = begin; j < seen; ++j)
          for (int64_t d = 0; d < headDim; ++d)
            result.row(i)[h * headDim + d] += weights.values[j - begin] * value.row(j)[h * headDim + d];
      }
  }
  return result;
}

} // namespace lathe::reference
