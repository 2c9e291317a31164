// split_heads_f32 and merge_heads_f32: between rows of tokens [batch * seq][heads * head_dim] and one matrix per head
// [batch][heads][seq][head_dim]. A panel is one such matrix.
#include "backends/cpu/kernels/Kernels.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, Y, Ld, Batch, Seq, Heads, HeadDim, Repeats };

constexpr StringRef rowsMeaning = "elements from a token's row to the next";
constexpr Slot splitSlots[] = {
    {"x", SlotKind::Pointer, "rows [batch * seq][ldx]"},
    {"y", SlotKind::Pointer, "[batch][heads][seq][head_dim]"},
    {"ldx", SlotKind::Integer, rowsMeaning},
    {"batch", SlotKind::Integer, "sequences"},
    {"seq", SlotKind::Integer, "tokens per sequence"},
    {"heads", SlotKind::Integer, "heads"},
    {"head_dim", SlotKind::Integer, "columns per head"},
    {"repeats", SlotKind::Integer, "how many heads of y each head of x becomes"},
};
constexpr Slot mergeSlots[] = {
    {"x", SlotKind::Pointer, "[batch][heads][seq][head_dim]"},
    {"y", SlotKind::Pointer, "rows [batch * seq][ldy]"},
    {"ldy", SlotKind::Integer, rowsMeaning},
    {"batch", SlotKind::Integer, "sequences"},
    {"seq", SlotKind::Integer, "tokens per sequence"},
    {"heads", SlotKind::Integer, "heads"},
    {"head_dim", SlotKind::Integer, "columns per head"},
};

class HeadsCopy final : public KernelFamily {
public:
  HeadsCopy(StringRef name, ArrayRef<Slot> slots, bool splits) : KernelFamily(name, slots, {}), splits(splits) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), y = b.pointerSlot(Y), ld = b.integerSlot(Ld);
    Value seq = b.integerSlot(Seq), heads = b.integerSlot(Heads), headDim = b.integerSlot(HeadDim);
    b.forRange(b.begin, b.end, 1, [&](Value panel) {
      Value head = b.rem(panel, heads);
      if (splits)
        head = b.div(head, b.integerSlot(Repeats));
      Value column = b.mul(head, headDim), firstRow = b.mul(b.div(panel, heads), seq);
      b.forRange(b.integer(0), seq, 1, [&](Value row) {
        Value inRows = b.add(b.mul(b.add(firstRow, row), ld), column);
        Value inHead = b.mul(b.add(b.mul(panel, seq), row), headDim);
        Value source = b.at(x, splits ? inRows : inHead), target = b.at(y, splits ? inHead : inRows);
        b.forVectors(headDim,
                     [&](Value c, Value mask) { b.store(b.load(b.at(source, c), mask), b.at(target, c), mask); });
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], slots[Heads]);
  }

private:
  bool splits;
};

} // namespace

const KernelFamily &kernel_split_heads_f32() {
  static const HeadsCopy family("split_heads_f32", splitSlots, /*splits=*/true);
  return family;
}
const KernelFamily &kernel_merge_heads_f32() {
  static const HeadsCopy family("merge_heads_f32", mergeSlots, /*splits=*/false);
  return family;
}

} // namespace lathe
