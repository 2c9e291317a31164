//===- FuseLinearEpilogue.cpp - activation and residual into the linear -------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FUSELINEAREPILOGUEPASS
#include "passes/graph/Passes.h.inc"

namespace {

struct FuseLinearEpilogue : impl::FuseLinearEpiloguePassBase<FuseLinearEpilogue> {
  void runOnOperation() override {
    SmallVector<xf::LinearOp> linears;
    getOperation().walk([&](xf::LinearOp linear) { linears.push_back(linear); });
    for (xf::LinearOp linear : linears) {
      fuseActivation(linear);
      fuseResidual(linear);
    }
  }

  void fuseActivation(xf::LinearOp linear) {
    for (Operation *user : linear->getUsers()) {
      auto activate = dyn_cast<xf::ActivateOp>(user);
      if (!activate)
        continue;
      std::string what = ("activation " + xf::stringifyActivation(activate.getActivation())).str();
      if (!linear->hasOneUse())
        return recordDeclined(linear, "FuseLinearEpilogue", what, "the linear's result is used elsewhere");
      if (linear.getActivation() || linear.getResidual())
        return recordDeclined(linear, "FuseLinearEpilogue", what, "the linear already has an activation or a residual");
      linear.setActivationAttr(activate.getActivationAttr());
      activate.getResult().replaceAllUsesWith(linear.getResult());
      activate.erase();
      return recordMade(linear, "FuseLinearEpilogue", what);
    }
  }

  void fuseResidual(xf::LinearOp linear) {
    for (Operation *user : linear->getUsers()) {
      auto add = dyn_cast<xf::AddOp>(user);
      if (!add)
        continue;
      if (!linear->hasOneUse())
        return recordDeclined(linear, "FuseLinearEpilogue", "residual", "the linear's result is used elsewhere");
      if (linear.getResidual())
        return recordDeclined(linear, "FuseLinearEpilogue", "residual", "the linear already adds one");
      Value residual = add.getLhs() == linear.getResult() ? add.getRhs() : add.getLhs();
      linear->moveBefore(add); // the residual may be defined between the two
      linear.getResidualMutable().assign(residual);
      add.getResult().replaceAllUsesWith(linear.getResult());
      add.erase();
      return recordMade(linear, "FuseLinearEpilogue", "residual");
    }
  }
};

} // namespace
} // namespace lathe
