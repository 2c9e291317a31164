#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {

ArrayRef<IsaLevel> roundedLevels(const Parameters &params) {
  static constexpr IsaLevel levels[] = {IsaLevel::Avx512, IsaLevel::Avx512Bf16};
  return params.choice(roundedParameter.name) == "bf16" ? ArrayRef(levels) : ArrayRef(levels).take_front();
}

RoundedRows RoundedRows::of(KernelBuilder &b, const Parameters &params, unsigned firstSlot) {
  return {params.choice(roundedParameter.name), b.pointerSlot(firstSlot), b.integerSlot(firstSlot + 1),
          params.flag(smoothedParameter.name) ? b.pointerSlot(firstSlot + 2) : Value()};
}

RoundedRows RoundedRows::row(KernelBuilder &b, Value row) const {
  Value offset = b.mul(row, stride);
  return {form, form == "bf16" ? b.atBf16(base, offset) : b.atByte(base, offset), stride, smoothing};
}

QuantizedSteps RowRange::steps(KernelBuilder &b) const { return {b, b.maxOfLanes(above), b.maxOfLanes(below)}; }

RowRange RowRange::of(KernelBuilder &b, LoadColumns load, Value width) {
  Value zeros = b.splat(0.0f);
  auto range =
      b.forVectors(width, {zeros, zeros}, [&](Value column, Value mask, ValueRange carried) -> KernelBuilder::Values {
        Value values = load(column, mask);
        return {b.max(values, carried[0]), b.max(b.sub(b.splat(0.0f), values), carried[1])};
      });
  return {range[0], range[1]};
}

Value emitSmoothed(KernelBuilder &b, Value vector, Value smoothing, Value column, Value mask) {
  return smoothing ? b.mul(vector, b.load(b.at(smoothing, column), mask)) : vector;
}

void emitQuantizedRow(KernelBuilder &b, LoadColumns load, Value width, const QuantizedSteps &steps, Value y) {
  steps.storeHeader(b, y);
  b.forVectors(width, [&](Value column, Value mask) {
    steps.store(b, load(column, mask), b.atByte(y, b.add(column, quantizedRowHeader)));
  });
}

void emitNormalizedRow(KernelBuilder &b, const NormOperands &norm, Value x, Value y, const RowSums &sums,
                       const RoundedRows &rounded) {
  Value width = b.floatOf(norm.width), squares = sums.squares;
  Value mean = squares ? Value() : b.broadcast(b.div(b.sumOfLanes(sums.values), width));
  auto centredAt = [&](Value column, Value mask) {
    Value v = b.load(b.at(x, column), mask);
    return mean ? b.sub(v, mean) : v;
  };
  if (!squares)
    squares = b.sumVectors(norm.width, [&](Value column, Value mask, Value sum) {
      Value centred = centredAt(column, mask);
      if (mask) // lanes beyond the row hold 0 - mean
        centred = b.select(mask, centred, b.splat(0.0f));
      return b.fma(centred, centred, sum);
    });
  Value variance = b.div(b.sumOfLanes(squares), width);
  Value scale = b.broadcast(b.div(b.scalar(1.0f), b.sqrt(b.add(variance, norm.epsilon))));
  auto normalized = [&](Value column, Value mask) {
    Value centred = centredAt(column, mask);
    Value gamma = b.load(b.at(norm.gamma, column), mask), unit = b.mul(centred, scale);
    Value v = norm.beta ? b.fma(unit, gamma, b.load(b.at(norm.beta, column), mask)) : b.mul(unit, gamma);
    b.store(v, b.at(y, column), mask);
    return mask ? b.select(mask, v, b.splat(0.0f)) : v;
  };
  if (rounded.form == "u8") {
    auto computed = [&](Value column, Value mask) {
      return emitSmoothed(b, normalized(column, mask), rounded.smoothing, column, mask);
    };
    const RowRange range = RowRange::of(b, computed, norm.width);
    auto written = [&](Value column, Value mask) { // comes from the first-level cache
      return emitSmoothed(b, b.load(b.at(y, column), mask), rounded.smoothing, column, mask);
    };
    return emitQuantizedRow(b, written, norm.width, range.steps(b), rounded.base);
  }
  b.forVectors(norm.width, [&](Value column, Value mask) {
    Value v = normalized(column, mask);
    if (rounded.form == "bf16")
      b.storeBf16(v, b.atBf16(rounded.base, column));
  });
}

void forPanelRows(KernelBuilder &b, Value rows, KernelBuilder::LoopBody body) {
  b.forRange(b.mul(b.begin, rowsPerPanel), b.min(rows, b.mul(b.end, rowsPerPanel)), 1, body);
}

} // namespace lathe
