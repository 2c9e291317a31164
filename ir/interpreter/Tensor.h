//===- Tensor.h - values of the interpreter -----------------------------------===//
#ifndef LATHE_IR_INTERPRETER_TENSOR_H
#define LATHE_IR_INTERPRETER_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <string>
#include <vector>

namespace lathe {

/// A dense row-major array. Every element is a double, whatever the IR's type: floats are computed more precisely than
/// any compiled form, ids and masks are exact.
struct Tensor {
  llvm::SmallVector<int64_t> shape;
  std::vector<double> values;

  Tensor() = default;
  explicit Tensor(llvm::ArrayRef<int64_t> shape) : shape(shape.begin(), shape.end()), values(count(shape)) {}
  Tensor(llvm::ArrayRef<int64_t> shape, std::vector<double> values)
      : shape(shape.begin(), shape.end()), values(std::move(values)) {}

  static size_t count(llvm::ArrayRef<int64_t> shape) {
    size_t product = 1;
    for (int64_t extent : shape)
      product *= extent;
    return product;
  }
  int64_t width() const { return shape.back(); }
  /// Number of vectors along the last axis.
  int64_t rows() const { return count(llvm::ArrayRef(shape).drop_back()); }
  double *row(int64_t index) { return values.data() + index * width(); }
  const double *row(int64_t index) const { return values.data() + index * width(); }
};

/// "[2, 5]"
inline std::string shapeText(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis)
    text += (axis ? ", " : "") + std::to_string(shape[axis]);
  return text + "]";
}

} // namespace lathe

#endif
