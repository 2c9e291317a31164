//===- SmoothFactors.cpp - what products read in bytes is smoothed ------------===//
#include "passes/precision/Observed.h"
#include "passes/precision/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SMOOTHFACTORSPASS
#include "passes/precision/Passes.h.inc"

namespace {

struct SmoothFactors : impl::SmoothFactorsPassBase<SmoothFactors> {
  void runOnOperation() override {
    getOperation().walk([](xf::LinearOp linear) {
      auto smoothing = linear->getAttrOfType<FlatSymbolRefAttr>(smoothingAttr);
      if (!smoothing)
        return;
      linear->removeAttr(smoothingAttr);
      if (xf::precisionOfX(linear.getPrecision()) != xf::Precision::INT8)
        return;
      OpBuilder builder(linear);
      auto type = RankedTensorType::get({cast<RankedTensorType>(linear.getX().getType()).getShape().back()},
                                        builder.getF32Type());
      linear.getSmoothingMutable().assign(xf::LoadWeightOp::create(builder, linear.getLoc(), type, smoothing));
    });
  }
};

} // namespace
} // namespace lathe
