// The layouts of linears' weights and of tables, rounded to bf16. rows_bf16: [N][K]. panels_bf16:
// [ceil(N/16)][ceil(K/2)][16][2], of which 16 lines are a tile of AMX and a line is an operand of vdpbf16ps.
#include "backends/cpu/layouts/Elements.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lathe {
namespace {

/// To the nearest, of two to the even one. A finite number beyond the range would become an infinity.
llvm::Error round(ArrayRef<float> values, MutableArrayRef<uint16_t> stored) {
  constexpr uint16_t magnitude = 0x7FFF, infinity = 0x7F80;
  for (auto [value, target] : llvm::zip_equal(values, stored)) {
    auto bits = llvm::bit_cast<uint32_t>(value);
    target = static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    if ((target & magnitude) == infinity)
      return llvm::createStringError(llvm::formatv("{0} is too large for bf16, which ends at 3.39e+38", value));
  }
  return llvm::Error::success();
}

class RowsBf16 final : public WeightLayout {
public:
  RowsBf16() : WeightLayout("rows_bf16") {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    return MemRefType::get(shape, builder.getBF16Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override {
    return writeRows<uint16_t>(rows, round, sink);
  }
};

class PanelsBf16 final : public WeightLayout {
public:
  PanelsBf16() : WeightLayout("panels_bf16") {}
  MemRefType type(Builder builder, ArrayRef<int64_t> shape) const override {
    return MemRefType::get(
        {int64_t(llvm::divideCeil(shape[0], panelWidth)), int64_t(llvm::divideCeil(shape[1], 2)), panelWidth, 2},
        builder.getBF16Type());
  }
  llvm::Error write(const WeightRows &rows, ByteSink sink) const override {
    return writePanels<uint16_t>(rows, round, sink);
  }
};

} // namespace

const WeightLayout &layout_rows_bf16() {
  static const RowsBf16 layout;
  return layout;
}
const WeightLayout &layout_panels_bf16() {
  static const PanelsBf16 layout;
  return layout;
}

} // namespace lathe
