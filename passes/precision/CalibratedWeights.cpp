//===- CalibratedWeights.cpp - weights that calibration found, for each layer -===//
#include "passes/precision/CalibratedWeights.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace lathe {

/// Of one tensor; "" of what is none.
static std::string nameOf(Value tensor) {
  if (auto load = tensor.getDefiningOp<xf::LoadWeightOp>())
    return load.getWeight().str();
  auto argument = dyn_cast<BlockArgument>(tensor);
  auto function = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : nullptr;
  auto name = function ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xf::XfDialect::weightAttr)
                       : StringAttr();
  return name ? name.str() : "";
}

SmallVector<std::string> weightNamesOf(xf::LinearOp linear) {
  auto joined = linear.getWeight().getDefiningOp<xf::ConcatOp>();
  SmallVector<std::string> names;
  if (joined)
    llvm::append_range(names, llvm::map_range(joined.getInputs(), nameOf));
  else
    names.push_back(nameOf(linear.getWeight()));
  return llvm::is_contained(names, "") ? SmallVector<std::string>() : names;
}

CalibratedWeights::CalibratedWeights(ModuleOp module, StringRef attribute, StringRef suffix)
    : module(module), suffix(suffix), vectors(module->getAttrOfType<DictionaryAttr>(attribute)) {
  module->removeAttr(attribute);
  module.walk([&](Operation *op) {
    if (auto layer = dyn_cast<xf::LayerOp>(op))
      prefixes[layer.getCallee()].push_back(layer.getWeights().str());
    if (auto layers = dyn_cast<xf::LayersOp>(op))
      for (StringAttr prefix : layers.getWeights().getAsRange<StringAttr>())
        prefixes[layers.getCallee()].push_back(prefix.str());
  });
}

int64_t CalibratedWeights::declare(const std::string &weight) {
  auto vector = vectors.getAs<DenseF32ArrayAttr>(weight);
  if (!vector)
    return 0;
  const std::string name = weight + suffix.str();
  if (!module.lookupSymbol(name)) { // layers that share their weights share this one
    OpBuilder builder(module.getBody(), module.getBody()->begin());
    auto type = RankedTensorType::get({vector.size()}, builder.getF32Type());
    auto value =
        DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyInferAlign(vector.asArrayRef()));
    xf::WeightOp::create(builder, builder.getUnknownLoc(), builder.getStringAttr(name), value);
  }
  return vector.size();
}

Value CalibratedWeights::bind(xf::LinearOp linear) {
  const SmallVector<std::string> names = weightNamesOf(linear);
  if (names.empty())
    return nullptr;
  const std::string &weight = names.front();
  auto function = linear->getParentOfType<func::FuncOp>();
  OpBuilder builder(linear);
  auto typeOf = [&](int64_t length) { return RankedTensorType::get({length}, builder.getF32Type()); };
  if (function->hasAttr(xf::XfDialect::entryAttr)) {
    const int64_t length = declare(weight);
    if (length == 0)
      return nullptr;
    auto symbol = FlatSymbolRefAttr::get(builder.getContext(), weight + suffix.str());
    return xf::LoadWeightOp::create(builder, linear.getLoc(), typeOf(length), symbol);
  }
  int64_t length = 0;
  for (const std::string &prefix : prefixes.lookup(function.getSymName()))
    if (length = declare(prefix + weight); length == 0)
      return nullptr;
  if (length == 0)
    return nullptr;
  auto attributes = builder.getDictionaryAttr(
      builder.getNamedAttr(xf::XfDialect::weightAttr, builder.getStringAttr(weight + suffix.str())));
  const unsigned index = function.getNumArguments();
  if (failed(function.insertArgument(index, typeOf(length), attributes, linear.getLoc())))
    return nullptr;
  return function.getArgument(index);
}

} // namespace lathe
