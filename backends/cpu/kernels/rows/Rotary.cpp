// angles_f32: cosines and sines of positions times frequencies, once for a run. rotate_f32: pairs of columns rotated by
// them; y is f32 or, for an attention that reads nothing else, bf16.
#include "backends/cpu/kernels/VectorMath.h"
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

namespace angles {
enum { Positions, Frequencies, Y, LdY, M, N };
constexpr Slot slotTable[] = {
    {"positions", SlotKind::Pointer, "i32 [M]"},
    {"frequencies", SlotKind::Pointer, "[N]"},
    {"y", SlotKind::Pointer, "rows [M][ldy]: N cosines, then N sines"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "frequencies"},
};

class Angles final : public KernelFamily {
public:
  Angles() : KernelFamily("angles_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value positions = b.pointerSlot(Positions), frequencies = b.pointerSlot(Frequencies);
    Value y = b.pointerSlot(Y), ldy = b.integerSlot(LdY), count = b.integerSlot(N);
    forPanelRows(b, b.integerSlot(M), [&](Value row) {
      Value position = b.broadcast(b.floatOf(b.loadIndex(b.at(positions, row)))); // an i32 is as wide as an f32
      Value target = b.at(y, b.mul(row, ldy));
      b.forVectors(count, [&](Value column, Value mask) {
        auto [cosine, sine] = emitCosSin(b, b.mul(position, b.load(b.at(frequencies, column), mask)));
        b.store(cosine, b.at(target, column), mask);
        b.store(sine, b.at(target, b.add(count, column)), mask);
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
};
} // namespace angles

namespace rotation {
enum { X, LdX, Angles, LdAngles, Y, LdY, M, Heads };
constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"angles", SlotKind::Pointer, "rows [M][ldangles] of head_dim - passed, as angles_f32 stores them"},
    {"ldangles", SlotKind::Integer, "elements from a row of angles to the next"},
    {"y", SlotKind::Pointer, "rows [M][ldy]; may not overlap x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"heads", SlotKind::Integer, "heads"},
};
/// Behind the columns of a head that rotate so many pass as they are.
constexpr Parameter parameterTable[] = {Parameter::integer("head_dim", 2, 256), Parameter::integer("passed", 0, 254),
                                        Parameter::flag("y_bf16")};

class Rotate final : public KernelFamily {
public:
  Rotate() : KernelFamily("rotate_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    const bool narrow = params.flag("y_bf16");
    const int64_t headDim = params.integer("head_dim"), passed = params.integer("passed");
    const int64_t rotated = headDim - passed, half = rotated / 2;
    Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), angles = b.pointerSlot(Angles);
    Value ldAngles = b.integerSlot(LdAngles), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
    auto put = [&](Value v, Value base, Value column, Value mask) {
      if (narrow)
        b.storeBf16(v, b.atBf16(base, column), mask);
      else
        b.store(v, b.at(base, column), mask);
    };
    forPanelRows(b, b.integerSlot(M), [&](Value row) {
      Value cosines = b.at(angles, b.mul(row, ldAngles)), sines = b.at(cosines, half);
      Value from = b.mul(row, ldx), to = b.mul(row, ldy);
      b.forRange(b.integer(0), b.integerSlot(Heads), 1, [&](Value head) {
        Value first = b.mul(head, headDim);
        Value source = b.at(x, b.add(from, first));
        Value target = narrow ? b.atBf16(y, b.add(to, first)) : b.at(y, b.add(to, first));
        b.forVectors(b.integer(half), [&](Value column, Value mask) {
          Value behind = b.add(column, half);
          Value c = b.load(b.at(cosines, column), mask), s = b.load(b.at(sines, column), mask);
          Value u = b.load(b.at(source, column), mask), v = b.load(b.at(source, behind), mask);
          put(b.sub(b.mul(u, c), b.mul(v, s)), target, column, mask);
          put(b.add(b.mul(v, c), b.mul(u, s)), target, behind, mask);
        });
        if (passed)
          b.forVectors(b.integer(passed), [&](Value column, Value mask) {
            Value behind = b.add(column, rotated);
            put(b.load(b.at(source, behind), mask), target, behind, mask);
          });
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
  ArrayRef<IsaLevel> ownLevels(const Parameters &params) const override {
    static constexpr IsaLevel levels[] = {IsaLevel::Avx512, IsaLevel::Avx512Bf16};
    return params.flag("y_bf16") ? ArrayRef(levels) : ArrayRef(levels).take_front();
  }
};
} // namespace rotation

} // namespace

const KernelFamily &kernel_angles_f32() {
  static const angles::Angles family;
  return family;
}
const KernelFamily &kernel_rotate_f32() {
  static const rotation::Rotate family;
  return family;
}

} // namespace lathe
