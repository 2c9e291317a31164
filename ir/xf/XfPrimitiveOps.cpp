//===- XfPrimitiveOps.cpp - verifiers of the ops that formulas are written with ----===//
#include "ir/xf/XfDialect.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe::xf {

static ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

/// Checks that `result` has the shape in which the operands meet.
static LogicalResult verifyMeeting(Operation *op, ValueRange operands, Value result) {
  Value rows; // the first operand that has rows
  int64_t width = 1;
  for (Value operand : operands) {
    ArrayRef<int64_t> shape = shapeOf(operand);
    if (shape.size() > 1) {
      if (rows && shape.drop_back() != shapeOf(rows).drop_back())
        return op->emitOpError("operands ")
               << rows.getType() << " and " << operand.getType() << " do not agree in their rows";
      rows = rows ? rows : operand;
    }
    if (shape.back() != 1 && width != 1 && shape.back() != width)
      return op->emitOpError("operand ") << operand.getType() << " meets rows of " << width
                                         << " elements; accepted are as many, or 1";
    width = shape.back() != 1 ? shape.back() : width;
  }
  SmallVector<int64_t> expected;
  if (rows)
    expected.assign(shapeOf(rows).drop_back().begin(), shapeOf(rows).drop_back().end());
  expected.push_back(width);
  if (shapeOf(result) == ArrayRef(expected))
    return success();
  auto type = cast<RankedTensorType>(result.getType());
  return op->emitOpError("result is a ") << type << "; expected " << type.clone(expected);
}

LogicalResult CombineOp::verify() { return verifyMeeting(*this, getOperands(), getResult()); }
LogicalResult SelectOp::verify() { return verifyMeeting(*this, getOperands(), getResult()); }

LogicalResult ReduceOp::verify() {
  SmallVector<int64_t> expected(shapeOf(getX()));
  expected.back() = 1;
  auto type = cast<RankedTensorType>(getType());
  if (type.getShape() != ArrayRef(expected))
    return emitOpError("result is a ") << type << "; expected " << type.clone(expected);
  return success();
}

LogicalResult RowGroupOp::verify() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("has inputs ") << getInputs().getTypes() << ", but its body takes " << block.getArgumentTypes();
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield || yield.getOperandTypes() != getResultTypes())
    return emitOpError("ends in '") << block.back().getName() << "'; expected an xf.yield of its results' types";
  for (Type type : getResultTypes())
    if (cast<RankedTensorType>(type).getRank() == 1)
      return emitOpError("gives a ") << type << ", which all rows share; expected rows";
  for (Operation &op : block.without_terminator())
    if (!canBeInRowGroup(&op))
      return op.emitOpError("cannot stand in an xf.row_group: it works not on each row alone");
  return success();
}

bool isPrimitive(Operation *op) { return isa<ConstantOp, MapOp, CombineOp, SelectOp, ReduceOp>(op); }

bool canBeInRowGroup(Operation *op) { return isPrimitive(op) || isa<AddOp, ScaleOp, ActivateOp>(op); }

StringRef nameOfRowOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case([](MapOp op) { return stringifyMapKind(op.getKind()); })
      .Case([](CombineOp op) { return stringifyCombineKind(op.getKind()); })
      .Case([](ActivateOp op) { return stringifyActivation(op.getActivation()); })
      .Case([](ReduceOp op) -> StringRef {
        switch (op.getKind()) {
        case ReduceKind::Sum:
          return "row_sum";
        case ReduceKind::Mean:
          return "row_mean";
        case ReduceKind::Max:
          return "row_max";
        case ReduceKind::Min:
          return "row_min";
        }
        llvm_unreachable("every kind has a name");
      })
      .Default([](Operation *op) { return op->getName().stripDialect(); });
}

} // namespace lathe::xf
