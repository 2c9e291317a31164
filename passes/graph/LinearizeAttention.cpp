//===- LinearizeAttention.cpp - linear attention in place of softmax ----------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LINEARIZEATTENTIONPASS
#include "passes/graph/Passes.h.inc"

namespace {

/// What an attention has that linear attention cannot have; empty: nothing.
StringRef whatStandsInTheWay(xf::AttentionOp attention) {
  if (!attention.getCuSeqlens())
    return "padding, since tokens were not packed";
  if (attention.getKeyCuSeqlens())
    return "keys of other tokens than the queries'";
  if (attention.getQuery().getType() != attention.getKey().getType())
    return "keys that several heads of queries share";
  if (attention.getBias() || attention.getPairs() || attention.getSlopes())
    return "scores biased by distance";
  if (attention.getQueryTerms() || attention.getKeyTerms())
    return "terms for distances";
  if (attention.getReach())
    return "a window";
  if (attention.getPrefix())
    return "a prefix";
  if (attention.getGlobals() || attention.getChosen())
    return "global tokens";
  if (attention.getCap())
    return "capped scores";
  return "";
}

struct LinearizeAttention : impl::LinearizeAttentionPassBase<LinearizeAttention> {
  void runOnOperation() override {
    SmallVector<xf::AttentionOp> attentions;
    WalkResult allFused = getOperation().walk([&](Operation *op) {
      if (auto attention = dyn_cast<xf::AttentionOp>(op))
        attentions.push_back(attention);
      return isa<xf::SoftmaxOp>(op) ? refuse(op, "it was not fused") : WalkResult::advance();
    });
    if (allFused.wasInterrupted())
      return signalPassFailure();
    for (xf::AttentionOp attention : attentions) {
      if (StringRef what = whatStandsInTheWay(attention); !what.empty()) {
        refuse(attention, "it has " + what);
        return signalPassFailure();
      }
      recordMade(attention, "LinearizeAttention", Twine(attention.getHeads()) + " heads, approximately");
      OpBuilder builder(attention);
      auto linear = xf::LinearAttentionOp::create(builder, attention.getLoc(), attention.getType(), xf::FeatureMap::Elu,
                                                  attention.getQuery(), attention.getKey(), attention.getValue(),
                                                  attention.getMask(), attention.getCuSeqlens(), attention.getCausal(),
                                                  attention.getHeads());
      attention.replaceAllUsesWith(linear.getResult());
      attention.erase();
    }
  }

  static WalkResult refuse(Operation *op, const Twine &why) {
    op->emitError("--attention linear: the attention in @" + op->getParentOfType<func::FuncOp>().getSymName() +
                  " cannot be approximated: " + why);
    return WalkResult::interrupt();
  }
};

} // namespace
} // namespace lathe
