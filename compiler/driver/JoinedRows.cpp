//===- JoinedRows.cpp - rows of a model's weights, as f32 ---------------------===//
#include "compiler/driver/JoinedRows.h"

#include "compiler/import/checkpoint/WeightValues.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe {

TensorView viewOf(xf::WeightOp weight) {
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

JoinedRows::JoinedRows(SmallVector<TensorView> tensors) : parts(std::move(tensors)) {
  const TensorView &first = parts.front();
  rowWidth = first.numElements() / first.shape.front();
  for (const TensorView &tensor : parts)
    rowCount += tensor.shape.front();
}

void JoinedRows::read(int64_t row, MutableArrayRef<float> out) const {
  const TensorView *tensor = parts.begin();
  for (; row >= tensor->shape.front(); ++tensor)
    row -= tensor->shape.front();
  widenToF32(*tensor, row * rowWidth, out);
}

std::vector<float> readVector(xf::WeightOp weight) {
  const TensorView view = viewOf(weight);
  std::vector<float> values(view.numElements());
  widenToF32(view, 0, values);
  return values;
}

} // namespace lathe
