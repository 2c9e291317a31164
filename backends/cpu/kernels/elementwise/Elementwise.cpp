// unary_f32, add_f32, copy_f32 and round_bf16: what the fused form folds into other kernels, and the glue between them.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/VectorMath.h"

using namespace mlir;

namespace lathe {
namespace {

/// Elements per panel: 16 KB, so that handing out a panel costs little against it.
constexpr int64_t panelElements = 4096;
/// Rows per panel where rows are apart.
constexpr int64_t panelRows = 16;

// unary_f32: y = f(x), element by element.

namespace unary {
enum { X, Y, Count, Scale };
constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "[count]"},
    {"y", SlotKind::Pointer, "[count]; may be x"},
    {"count", SlotKind::Integer, "elements"},
    {"scale", SlotKind::Float, "the factor of `scale`, the cap of `soft_cap`"},
};

class Unary final : public KernelFamily {
public:
  Unary() : KernelFamily("unary_f32", slotTable, parameterList()) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    Value x = b.pointerSlot(X), y = b.pointerSlot(Y), scale = b.broadcast(b.floatSlot(Scale));
    Value first = b.mul(b.begin, panelElements);
    Value count = b.sub(b.min(b.integerSlot(Count), b.mul(b.end, panelElements)), first);
    b.forVectors(count, [&](Value offset, Value mask) {
      Value at = b.add(first, offset);
      Value v = b.load(b.at(x, at), mask);
      StringRef op = params.choice("op");
      Value result = op == "scale"      ? b.mul(v, scale)
                     : op == "soft_cap" ? b.mul(scale, emitTanh(b, b.div(v, scale)))
                                        : emitActivation(b, op, v);
      b.store(result, b.at(y, at), mask);
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[Count], panelElements);
  }

private:
  static ArrayRef<Parameter> parameterList() {
    static const SmallVector<StringRef> names = [] {
      SmallVector<StringRef> names = {"scale", "soft_cap"};
      llvm::append_range(names, activationNames().drop_front());
      return names;
    }();
    static const Parameter list[] = {Parameter::choice("op", names)};
    return list;
  }
};
} // namespace unary

/// Emits body(address offset in each operand, mask) for every vector of the rows of the panels at hand. `strides` are
/// the operands' elements from row to row.
void forRows(KernelBuilder &b, Value rows, Value width, ArrayRef<Value> strides,
             function_ref<void(ArrayRef<Value> offsets, Value mask)> body) {
  Value last = b.min(rows, b.mul(b.end, panelRows));
  b.forRange(b.mul(b.begin, panelRows), last, 1, [&](Value row) {
    KernelBuilder::Values starts;
    for (Value stride : strides)
      starts.push_back(b.mul(row, stride));
    b.forVectors(width, [&](Value column, Value mask) {
      KernelBuilder::Values offsets;
      for (Value start : starts)
        offsets.push_back(b.add(start, column));
      body(offsets, mask);
    });
  });
}

// add_f32: y = a + b.

namespace addition {
enum { A, LdA, B, LdB, Y, LdY, M, N };
constexpr Slot slotTable[] = {
    {"a", SlotKind::Pointer, "rows [M][lda]"},
    {"lda", SlotKind::Integer, "elements from a row of a to the next"},
    {"b", SlotKind::Pointer, "rows [M][ldb]"},
    {"ldb", SlotKind::Integer, "likewise; 0 adds one row to every row of a"},
    {"y", SlotKind::Pointer, "rows [M][ldy]; may be a, or b where ldb is not 0"},
    {"ldy", SlotKind::Integer, "likewise"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns"},
};

class Add final : public KernelFamily {
public:
  Add() : KernelFamily("add_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value a = b.pointerSlot(A), c = b.pointerSlot(B), y = b.pointerSlot(Y);
    forRows(b, b.integerSlot(M), b.integerSlot(N), {b.integerSlot(LdA), b.integerSlot(LdB), b.integerSlot(LdY)},
            [&](ArrayRef<Value> offsets, Value mask) {
              Value sum = b.add(b.load(b.at(a, offsets[0]), mask), b.load(b.at(c, offsets[1]), mask));
              b.store(sum, b.at(y, offsets[2]), mask);
            });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], panelRows);
  }
};
} // namespace addition

// copy_f32: y = x.

namespace copying {
enum { X, LdX, Y, LdY, M, N };
constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next; 0 copies one row to all"},
    {"y", SlotKind::Pointer, "rows [M][ldy]"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns"},
};

class Copy final : public KernelFamily {
public:
  Copy() : KernelFamily("copy_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), y = b.pointerSlot(Y);
    forRows(b, b.integerSlot(M), b.integerSlot(N), {b.integerSlot(LdX), b.integerSlot(LdY)},
            [&](ArrayRef<Value> offsets, Value mask) {
              b.store(b.load(b.at(x, offsets[0]), mask), b.at(y, offsets[1]), mask);
            });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], panelRows);
  }
};
} // namespace copying

// round_bf16: y = x, in bf16.

namespace rounding {
enum { X, LdX, Y, LdY, M, N };
constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"y", SlotKind::Pointer, "rows [M][ldy] of bf16, written up to a multiple of 16 columns: zeros behind the last"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns"},
};

class Round final : public KernelFamily {
public:
  Round() : KernelFamily("round_bf16", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), y = b.pointerSlot(Y);
    forRows(b, b.integerSlot(M), b.integerSlot(N), {b.integerSlot(LdX), b.integerSlot(LdY)},
            [&](ArrayRef<Value> offsets, Value mask) {
              b.storeBf16(b.load(b.at(x, offsets[0]), mask), b.atBf16(y, offsets[1]));
            });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], panelRows);
  }
  ArrayRef<IsaLevel> ownLevels(const Parameters &) const override {
    static constexpr IsaLevel withInstruction[] = {IsaLevel::Avx512, IsaLevel::Avx512Bf16};
    return withInstruction;
  }
};
} // namespace rounding

} // namespace

const KernelFamily &kernel_unary_f32() {
  static const unary::Unary family;
  return family;
}
const KernelFamily &kernel_add_f32() {
  static const addition::Add family;
  return family;
}
const KernelFamily &kernel_copy_f32() {
  static const copying::Copy family;
  return family;
}
const KernelFamily &kernel_round_bf16() {
  static const rounding::Round family;
  return family;
}

} // namespace lathe
