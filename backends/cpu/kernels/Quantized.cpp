#include "backends/cpu/kernels/Quantized.h"

using namespace mlir;

namespace lathe {

static constexpr float steps = 255;

QuantizedSteps::QuantizedSteps(KernelBuilder &b, Value above, Value below) {
  Value extent = b.add(above, below), isFlat = b.equal(extent, b.scalar(0.0f));
  Value perStep = b.select(isFlat, b.scalar(0.0f), b.div(b.scalar(steps), extent));
  scale = b.div(extent, b.scalar(steps));
  zeroPoint = b.round(b.mul(below, perStep));
  factor = b.broadcast(perStep);
  shift = b.broadcast(zeroPoint);
}

QuantizedSteps QuantizedSteps::ofRange(KernelBuilder &b, Value range) {
  return {b, b.loadScalar(b.at(range, 1)), b.sub(b.scalar(0.0f), b.loadScalar(range))};
}

void QuantizedSteps::storeHeader(KernelBuilder &b, Value row) const {
  b.storeScalar(scale, row);
  b.storeScalar(b.wordOf(zeroPoint), b.at(row, 1));
}

void QuantizedSteps::store(KernelBuilder &b, Value vector, Value address) const {
  Value q = b.add(b.round(b.mul(vector, factor)), shift);
  // Of a row's own range, too: both ends may be rounded to the same side.
  b.storeBytes(b.max(b.min(q, b.splat(steps)), b.splat(0.0f)), address);
}

} // namespace lathe
