// random_features_f32: y = W x' - |x'|^2 / 2 with x' = scale * x, head by head of each row: logarithms of positive
// random features (Choromanski et al. 2021). W is the same for all heads.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/MicroTile.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, W, Y, LdY, M, Heads, HeadDim, Features, Scale };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"w", SlotKind::Pointer, "weights [ceil(features / 16)][head_dim][16], zero beyond features"},
    {"y", SlotKind::Pointer, "rows [M][ldy], likewise of features; may not overlap x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"heads", SlotKind::Integer, "heads"},
    {"head_dim", SlotKind::Integer, "columns of each, at least 1"},
    {"features", SlotKind::Integer, "features of each, at least 1"},
    {"scale", SlotKind::Float, "factor on x"},
};

// The scratch, in words.
constexpr int64_t squaresAt = tileRows * tileColumns, scratchWords = squaresAt + KernelBuilder::lanes;

/// A panel is 8 rows: a tile's.
class RandomFeatures final : public KernelFamily {
public:
  RandomFeatures() : KernelFamily("random_features_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], tileRows);
  }
  int64_t scratchBytes(const Parameters &) const override { return scratchWords * sizeof(float); }
};

void RandomFeatures::emit(KernelBuilder &b, const Parameters &) const {
  Value headDim = b.integerSlot(HeadDim), features = b.integerSlot(Features), scale = b.floatSlot(Scale);
  Value panelWords = b.mul(headDim, KernelBuilder::lanes), weights = b.pointerSlot(W);
  Value panels = b.ceilDiv(features, KernelBuilder::lanes);
  Value halfSquare = b.mul(b.mul(scale, scale), b.scalar(0.5f));
  const Rows products = {b.scratch, b.integer(tileColumns)};

  auto emitHead = [&](Rows x, Rows y, Value rows) {
    auto squareAt = [&](Value row) { return b.at(b.at(b.scratch, squaresAt), row); };
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Value head = b.at(x.base, b.mul(row, x.stride));
      Value squares = b.sumVectors(headDim, [&](Value column, Value mask, Value sum) {
        Value v = b.load(b.at(head, column), mask);
        return b.fma(v, v, sum);
      });
      b.storeScalar(b.mul(b.sumOfLanes(squares), halfSquare), squareAt(row));
    });
    b.forRange(b.integer(0), panels, tilePanels, [&](Value panel) {
      const Panels packed = {b.at(weights, b.mul(panel, panelWords)), panelWords};
      emitTile(b, x, packed, headDim, products, rows, b.min(b.integer(tilePanels), b.sub(panels, panel)),
               prefetchOwn(b, packed), b.flag(false));
      Value first = b.mul(panel, KernelBuilder::lanes);
      Value width = b.min(b.integer(tileColumns), b.sub(features, first));
      b.forRange(b.integer(0), rows, 1, [&](Value row) {
        Value from = b.at(products.base, b.mul(row, products.stride));
        Value to = b.at(y.base, b.add(b.mul(row, y.stride), first));
        Value square = b.broadcast(b.loadScalar(squareAt(row)));
        b.forVectors(width, [&](Value column, Value mask) {
          Value scaled = b.mul(b.load(b.at(from, column), mask), b.broadcast(scale));
          b.store(b.sub(scaled, square), b.at(to, column), mask);
        });
      });
    });
  };

  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value firstRow = b.mul(panel, tileRows), rows = b.min(b.integer(tileRows), b.sub(b.integerSlot(M), firstRow));
    b.forRange(b.integer(0), b.integerSlot(Heads), 1, [&](Value head) {
      emitHead(rowsFrom(b, Words::F32, b.pointerSlot(X), b.integerSlot(LdX), firstRow, b.mul(head, headDim)),
               rowsFrom(b, Words::F32, b.pointerSlot(Y), b.integerSlot(LdY), firstRow, b.mul(head, features)), rows);
    });
  });
}

} // namespace

const KernelFamily &kernel_random_features_f32() {
  static const RandomFeatures family;
  return family;
}

} // namespace lathe
