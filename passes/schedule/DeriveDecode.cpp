//===- DeriveDecode.cpp - entries that go on with a text from what they keep --===//
#include "ir/xf/XfDialect.h"
#include "passes/graph/FusionLog.h"
#include "passes/precision/PrecisionPlan.h"
#include "passes/schedule/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_DERIVEDECODEPASS
#include "passes/schedule/Passes.h.inc"

namespace {

bool isLayers(Operation *op) { return isa_and_nonnull<xf::LayerOp, xf::LayersOp>(op); }

StringRef calleeOf(Operation *call) {
  auto layer = dyn_cast<xf::LayerOp>(call);
  return layer ? layer.getCallee() : cast<xf::LayersOp>(call).getCallee();
}

/// The output "logits" of an entry, by number.
std::optional<unsigned> findLogits(func::FuncOp entry) {
  for (unsigned index = 0; index < entry.getNumResults(); ++index)
    if (entry.getResultAttrOfType<StringAttr>(index, xf::XfDialect::outputAttr) == "logits")
      return index;
  return std::nullopt;
}

/// What stands between the last layer and the logits: it looks at each token for itself.
struct Head {
  Value hidden;                          ///< the last layer's result
  llvm::SetVector<Operation *> ops = {}; ///< behind it
};

/// Why what the logits are computed from is no layer's result, or nothing, and then the head.
std::optional<std::string> findHead(Value logits, Head &head) {
  SmallVector<Value> open = {logits};
  while (!open.empty()) {
    Value value = open.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op)
      return "the logits are computed from an input without a layer in between";
    if (isLayers(op)) {
      if (head.hidden && head.hidden != value)
        return "the logits are computed from several layers' results";
      head.hidden = value;
    } else if (head.ops.insert(op)) {
      llvm::append_range(open, op->getOperands());
    }
  }
  return head.hidden ? std::nullopt : std::optional<std::string>("the logits are computed without a layer");
}

struct DeriveDecode : impl::DeriveDecodePassBase<DeriveDecode> {
  void runOnOperation() override {
    for (auto entry : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!entry->hasAttr(xf::XfDialect::generatesAttr))
        continue;
      Operation *end = entry.getBody().front().getTerminator();
      Head head;
      if (std::optional<std::string> reason = whyNot(entry, head))
        recordDeclined(end, "DeriveDecode", "generation", *reason);
      else
        derive(entry, head);
    }
  }

private:
  /// Why a token cannot be computed from what was kept of those before it, or nothing, and then the entry's head.
  std::optional<std::string> whyNot(func::FuncOp entry, Head &head) {
    const std::optional<unsigned> logits = findLogits(entry);
    if (!logits)
      return "the entry has no logits";
    if (std::optional<std::string> reason =
            findHead(entry.getBody().front().getTerminator()->getOperand(*logits), head))
      return reason;
    std::optional<std::string> reason = whyNot(entry);
    entry.walk([&](Operation *op) {
      if (!reason && isLayers(op))
        reason = whyNot(getOperation().lookupSymbol<func::FuncOp>(calleeOf(op)));
    });
    return reason;
  }

  static std::optional<std::string> whyNot(func::FuncOp function) {
    std::optional<std::string> reason;
    auto because = [&](const Twine &why) { reason = ("@" + function.getSymName() + why).str(); };
    bool attends = false;
    function.walk([&](xf::AttentionOp attention) {
      attends = true;
      if (!attention.getCuSeqlens())
        because(" keeps padding");
      else if (!attention.getCausal())
        because(" has tokens see those behind them");
      else if (attention.getIndex())
        because(" adds terms by distance to scores");
    });
    function.walk([&](xf::SoftmaxOp) { because(" has attention in parts"); });
    for (BlockArgument argument : function.getArguments())
      if (auto input = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xf::XfDialect::inputAttr);
          input && !argument.use_empty() && (input == "previous_ids" || input == "next_ids" || input == "input_modal"))
        because(" reads " + input.getValue());
    return reason;
  }

  void derive(func::FuncOp entry, const Head &head) {
    deriveLogits(entry, head);
    func::FuncOp decode = clone(entry, "decode");
    const Value pages = addInput(decode, "pages", 64), cached = addInput(decode, "cached", 32);
    giveCache(decode, pages, cached);
    returnHidden(decode);
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(decode.getBody().front())))
      if (isOpTriviallyDead(&op) || (isLayers(&op) && op.use_empty()))
        op.erase();
    for (Operation &op : llvm::make_early_inc_range(decode.getBody().front()))
      if (isLayers(&op))
        cacheLayers(&op, pages, cached);
    recordMade(decode.getBody().front().getTerminator(), "DeriveDecode", "generation");
  }

  func::FuncOp clone(func::FuncOp function, const Twine &name) {
    func::FuncOp copy = function.clone();
    copy.setSymName(name.str());
    OpBuilder(function).insert(copy);
    copy->moveAfter(function);
    if (copy->removeAttr(xf::XfDialect::generatesAttr))
      copy->setAttr(xf::XfDialect::derivedAttr, copy.getSymNameAttr());
    return copy;
  }

  /// @logits: [tokens, H] -> [tokens, V].
  void deriveLogits(func::FuncOp entry, const Head &head) {
    OpBuilder builder(entry.getContext());
    builder.setInsertionPointAfter(entry);
    const unsigned output = *findLogits(entry);
    auto type = cast<RankedTensorType>(head.hidden.getType());
    Value logits = entry.getBody().front().getTerminator()->getOperand(output);
    auto function =
        func::FuncOp::create(builder, entry.getLoc(), "logits", builder.getFunctionType({type}, {logits.getType()}));
    function->setAttr(xf::XfDialect::entryAttr, builder.getUnitAttr());
    function->setAttr(xf::XfDialect::derivedAttr, function.getSymNameAttr());
    function.setArgAttr(0, xf::XfDialect::inputAttr, builder.getStringAttr("hidden"));
    function.setArgAttr(0, xf::XfDialect::limitAttr, builder.getI64IntegerAttr(type.getShape().back()));
    function.setResultAttrs(0, entry.getResultAttrDict(output));
    builder.setInsertionPointToStart(function.addEntryBlock());
    IRMapping values;
    values.map(head.hidden, function.getArgument(0));
    for (Operation &op : entry.getBody().front())
      if (head.ops.contains(&op))
        builder.clone(op, values);
    func::ReturnOp::create(builder, entry.getLoc(), values.lookup(logits));
  }

  static Value addInput(func::FuncOp function, StringRef name, unsigned bits) {
    Builder builder(function.getContext());
    const auto type = RankedTensorType::get({ShapedType::kDynamic}, builder.getIntegerType(bits));
    const unsigned index = function.getNumArguments();
    const auto attributes =
        builder.getDictionaryAttr(builder.getNamedAttr(xf::XfDialect::inputAttr, builder.getStringAttr(name)));
    (void)function.insertArgument(index, type, attributes, NameLoc::get(builder.getStringAttr(name)));
    return function.getArgument(index);
  }

  static void giveCache(func::FuncOp function, Value pages, Value cached) {
    function.walk([&](xf::AttentionOp attention) {
      attention.getPagesMutable().assign(pages);
      attention.getCachedMutable().assign(cached);
    });
  }

  /// Has the entry end where the head begins.
  static void returnHidden(func::FuncOp decode) {
    Operation *ret = decode.getBody().front().getTerminator();
    Head head;
    std::optional<std::string> reason = findHead(ret->getOperand(*findLogits(decode)), head);
    assert(!reason && "the entry that was cloned has a head");
    Builder builder(decode.getContext());
    ret->setOperands(head.hidden);
    decode.setType(builder.getFunctionType(decode.getArgumentTypes(), head.hidden.getType()));
    decode.setAllResultAttrs(ArrayRef<DictionaryAttr>{builder.getDictionaryAttr(
        {builder.getNamedAttr(xf::XfDialect::outputAttr, builder.getStringAttr("hidden")),
         builder.getNamedAttr(xf::XfDialect::rowsAttr, builder.getStringAttr(xf::stringifyRows(xf::Rows::Tokens)))})});
  }

  /// Has a call of layers call one with a cache, and give nothing but the value that it carries.
  void cacheLayers(Operation *call, Value pages, Value cached) {
    auto callee = getOperation().lookupSymbol<func::FuncOp>(calleeOf(call));
    const std::string name = (callee.getSymName() + ".cached").str();
    auto copy = getOperation().lookupSymbol<func::FuncOp>(name);
    OpBuilder builder(call);
    if (!copy) {
      copy = clone(callee, name);
      copy->setAttr(layerKindAttr, builder.getStringAttr(layerKindOf(callee)));
      const unsigned inputs = call->getNumOperands();
      (void)copy.insertArgument(inputs, pages.getType(), {}, pages.getLoc());
      (void)copy.insertArgument(inputs + 1, cached.getType(), {}, cached.getLoc());
      giveCache(copy, copy.getArgument(inputs), copy.getArgument(inputs + 1));
    }
    SmallVector<Value> operands(call->getOperands());
    operands.append({pages, cached});
    const auto symbol = FlatSymbolRefAttr::get(copy.getSymNameAttr());
    Operation *cachedCall;
    if (auto layer = dyn_cast<xf::LayerOp>(call))
      cachedCall = xf::LayerOp::create(builder, call->getLoc(), call->getResultTypes(), symbol, operands,
                                       layer.getWeightsAttr());
    else
      cachedCall = xf::LayersOp::create(builder, call->getLoc(), TypeRange(call->getResultTypes()).take_back(1), symbol,
                                        operands, cast<xf::LayersOp>(call).getWeightsAttr());
    call->getResults().back().replaceAllUsesWith(cachedCall->getResults().back());
    call->erase();
  }
};

} // namespace
} // namespace lathe
