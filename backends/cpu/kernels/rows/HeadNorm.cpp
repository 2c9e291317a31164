// head_norm_f32: y = x / sqrt(mean square + eps) * gamma, head by head of each row.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Gamma, Y, LdY, M, Heads, HeadDim, Epsilon };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"gamma", SlotKind::Pointer, "[head_dim]"},
    {"y", SlotKind::Pointer, "rows [M][ldy]; may be x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"heads", SlotKind::Integer, "heads"},
    {"head_dim", SlotKind::Integer, "columns of each, at least 1"},
    {"eps", SlotKind::Float, "added to the mean of squares"},
};

class HeadNorm final : public KernelFamily {
public:
  HeadNorm() : KernelFamily("head_norm_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
    const NormOperands norm = {b.pointerSlot(Gamma), Value(), b.floatSlot(Epsilon), b.integerSlot(HeadDim)};
    forPanelRows(b, b.integerSlot(M), [&](Value row) {
      Value from = b.mul(row, ldx), to = b.mul(row, ldy);
      b.forRange(b.integer(0), b.integerSlot(Heads), 1, [&](Value head) {
        Value first = b.mul(head, norm.width);
        Value source = b.at(x, b.add(from, first)), target = b.at(y, b.add(to, first));
        RowSums sums;
        sums.squares = b.sumVectors(norm.width, [&](Value column, Value mask, Value sum) {
          Value v = b.load(b.at(source, column), mask);
          return b.fma(v, v, sum);
        });
        emitNormalizedRow(b, norm, source, target, sums, RoundedRows());
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
};

} // namespace

const KernelFamily &kernel_head_norm_f32() {
  static const HeadNorm family;
  return family;
}

} // namespace lathe
