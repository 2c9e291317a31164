// mask_scores_f32, choose_queries_f32 and softmax_f32: the middle of the unfused form's attention.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/VectorMath.h"
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

// mask_scores_f32: y = x where the key is present, else -inf; choose_queries_f32: y = x in rows of queries that are
// chosen, else -inf.

namespace marking {
enum { X, Y, Marks, Batch, Heads, Queries, Keys };
constexpr Slot scoreSlots[] = {
    {"x", SlotKind::Pointer, "scores [batch][heads][queries][keys]"},
    {"y", SlotKind::Pointer, "likewise; may be x"},
};
constexpr Slot maskSlots[] = {{"mask", SlotKind::Pointer, "u8 [batch][keys], 0 for keys that are absent"}};
constexpr Slot chosenSlots[] = {{"chosen", SlotKind::Pointer, "i32 [batch][queries], 0 for those that are not"}};
constexpr Slot sizeSlots[] = {
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads"},
    {"queries", SlotKind::Integer, "rows per sequence and head"},
    {"keys", SlotKind::Integer, "columns"},
};
constexpr auto maskTable = joined(scoreSlots, maskSlots, sizeSlots);
constexpr auto chosenTable = joined(scoreSlots, chosenSlots, sizeSlots);

class MarkedScores final : public KernelFamily {
public:
  MarkedScores(StringRef name, ArrayRef<Slot> slots, bool ofQueries)
      : KernelFamily(name, slots, {}), ofQueries(ofQueries) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), y = b.pointerSlot(Y), marks = b.pointerSlot(Marks);
    Value heads = b.integerSlot(Heads), queries = b.integerSlot(Queries), keys = b.integerSlot(Keys);
    Value all = b.firstLanes(b.integer(KernelBuilder::lanes));
    b.forRange(b.begin, b.end, 1, [&](Value panel) {
      Value sequence = b.div(panel, heads);
      b.forRange(b.integer(0), queries, 1, [&](Value row) {
        Value isAbsent; // all of the row
        if (ofQueries)
          isAbsent = b.equal(b.loadIndex(b.at(marks, b.add(b.mul(sequence, queries), row))), b.integer(0));
        Value start = b.mul(b.add(b.mul(panel, queries), row), keys);
        b.forVectors(keys, [&](Value column, Value within) {
          Value at = b.add(start, column), score = b.load(b.at(x, at), within), none = b.splat(-INFINITY);
          if (ofQueries)
            score = b.select(isAbsent, none, score);
          else
            score =
                b.select(b.nonZeroBytes(b.atByte(marks, b.add(b.mul(sequence, keys), column)), within ? within : all),
                         score, none);
          b.store(score, b.at(y, at), within);
        });
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], slots[Heads]);
  }

private:
  const bool ofQueries; ///< else of keys
};
} // namespace marking

// softmax_f32: every row's exponentials, divided by their sum.

namespace softmax {
enum { X, Y, M, N };
constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "[M][N]; a row of nothing but -inf gives zeros"},
    {"y", SlotKind::Pointer, "[M][N]; may be x"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns"},
};

class Softmax final : public KernelFamily {
public:
  Softmax() : KernelFamily("softmax_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value x = b.pointerSlot(X), y = b.pointerSlot(Y), width = b.integerSlot(N);
    Value lowest = b.splat(-INFINITY);
    forPanelRows(b, b.integerSlot(M), [&](Value row) {
      Value source = b.at(x, b.mul(row, width)), target = b.at(y, b.mul(row, width));
      auto load = [&](Value from, Value column, Value mask) {
        Value v = b.load(b.at(from, column), mask);
        return mask ? b.select(mask, v, lowest) : v;
      };
      Value largest = b.forVectors(width, lowest, [&](Value column, Value mask, ValueRange carried) {
        return KernelBuilder::Values{b.max(carried[0], load(source, column, mask))};
      })[0];
      largest = b.broadcast(b.maxOfLanes(largest));
      Value none = b.equal(largest, lowest);
      Value base = b.select(none, b.splat(0.0f), largest);
      Value sums = b.sumVectors(width, [&](Value column, Value mask, Value sum) {
        Value e = emitExp(b, b.sub(load(source, column, mask), base));
        b.store(e, b.at(target, column), mask);
        return b.add(sum, e);
      });
      Value sum = b.broadcast(b.sumOfLanes(sums));
      Value inverse = b.div(b.splat(1.0f), b.select(none, b.splat(1.0f), sum));
      b.forVectors(width, [&](Value column, Value mask) {
        b.store(b.mul(b.load(b.at(target, column), mask), inverse), b.at(target, column), mask);
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
};
} // namespace softmax

} // namespace

const KernelFamily &kernel_mask_scores_f32() {
  static const marking::MarkedScores family("mask_scores_f32", marking::maskTable, /*ofQueries=*/false);
  return family;
}
const KernelFamily &kernel_choose_queries_f32() {
  static const marking::MarkedScores family("choose_queries_f32", marking::chosenTable, /*ofQueries=*/true);
  return family;
}
const KernelFamily &kernel_softmax_f32() {
  static const softmax::Softmax family;
  return family;
}

} // namespace lathe
