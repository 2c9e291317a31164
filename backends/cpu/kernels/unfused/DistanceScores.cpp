// distance_scores_f32: scores with a bias by distance, or -inf beyond a window, in the unfused form's attention.
#include "backends/cpu/kernels/attention/Distances.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, Y, Batch, Heads, Seq, FirstDistance };
constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "scores [batch][heads][seq][seq]"},
    {"y", SlotKind::Pointer, "likewise; may be x"},
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads"},
    {"seq", SlotKind::Integer, "tokens per sequence"},
    distanceSlots[0],
    distanceSlots[1],
    distanceSlots[2],
};

class DistanceScores final : public KernelFamily {
public:
  DistanceScores() : KernelFamily("distance_scores_f32", slotTable, distanceParameters) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], slots[Heads]);
  }
  int64_t scratchBytes(const Parameters &params) const override {
    return Distances::scratchWords(params) * int64_t(sizeof(float));
  }
};

void DistanceScores::emit(KernelBuilder &b, const Parameters &params) const {
  Value x = b.pointerSlot(X), y = b.pointerSlot(Y), heads = b.integerSlot(Heads), seq = b.integerSlot(Seq);
  const Distances distances(b, params, FirstDistance, b.scratch);
  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    distances.emitTable(b, b.rem(panel, heads), heads);
    Value firstToken = b.mul(b.div(panel, heads), seq);
    b.forRange(b.integer(0), seq, 1, [&](Value row) {
      Value start = b.mul(b.add(b.mul(panel, seq), row), seq);
      Value query = b.loadWord(distances.column(b, b.add(firstToken, row)));
      b.forVectors(seq, [&](Value key, Value mask) {
        Value at = b.add(start, key);
        Value keys = b.bitsOf(b.load(distances.column(b, b.add(firstToken, key)), mask));
        b.store(distances.change(b, b.load(b.at(x, at), mask), query, keys), b.at(y, at), mask);
      });
    });
  });
}

} // namespace

const KernelFamily &kernel_distance_scores_f32() {
  static const DistanceScores family;
  return family;
}

} // namespace lathe
