//===- JoinedRows.cpp - rows of a model's weights, as f32 ---------------------===//
#include "compiler/driver/JoinedRows.h"

#include "compiler/import/checkpoint/WeightValues.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe {

static TensorView viewOf(xf::WeightOp weight) {
  auto attribute = cast<DenseResourceElementsAttr>(weight.getValue());
  auto type = cast<RankedTensorType>(attribute.getType());
  TensorView view;
  view.name = weight.getSymName().str();
  Type element = type.getElementType();
  view.dtype = element.isF16()    ? DType::F16
               : element.isBF16() ? DType::BF16
               : element.isF64()  ? DType::F64
                                  : DType::F32;
  view.shape.assign(type.getShape().begin(), type.getShape().end());
  ArrayRef<char> bytes = attribute.getRawHandle().getBlob()->getData();
  view.bytes = ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  return view;
}

/// A matrix in f32 with its axes exchanged.
static std::vector<float> transposed(const TensorView &matrix) {
  const int64_t rows = matrix.shape[0], columns = matrix.shape[1];
  std::vector<float> values(matrix.numElements()), row(columns);
  for (int64_t r = 0; r < rows; ++r) {
    widenToF32(matrix, r * columns, row);
    for (int64_t c = 0; c < columns; ++c)
      values[c * rows + r] = row[c];
  }
  return values;
}

JoinedRows::JoinedRows(ArrayRef<xf::WeightOp> weights) {
  for (xf::WeightOp weight : weights) {
    const RankedTensorType type = weight.getLoadedType();
    rowWidth = type.getNumElements() / type.getDimSize(0);
    rowCount += type.getDimSize(0);
    views.push_back(viewOf(weight));
    parts.push_back({type.getDimSize(0), weight.getTransposed() ? transposed(views.back()) : std::vector<float>()});
  }
}

void JoinedRows::read(int64_t row, MutableArrayRef<float> out) const {
  size_t index = 0;
  for (; row >= parts[index].rows; ++index)
    row -= parts[index].rows;
  if (const std::vector<float> &turned = parts[index].turned; !turned.empty())
    llvm::copy(ArrayRef(turned).slice(row * rowWidth, rowWidth), out.begin());
  else
    widenToF32(views[index], row * rowWidth, out);
}

std::vector<float> readVector(xf::WeightOp weight) {
  const TensorView view = viewOf(weight);
  std::vector<float> values(view.numElements());
  widenToF32(view, 0, values);
  return values;
}

} // namespace lathe
