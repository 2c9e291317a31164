//===- FuseResidualNorm.cpp - an addition into the norm behind it -------------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FUSERESIDUALNORMPASS
#include "passes/graph/Passes.h.inc"

namespace {

struct FuseResidualNorm : impl::FuseResidualNormPassBase<FuseResidualNorm> {
  void runOnOperation() override {
    SmallVector<xf::LayerNormOp> norms;
    getOperation().walk([&](xf::LayerNormOp norm) { norms.push_back(norm); });
    for (xf::LayerNormOp norm : norms)
      fuse(norm);
  }

  void fuse(xf::LayerNormOp norm) {
    auto add = norm.getX().getDefiningOp<xf::AddOp>();
    if (!add)
      return;
    if (norm.getResidual())
      return recordDeclined(norm, "FuseResidualNorm", "residual", "the norm already adds one");
    if (!add->hasOneUse())
      return recordDeclined(norm, "FuseResidualNorm", "residual", "the sum is used elsewhere");
    norm.getXMutable().assign(add.getLhs());
    norm.getResidualMutable().assign(add.getRhs());
    add.erase();
    recordMade(norm, "FuseResidualNorm", "residual");
  }
};

} // namespace
} // namespace lathe
