// vector: [N], padded with zeros to whole vectors. rows: [N][K] as it is. panels: [ceil(N/16)][K][16].
#include "backends/cpu/layouts/Elements.h"

using namespace mlir;

namespace lathe {
namespace {

llvm::Error keep(ArrayRef<float> values, MutableArrayRef<float> stored) {
  llvm::copy(values, stored.begin());
  return llvm::Error::success();
}

class Vector final : public WeightLayout {
public:
  Vector() : WeightLayout("vector") {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    return MemRefType::get({int64_t(llvm::alignTo(shape[0], panelWidth))}, builder.getF32Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override {
    if (llvm::Error error = writeRows<float>(rows, keep, sink))
      return error;
    put(sink, std::vector<float>(llvm::alignTo(rows.count, panelWidth) - rows.count));
    return llvm::Error::success();
  }
};

class RowsF32 final : public WeightLayout {
public:
  RowsF32() : WeightLayout("rows") {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    return MemRefType::get(shape, builder.getF32Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override { return writeRows<float>(rows, keep, sink); }
};

class PanelsF32 final : public WeightLayout {
public:
  PanelsF32() : WeightLayout("panels") {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    return MemRefType::get({int64_t(llvm::divideCeil(shape[0], panelWidth)), shape[1], panelWidth},
                           builder.getF32Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override {
    return writePanels<float>(rows, keep, sink);
  }
};

} // namespace

const WeightLayout &layout_vector() {
  static const Vector layout;
  return layout;
}
const WeightLayout &layout_rows() {
  static const RowsF32 layout;
  return layout;
}
const WeightLayout &layout_panels() {
  static const PanelsF32 layout;
  return layout;
}

} // namespace lathe
