// argmax_f32: of each row the greatest number and its column.
//
// With of_sixteens a row holds what gemm leaves with best: the greatest of each sixteen columns, and behind these the
// columns that they are in.
#include "backends/cpu/kernels/Greatest.h"
#include "backends/cpu/kernels/Kernels.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Y, LdY, M, N };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]; of_sixteens: of N numbers, then N columns"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"y", SlotKind::Pointer,
     "rows [M][ldy]: the greatest, infinity if one is no number, and the first column it is in"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "numbers in a row"},
};
constexpr Parameter parameterTable[] = {Parameter::flag("of_sixteens")};

class Argmax final : public KernelFamily {
public:
  Argmax() : KernelFamily("argmax_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
    Value width = b.integerSlot(N);
    b.forRange(b.begin, b.end, 1, [&](Value row) {
      Value source = b.at(x, b.mul(row, ldx)), target = b.at(y, b.mul(row, ldy));
      KernelBuilder::Values best =
          b.forVectors(width, KernelBuilder::Values{b.splat(-INFINITY), b.splat(0.0f)},
                       [&](Value offset, Value mask, ValueRange carried) {
                         Value columns = params.flag("of_sixteens") ? b.load(b.at(source, b.add(width, offset)), mask)
                                                                    : Greatest::columnsFrom(b, offset);
                         const auto next = Greatest::of(b, b.load(b.at(source, offset), mask), columns, mask);
                         const auto [values, places] = Greatest{carried[0], carried[1]}.orLater(b, next);
                         return KernelBuilder::Values{values, places};
                       });
      Greatest{best[0], best[1]}.store(b, target, b.at(target, 1));
    });
  }
  Value emitPanels(KernelBuilder &, const Parameters &, ValueRange slots) const override { return slots[M]; }
};

} // namespace

const KernelFamily &kernel_argmax_f32() {
  static const Argmax family;
  return family;
}

} // namespace lathe
