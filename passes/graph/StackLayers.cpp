//===- StackLayers.cpp - a chain of layers becomes a loop ---------------------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_STACKLAYERSPASS
#include "passes/graph/Passes.h.inc"

namespace {

/// Whether `next` continues `layer`: same function, the value passed along, everything else the same.
bool continues(xf::LayerOp next, xf::LayerOp layer) {
  return next.getCallee() == layer.getCallee() && next.getInputs()[0] == layer.getResult() &&
         next.getInputs().drop_front() == layer.getInputs().drop_front();
}

/// The layers from `first` on that form one chain.
SmallVector<xf::LayerOp> collectChain(xf::LayerOp first) {
  SmallVector<xf::LayerOp> chain = {first};
  for (;;) {
    xf::LayerOp next;
    for (Operation *user : chain.back()->getUsers())
      if (auto layer = dyn_cast<xf::LayerOp>(user); layer && continues(layer, chain.back()))
        next = layer;
    if (!next)
      return chain;
    chain.push_back(next);
  }
}

bool isReturned(xf::LayerOp layer) { return llvm::any_of(layer->getUsers(), llvm::IsaPred<func::ReturnOp>); }

/// Whether a layer's result goes to the next layer and is one output of the function.
bool isAlsoReturned(xf::LayerOp layer) { return llvm::range_size(layer->getUses()) == 2 && isReturned(layer); }

struct StackLayers : impl::StackLayersPassBase<StackLayers> {
  void runOnOperation() override {
    SmallVector<xf::LayerOp> heads;
    getOperation().walk([&](xf::LayerOp layer) {
      auto callee = getOperation().lookupSymbol<func::FuncOp>(layer.getCallee());
      if (callee && callee->hasAttr(xf::XfDialect::givesSequencesAttr)) // no layer can go on with that
        return;
      auto previous = layer.getInputs()[0].getDefiningOp<xf::LayerOp>();
      if (!previous || !continues(layer, previous))
        heads.push_back(layer);
    });
    for (xf::LayerOp head : heads)
      stack(collectChain(head));
  }

  void stack(ArrayRef<xf::LayerOp> chain) {
    xf::LayerOp first = chain.front();
    std::string what = llvm::formatv("{0} calls of @{1}", chain.size(), first.getCallee());
    if (!first.getOthers().empty())
      return recordDeclined(first, "StackLayers", what, "the layers give more than the value that they carry");
    if (chain.size() == 1 && !first.getInputs()[0].hasOneUse())
      return recordDeclined(first, "StackLayers", what,
                            "the value that one layer changes is read elsewhere: a loop would begin with a copy of it");
    ArrayRef<xf::LayerOp> inner = chain.drop_back();
    bool all = !inner.empty() && llvm::all_of(inner, isAlsoReturned) && isReturned(chain.back());
    if (!all && !llvm::all_of(inner, [](xf::LayerOp layer) { return layer->hasOneUse(); }))
      return recordDeclined(
          first, "StackLayers", what,
          "some of the layers' values are read elsewhere; a loop gives all of them as outputs, or the last one");
    // At the first layer, so that readers of any layer's value come behind.
    OpBuilder builder(first);
    SmallVector<Attribute> prefixes;
    for (xf::LayerOp layer : chain)
      prefixes.push_back(layer.getWeightsAttr());
    SmallVector<Type> types(all ? chain.size() : 1, first.getResult().getType());
    auto layers = xf::LayersOp::create(builder, first.getLoc(), types, first.getCalleeAttr(), first.getInputs(),
                                       builder.getArrayAttr(prefixes));
    for (auto [index, layer] : llvm::enumerate(chain))
      if (all || index + 1 == chain.size())
        layer->getResult(0).replaceAllUsesWith(layers.getResult(all ? index : 0));
    for (xf::LayerOp layer : llvm::reverse(chain))
      layer.erase();
    recordMade(layers, "StackLayers", what);
  }
};

} // namespace
} // namespace lathe
