// adjacent_f32: each token's neighbour in the next column, or in the one before; zeros where there is none.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Y, LdY, CuSeqlens, Columns, Batch, N, Longest, Mask };
constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [T][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"y", SlotKind::Pointer, "rows [T][ldy]; may not overlap x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1], rows of each sequence; masked: not read"},
    {"columns", SlotKind::Pointer, "i32 [T], each token's column"},
    {"batch", SlotKind::Integer, "sequences"},
    {"N", SlotKind::Integer, "columns of x"},
    {"longest", SlotKind::Integer, "length of the longest sequence; masked: rows per sequence"},
    {"mask", SlotKind::Pointer, "masked: u8 [batch * longest], 0 for tokens that are absent"},
};
constexpr StringRef sides[] = {"next", "previous"};
constexpr Parameter parameterTable[] = {Parameter::flag("masked"), Parameter::choice("side", sides)};

/// Rows of a sequence that a panel covers.
constexpr int64_t panelRows = 16;

class Adjacent final : public KernelFamily {
public:
  Adjacent() : KernelFamily("adjacent_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], b.ceilDiv(slots[Longest], panelRows));
  }
};

void Adjacent::emit(KernelBuilder &b, const Parameters &params) const {
  const int64_t by = params.choice("side") == "next" ? 1 : -1;
  Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
  Value columns = b.pointerSlot(Columns), width = b.integerSlot(N);
  Value blocks = b.ceilDiv(b.integerSlot(Longest), panelRows);
  Sequences sequences(b, params.flag("masked"), CuSeqlens, Mask, Longest);
  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Sequence sequence = sequences.at(b, b.div(panel, blocks));
    Value first = b.mul(b.rem(panel, blocks), panelRows), last = b.min(b.add(first, panelRows), sequence.length);
    auto columnOf = [&](Value row) { return b.loadIndex(b.at(columns, b.add(sequence.first, row))); };
    b.forRange(first, last, 1, [&](Value row) {
      Value beside = b.add(row, by);
      Value isInside = by > 0 ? b.less(beside, sequence.length) : b.less(b.integer(-1), beside);
      Value neighbour = b.select(isInside, beside, row); // one whose memory is the sequence's in any case
      Value isNext = b.equal(columnOf(neighbour), b.add(columnOf(row), by));
      Value exists = b.select(isInside, b.select(isNext, sequence.present(b, neighbour), b.flag(false)), b.flag(false));
      Value from = b.at(x, b.mul(b.add(sequence.first, neighbour), ldx));
      Value to = b.at(y, b.mul(b.add(sequence.first, row), ldy));
      b.ifElse(
          exists,
          [&] {
            b.forVectors(width, [&](Value c, Value mask) { b.store(b.load(b.at(from, c), mask), b.at(to, c), mask); });
          },
          [&] { b.forVectors(width, [&](Value c, Value mask) { b.store(b.splat(0.0f), b.at(to, c), mask); }); });
    });
  });
}

} // namespace

const KernelFamily &kernel_adjacent_f32() {
  static const Adjacent family;
  return family;
}

} // namespace lathe
