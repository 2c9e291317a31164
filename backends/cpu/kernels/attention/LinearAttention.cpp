// linear_attention_f32: y = sum_j (phi(q) . phi(k_j)) v_j / sum_j (phi(q) . phi(k_j)) per sequence and head, without
// computing any of these weights: what all keys come to is the state, sums over j of phi(k_j) v_j^T and of phi(k_j),
// and each query is multiplied with that.
//
// A panel is a head of a sequence. Keys are added 32 at a time, counted from the sequence's start, and queries read
// what all of them left; causal, each token adds its key and then reads. So the bits are the same alone and in any
// batch.
//
// With the map exp, q and k are logarithms. Of each feature the sums are kept relative to its largest exponential so
// far, m: phi(q) . phi(k) = sum_f e^(q_f + m_f) e^(k_f - m_f). Relative to the largest of the first factors a query's
// weights then sum up to no less than 1, however far apart its features and those of the keys are.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/MicroTile.h"
#include "backends/cpu/kernels/Sequences.h"
#include "backends/cpu/kernels/VectorMath.h"

#include <limits>

using namespace mlir;

namespace lathe {
namespace {

enum { Q, LdQ, K, LdK, V, LdV, Y, LdY, CuSeqlens, Batch, Heads, Mask, Longest };

constexpr Slot slotTable[] = {
    {"q", SlotKind::Pointer, "rows [T][ldq]; head h is columns [h * features, (h + 1) * features)"},
    {"ldq", SlotKind::Integer, "elements from a row of q to the next"},
    {"k", SlotKind::Pointer, "likewise"},
    {"ldk", SlotKind::Integer, "likewise"},
    {"v", SlotKind::Pointer, "rows [T][ldv]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
    {"ldv", SlotKind::Integer, "likewise"},
    {"y", SlotKind::Pointer, "likewise; may not overlap q, k or v"},
    {"ldy", SlotKind::Integer, "likewise"},
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1], rows of each sequence; masked: not read"},
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads"},
    {"mask", SlotKind::Pointer,
     "masked: u8 [batch * longest], 0 for keys that are absent; rows of y whose keys are all absent are zeros"},
    {"longest", SlotKind::Integer, "masked: rows per sequence"},
};
constexpr StringRef maps[] = {"elu", "exp"};
constexpr Parameter parameterTable[] = {
    Parameter::choice("map", maps), // what features are made of q and k by: elu(x) + 1 or e^x
    Parameter::flag("causal"),
    Parameter::flag("masked"),
    Parameter::integer("head_dim", 1, 256),
    Parameter::integer("features", 1, 4096),
};

constexpr int64_t lanes = KernelBuilder::lanes;
/// Keys that are added at once: the state is then read and written once for all of them.
constexpr int64_t keyBlock = 32;
/// Features and panels of values whose sums are in registers at once: 16 FMAs for 4 broadcasts and 4 loads.
constexpr int64_t featuresAtOnce = 4, panelsAtOnce = 4;
/// Below all exponents, and finite: differences of it are numbers.
constexpr float lowest = std::numeric_limits<float>::lowest();

/// The scratch, in words.
struct Scratch {
  explicit Scratch(const Parameters &params)
      : features(llvm::alignTo(params.integer("features"), lanes)),
        panels(llvm::divideCeil(params.integer("head_dim"), lanes)), sums(panels * features * lanes),
        maxima(sums + features), factors(maxima + features), rows(factors + features),
        products(rows + keyBlock * features), weights(products + tileRows * panels * lanes), end(weights + tileRows) {}
  int64_t features; // up to a multiple of 16; what belongs to none is finite in the state, and 0 in queries
  int64_t panels;   // of 16 columns of values
  // First the sums of features times values, [panels][features][16].
  int64_t sums;     // [features]: the sums of features
  int64_t maxima;   // [features], of exponents: the largest so far
  int64_t factors;  // [features], likewise: what earlier sums are multiplied by
  int64_t rows;     // [keyBlock][features] of keys or queries
  int64_t products; // [tileRows][panels * 16]: queries times the state
  int64_t weights;  // [tileRows]: what a query's weights sum up to
  int64_t end;
};

/// Emits one variant; members are what its parts have in common.
class LinearAttentionEmitter {
public:
  LinearAttentionEmitter(KernelBuilder &b, const Parameters &params)
      : b(b), layout(params), headDim(params.integer("head_dim")), features(params.integer("features")),
        causal(params.flag("causal")), masked(params.flag("masked")), ofExponents(params.choice("map") == "exp"),
        zero(b.integer(0)), featuresEnd(b.integer(layout.features)) {}
  void emit();

private:
  KernelBuilder &b;
  const Scratch layout;
  const int64_t headDim, features;
  const bool causal, masked, ofExponents;
  const Value zero, featuresEnd;

  Value at(int64_t word) { return b.at(b.scratch, word); }
  Value at(int64_t word, Value offset) { return b.at(at(word), offset); }
  /// Sixteen features of a row of keys or queries, of those behind the last one 0.
  Value maskFrom(Value feature) {
    return features == layout.features ? Value() : b.firstLanes(b.sub(b.integer(features), feature));
  }
  Value among(Value mask, Value vector, float otherwise) {
    return mask ? b.select(mask, vector, b.splat(otherwise)) : vector;
  }
  /// elu(x) + 1
  Value eluFeature(Value x) { return b.add(emitExp(b, b.min(x, b.splat(0.0f))), b.max(x, b.splat(0.0f))); }
  Value valueMask(int64_t panel) {
    return (panel + 1) * lanes <= headDim ? Value() : b.firstLanes(b.integer(headDim - panel * lanes));
  }

  void emitClear();
  void emitKeyFeatures(Rows keys, Value count, llvm::function_ref<Value(Value row)> present);
  void emitAdd(Rows keys, Rows values, Value count, llvm::function_ref<Value(Value row)> present);
  void emitQueryFeatures(Value query, Value row);
  void emitRead(Rows queries, Rows results, Value count);
};

void LinearAttentionEmitter::emit() {
  Value heads = b.integerSlot(Heads);
  Sequences sequences(b, masked, CuSeqlens, Mask, Longest);
  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value head = b.rem(panel, heads);
    Sequence sequence = sequences.at(b, b.div(panel, heads));
    auto rowsOf = [&](unsigned base, int64_t width) {
      return rowsFrom(b, Words::F32, b.pointerSlot(base), b.integerSlot(base + 1), sequence.first, b.mul(head, width));
    };
    const Rows q = rowsOf(Q, features), k = rowsOf(K, features), v = rowsOf(V, headDim), y = rowsOf(Y, headDim);
    auto behind = [&](const Rows &rows, Value row) {
      return Rows{b.at(rows.base, b.mul(row, rows.stride)), rows.stride};
    };
    auto add = [&](Value first, Value count) {
      emitAdd(behind(k, first), behind(v, first), count,
              [&](Value row) { return sequence.present(b, b.add(first, row)); });
    };
    emitClear();
    if (causal)
      return b.forRange(zero, sequence.length, 1, [&](Value token) {
        add(token, b.integer(1));
        emitRead(behind(q, token), behind(y, token), b.integer(1));
      });
    b.forRange(zero, sequence.length, keyBlock,
               [&](Value first) { add(first, b.min(b.integer(keyBlock), b.sub(sequence.length, first))); });
    b.forRange(zero, sequence.length, tileRows, [&](Value first) {
      emitRead(behind(q, first), behind(y, first), b.min(b.integer(tileRows), b.sub(sequence.length, first)));
    });
  });
}

void LinearAttentionEmitter::emitClear() {
  b.forRange(zero, b.integer(layout.maxima), lanes, [&](Value word) { b.store(b.splat(0.0f), at(0, word)); });
  if (ofExponents)
    b.forRange(zero, featuresEnd, lanes, [&](Value f) { b.store(b.splat(lowest), at(layout.maxima, f)); });
}

/// Features of some keys, 0 of those that are absent; they are added to the sums of features.
void LinearAttentionEmitter::emitKeyFeatures(Rows keys, Value count, llvm::function_ref<Value(Value row)> present) {
  b.forRange(zero, featuresEnd, lanes, [&](Value f) {
    Value mask = maskFrom(f);
    auto load = [&](Value row) { return b.load(b.at(keys.base, b.add(b.mul(row, keys.stride), f)), mask); };
    Value sum = b.load(at(layout.sums, f)), largest;
    if (ofExponents) {
      Value before = b.load(at(layout.maxima, f));
      largest = b.forRange(zero, count, 1, before, [&](Value row, ValueRange carried) {
        Value exponents = b.select(present(row), load(row), b.splat(lowest));
        return KernelBuilder::Values{b.max(carried[0], exponents)};
      })[0];
      Value factor = emitExp(b, b.sub(before, largest));
      b.store(largest, at(layout.maxima, f));
      b.store(factor, at(layout.factors, f));
      sum = b.mul(sum, factor);
    }
    sum = b.forRange(zero, count, 1, sum, [&](Value row, ValueRange carried) {
      Value feature = ofExponents ? emitExp(b, b.sub(load(row), largest)) : eluFeature(load(row));
      feature = b.select(present(row), feature, b.splat(0.0f));
      b.store(feature, at(layout.rows, b.add(b.mul(row, layout.features), f)));
      return KernelBuilder::Values{b.add(carried[0], feature)};
    })[0];
    b.store(sum, at(layout.sums, f));
  });
}

/// Adds some keys and their values to the state.
void LinearAttentionEmitter::emitAdd(Rows keys, Rows values, Value count,
                                     llvm::function_ref<Value(Value row)> present) {
  emitKeyFeatures(keys, count, present);
  for (int64_t first = 0; first < layout.panels; first += panelsAtOnce) {
    const int64_t panels = std::min(panelsAtOnce, layout.panels - first);
    b.forRange(zero, featuresEnd, featuresAtOnce, [&](Value f) {
      auto sumsAt = [&](int64_t feature, int64_t panel) {
        return at(((first + panel) * layout.features + feature) * lanes, b.mul(f, lanes));
      };
      KernelBuilder::Values sums;
      for (int64_t feature = 0; feature < featuresAtOnce; ++feature)
        for (int64_t panel = 0; panel < panels; ++panel) {
          Value sum = b.load(sumsAt(feature, panel));
          if (ofExponents)
            sum = b.mul(sum, b.broadcast(b.loadScalar(at(layout.factors + feature, f))));
          sums.push_back(sum);
        }
      sums = b.forRange(zero, count, 1, sums, [&](Value row, ValueRange carried) {
        KernelBuilder::Values next(carried);
        Value value = b.at(values.base, b.mul(row, values.stride));
        KernelBuilder::Values columns;
        for (int64_t panel = 0; panel < panels; ++panel)
          columns.push_back(b.load(b.at(value, (first + panel) * lanes), valueMask(first + panel)));
        for (int64_t feature = 0; feature < featuresAtOnce; ++feature) {
          Value factor = b.broadcast(b.loadScalar(at(layout.rows + feature, b.add(b.mul(row, layout.features), f))));
          for (int64_t panel = 0; panel < panels; ++panel)
            next[feature * panels + panel] = b.fma(factor, columns[panel], carried[feature * panels + panel]);
        }
        return next;
      });
      for (int64_t feature = 0; feature < featuresAtOnce; ++feature)
        for (int64_t panel = 0; panel < panels; ++panel)
          b.store(sums[feature * panels + panel], sumsAt(feature, panel));
    });
  }
}

/// Features of a query, of exponents relative to the largest, and what its weights sum up to.
void LinearAttentionEmitter::emitQueryFeatures(Value query, Value row) {
  auto exponents = [&](Value f, Value mask) {
    return among(mask, b.add(b.load(b.at(query, f), mask), b.load(at(layout.maxima, f))), lowest);
  };
  Value largest;
  if (ofExponents) {
    Value byLanes = b.forRange(zero, featuresEnd, lanes, b.splat(lowest), [&](Value f, ValueRange carried) {
      return KernelBuilder::Values{b.max(carried[0], exponents(f, maskFrom(f)))};
    })[0];
    largest = b.broadcast(b.maxOfLanes(byLanes));
  }
  Value weight = b.forRange(zero, featuresEnd, lanes, b.splat(0.0f), [&](Value f, ValueRange carried) {
    Value mask = maskFrom(f);
    Value feature =
        ofExponents ? emitExp(b, b.sub(exponents(f, mask), largest)) : eluFeature(b.load(b.at(query, f), mask));
    feature = among(mask, feature, 0.0f);
    b.store(feature, at(layout.rows, b.add(b.mul(row, layout.features), f)));
    return KernelBuilder::Values{b.fma(feature, b.load(at(layout.sums, f)), carried[0])};
  })[0];
  b.storeScalar(b.sumOfLanes(weight), at(layout.weights, row));
}

/// Results of up to tileRows queries.
void LinearAttentionEmitter::emitRead(Rows queries, Rows results, Value count) {
  const int64_t width = layout.panels * lanes, panelWords = layout.features * lanes;
  b.forRange(zero, count, 1,
             [&](Value row) { emitQueryFeatures(b.at(queries.base, b.mul(row, queries.stride)), row); });
  const Rows rows = {at(layout.rows), featuresEnd};
  for (int64_t first = 0; first < layout.panels; first += tilePanels) {
    const Panels state = {at(first * panelWords), b.integer(panelWords)};
    const Rows products = {at(layout.products + first * lanes), b.integer(width)};
    emitTile(b, rows, state, b.integer(features), products, count,
             b.integer(std::min(tilePanels, layout.panels - first)), prefetchOwn(b, state), b.flag(false));
  }
  b.forRange(zero, count, 1, [&](Value row) {
    Value weight = b.loadScalar(at(layout.weights, row)), isNone = b.equal(weight, b.scalar(0.0f));
    Value result = b.at(results.base, b.mul(row, results.stride)), product = at(layout.products, b.mul(row, width));
    for (int64_t panel = 0; panel < layout.panels; ++panel) {
      Value mean = b.div(b.load(b.at(product, panel * lanes)), b.broadcast(weight));
      b.store(b.select(isNone, b.splat(0.0f), mean), b.at(result, panel * lanes), valueMask(panel));
    }
  });
}

class LinearAttention final : public KernelFamily {
public:
  LinearAttention() : KernelFamily("linear_attention_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override { LinearAttentionEmitter(b, params).emit(); }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], slots[Heads]);
  }
  int64_t scratchBytes(const Parameters &params) const override { return Scratch(params).end * sizeof(float); }
};

} // namespace

const KernelFamily &kernel_linear_attention_f32() {
  static const LinearAttention family;
  return family;
}

} // namespace lathe
