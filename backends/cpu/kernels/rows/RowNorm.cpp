#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {

void emitNormalizedRow(KernelBuilder &b, const NormOperands &norm, Value x, Value y, Value laneSums) {
  Value width = b.floatOf(norm.width);
  Value mean = b.broadcast(b.div(b.sumOfLanes(laneSums), width));
  Value squares = b.sumVectors(norm.width, [&](Value column, Value mask, Value sum) {
    Value centred = b.sub(b.load(b.at(x, column), mask), mean);
    if (mask) // lanes beyond the row hold 0 - mean
      centred = b.select(mask, centred, b.splat(0.0f));
    return b.fma(centred, centred, sum);
  });
  Value variance = b.div(b.sumOfLanes(squares), width);
  Value scale = b.broadcast(b.div(b.scalar(1.0f), b.sqrt(b.add(variance, norm.epsilon))));
  b.forVectors(norm.width, [&](Value column, Value mask) {
    Value centred = b.sub(b.load(b.at(x, column), mask), mean);
    Value gamma = b.load(b.at(norm.gamma, column), mask), beta = b.load(b.at(norm.beta, column), mask);
    b.store(b.fma(b.mul(centred, scale), gamma, beta), b.at(y, column), mask);
  });
}

void forPanelRows(KernelBuilder &b, Value rows, KernelBuilder::LoopBody body) {
  b.forRange(b.mul(b.begin, rowsPerPanel), b.min(rows, b.mul(b.end, rowsPerPanel)), 1, body);
}

} // namespace lathe
