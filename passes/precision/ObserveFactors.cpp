//===- ObserveFactors.cpp - linears whose inputs a trace is to show -----------===//
#include "passes/precision/Observed.h"
#include "passes/precision/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_OBSERVEFACTORSPASS
#include "passes/precision/Passes.h.inc"

namespace {

struct ObserveFactors : impl::ObserveFactorsPassBase<ObserveFactors> {
  void runOnOperation() override {
    getOperation().walk([](xf::LinearOp linear) { linear->setAttr(observedAttr, UnitAttr::get(linear.getContext())); });
  }
};

} // namespace
} // namespace lathe
