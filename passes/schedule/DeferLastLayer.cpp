//===- DeferLastLayer.cpp - the last layer for rows that are asked for --------===//
#include "ir/xf/DeadOps.h"
#include "ir/xf/DerivedEntries.h"
#include "passes/graph/FusionLog.h"
#include "passes/schedule/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_DEFERLASTLAYERPASS
#include "passes/schedule/Passes.h.inc"

namespace {

int64_t widthOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); }
Type withWidth(Value value, int64_t width) {
  return RankedTensorType::get({ShapedType::kDynamic, width}, cast<RankedTensorType>(value.getType()).getElementType());
}

/// The attention of a layer that adds to a cache, if it has one and nothing else touches pages.
xf::AttentionOp findCached(func::FuncOp layer) {
  xf::AttentionOp cached;
  bool alone = true;
  for (Operation &op : layer.getBody().front()) {
    auto attention = dyn_cast<xf::AttentionOp>(op);
    const bool adds = attention && attention.getPages();
    alone &= !(adds && cached) && (adds || isMemoryEffectFree(&op));
    if (adds)
      cached = attention;
  }
  return alone ? cached : xf::AttentionOp();
}

/// Erases arguments that nothing reads, all but the first; gives back which.
llvm::BitVector eraseUnused(func::FuncOp function) {
  llvm::BitVector unused(function.getNumArguments());
  for (BlockArgument argument : function.getArguments().drop_front())
    unused[argument.getArgNumber()] = argument.use_empty();
  (void)function.eraseArguments(unused);
  return unused;
}

func::FuncOp cloneBehind(func::FuncOp function, StringRef suffix) {
  func::FuncOp copy = function.clone();
  copy.setSymName((function.getSymName() + suffix).str());
  OpBuilder(function).insert(copy);
  copy->moveAfter(function);
  return copy;
}

void returnOnly(func::FuncOp function, Value value) {
  function.getBody().front().getTerminator()->setOperands(value);
  function.setType(FunctionType::get(function.getContext(), function.getArgumentTypes(), value.getType()));
}

/// A part of a layer, and which of the layer's operands it does not take.
struct Part {
  func::FuncOp function;
  llvm::BitVector unused;

  SmallVector<Value> operandsOf(ValueRange all) const {
    SmallVector<Value> taken;
    for (auto [index, operand] : llvm::enumerate(all))
      if (!unused[index])
        taken.push_back(operand);
    return taken;
  }
};

/// The layer up to its keys and values, which it adds to the cache: gives what it was given beside its queries.
Part makeFront(func::FuncOp layer) {
  func::FuncOp front = cloneBehind(layer, ".front");
  xf::AttentionOp attention = findCached(front);
  OpBuilder builder(attention);
  const Location loc = attention.getLoc();
  const int64_t headDim = widthOf(attention.getQuery()) / int64_t(attention.getHeads());
  xf::AppendCacheOp::create(builder, loc, attention.getKey(), attention.getValue(), attention.getCuSeqlens(),
                            attention.getPages(), attention.getCached(), attention.getKeptAttr(),
                            builder.getI64IntegerAttr(headDim), attention.getPrecisionAttr());
  Value x = front.getArgument(0), query = attention.getQuery();
  returnOnly(front, xf::JoinOp::create(builder, loc, withWidth(x, widthOf(x) + widthOf(query)), ValueRange{x, query}));
  Block &body = front.getBody().front();
  xf::eraseDead(body);
  attention.erase();
  xf::eraseDead(body);
  return {front, eraseUnused(front)};
}

/// The layer behind its queries, which it is given beside what the layer is: keys and values are in the cache.
Part makeRest(func::FuncOp layer) {
  func::FuncOp rest = cloneBehind(layer, ".rest");
  xf::AttentionOp attention = findCached(rest);
  Block &body = rest.getBody().front();
  Value given = body.getArgument(0);
  const Type x = given.getType(), query = attention.getQuery().getType();
  const int64_t headDim = widthOf(attention.getQuery()) / int64_t(attention.getHeads());
  OpBuilder builder = OpBuilder::atBlockBegin(&body);
  given.setType(withWidth(given, widthOf(given) + widthOf(attention.getQuery())));
  auto parts = xf::SplitOp::create(builder, attention.getLoc(), TypeRange{x, query}, given);
  given.replaceAllUsesExcept(parts.getResult(0), parts);

  builder.setInsertionPoint(attention);
  auto paged = xf::PagedAttentionOp::create(
      builder, attention.getLoc(), attention.getType(), parts.getResult(1), attention.getCuSeqlens(),
      attention.getPages(), attention.getCached(), attention.getColumns(), attention.getBias(),
      attention.getBucketsAttr(), attention.getReachAttr(), attention.getCausalAttr(), attention.getPrefix(),
      attention.getSlopes(), attention.getKeptAttr(), attention.getHeadsAttr(),
      builder.getI64IntegerAttr(widthOf(attention.getKey()) / headDim), attention.getScaleAttr(),
      attention.getCapAttr(), attention.getPrecisionAttr(), attention.getNarrowAttr());
  attention.replaceAllUsesWith(paged.getResult());
  attention.erase();
  xf::eraseDead(body);
  rest.setType(FunctionType::get(rest.getContext(), body.getArgumentTypes(), rest.getResultTypes()));
  return {rest, eraseUnused(rest)};
}

/// Whether some product would be computed on both sides.
bool shareProducts(func::FuncOp front, func::FuncOp rest) {
  llvm::DenseSet<Attribute> weights; // of layers: the names of arguments
  auto weightsOf = [](func::FuncOp part, auto visit) {
    part.walk([&](xf::LinearOp linear) {
      if (auto argument = dyn_cast<BlockArgument>(linear.getWeight()))
        visit(part.getArgAttr(argument.getArgNumber(), xf::XfDialect::weightAttr));
    });
  };
  weightsOf(front, [&](Attribute name) { weights.insert(name); });
  bool shared = false;
  weightsOf(rest, [&](Attribute name) { shared |= weights.contains(name); });
  return shared;
}

struct DeferLastLayer : impl::DeferLastLayerPassBase<DeferLastLayer> {
  void runOnOperation() override {
    func::FuncOp decode = xf::findDerivedEntry(getOperation(), "decode");
    if (!decode || xf::findDerivedEntry(getOperation(), "source"))
      return; // where there is an encoder, it reads what is long
    Operation *end = decode.getBody().front().getTerminator();
    if (std::optional<std::string> reason = defer(decode))
      recordDeclined(end, "DeferLastLayer", "the last layer", *reason);
    else
      recordMade(end, "DeferLastLayer", "the last layer");
  }

private:
  /// Why the last layer stays whole, or nothing when it is divided.
  std::optional<std::string> defer(func::FuncOp decode) {
    Value hidden = decode.getBody().front().getTerminator()->getOperand(0);
    Operation *call = hidden.getDefiningOp();
    const auto callee = call ? call->getAttrOfType<FlatSymbolRefAttr>("callee") : FlatSymbolRefAttr();
    auto layer = callee ? getOperation().lookupSymbol<func::FuncOp>(callee) : func::FuncOp();
    if (!layer)
      return "what the logits are computed from is no layer's result";
    if (!findCached(layer))
      return ("@" + layer.getSymName() + " has no single attention with a cache").str();
    Part front = makeFront(layer), rest = makeRest(layer);
    if (shareProducts(front.function, rest.function)) {
      for (func::FuncOp part : {front.function, rest.function})
        part.erase();
      return ("@" + layer.getSymName() + " has a product that is read before its keys are kept and behind").str();
    }
    xf::LayerOp last = takeLast(call);
    for (StringRef head : {"logits", "best"})
      prepend(rest, last, xf::findDerivedEntry(getOperation(), head));
    OpBuilder builder(last);
    auto kept =
        xf::LayerOp::create(builder, last.getLoc(), front.function.getResultTypes(), SymbolRefAttr::get(front.function),
                            front.operandsOf(last.getInputs()), last.getWeightsAttr());
    returnOnly(decode, kept.getResult());
    last.erase();
    xf::eraseDead(decode.getBody().front());
    (void)eraseUnused(decode);
    return std::nullopt;
  }

  /// A call of the last layer by itself, which stands in place of `call`.
  static xf::LayerOp takeLast(Operation *call) {
    if (auto layer = dyn_cast<xf::LayerOp>(call))
      return layer;
    auto layers = cast<xf::LayersOp>(call);
    OpBuilder builder(layers);
    SmallVector<Value> inputs(layers.getInputs());
    ArrayRef<Attribute> weights = layers.getWeights().getValue();
    const Type type = layers.getResultTypes()[0];
    if (weights.size() > 1)
      inputs[0] = xf::LayersOp::create(builder, layers.getLoc(), type, layers.getCalleeAttr(), inputs,
                                       builder.getArrayAttr(weights.drop_back()))
                      .getResult(0);
    auto last = xf::LayerOp::create(builder, layers.getLoc(), type, layers.getCalleeAttr(), inputs,
                                    cast<StringAttr>(weights.back()));
    layers.getResults().back().replaceAllUsesWith(last.getResult());
    layers.erase();
    return last;
  }

  /// Has an entry that begins with what the last layer gives begin with the rest of that layer. What it needs for that
  /// it computes as `decode` does, from inputs of the same names.
  static void prepend(Part &rest, xf::LayerOp last, func::FuncOp head) {
    Block &body = head.getBody().front();
    BlockArgument given = body.getArgument(0);
    given.setType(rest.function.getArgumentTypes()[0]);
    head.setArgAttr(0, xf::XfDialect::limitAttr, Builder(head.getContext()).getI64IntegerAttr(widthOf(given)));
    auto decode = last->getParentOfType<func::FuncOp>();
    SmallVector<Value> operands = rest.operandsOf(last.getInputs());
    llvm::SetVector<Operation *> before;
    llvm::DenseSet<Value> inputs;
    for (SmallVector<Value> open(llvm::drop_begin(operands)); !open.empty();) {
      Value value = open.pop_back_val();
      if (Operation *op = value.getDefiningOp(); !op)
        inputs.insert(value);
      else if (before.insert(op))
        llvm::append_range(open, op->getOperands());
    }
    IRMapping values;
    values.map(operands[0], given);
    for (BlockArgument input : decode.getArguments())
      if (inputs.contains(input)) {
        const unsigned number = head.getNumArguments();
        (void)head.insertArgument(number, input.getType(), decode.getArgAttrDict(input.getArgNumber()), input.getLoc());
        values.map(input, head.getArgument(number));
      }
    OpBuilder builder = OpBuilder::atBlockBegin(&body);
    for (Operation &op : decode.getBody().front())
      if (before.contains(&op))
        builder.clone(op, values);
    for (Value &operand : operands)
      operand = values.lookup(operand);
    auto call = xf::LayerOp::create(builder, last.getLoc(), rest.function.getResultTypes(),
                                    SymbolRefAttr::get(rest.function), operands, last.getWeightsAttr());
    given.replaceAllUsesExcept(call.getResult(), call);
    head.setType(FunctionType::get(head.getContext(), body.getArgumentTypes(), head.getResultTypes()));
  }
};

} // namespace
} // namespace lathe
