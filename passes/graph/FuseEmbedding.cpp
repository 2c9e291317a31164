//===- FuseEmbedding.cpp - lookups, their sum and its norm into one op --------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FUSEEMBEDDINGPASS
#include "passes/graph/Passes.h.inc"

namespace {

/// Collects the lookups that `sum` adds up, left to right, so that the order of additions stays. False when anything
/// else is in the tree or one of its values is used elsewhere.
bool collectLookups(Value sum, SmallVectorImpl<xf::LookupOp> &lookups) {
  if (auto lookup = sum.getDefiningOp<xf::LookupOp>()) {
    lookups.push_back(lookup);
    return lookup->hasOneUse();
  }
  auto add = sum.getDefiningOp<xf::AddOp>();
  // Only left-leaning trees: (a + b) + c, as embeddings are written. Another bracketing would change the rounding.
  return add && add->hasOneUse() && collectLookups(add.getLhs(), lookups) &&
         add.getRhs().getDefiningOp<xf::LookupOp>() && collectLookups(add.getRhs(), lookups);
}

struct FuseEmbedding : impl::FuseEmbeddingPassBase<FuseEmbedding> {
  void runOnOperation() override {
    SmallVector<xf::LayerNormOp> norms;
    getOperation().walk([&](xf::LayerNormOp norm) { norms.push_back(norm); });
    for (xf::LayerNormOp norm : norms)
      fuse(norm);
  }

  void fuse(xf::LayerNormOp norm) {
    SmallVector<xf::LookupOp> lookups;
    if (norm.getResidual() || norm.getRms() || !collectLookups(norm.getX(), lookups))
      return;
    OpBuilder builder(norm);
    SmallVector<Value> ids, tables;
    bool orZeros = false;
    for (xf::LookupOp lookup : lookups) {
      ids.push_back(lookup.getIds());
      tables.push_back(lookup.getTable());
      orZeros |= lookup.getOrZeros();
    }
    auto embed = xf::EmbedOp::create(builder, norm.getLoc(), norm.getType(), ids, tables, orZeros, norm.getGain(),
                                     norm.getBias(), norm.getEpsAttr(), /*precision=*/nullptr);
    norm.getResult().replaceAllUsesWith(embed.getResult());
    eraseTree(norm);
    recordMade(embed, "FuseEmbedding", Twine(lookups.size()) + " tables and a norm");
  }

  /// Erases `op` and what only it read, up to the lookups.
  static void eraseTree(Operation *op) {
    SmallVector<Value> operands(op->getOperands());
    op->erase();
    for (Value operand : operands)
      if (Operation *producer = operand.getDefiningOp(); producer && isa<xf::AddOp, xf::LookupOp>(producer))
        eraseTree(producer);
  }
};

} // namespace
} // namespace lathe
