// batched_matmul_f32: y[g] = a[g] b[g], or a[g] b[g]^T, for the attention products of the unfused form.
//
// A panel is 48 columns of one product. K is taken in blocks of 256, so that the packed columns fit a scratch whose
// size does not depend on K; blocks are added in order, which keeps the bits independent of M and of the batch.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Packing.h"

using namespace mlir;

namespace lathe {
namespace {

enum { A, B, Y, G, M, N, K };

constexpr Slot slotTable[] = {
    {"a", SlotKind::Pointer, "[G][M][K]"},
    {"b", SlotKind::Pointer, "[G][K][N]; with transpose_b [G][N][K]"},
    {"y", SlotKind::Pointer, "[G][M][N]; may not overlap a or b"},
    {"G", SlotKind::Integer, "products"},
    {"M", SlotKind::Integer, "rows of y"},
    {"N", SlotKind::Integer, "columns of y"},
    {"K", SlotKind::Integer, "columns of a, at least 1"},
};
constexpr Parameter parameterTable[] = {Parameter::flag("transpose_b")};

constexpr int64_t depthBlock = 256, panelStride = depthBlock * KernelBuilder::lanes;
constexpr int64_t packedElements = tilePanels * panelStride;

class BatchedMatmul final : public KernelFamily {
public:
  BatchedMatmul() : KernelFamily("batched_matmul_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[G], b.ceilDiv(slots[N], tileColumns));
  }
  int64_t scratchBytes(const Parameters &) const override {
    return (packedElements + tileRows * tileColumns) * sizeof(float);
  }
};

void BatchedMatmul::emit(KernelBuilder &b, const Parameters &params) const {
  Value left = b.pointerSlot(A), right = b.pointerSlot(B), y = b.pointerSlot(Y);
  Value rows = b.integerSlot(M), columns = b.integerSlot(N), depth = b.integerSlot(K);
  Value columnGroups = b.ceilDiv(columns, tileColumns);
  Panels packed = {b.scratch, b.integer(panelStride)};
  Rows staged = {b.at(b.scratch, packedElements), b.integer(tileColumns)};

  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value g = b.div(panel, columnGroups), column = b.mul(b.rem(panel, columnGroups), tileColumns);
    Value width = b.min(b.sub(columns, column), b.integer(tileColumns));
    Value leftMatrix = b.at(left, b.mul(b.mul(g, rows), depth));
    Value rightMatrix = b.at(right, b.mul(b.mul(g, columns), depth));
    Value yColumns = b.at(y, b.add(b.mul(b.mul(g, rows), columns), column));

    b.forRange(b.integer(0), depth, depthBlock, [&](Value k) {
      Value length = b.min(b.sub(depth, k), b.integer(depthBlock));
      if (params.flag("transpose_b"))
        emitPackTransposed(b, {b.at(rightMatrix, b.add(b.mul(column, depth), k)), depth}, width, length, packed);
      else
        emitPack(b, {b.at(rightMatrix, b.add(b.mul(k, columns), column)), columns}, length, width, packed);

      b.forRange(b.integer(0), rows, tileRows, [&](Value row) {
        Value height = b.min(b.sub(rows, row), b.integer(tileRows));
        emitTile(b, {b.at(leftMatrix, b.add(b.mul(row, depth), k)), depth}, packed, length, staged, height,
                 b.ceilDiv(width, KernelBuilder::lanes), prefetchOwn(b, packed), b.flag(false));
        Value isFirst = b.equal(k, b.integer(0));
        b.forRange(b.integer(0), height, 1, [&](Value r) {
          Value target = b.at(yColumns, b.mul(b.add(row, r), columns));
          b.forVectors(width, [&](Value c, Value mask) {
            Value product = b.load(b.at(b.at(staged.base, b.mul(r, tileColumns)), c));
            // What y held before the first block is not a number to add to.
            Value earlier = b.select(isFirst, b.splat(0.0f), b.load(b.at(target, c), mask));
            b.store(b.add(earlier, product), b.at(target, c), mask);
          });
        });
      });
    });
  });
}

} // namespace

const KernelFamily &kernel_batched_matmul_f32() {
  static const BatchedMatmul family;
  return family;
}

} // namespace lathe
