//===- CalibratedWeights.cpp - weights that calibration found, for each layer -===//
#include "passes/precision/CalibratedWeights.h"

using namespace mlir;

namespace lathe {

CalibratedWeights::CalibratedWeights(ModuleOp module, StringRef attribute, StringRef suffix)
    : module(module), suffix(suffix), vectors(module->getAttrOfType<DictionaryAttr>(attribute)),
      prefixes(prefixesOfCalls(module)) {
  module->removeAttr(attribute);
}

int64_t CalibratedWeights::declare(const std::string &weight) {
  auto vector = vectors.getAs<DenseF32ArrayAttr>(weight);
  if (!vector)
    return 0;
  const std::string name = weight + suffix.str();
  if (!module.lookupSymbol(name)) // layers that share their weights share this one
    declareVector(module, name, vector.asArrayRef());
  return vector.size();
}

void CalibratedWeights::give(llvm::function_ref<bool(xf::LinearOp)> wants,
                             llvm::function_ref<MutableOperandRange(xf::LinearOp)> operandOf) {
  if (!vectors)
    return;
  SmallVector<xf::LinearOp> linears; // first, as functions get arguments while vectors are bound
  module.walk([&](xf::LinearOp linear) {
    if (wants(linear))
      linears.push_back(linear);
  });
  for (xf::LinearOp linear : linears)
    if (Value vector = bind(linear))
      operandOf(linear).assign(vector);
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
