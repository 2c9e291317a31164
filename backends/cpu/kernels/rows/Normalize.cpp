// normalize_f32: y = x / max(|x|, eps) with the Euclidean norm, row by row.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Y, LdY, M, H, Epsilon };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"y", SlotKind::Pointer, "rows [M][ldy]; may be x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"H", SlotKind::Integer, "columns"},
    {"eps", SlotKind::Float, "the least divisor"},
};

class Normalize final : public KernelFamily {
public:
  Normalize() : KernelFamily("normalize_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
    Value width = b.integerSlot(H), epsilon = b.floatSlot(Epsilon);
    forPanelRows(b, b.integerSlot(M), [&](Value row) {
      Value source = b.at(x, b.mul(row, ldx)), target = b.at(y, b.mul(row, ldy));
      Value squares = b.sumVectors(width, [&](Value column, Value mask, Value sum) {
        Value v = b.load(b.at(source, column), mask);
        return b.fma(v, v, sum);
      });
      Value divisor = b.broadcast(b.max(epsilon, b.sqrt(b.sumOfLanes(squares))));
      b.forVectors(width, [&](Value column, Value mask) {
        b.store(b.div(b.load(b.at(source, column), mask), divisor), b.at(target, column), mask);
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
};

} // namespace

const KernelFamily &kernel_normalize_f32() {
  static const Normalize family;
  return family;
}

} // namespace lathe
