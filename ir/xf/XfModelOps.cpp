//===- XfModelOps.cpp - weights and layers: what must agree across symbols ----===//
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace lathe::xf {

LogicalResult WeightOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getValue().getType());
  if (!type || !isa<FloatType>(type.getElementType()))
    return emitOpError("holds ") << getValue().getType() << "; a weight is a tensor of floats";
  if (getTransposed() && type.getRank() != 2)
    return emitOpError("is transposed, but ") << type << " is no matrix";
  return success();
}

RankedTensorType WeightOp::getLoadedType() {
  auto type = cast<RankedTensorType>(getValue().getType());
  SmallVector<int64_t> shape(type.getShape());
  if (getTransposed())
    std::swap(shape[0], shape[1]);
  return RankedTensorType::get(shape, Float32Type::get(getContext()));
}

Attribute WeightOp::getContent() {
  if (!getTransposed())
    return getValue();
  return ArrayAttr::get(getContext(), {getValue(), UnitAttr::get(getContext())});
}

LogicalResult LoadWeightOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("names ") << getWeightAttr() << ", which is no xf.weight of the module";
  if (weight.getLoadedType() != getType())
    return emitOpError("has type ") << getType() << ", but the weight is a " << weight.getLoadedType();
  return success();
}

/// Checks one application of a layer function: operands, weights behind `prefix`, results.
static LogicalResult verifyLayer(Operation *op, FlatSymbolRefAttr calleeName, OperandRange operands, StringRef prefix,
                                 TypeRange results, SymbolTableCollection &symbols) {
  auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(op, calleeName);
  if (!callee)
    return op->emitOpError("calls ") << calleeName << ", which is no function of the module";
  if (callee.isExternal())
    return op->emitOpError("calls ") << calleeName << ", which has no body";
  FunctionType type = callee.getFunctionType();
  if (type.getNumInputs() < operands.size())
    return op->emitOpError("passes ") << operands.size() << " operands, but " << calleeName << " takes "
                                      << type.getNumInputs() << " arguments in all";
  if (TypeRange(type.getResults()) != results)
    return op->emitOpError("gives ") << results << ", but " << calleeName << " returns " << type.getResults();
  for (auto [index, operand] : llvm::enumerate(operands))
    if (operand.getType() != type.getInput(index))
      return op->emitOpError("operand ") << index << " is a " << operand.getType() << ", but " << calleeName
                                         << " takes " << type.getInput(index);
  for (unsigned index = operands.size(); index < type.getNumInputs(); ++index) {
    auto name = callee.getArgAttrOfType<StringAttr>(index, XfDialect::weightAttr);
    if (!name)
      return op->emitOpError("gives argument ") << index << " of " << calleeName << " no value, and it names no weight";
    auto full = StringAttr::get(op->getContext(), prefix + name.getValue());
    auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(op, full);
    if (!weight)
      return op->emitOpError("needs weight '") << full.getValue() << "', which the module does not have";
    if (weight.getLoadedType() != type.getInput(index))
      return op->emitOpError("needs weight '")
             << full.getValue() << "' as " << type.getInput(index) << ", but it is a " << weight.getLoadedType();
  }
  return success();
}

LogicalResult LayerOp::verify() {
  if (getInputs().empty())
    return emitOpError("has no operand: a layer's first one is the value that it changes");
  return success();
}

LogicalResult LayerOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyLayer(*this, getCalleeAttr(), getInputs(), getWeights(), getResultTypes(), symbols);
}

LogicalResult LayersOp::verify() {
  if (getWeights().empty())
    return emitOpError("has no layers");
  if (getNumResults() != 1 && getNumResults() != getWeights().size())
    return emitOpError("has ") << getNumResults() << " results; accepted are one, or one for each of the "
                               << getWeights().size() << " layers";
  if (getInputs().empty())
    return emitOpError("has no operand to carry from layer to layer");
  for (Type type : getResultTypes())
    if (type != getInputs()[0].getType())
      return emitOpError("carries ") << getInputs()[0].getType() << " but gives " << type;
  return success();
}

LogicalResult LayersOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (auto prefix : getWeights().getAsRange<StringAttr>())
    if (failed(verifyLayer(*this, getCalleeAttr(), getInputs(), prefix.getValue(), getResultTypes()[0], symbols)))
      return failure();
  return success();
}

} // namespace lathe::xf
