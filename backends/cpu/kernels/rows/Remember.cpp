// remember_f32: y = memory, of each sequence the last rows as many as x has of it being those of x. A panel is up to 64
// rows of a sequence.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"

using namespace mlir;

namespace lathe {
namespace {

enum { Memory, LdMemory, X, LdX, Y, LdY, MemoryCuSeqlens, CuSeqlens, Batch, H, LongestMemory, Longest, Mask };
constexpr Slot slotTable[] = {
    {"memory", SlotKind::Pointer, "rows [T'][ldm]; masked: [batch * longest_memory][ldm]"},
    {"ldm", SlotKind::Integer, "elements from a row of memory to the next"},
    {"x", SlotKind::Pointer, "rows [T][ldx]; masked: [batch * longest][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"y", SlotKind::Pointer, "rows like those of memory; may be memory"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"memory_cu_seqlens", SlotKind::Pointer, "i32 [batch + 1]; masked: not read"},
    {"cu_seqlens", SlotKind::Pointer, "likewise, of x"},
    {"batch", SlotKind::Integer, "sequences"},
    {"H", SlotKind::Integer, "columns"},
    {"longest_memory", SlotKind::Integer, "rows of memory of the longest sequence; masked: of every one"},
    {"longest", SlotKind::Integer, "masked: rows of x of every sequence"},
    {"mask", SlotKind::Pointer, "masked: not null; a row without a token is a row, too"},
};
constexpr Parameter parameterTable[] = {Parameter::flag("masked")};
constexpr int64_t rowsPerPanel = 64;

class Remember final : public KernelFamily {
public:
  Remember() : KernelFamily("remember_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    const bool masked = params.flag("masked");
    Value memory = b.pointerSlot(Memory), ldm = b.integerSlot(LdMemory), x = b.pointerSlot(X), ldx = b.integerSlot(LdX);
    Value y = b.pointerSlot(Y), ldy = b.integerSlot(LdY), width = b.integerSlot(H);
    Value blocks = b.ceilDiv(b.integerSlot(LongestMemory), rowsPerPanel);
    const Sequences memories(b, masked, MemoryCuSeqlens, Mask, LongestMemory),
        tokens(b, masked, CuSeqlens, Mask, Longest);
    b.forRange(b.begin, b.end, 1, [&](Value panel) {
      Value index = b.div(panel, blocks), first = b.mul(b.rem(panel, blocks), rowsPerPanel);
      const Sequence remembered = memories.at(b, index), own = tokens.at(b, index);
      Value before = b.sub(remembered.length, own.length);
      b.forRange(first, b.min(b.add(first, rowsPerPanel), remembered.length), 1, [&](Value row) {
        Value isMemory = b.less(row, before), target = b.add(remembered.first, row);
        Value ofMemory = b.at(memory, b.mul(target, ldm));
        Value ofX = b.at(x, b.mul(b.add(own.first, b.max(b.sub(row, before), b.integer(0))), ldx));
        Value from = b.select(isMemory, ofMemory, ofX), to = b.at(y, b.mul(target, ldy));
        b.forVectors(width, [&](Value column, Value mask) {
          b.store(b.load(b.at(from, column), mask), b.at(to, column), mask);
        });
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], b.ceilDiv(slots[LongestMemory], rowsPerPanel));
  }
};

} // namespace

const KernelFamily &kernel_remember_f32() {
  static const Remember family;
  return family;
}

} // namespace lathe
