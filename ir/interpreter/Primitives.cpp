//===- Primitives.cpp - what the ops that formulas are written with mean ------===//
#include "ir/interpreter/Ops.h"

#include <cmath>
#include <limits>

namespace lathe::reference {

static double map(xf::MapKind kind, double x) {
  switch (kind) {
  case xf::MapKind::Neg:
    return -x;
  case xf::MapKind::Abs:
    return std::abs(x);
  case xf::MapKind::Sign:
    return x > 0 ? 1 : x < 0 ? -1 : x;
  case xf::MapKind::Floor:
    return std::floor(x);
  case xf::MapKind::Sqrt:
    return std::sqrt(x);
  case xf::MapKind::Rsqrt:
    return 1 / std::sqrt(x);
  case xf::MapKind::Exp:
    return std::exp(x);
  case xf::MapKind::Log:
    return std::log(x);
  case xf::MapKind::Log1p:
    return std::log1p(x);
  case xf::MapKind::Tanh:
    return std::tanh(x);
  case xf::MapKind::Erf:
    return std::erf(x);
  case xf::MapKind::Sigmoid:
    return 1 / (1 + std::exp(-x));
  }
  llvm_unreachable("every kind has a meaning");
}

static double larger(double x, double y) { return x > y || std::isnan(x) ? x : y; }
static double smaller(double x, double y) { return x < y || std::isnan(x) ? x : y; }

static double combine(xf::CombineKind kind, double x, double y) {
  switch (kind) {
  case xf::CombineKind::Add:
    return x + y;
  case xf::CombineKind::Sub:
    return x - y;
  case xf::CombineKind::Mul:
    return x * y;
  case xf::CombineKind::Div:
    return x / y;
  case xf::CombineKind::Max:
    return larger(x, y);
  case xf::CombineKind::Min:
    return smaller(x, y);
  case xf::CombineKind::Pow:
    return std::pow(x, y);
  case xf::CombineKind::Less:
    return x < y;
  case xf::CombineKind::Equal:
    return x == y;
  }
  llvm_unreachable("every kind has a meaning");
}

/// The shape in which operands meet: rows of the one that has rows, the widest last axis.
static llvm::SmallVector<int64_t> meetingShape(llvm::ArrayRef<const Tensor *> operands) {
  llvm::SmallVector<int64_t> shape(operands.front()->shape);
  for (const Tensor *operand : operands) {
    int64_t width = operand->width() != 1 ? operand->width() : shape.back();
    if (operand->shape.size() > shape.size())
      shape = operand->shape;
    shape.back() = width;
  }
  return shape;
}

/// The element that meets position `column` of row `row`.
static double elementAt(const Tensor &x, int64_t row, int64_t column) {
  return x.row(x.shape.size() == 1 ? 0 : row)[x.width() == 1 ? 0 : column];
}

Tensor map(xf::MapKind kind, const Tensor &x) {
  Tensor result = x;
  for (double &value : result.values)
    value = map(kind, value);
  return result;
}

Tensor combine(xf::CombineKind kind, const Tensor &lhs, const Tensor &rhs) {
  Tensor result(meetingShape({&lhs, &rhs}));
  for (int64_t row = 0; row < result.rows(); ++row)
    for (int64_t column = 0; column < result.width(); ++column)
      result.row(row)[column] = combine(kind, elementAt(lhs, row, column), elementAt(rhs, row, column));
  return result;
}

Tensor select(const Tensor &condition, const Tensor &x, const Tensor &y) {
  Tensor result(meetingShape({&condition, &x, &y}));
  for (int64_t row = 0; row < result.rows(); ++row)
    for (int64_t column = 0; column < result.width(); ++column)
      result.row(row)[column] = elementAt(elementAt(condition, row, column) != 0 ? x : y, row, column);
  return result;
}

Tensor reduce(xf::ReduceKind kind, const Tensor &x) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  llvm::SmallVector<int64_t> shape(x.shape);
  shape.back() = 1;
  Tensor result(shape);
  for (int64_t row = 0; row < x.rows(); ++row) {
    double sum = 0, largest = -infinity, smallest = infinity;
    for (int64_t column = 0; column < x.width(); ++column) {
      sum += x.row(row)[column];
      largest = larger(largest, x.row(row)[column]);
      smallest = smaller(smallest, x.row(row)[column]);
    }
    result.values[row] = kind == xf::ReduceKind::Sum    ? sum
                         : kind == xf::ReduceKind::Mean ? sum / x.width()
                         : kind == xf::ReduceKind::Max  ? largest
                                                        : smallest;
  }
  return result;
}

} // namespace lathe::reference
