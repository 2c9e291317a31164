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
    CalibratedWeights(getOperation(), importancesAttr, ".column_importance")
        .give(
            [](xf::LinearOp linear) { return linear.getPrecision() == xf::Precision::INT4 && !linear.getImportance(); },
            [](xf::LinearOp linear) { return linear.getImportanceMutable(); });
  }
};

} // namespace
} // namespace lathe
