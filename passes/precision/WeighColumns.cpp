//===- WeighColumns.cpp - weights in int4 are rounded for what they multiply --===//
#include "passes/precision/CalibratedWeights.h"
#include "passes/precision/Observed.h"
#include "passes/precision/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_WEIGHCOLUMNSPASS
#include "passes/precision/Passes.h.inc"

namespace {

struct WeighColumns : impl::WeighColumnsPassBase<WeighColumns> {
  void runOnOperation() override {
    CalibratedWeights importances(getOperation(), importancesAttr, ".column_importance");
    if (importances.empty())
      return;
    SmallVector<xf::LinearOp> linears;
    getOperation().walk([&](xf::LinearOp linear) {
      if (linear.getPrecision() == xf::Precision::INT4 && !linear.getImportance())
        linears.push_back(linear);
    });
    for (xf::LinearOp linear : linears)
      if (Value importance = importances.bind(linear))
        linear.getImportanceMutable().assign(importance);
  }
};

} // namespace
} // namespace lathe
