// pool_f32: one row per sequence: the mean, the maximum or the first of its tokens' rows. A sequence without tokens
// gives zeros. A panel is a sequence.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, CuSeqlens, Y, LdY, Batch, H, Mask, Longest };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [T][ldx]; masked: [batch * longest][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1]; masked: not read"},
    {"y", SlotKind::Pointer, "rows [batch][ldy]"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"batch", SlotKind::Integer, "sequences"},
    {"H", SlotKind::Integer, "columns"},
    {"mask", SlotKind::Pointer, "masked: u8 [batch * longest], 1 where a token is"},
    {"longest", SlotKind::Integer, "masked: rows per sequence"},
};
constexpr StringRef modes[] = {"mean", "max", "cls"};
constexpr Parameter parameterTable[] = {
    Parameter::choice("mode", modes),
    Parameter::flag("masked"),
};

class Pool final : public KernelFamily {
public:
  Pool() : KernelFamily("pool_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &, const Parameters &, ValueRange slots) const override { return slots[Batch]; }
};

void Pool::emit(KernelBuilder &b, const Parameters &params) const {
  StringRef mode = params.choice("mode");
  Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
  Value width = b.integerSlot(H);
  Sequences sequences(b, params.flag("masked"), CuSeqlens, Mask, Longest);

  b.forRange(b.begin, b.end, 1, [&](Value sequence) {
    Sequence rows = sequences.at(b, sequence);
    // "cls" is column 0, so only that row is looked at; it counts as absent where it is masked.
    Value length = mode == "cls" ? b.min(rows.length, b.integer(1)) : rows.length;
    Value count = b.forRange(b.integer(0), length, 1, b.integer(0), [&](Value row, ValueRange carried) {
      return KernelBuilder::Values{b.add(carried[0], b.select(rows.present(b, row), b.integer(1), b.integer(0)))};
    })[0];
    Value none = b.equal(count, b.integer(0));
    Value divisor = b.broadcast(b.floatOf(b.max(count, b.integer(1))));
    Value initial = b.splat(mode == "max" ? -INFINITY : 0.0f);

    b.forVectors(width, [&](Value column, Value mask) {
      Value result = b.forRange(b.integer(0), length, 1, initial, [&](Value row, ValueRange carried) {
        Value v = b.load(b.at(x, b.add(b.mul(b.add(rows.first, row), ldx), column)), mask);
        Value next = mode == "max" ? b.max(carried[0], v) : b.add(carried[0], v);
        return KernelBuilder::Values{b.select(rows.present(b, row), next, carried[0])};
      })[0];
      if (mode == "mean")
        result = b.div(result, divisor);
      b.store(b.select(none, b.splat(0.0f), result), b.at(y, b.add(b.mul(sequence, ldy), column)), mask);
    });
  });
}

} // namespace

const KernelFamily &kernel_pool_f32() {
  static const Pool family;
  return family;
}

} // namespace lathe
