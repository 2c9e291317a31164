//===- FixRanges.cpp - products in int8 get ranges from calibration -----------===//
#include "passes/precision/CalibratedWeights.h"
#include "passes/precision/Observed.h"
#include "passes/precision/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FIXRANGESPASS
#include "passes/precision/Passes.h.inc"

namespace {

struct FixRanges : impl::FixRangesPassBase<FixRanges> {
  void runOnOperation() override {
    CalibratedWeights(getOperation(), rangesAttr, ".input_range").give(canStoreBytesFor, [](xf::LinearOp linear) {
      return linear.getRangeMutable();
    });
  }

private:
  /// A linear with a weight of its own, whose input another one computes for it alone.
  static bool canStoreBytesFor(xf::LinearOp linear) {
    auto producer = linear.getX().getDefiningOp<xf::LinearOp>();
    return linear.getPrecision() == xf::Precision::INT8 && !linear.getRange() && producer &&
           producer.getPrecision() == xf::Precision::INT8 && linear.getX().hasOneUse();
  }
};

} // namespace
} // namespace lathe
