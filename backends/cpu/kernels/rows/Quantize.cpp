// quantize_u8: rows of f32, or with the parameter `x_bf16` of bf16, to bytes with a scale and a zero point for each
// row, as Quantized.h says. The range is that of each row, widened to have 0 in it; or with `fixed` one for all rows.
// With `smoothed` each column is multiplied with its factor first.
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Y, LdY, M, N, Range, Smoothing };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"y", SlotKind::Pointer, "rows [M][ldy] of bytes, written up to a multiple of 16 columns"},
    {"ldy", SlotKind::Integer, "bytes from a row of y to the next, its header included"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns"},
    {"range", SlotKind::Pointer, "the least number and the greatest, with fixed"},
    {"smoothing", SlotKind::Pointer, "[N], with smoothed"},
};
constexpr Parameter parameterTable[] = {Parameter::flag("fixed"), smoothedParameter, Parameter::flag("x_bf16")};

class Quantize final : public KernelFamily {
public:
  Quantize() : KernelFamily("quantize_u8", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
    Value width = b.integerSlot(N);
    Value smoothing = params.flag(smoothedParameter.name) ? b.pointerSlot(Smoothing) : Value();
    const bool isNarrow = params.flag("x_bf16");
    forPanelRows(b, b.integerSlot(M), [&](Value row) {
      Value first = b.mul(row, ldx), target = b.atByte(y, b.mul(row, ldy));
      Value source = isNarrow ? b.atBf16(x, first) : b.at(x, first);
      auto load = [&](Value column, Value mask) {
        Value v = isNarrow ? b.loadBf16(b.atBf16(source, column), mask) : b.load(b.at(source, column), mask);
        return emitSmoothed(b, v, smoothing, column, mask);
      };
      if (params.flag("fixed"))
        return emitQuantizedRow(b, load, width, QuantizedSteps::ofRange(b, b.pointerSlot(Range)), target);
      emitQuantizedRow(b, load, width, RowRange::of(b, load, width).steps(b), target);
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
};

} // namespace

const KernelFamily &kernel_quantize_u8() {
  static const Quantize family;
  return family;
}

} // namespace lathe
