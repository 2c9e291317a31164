//===- Ops.cpp - what each xf op means ----------------------------------------===//
#include "ir/interpreter/Ops.h"

#include "ir/xf/Int4.h"

#include "llvm/ADT/APFloat.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe::reference {

Tensor lookup(const Tensor &ids, const Tensor &table) {
  llvm::SmallVector<int64_t> shape(ids.shape);
  shape.push_back(table.width());
  Tensor result(shape);
  for (auto [index, id] : llvm::enumerate(ids.values))
    if (id >= 0)
      std::copy_n(table.row(int64_t(id)), table.width(), result.row(index));
  return result;
}

Tensor axisIds(const Tensor &ids, int64_t stride, int64_t extent) {
  Tensor result(ids.shape);
  llvm::transform(ids.values, result.values.begin(), [&](double id) { return int64_t(id) / stride % extent; });
  return result;
}

Tensor blend(const Tensor &rowWeights, const Tensor &columnWeights, const Tensor &grid) {
  llvm::SmallVector<int64_t> shape(rowWeights.shape);
  shape.back() = grid.width();
  Tensor result(shape);
  for (int64_t row = 0; row < rowWeights.rows(); ++row)
    for (int64_t i = 0; i < rowWeights.width(); ++i)
      for (int64_t j = 0; j < columnWeights.width(); ++j) {
        const double weight = rowWeights.row(row)[i] * columnWeights.row(row)[j];
        for (int64_t h = 0; h < grid.width(); ++h)
          result.row(row)[h] += weight * grid.row(i * columnWeights.width() + j)[h];
      }
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
  if (xf::precisionOfX(precision) == xf::Precision::INT8)
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

Tensor layerNorm(const Tensor &x, const Tensor &gain, const Tensor *bias, double eps, bool rms) {
  Tensor result = x;
  int64_t width = x.width();
  for (int64_t index = 0; index < x.rows(); ++index) {
    double *row = result.row(index), mean = 0, variance = 0;
    for (int64_t i = 0; i < width && !rms; ++i)
      mean += row[i] / width;
    for (int64_t i = 0; i < width; ++i)
      variance += (row[i] - mean) * (row[i] - mean) / width;
    for (int64_t i = 0; i < width; ++i)
      row[i] = (row[i] - mean) / std::sqrt(variance + eps) * gain.values[i] + (bias ? bias->values[i] : 0);
  }
  return result;
}

Tensor headNorm(const Tensor &x, const Tensor &gain, int64_t heads, double eps) {
  Tensor rows({x.rows() * heads, x.width() / heads});
  rows.values = x.values; // heads lie side by side
  Tensor result(x.shape);
  result.values = layerNorm(rows, gain, nullptr, eps, /*rms=*/true).values;
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

Tensor argmax(const Tensor &x) {
  Tensor result({x.rows(), 2});
  for (int64_t index = 0; index < x.rows(); ++index) {
    double *best = result.row(index);
    best[0] = -INFINITY;
    for (int64_t i = 0; i < x.width(); ++i) {
      const double value = std::isnan(x.row(index)[i]) ? INFINITY : x.row(index)[i];
      if (value > best[0])
        best[0] = value, best[1] = double(i);
    }
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

Tensor firstToken(const Tensor &x, const Tensor *cuSeqlens) {
  Tensor result({batchOf(x, cuSeqlens), x.width()});
  for (int64_t b = 0; b < result.shape[0]; ++b) {
    auto [begin, end] = rowsOf(x, cuSeqlens, b);
    if (begin != end)
      std::copy_n(x.row(begin), x.width(), result.row(b));
  }
  return result;
}

Tensor pool(xf::PoolMode mode, const Tensor &x, const Tensor *mask, const Tensor *cuSeqlens, const Tensor *columns,
            const Tensor *except) {
  using enum xf::PoolMode;
  Tensor result({batchOf(x, cuSeqlens), x.width()});
  for (int64_t b = 0; b < result.shape[0]; ++b) {
    auto [begin, end] = rowsOf(x, cuSeqlens, b);
    double *out = result.row(b);
    int64_t tokens = 0;
    double weights = 0;
    for (int64_t row = begin; row < end; ++row) {
      if ((mask && mask->values[row] == 0) || (except && except->values[row] != 0))
        continue;
      ++tokens;
      const double weight = mode == WeightedMean ? columns->values[row] + 1 : 1;
      weights += weight;
      for (int64_t i = 0; i < x.width(); ++i) {
        const double value = x.row(row)[i];
        if (mode == Mean || mode == MeanSqrt || mode == WeightedMean)
          out[i] += weight * value;
        else if (tokens == 1 || mode == Last || (mode == Max && value > out[i]))
          out[i] = value;
      }
    }
    const double divisor = mode == MeanSqrt ? std::sqrt(weights) : weights;
    if (tokens && (mode == Mean || mode == MeanSqrt || mode == WeightedMean))
      for (int64_t i = 0; i < x.width(); ++i)
        out[i] /= divisor;
  }
  return result;
}

} // namespace lathe::reference
