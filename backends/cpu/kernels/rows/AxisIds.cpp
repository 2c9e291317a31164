// axis_ids: y = x / stride % extent, of ids.
#include "backends/cpu/kernels/Kernels.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, Y, N, Stride, Extent };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "i32 [N], of at least 0"},
    {"y", SlotKind::Pointer, "i32 [N]; may be x"},
    {"N", SlotKind::Integer, "ids"},
    {"stride", SlotKind::Integer, "at least 1"},
    {"extent", SlotKind::Integer, "at least 1"},
};

constexpr int64_t idsPerPanel = 1024;

class AxisIds final : public KernelFamily {
public:
  AxisIds() : KernelFamily("axis_ids", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), y = b.pointerSlot(Y), stride = b.integerSlot(Stride), extent = b.integerSlot(Extent);
    Value last = b.min(b.mul(b.end, idsPerPanel), b.integerSlot(N));
    b.forRange(b.mul(b.begin, idsPerPanel), last, 1, [&](Value at) {
      Value id = b.loadIndex(b.at(x, at));
      b.storeScalar(b.wordOf(b.rem(b.div(id, stride), extent)), b.at(y, at));
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[N], idsPerPanel);
  }
};

} // namespace

const KernelFamily &kernel_axis_ids() {
  static const AxisIds family;
  return family;
}

} // namespace lathe
