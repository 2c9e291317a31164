//===- LinearWeights.cpp - the weights behind linears, by name ----------------===//
#include "passes/precision/LinearWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"

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

LayerPrefixes prefixesOfCalls(Operation *root) {
  LayerPrefixes prefixes;
  root->walk([&](Operation *op) {
    if (auto layer = dyn_cast<xf::LayerOp>(op))
      prefixes[layer.getCallee()].push_back(layer.getWeights().str());
    if (auto layers = dyn_cast<xf::LayersOp>(op))
      for (StringAttr prefix : layers.getWeights().getAsRange<StringAttr>())
        prefixes[layers.getCallee()].push_back(prefix.str());
  });
  return prefixes;
}

llvm::StringSet<> tablesOf(ModuleOp module) {
  llvm::StringSet<> tables;
  auto add = [&](ValueRange read) {
    for (Value table : read)
      if (auto load = table.getDefiningOp<xf::LoadWeightOp>())
        tables.insert(load.getWeight());
  };
  module.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case([&](xf::LookupOp lookup) { add(lookup.getTable()); })
        .Case([&](xf::EmbedOp embed) { add(embed.getTables()); });
  });
  return tables;
}

void declareVector(ModuleOp module, StringRef name, ArrayRef<float> values) {
  OpBuilder builder(module.getBody(), module.getBody()->begin());
  auto type = RankedTensorType::get({int64_t(values.size())}, builder.getF32Type());
  auto value = DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyInferAlign(values));
  xf::WeightOp::create(builder, builder.getUnknownLoc(), builder.getStringAttr(name), value);
}

} // namespace lathe
