//===- RowGroups.cpp - row ops into row programs ------------------------------===//
#include "backends/cpu/RowGroups.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;

namespace lathe {

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool isSharedByRows(Value value) {
  Operation *producer = value.getDefiningOp();
  return producer && xf::canBeInRowGroup(producer) && typeOf(value).getRank() == 1;
}

namespace {

class RowTranslation {
public:
  explicit RowTranslation(Operation *op) : op(op) {}

  FailureOr<RowGroup> run() {
    ValueRange results = op->getResults();
    if (auto group = dyn_cast<xf::RowGroupOp>(op))
      results = group.getBody().front().getTerminator()->getOperands();
    for (Value result : results) {
      FailureOr<int> index = indexOf(result);
      if (failed(index))
        return failure();
      if (llvm::is_contained(translated.program.results, *index))
        return op->emitOpError("gives one value twice");
      translated.program.results.push_back(*index);
    }
    return std::move(translated);
  }

private:
  /// The value's number in the program, after everything that it is computed from.
  FailureOr<int> indexOf(Value value) {
    if (auto found = indices.find(value); found != indices.end())
      return found->second;
    FailureOr<int> index = failure();
    if (auto argument = dyn_cast<BlockArgument>(value); argument && argument.getOwner()->getParentOp() == op)
      index = indexOf(op->getOperand(argument.getArgNumber()));
    else if (Operation *producer = value.getDefiningOp(); producer && isComputed(producer, value))
      index = translate(producer);
    else
      index = input(value);
    if (succeeded(index))
      indices[value] = *index;
    return index;
  }

  bool isComputed(Operation *producer, Value value) {
    return producer == op || producer->getParentOp() == op || isSharedByRows(value);
  }

  FailureOr<int> input(Value value) {
    int64_t width = typeOf(value).getShape().back();
    if (ShapedType::isDynamic(width))
      return op->emitOpError("reads rows of ") << typeOf(value) << "; the CPU computes on rows of a known width";
    if (width > maxRowWidth)
      return op->emitOpError("reads rows of ") << width << " elements; accepted are up to " << maxRowWidth;
    translated.inputs.push_back(value);
    return translated.program.input(/*shared=*/typeOf(value).getRank() == 1, width);
  }

  FailureOr<int> translate(Operation *producer) {
    std::vector<int> operands;
    for (Value operand : producer->getOperands()) {
      FailureOr<int> index = indexOf(operand);
      if (failed(index))
        return failure();
      operands.push_back(*index);
    }
    return llvm::TypeSwitch<Operation *, int>(producer)
        .Case([&](xf::ConstantOp op) { return constant(op.getValue().convertToDouble()); })
        .Case([&](xf::ScaleOp op) {
          return apply(RowOp::mul, {operands[0], constant(op.getFactor().convertToDouble())});
        })
        .Case([&](xf::ActivateOp op) { return activate(op.getActivation(), operands[0]); })
        .Default([&](Operation *op) {
          RowOp code = RowOp::Constant;
          [[maybe_unused]] bool found = findRowOp(xf::nameOfRowOp(op), code);
          assert(found && "RowOps.def has a line for every op that a group may hold");
          return apply(code, operands);
        });
  }

  int activate(xf::Activation activation, int x) {
    switch (activation) {
    case xf::Activation::Gelu:
      return apply(RowOp::gelu, {x});
    case xf::Activation::GeluTanh: { // (1 + tanh u) / 2 = sigmoid(2u)
      int cubic = apply(RowOp::mul, {apply(RowOp::mul, {x, x}), constant(0.044715)});
      int u = apply(RowOp::mul, {x, apply(RowOp::add, {cubic, constant(1)})});
      return apply(RowOp::mul, {x, apply(RowOp::sigmoid, {apply(RowOp::mul, {u, constant(2 * std::sqrt(2 / M_PI))})})});
    }
    case xf::Activation::Relu:
      return apply(RowOp::max, {x, constant(0)});
    case xf::Activation::Silu:
      return apply(RowOp::mul, {x, apply(RowOp::sigmoid, {x})});
    case xf::Activation::Tanh:
      return apply(RowOp::tanh, {x});
    }
    llvm_unreachable("every activation has a formula");
  }

  int constant(double value) { return translated.program.constant(float(value)); }
  int apply(RowOp code, std::vector<int> operands) { return translated.program.apply(code, std::move(operands)); }

  Operation *op;
  RowGroup translated;
  DenseMap<Value, int> indices;
};

} // namespace

FailureOr<RowGroup> translateRows(Operation *op) { return RowTranslation(op).run(); }

} // namespace lathe
