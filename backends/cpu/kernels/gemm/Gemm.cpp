// gemm_f32: y = activation(x W^T + bias) + residual, with W packed as [ceil(N/16)][K][16].
//
// A panel is up to 64 rows times 48 columns. Its weights (147 KB at K = 768, 590 KB at K = 3072) stay in the
// second-level cache while rows stream past; 64 rows keep the traffic of weights small against their arithmetic, and
// are few enough that threads end together (128x768x3072 on two threads: 491 GFLOP/s, 479 with panels of 128 rows).
// Panels of the same rows are neighbours, so a thread's range of panels reuses x from its caches.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/MicroTile.h"
#include "backends/cpu/kernels/VectorMath.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, W, Bias, Residual, LdR, Y, LdY, M, N, K };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"w", SlotKind::Pointer, "weights [ceil(N/16)][K][16], zero beyond N"},
    {"bias", SlotKind::Pointer, "[N], padded to a multiple of 16"},
    {"residual", SlotKind::Pointer, "rows [M][ldr]; may be y"},
    {"ldr", SlotKind::Integer, "elements from a row of residual to the next"},
    {"y", SlotKind::Pointer, "rows [M][ldy]; may not overlap x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns of y"},
    {"K", SlotKind::Integer, "columns of x"},
};

constexpr int64_t panelRows = 64;

class Gemm final : public KernelFamily {
public:
  Gemm() : KernelFamily("gemm_f32", slotTable, parameterList()) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(b.ceilDiv(slots[M], panelRows), b.ceilDiv(slots[N], tileColumns));
  }
  int64_t scratchBytes(const Parameters &) const override { return tileRows * tileColumns * sizeof(float); }

private:
  static ArrayRef<Parameter> parameterList() {
    static const Parameter list[] = {Parameter::flag("bias"), Parameter::choice("activation", activationNames()),
                                     Parameter::flag("residual")};
    return list;
  }
};

/// Adds what follows the product to one staged row and stores it.
void emitEpilogue(KernelBuilder &b, const Parameters &params, Value staged, Value bias, Value residual, Value y,
                  Value width) {
  b.forVectors(width, [&](Value column, Value mask) {
    Value v = b.load(b.at(staged, column));
    if (params.flag("bias"))
      v = b.add(v, b.load(b.at(bias, column)));
    v = emitActivation(b, params.choice("activation"), v);
    if (params.flag("residual"))
      v = b.add(v, b.load(b.at(residual, column), mask));
    b.store(v, b.at(y, column), mask);
  });
}

void Gemm::emit(KernelBuilder &b, const Parameters &params) const {
  Value x = b.pointerSlot(X), ldx = b.integerSlot(LdX), w = b.pointerSlot(W), bias = b.pointerSlot(Bias);
  Value residual = b.pointerSlot(Residual), ldr = b.integerSlot(LdR), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
  Value rows = b.integerSlot(M), columns = b.integerSlot(N), depth = b.integerSlot(K);
  Value panelStride = b.mul(depth, KernelBuilder::lanes);
  Value columnGroups = b.ceilDiv(columns, tileColumns);

  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value firstRow = b.mul(b.div(panel, columnGroups), panelRows);
    Value endRow = b.min(rows, b.add(firstRow, panelRows));
    Value column = b.mul(b.rem(panel, columnGroups), tileColumns);
    Value width = b.min(b.sub(columns, column), b.integer(tileColumns));
    Value weights = b.at(w, b.mul(column, depth));
    Value widthInPanels = b.ceilDiv(width, KernelBuilder::lanes), panelElements = b.mul(depth, tileColumns);
    // The panel that comes next: the first one again, with other rows, after the last.
    Value nextColumn = b.add(column, tileColumns);
    Value following = b.at(w, b.mul(b.select(b.less(nextColumn, columns), nextColumn, b.integer(0)), depth));
    Value tiles = b.ceilDiv(b.sub(endRow, firstRow), tileRows), single = b.equal(tiles, b.integer(1));

    b.forRange(firstRow, endRow, tileRows, [&](Value row) {
      Value height = b.min(b.sub(endRow, row), b.integer(tileRows));
      // The sums go to the scratch, from where the epilogue takes them: a store and a load per 16 sums, against K
      // multiplications each, and activations are emitted once instead of once per size of tile.
      Rows staged = {b.scratch, b.integer(tileColumns)};
      Panels packed = {weights, panelStride};
      // While a panel's rows pass, the next panel's weights arrive. A single tile uses its weights once, as they come.
      Prefetch next = prefetchPart(b, following, b.mul(panelElements, int64_t(sizeof(float))),
                                   b.div(b.sub(row, firstRow), b.integer(tileRows)), tiles, depth);
      Prefetch own = prefetchOwn(b, packed);
      Prefetch ahead = {b.select(single, own.base, next.base), b.select(single, own.step, next.step),
                        b.select(single, own.stride, next.stride)};
      emitTile(b, {b.at(x, b.mul(row, ldx)), ldx}, packed, depth, staged, height, widthInPanels, ahead);
      b.forRange(b.integer(0), height, 1, [&](Value r) {
        Value at = b.add(row, r);
        emitEpilogue(b, params, b.at(b.scratch, b.mul(r, tileColumns)), b.at(bias, column),
                     b.at(residual, b.add(b.mul(at, ldr), column)), b.at(y, b.add(b.mul(at, ldy), column)), width);
      });
    });
  });
}

} // namespace

const KernelFamily &kernel_gemm_f32() {
  static const Gemm family;
  return family;
}

} // namespace lathe
