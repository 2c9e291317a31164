// pool_f32: one row per sequence: a mean, the maximum, or one of its tokens' rows. A sequence without tokens gives
// zeros. A panel is a sequence.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, CuSeqlens, Y, LdY, Batch, H, Mask, Longest, Columns, Except };

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
    {"columns", SlotKind::Pointer, "weighted_mean: i32, each token's column"},
    {"except", SlotKind::Pointer, "excepting: i32, not 0 for tokens that take no part"},
};
constexpr StringRef modes[] = {"mean", "max", "cls", "mean_sqrt", "weighted_mean", "first", "last"};
constexpr Parameter parameterTable[] = {
    Parameter::choice("mode", modes),
    Parameter::flag("masked"),
    Parameter::flag("excepting"),
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
  const bool isWeighted = mode == "weighted_mean", isMean = isWeighted || mode == "mean" || mode == "mean_sqrt";
  Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
  Value width = b.integerSlot(H);
  Value columns = isWeighted ? b.pointerSlot(Columns) : Value();
  Value except = params.flag("excepting") ? b.pointerSlot(Except) : Value();
  Sequences sequences(b, params.flag("masked"), CuSeqlens, Mask, Longest);

  b.forRange(b.begin, b.end, 1, [&](Value sequence) {
    Sequence rows = sequences.at(b, sequence);
    auto takesPart = [&](Value row) {
      Value present = rows.present(b, row);
      if (!except)
        return present;
      Value isExcept = b.loadIndex(b.at(except, b.add(rows.first, row)));
      return b.select(b.equal(isExcept, b.integer(0)), present, b.flag(false));
    };
    auto weightOf = [&](Value row) {
      return isWeighted ? b.add(b.loadIndex(b.at(columns, b.add(rows.first, row))), 1) : b.integer(1);
    };
    // "cls" is column 0, so only that row is looked at; it counts as absent where it is masked.
    Value from = b.integer(0), to = mode == "cls" ? b.min(rows.length, b.integer(1)) : rows.length;
    // What the tokens weigh together, and the one row that is wanted where it is one: -1 for none.
    KernelBuilder::Values found =
        b.forRange(from, to, 1, {b.integer(0), b.integer(-1)}, [&](Value row, ValueRange carried) {
          Value counts = takesPart(row);
          if (mode == "first")
            counts = b.select(b.less(carried[1], b.integer(0)), counts, b.flag(false));
          return KernelBuilder::Values{b.add(carried[0], b.select(counts, weightOf(row), b.integer(0))),
                                       b.select(counts, row, carried[1])};
        });
    if (mode == "first" || mode == "last") {
      from = b.max(found[1], b.integer(0));
      to = b.add(found[1], 1);
    }
    Value none = b.equal(found[0], b.integer(0));
    Value divisor = b.floatOf(b.max(found[0], b.integer(1)));
    divisor = b.broadcast(mode == "mean_sqrt" ? b.sqrt(divisor) : divisor);
    Value initial = b.splat(mode == "max" ? -INFINITY : 0.0f);

    b.forVectors(width, [&](Value column, Value mask) {
      Value result = b.forRange(from, to, 1, initial, [&](Value row, ValueRange carried) {
        Value v = b.load(b.at(x, b.add(b.mul(b.add(rows.first, row), ldx), column)), mask);
        Value next = mode == "max" ? b.max(carried[0], v)
                     : isWeighted  ? b.fma(v, b.broadcast(b.floatOf(weightOf(row))), carried[0])
                                   : b.add(carried[0], v);
        return KernelBuilder::Values{b.select(takesPart(row), next, carried[0])};
      })[0];
      if (isMean)
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
