//===- FixRanges.cpp - products in int8 get ranges from calibration -----------===//
#include "passes/precision/Observed.h"
#include "passes/precision/Passes.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FIXRANGESPASS
#include "passes/precision/Passes.h.inc"

namespace {

struct FixRanges : impl::FixRangesPassBase<FixRanges> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ranges = module->getAttrOfType<DictionaryAttr>(rangesAttr);
    if (!ranges)
      return;
    // Layers of a function are known by the prefixes of their weights; an entry's own ops have none.
    llvm::StringMap<SmallVector<std::string>> prefixes;
    module.walk([&](Operation *op) {
      if (auto layer = dyn_cast<xf::LayerOp>(op))
        prefixes[layer.getCallee()].push_back(layer.getWeights().str());
      if (auto layers = dyn_cast<xf::LayersOp>(op))
        for (StringAttr prefix : layers.getWeights().getAsRange<StringAttr>())
          prefixes[layers.getCallee()].push_back(prefix.str());
    });
    for (auto function : module.getOps<func::FuncOp>()) {
      SmallVector<xf::LinearOp> linears;
      function.walk([&](xf::LinearOp linear) {
        if (canStoreBytesFor(linear))
          linears.push_back(linear);
      });
      for (xf::LinearOp linear : linears)
        fix(function, linear, prefixes.lookup(function.getSymName()));
    }
    module->removeAttr(rangesAttr);
  }

private:
  static bool canStoreBytesFor(xf::LinearOp linear) {
    auto producer = linear.getX().getDefiningOp<xf::LinearOp>();
    return linear.getPrecision() == xf::Precision::INT8 && !linear.getRange() && producer &&
           producer.getPrecision() == xf::Precision::INT8 && linear.getX().hasOneUse();
  }

  /// The weight's name behind a layer's prefix, or in an entry its full one; empty where it is joined of several.
  static std::string weightName(xf::LinearOp linear) {
    if (auto load = linear.getWeight().getDefiningOp<xf::LoadWeightOp>())
      return load.getWeight().str();
    auto argument = dyn_cast<BlockArgument>(linear.getWeight());
    auto function = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : nullptr;
    auto name = function ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xf::XfDialect::weightAttr)
                         : StringAttr();
    return name ? name.str() : "";
  }

  /// Declares the weight that holds a range; false where calibration did not see the linear.
  bool declare(const std::string &weight) {
    auto range = ranges.getAs<DenseF32ArrayAttr>(weight);
    if (!range)
      return false;
    const std::string name = weight + rangeSuffix.str();
    ModuleOp module = getOperation();
    if (module.lookupSymbol(name)) // of layers that share their weights
      return true;
    OpBuilder builder(module.getBody(), module.getBody()->begin());
    auto type = RankedTensorType::get({2}, builder.getF32Type());
    auto value =
        DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyInferAlign(range.asArrayRef()));
    xf::WeightOp::create(builder, builder.getUnknownLoc(), builder.getStringAttr(name), value);
    return true;
  }

  void fix(func::FuncOp function, xf::LinearOp linear, ArrayRef<std::string> prefixes) {
    const std::string weight = weightName(linear);
    if (weight.empty())
      return;
    OpBuilder builder(linear);
    auto type = RankedTensorType::get({2}, builder.getF32Type());
    if (linear.getWeight().getDefiningOp()) {
      if (declare(weight))
        linear.getRangeMutable().assign(xf::LoadWeightOp::create(
            builder, linear.getLoc(), type, FlatSymbolRefAttr::get(builder.getContext(), weight + rangeSuffix.str())));
      return;
    }
    if (prefixes.empty() ||
        !llvm::all_of(prefixes, [&](const std::string &prefix) { return declare(prefix + weight); }))
      return;
    auto attributes = builder.getDictionaryAttr(
        builder.getNamedAttr(xf::XfDialect::weightAttr, builder.getStringAttr(weight + rangeSuffix.str())));
    const unsigned index = function.getNumArguments();
    if (failed(function.insertArgument(index, type, attributes, linear.getLoc())))
      return;
    linear.getRangeMutable().assign(function.getArgument(index));
  }

  static constexpr llvm::StringLiteral rangeSuffix = ".input_range";
  DictionaryAttr ranges;
};

} // namespace
} // namespace lathe
