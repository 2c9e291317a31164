// distance_scores_f32: scores with terms or a bias by distance, or -inf for keys that a query does not see, in the
// unfused form's attention.
#include "backends/cpu/kernels/attention/Distances.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, Y, Batch, Heads, Seq, FirstDistance };
enum { Keys = FirstDistance + std::size(distanceSlots), KeyColumns };
constexpr Slot ownSlots[] = {
    {"x", SlotKind::Pointer, "scores [batch][heads][seq][seq], or with key_columns [batch][heads][seq][keys]"},
    {"y", SlotKind::Pointer, "likewise; may be x"},
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads"},
    {"seq", SlotKind::Integer, "tokens per sequence"},
};
constexpr Slot slotsBehindDistances[] = {
    {"keys", SlotKind::Integer, "key_columns: keys per sequence"},
    {"key_columns", SlotKind::Pointer, "i32, each key's column, where `columns` has those of queries; no key_terms"},
};
constexpr auto slotTable = joined(ownSlots, distanceSlots, slotsBehindDistances);
constexpr Parameter parametersBehindDistances[] = {Parameter::flag("key_columns")};
constexpr auto parameterTable = joined(distanceParameters, parametersBehindDistances);

class DistanceScores final : public KernelFamily {
public:
  DistanceScores() : KernelFamily("distance_scores_f32", slotTable, parameterTable) {}

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
  const Distances distances(b, params, FirstDistance, KeyColumns, b.scratch);
  Value keys = distances.hasKeyColumns() ? b.integerSlot(Keys) : seq;
  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value head = b.rem(panel, heads), sequence = b.div(panel, heads), firstToken = b.mul(sequence, seq);
    Value firstKey = b.mul(sequence, keys);
    distances.emitTable(b, head, heads);
    b.forRange(b.integer(0), seq, 1, [&](Value row) {
      Value start = b.mul(b.add(b.mul(panel, seq), row), keys), token = b.add(firstToken, row);
      const Distances::Query query = distances.query(b, token, head, sequence);
      b.forVectors(keys, [&](Value key, Value mask) {
        Value isGlobal;
        if (distances.hasGlobals())
          isGlobal = distances.globalLanes(b, b.add(firstKey, key),
                                           mask ? mask : b.firstLanes(b.integer(KernelBuilder::lanes)));
        Value at = b.add(start, key), first = b.add(firstKey, key);
        Value away = distances.away(b, query.column, b.bitsOf(b.load(distances.keyColumn(b, first), mask)));
        Value scores = b.load(b.at(x, at), mask);
        if (distances.hasTerms())
          scores = distances.addTerms(b, scores, away, query.terms, distances.keyTermsOf(b, first, head), mask);
        if (isGlobal)
          scores = distances.addGlobals(b, scores, first, mask);
        b.store(distances.change(b, scores, away, query, isGlobal), b.at(y, at), mask);
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
