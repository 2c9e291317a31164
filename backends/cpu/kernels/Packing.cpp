#include "backends/cpu/kernels/Packing.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t lanes = KernelBuilder::lanes;

/// Transposes 16 vectors of 16 lanes: in step s, lanes and vectors whose indices differ in bit s change places.
static void emitTranspose(KernelBuilder &b, KernelBuilder::Values &vectors) {
  for (int64_t bit = 1; bit < lanes; bit *= 2) {
    SmallVector<int64_t> low, high; // lane indices into first ++ second
    for (int64_t lane = 0; lane < lanes; ++lane) {
      low.push_back(lane & bit ? lanes + (lane ^ bit) : lane);
      high.push_back(lane & bit ? lanes + lane : lane ^ bit);
    }
    for (int64_t first = 0; first < lanes; ++first) {
      if (first & bit)
        continue;
      Value a = vectors[first], c = vectors[first | bit];
      vectors[first] = b.shuffle(a, c, low);
      vectors[first | bit] = b.shuffle(a, c, high);
    }
  }
}

void emitPackTransposed(KernelBuilder &b, Rows source, Value rows, Value depth, Panels target) {
  b.forRange(b.integer(0), rows, lanes, [&](Value row) {
    Value panel = b.at(target.base, b.mul(b.div(row, b.integer(lanes)), target.stride));
    b.forRange(b.integer(0), depth, lanes, [&](Value k) {
      Value columns = b.min(b.integer(lanes), b.sub(depth, k));
      Value inDepth = b.firstLanes(columns);
      KernelBuilder::Values vectors;
      for (int64_t r = 0; r < lanes; ++r) {
        // A row that does not exist has no lane to be read.
        Value index = b.add(row, r);
        Value mask = b.select(b.less(index, rows), inDepth, b.firstLanes(b.integer(0)));
        vectors.push_back(b.load(b.at(source.base, b.add(b.mul(index, source.stride), k)), mask));
      }
      emitTranspose(b, vectors);
      Value line = b.at(panel, b.mul(k, lanes));
      // Columns beyond the depth have no line; the panel behind may begin there.
      b.ifElse(
          b.equal(columns, b.integer(lanes)),
          [&] {
            for (int64_t c = 0; c < lanes; ++c)
              b.store(vectors[c], b.at(line, c * lanes));
          },
          [&] {
            for (int64_t c = 0; c < lanes - 1; ++c)
              b.ifTrue(b.less(b.integer(c), columns), [&] { b.store(vectors[c], b.at(line, c * lanes)); });
          });
    });
  });
}

void emitPack(KernelBuilder &b, Rows source, Value rows, Value columns, Panels target) {
  b.forVectors(columns, [&](Value column, Value mask) {
    Value panel = b.at(target.base, b.mul(b.div(column, b.integer(lanes)), target.stride));
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Value v = b.load(b.at(source.base, b.add(b.mul(row, source.stride), column)), mask);
      b.store(v, b.at(panel, b.mul(row, lanes)));
    });
  });
}

void emitPackPairs(KernelBuilder &b, Rows source, Value rows, Value columns, Panels target) {
  b.forVectors(columns, [&](Value column, Value mask) {
    Value panel = b.at(target.base, b.mul(b.div(column, b.integer(lanes)), target.stride));
    Value all = mask ? mask : b.firstLanes(b.integer(lanes)), none = b.firstLanes(b.integer(0));
    b.forRange(b.integer(0), rows, 2, [&](Value row) {
      Value first = b.atBf16(b.at(source.base, b.mul(row, source.stride)), column);
      Value hasSecond = b.select(b.less(b.add(row, 1), rows), all, none);
      Value second = b.loadBf16(b.at(first, source.stride), hasSecond);
      b.store(b.bf16Pairs(b.loadBf16(first, mask), second), b.at(panel, b.mul(b.div(row, b.integer(2)), lanes)));
    });
  });
}

} // namespace lathe
