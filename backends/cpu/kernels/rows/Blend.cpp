// blend_f32: y[m] = sum over i and j of row_weights[m][i] * column_weights[m][j] * grid[i * grid_columns + j]. Of the
// weights few are not 0, of most rows one pair.
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

enum { RowWeights, GridRows, ColumnWeights, GridColumns, Grid, Y, LdY, M, H };
constexpr Slot slotTable[] = {
    {"row_weights", SlotKind::Pointer, "rows [M][grid_rows]"},
    {"grid_rows", SlotKind::Integer, "rows of the grid"},
    {"column_weights", SlotKind::Pointer, "rows [M][grid_columns]"},
    {"grid_columns", SlotKind::Integer, "columns of the grid"},
    {"grid", SlotKind::Pointer, "[grid_rows * grid_columns][H]"},
    {"y", SlotKind::Pointer, "rows [M][ldy]"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"H", SlotKind::Integer, "columns"},
};

class Blend final : public KernelFamily {
public:
  Blend() : KernelFamily("blend_f32", slotTable, {}) {}

protected:
  void emit(KernelBuilder &b, const Parameters &) const override {
    Value rowWeights = b.pointerSlot(RowWeights), gridRows = b.integerSlot(GridRows);
    Value columnWeights = b.pointerSlot(ColumnWeights), gridColumns = b.integerSlot(GridColumns);
    Value grid = b.pointerSlot(Grid), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY), width = b.integerSlot(H);
    auto forWeights = [&](Value weights, Value count, llvm::function_ref<void(Value place, Value weight)> body) {
      b.forRange(b.integer(0), count, 1, [&](Value place) {
        Value weight = b.loadScalar(b.at(weights, place));
        Value magnitude = b.max(weight, b.sub(b.scalar(0), weight));
        b.ifTrue(b.less(b.scalar(0), magnitude), [&] { body(place, weight); });
      });
    };
    forPanelRows(b, b.integerSlot(M), [&](Value m) {
      Value target = b.at(y, b.mul(m, ldy));
      b.forVectors(width, [&](Value h, Value mask) { b.store(b.splat(0), b.at(target, h), mask); });
      forWeights(b.at(rowWeights, b.mul(m, gridRows)), gridRows, [&](Value i, Value rowWeight) {
        forWeights(b.at(columnWeights, b.mul(m, gridColumns)), gridColumns, [&](Value j, Value columnWeight) {
          Value weight = b.broadcast(b.mul(rowWeight, columnWeight));
          Value from = b.at(grid, b.mul(b.add(b.mul(i, gridColumns), j), width));
          b.forVectors(width, [&](Value h, Value mask) {
            b.store(b.fma(weight, b.load(b.at(from, h), mask), b.load(b.at(target, h), mask)), b.at(target, h), mask);
          });
        });
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
};

} // namespace

const KernelFamily &kernel_blend_f32() {
  static const Blend family;
  return family;
}

} // namespace lathe
