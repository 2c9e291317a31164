//===- XfScheduleOps.cpp - verifiers of the ops on buffers --------------------===//
#include "ir/xf/WorkFormula.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe::xf {

LogicalResult PackedWeightOp::verify() {
  if (getSources().empty())
    return emitOpError("has no sources");
  if (int64_t(getUses()) < 1)
    return emitOpError("is used ") << int64_t(getUses()) << " times; expected once or more often";
  if (int64_t(getOffset()) < 0 || getOffset() % 64)
    return emitOpError("lies at ") << int64_t(getOffset()) << "; expected a multiple of 64";
  return success();
}

LogicalResult WeightAddressOp::verify() {
  if (getWeights().empty() || (getWeights().size() > 1 && !getIndex()))
    return emitOpError("has ") << getWeights().size() << " weights; expected one, or several and an index";
  return success();
}

LogicalResult WeightAddressOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (auto weight : getWeights().getAsRange<FlatSymbolRefAttr>())
    if (!symbols.lookupNearestSymbolFrom<PackedWeightOp>(*this, weight))
      return emitOpError("names ") << weight << ", which is no xf.packed_weight of the module";
  return success();
}

OpFoldResult WeightAddressOp::fold(FoldAdaptor) {
  if (!getIndex() || !llvm::all_equal(getWeights()))
    return nullptr;
  setWeightsAttr(ArrayAttr::get(getContext(), getWeights()[0]));
  getIndexMutable().clear();
  return getResult();
}

LogicalResult OutputAddressOp::verify() {
  if (getOutputs().empty() || (getOutputs().size() > 1 && !getIndex()))
    return emitOpError("has ") << getOutputs().size() << " outputs; expected one, or several and an index";
  return success();
}

LogicalResult BufferOp::verify() {
  auto type = cast<MemRefType>(getType());
  ArrayRef<int64_t> shape = type.getShape();
  if (!type.getElementType().isIntOrFloat() || shape.empty() || !ShapedType::isDynamic(shape.front()) ||
      llvm::any_of(shape.drop_front(), ShapedType::isDynamic))
    return emitOpError("is a ") << type << "; expected rows of static extents, their number dynamic";
  return success();
}

int64_t BufferOp::getBytesPerRow() {
  auto type = cast<MemRefType>(getType());
  int64_t elements = 1;
  for (int64_t extent : type.getShape().drop_front())
    elements *= extent;
  return elements * type.getElementTypeBitWidth() / 8;
}

LogicalResult LaunchOp::verify() {
  for (int64_t written : getWrites())
    if (written < 0 || written >= int64_t(getInputs().size()))
      return emitOpError("writes argument ") << written << " of " << getInputs().size();
  for (auto [name, formula] : {std::pair("flops", getFlopsAttr()),
                               {"weight_bytes", getWeightBytesAttr()},
                               {"activation_bytes", getActivationBytesAttr()}})
    if (formula && formula.size() != int64_t(std::size(WorkFormula::names)) &&
        formula.size() != int64_t(WorkFormula::termsOfOneAxis))
      return emitOpError("has ") << formula.size() << " terms of " << name << "; expected "
                                 << llvm::join(ArrayRef<llvm::StringLiteral>(WorkFormula::names), ", ");
  return success();
}

} // namespace lathe::xf
