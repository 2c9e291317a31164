// layer_norm_f32: y = LayerNorm(x + residual) * gamma + beta, row by row; and once more as factors of products where
// they are wanted. With `rms` the mean is not taken out, and there is no beta.
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Residual, LdR, Gamma, Beta, Y, LdY, M, H, Epsilon, Rounded };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"residual", SlotKind::Pointer, "rows [M][ldr], added first"},
    {"ldr", SlotKind::Integer, "elements from a row of residual to the next"},
    {"gamma", SlotKind::Pointer, "[H]"},
    {"beta", SlotKind::Pointer, "[H], unless unbiased"},
    {"y", SlotKind::Pointer, "rows [M][ldy]; may be x or residual"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"H", SlotKind::Integer, "columns, at least 1"},
    {"eps", SlotKind::Float, "added to the variance, or to the mean of squares"},
    roundedSlots[0],
    roundedSlots[1],
    roundedSlots[2],
};
constexpr Parameter parameterTable[] = {Parameter::flag("residual"), unbiasedParameter, Parameter::flag("rms"),
                                        roundedParameter, smoothedParameter};

class LayerNorm final : public KernelFamily {
public:
  LayerNorm() : KernelFamily("layer_norm_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
    Value residual = b.pointerSlot(Residual), ldr = b.integerSlot(LdR);
    NormOperands norm = {b.pointerSlot(Gamma), params.flag("unbiased") ? Value() : b.pointerSlot(Beta),
                         b.floatSlot(Epsilon), b.integerSlot(H)};
    const RoundedRows rounded = RoundedRows::of(b, params, Rounded);
    const bool isRms = params.flag("rms"), hasResidual = params.flag("residual");
    forPanelRows(b, b.integerSlot(M), [&](Value row) {
      Value source = b.at(x, b.mul(row, ldx)), target = b.at(y, b.mul(row, ldy));
      Value other = b.at(residual, b.mul(row, ldr));
      auto load = [&](Value column, Value mask) {
        Value v = b.load(b.at(source, column), mask);
        if (!hasResidual)
          return v;
        v = b.add(v, b.load(b.at(other, column), mask));
        b.store(v, b.at(target, column), mask); // y keeps the sum for the passes to come
        return v;
      };
      RowSums sums;
      if (isRms)
        sums.squares = b.sumVectors(norm.width, [&](Value column, Value mask, Value sum) {
          Value v = load(column, mask);
          return b.fma(v, v, sum);
        });
      else
        sums.values = b.sumVectors(norm.width,
                                   [&](Value column, Value mask, Value sum) { return b.add(sum, load(column, mask)); });
      emitNormalizedRow(b, norm, hasResidual ? target : source, target, sums, rounded.row(b, row));
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
  ArrayRef<IsaLevel> ownLevels(const Parameters &params) const override { return roundedLevels(params); }
};

} // namespace

const KernelFamily &kernel_layer_norm_f32() {
  static const LayerNorm family;
  return family;
}

} // namespace lathe
