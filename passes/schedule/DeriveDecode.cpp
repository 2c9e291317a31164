//===- DeriveDecode.cpp - entries that go on with a text from what they keep --===//
#include "ir/xf/LayerKind.h"
#include "ir/xf/TokenAxes.h"
#include "passes/graph/FusionLog.h"
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

/// Whether an attention reads the rows of another token axis: an encoder's.
bool isCross(xf::AttentionOp attention) { return bool(attention.getKeyCuSeqlens()); }

/// What keys and values of an encoder's rows are computed from, in a layer of the decoder.
struct SourceSlice {
  llvm::SetVector<Operation *> ops;
  BlockArgument rows; ///< the encoder's
};

/// Why such keys and values cannot be computed before the decoder runs, or nothing, and then from what.
std::optional<std::string> findSlice(xf::AttentionOp attention, SourceSlice &slice) {
  auto function = attention->getParentOfType<func::FuncOp>();
  SmallVector<Value> open = {attention.getKey(), attention.getValue()};
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (Operation *op = value.getDefiningOp()) {
      if (slice.ops.insert(op))
        llvm::append_range(open, op->getOperands());
      continue;
    }
    auto argument = cast<BlockArgument>(value);
    if (function.getArgAttr(argument.getArgNumber(), xf::XfDialect::weightAttr))
      continue;
    if (argument.getArgNumber() == 0 || (slice.rows && slice.rows != argument))
      return " computes an encoder's keys and values from more than its rows";
    slice.rows = argument;
  }
  return slice.rows ? std::nullopt : std::optional<std::string>(" has an encoder's keys and values without its rows");
}

/// What a derived entry gives to attention.
struct CacheInputs {
  Value pages, cached;
  Value sourcePages, sourceLengths; ///< of decoders that read an encoder's rows, else null

  SmallVector<Value> list() const {
    SmallVector<Value> values = {pages, cached};
    if (sourcePages)
      values.append({sourcePages, sourceLengths});
    return values;
  }
};

struct DeriveDecode : impl::DeriveDecodePassBase<DeriveDecode> {
  using DeriveDecodePassBase::DeriveDecodePassBase;

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
    const xf::TokenAxes axes(getOperation());
    if (axes.hasMemories())
      return "the entry goes on from what its layers remember, not from keys and values";
    const std::optional<unsigned> logits = findLogits(entry);
    if (!logits)
      return "the entry has no logits";
    if (std::optional<std::string> reason =
            findHead(entry.getBody().front().getTerminator()->getOperand(*logits), head))
      return reason;
    const xf::Rows axis = axes.of(head.hidden); // an encoder may do whatever it likes on the other one
    std::optional<std::string> reason = whyNot(entry, axis, axes);
    entry.walk([&](Operation *op) {
      if (!reason && isLayers(op) && axes.of(op->getResult(0)) == axis)
        reason = whyNot(getOperation().lookupSymbol<func::FuncOp>(calleeOf(op)), axis, axes);
    });
    return reason;
  }

  static std::optional<std::string> whyNot(func::FuncOp function, xf::Rows axis, const xf::TokenAxes &axes) {
    std::optional<std::string> reason;
    auto because = [&](const Twine &why) { reason = ("@" + function.getSymName() + why).str(); };
    function.walk([&](xf::AttentionOp attention) {
      if (axes.of(attention) != axis)
        return;
      if (!attention.getCuSeqlens())
        because(" keeps padding");
      else if (isCross(attention)) {
        SourceSlice slice;
        if (function->hasAttr(xf::XfDialect::entryAttr))
          because(" reads an encoder's rows outside of layers");
        else if (std::optional<std::string> why = findSlice(attention, slice))
          because(*why);
      } else if (!attention.getCausal())
        because(" has tokens see those behind them");
      else if (attention.getIndex())
        because(" adds terms by distance to scores");
      else if (attention.getKey().getType() != attention.getValue().getType())
        because(" has heads of values of another width than those of keys");
    });
    function.walk([&](xf::SoftmaxOp softmax) {
      if (axes.of(softmax) == axis)
        because(" has attention in parts");
    });
    function.walk([&](xf::LinearAttentionOp attention) {
      if (axes.of(attention) == axis)
        because(" has linear attention, which goes on from sums that no cache has, not from keys and values");
    });
    function.walk([&](xf::ChunkAttentionOp attention) {
      if (axes.of(attention) == axis)
        because(" has attention between chunks, of which a longer text has others");
    });
    for (BlockArgument argument : function.getArguments())
      if (auto input = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xf::XfDialect::inputAttr);
          input && !argument.use_empty() && (input == "previous_ids" || input == "next_ids" || input == "input_modal"))
        because(" reads " + input.getValue());
    return reason;
  }

  /// Whether a call is of layers of a decoder that read an encoder's rows.
  bool readsSource(Operation *call) {
    bool reads = false;
    getOperation().lookupSymbol<func::FuncOp>(calleeOf(call)).walk([&](xf::AttentionOp attention) {
      reads |= isCross(attention);
    });
    return reads;
  }

  void derive(func::FuncOp entry, const Head &head) {
    const bool hasSource =
        llvm::any_of(entry.getBody().front(), [&](Operation &op) { return isLayers(&op) && readsSource(&op); });
    deriveBest(deriveLogits(entry, head));
    if (hasSource)
      deriveSource(entry);
    func::FuncOp decode = clone(entry, "decode");
    CacheInputs cache = {addInput(decode, "pages", 64), addInput(decode, "cached", 32), {}, {}};
    if (hasSource) {
      cache.sourcePages = addInput(decode, "source_pages", 64);
      cache.sourceLengths = addInput(decode, "source_lengths", 32);
    }
    returnHidden(decode);
    eraseDead(decode);
    const xf::TokenAxes axes(getOperation());
    const xf::Rows axis = axes.of(decode.getBody().front().getTerminator()->getOperand(0));
    decode.walk([&](xf::AttentionOp attention) {
      if (axes.of(attention) == axis)
        giveCache(attention, cache);
    });
    for (Operation &op : llvm::make_early_inc_range(decode.getBody().front()))
      if (isLayers(&op) && axes.of(op.getResult(0)) == axis)
        cacheLayers(&op, cache);
    eraseDead(decode);
    becomeOneAxis(decode);
    recordMade(decode.getBody().front().getTerminator(), "DeriveDecode", "generation");
  }

  static void eraseDead(func::FuncOp function) {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
      if (isOpTriviallyDead(&op) || (isLayers(&op) && op.use_empty()))
        op.erase();
      else if (auto layers = dyn_cast<xf::LayersOp>(op))
        giveLast(layers);
  }

  /// Has a stack give one result where the others are outputs no more.
  static void giveLast(xf::LayersOp layers) {
    if (layers.getNumResults() == 1 ||
        llvm::any_of(layers.getResults().drop_back(), [](Value result) { return !result.use_empty(); }))
      return;
    OpBuilder builder(layers);
    auto last = xf::LayersOp::create(builder, layers.getLoc(), TypeRange(layers.getResultTypes()).take_back(1),
                                     layers.getCalleeAttr(), layers.getInputs(), layers.getWeightsAttr());
    layers.getResults().back().replaceAllUsesWith(last.getResult(0));
    layers.erase();
  }

  /// Erases arguments that nothing reads any more, and has inputs of the targets be those of all tokens that there are.
  static void becomeOneAxis(func::FuncOp entry) {
    llvm::BitVector unused(entry.getNumArguments());
    for (BlockArgument argument : entry.getArguments())
      unused[argument.getArgNumber()] = argument.use_empty();
    (void)entry.eraseArguments(unused);
    for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
      auto name = entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr);
      entry.setArgAttr(index, xf::XfDialect::inputAttr,
                       StringAttr::get(entry.getContext(), xf::inputOnAxis(name.getValue())));
      for (StringRef ofTargets : {xf::XfDialect::shiftedAttr, xf::XfDialect::firstIdAttr})
        entry.removeArgAttr(index, ofTargets);
    }
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

  /// @source: the encoder, whose rows each of the decoder's layers puts into pages as its keys and values.
  void deriveSource(func::FuncOp entry) {
    func::FuncOp source = clone(entry, "source");
    const Value pages = addInput(source, "pages", 64), cached = addInput(source, "cached", 32);
    Operation *ret = source.getBody().front().getTerminator();
    Value carried;
    for (Operation &op : llvm::make_early_inc_range(source.getBody().front())) {
      if (!isLayers(&op) || !readsSource(&op))
        continue;
      auto callee = getOperation().lookupSymbol<func::FuncOp>(calleeOf(&op));
      xf::AttentionOp attention;
      callee.walk([&](xf::AttentionOp found) {
        if (isCross(found))
          attention = found;
      });
      SourceSlice slice;
      (void)findSlice(attention, slice);
      if (!carried)
        carried = op.getOperand(slice.rows.getArgNumber());
      Value offsets = op.getOperand(cast<BlockArgument>(attention.getKeyCuSeqlens()).getArgNumber());
      func::FuncOp stores = storingLayer(callee, attention, slice, pages, cached);
      OpBuilder builder(ret);
      const auto symbol = FlatSymbolRefAttr::get(stores.getSymNameAttr());
      const SmallVector<Value> operands = {carried, offsets, pages, cached};
      if (auto layer = dyn_cast<xf::LayerOp>(op))
        carried = xf::LayerOp::create(builder, op.getLoc(), carried.getType(), symbol, operands, layer.getWeightsAttr())
                      .getResult();
      else
        carried = xf::LayersOp::create(builder, op.getLoc(), carried.getType(), symbol, operands,
                                       cast<xf::LayersOp>(op).getWeightsAttr())
                      .getResult(0);
    }
    giveOnly(source, carried);
    eraseDead(source);
    becomeOneAxis(source);
  }

  /// A layer that gives back the encoder's rows, and puts into pages what `callee` would read of them.
  func::FuncOp storingLayer(func::FuncOp callee, xf::AttentionOp attention, const SourceSlice &slice, Value pages,
                            Value cached) {
    const std::string name = (callee.getSymName() + ".source").str();
    if (auto made = getOperation().lookupSymbol<func::FuncOp>(name))
      return made;
    OpBuilder builder(callee);
    const Type rows = slice.rows.getType(), offsets = attention.getKeyCuSeqlens().getType();
    auto function =
        func::FuncOp::create(builder, callee.getLoc(), name,
                             builder.getFunctionType({rows, offsets, pages.getType(), cached.getType()}, {rows}));
    function.setPrivate();
    xf::keepLayerKind(function, callee);
    Block &body = *function.addEntryBlock();
    builder.setInsertionPointToStart(&body);
    IRMapping values;
    values.map(slice.rows, body.getArgument(0));
    SmallVector<StringAttr> weights;
    for (Operation &op : callee.getBody().front()) {
      if (!slice.ops.contains(&op))
        continue;
      for (Value operand : op.getOperands())
        if (auto argument = dyn_cast<BlockArgument>(operand); argument && !values.contains(argument)) {
          values.map(argument, body.addArgument(argument.getType(), argument.getLoc()));
          weights.push_back(callee.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xf::XfDialect::weightAttr));
        }
      builder.clone(op, values);
    }
    const int64_t headDim =
        cast<RankedTensorType>(attention.getQuery().getType()).getShape().back() / int64_t(attention.getHeads());
    xf::AppendCacheOp::create(builder, attention.getLoc(), values.lookup(attention.getKey()),
                              values.lookup(attention.getValue()), body.getArgument(1), body.getArgument(2),
                              body.getArgument(3), keptAttr(), builder.getI64IntegerAttr(headDim),
                              precisionOf(attention));
    func::ReturnOp::create(builder, callee.getLoc(), body.getArgument(0));
    function.setType(builder.getFunctionType(body.getArgumentTypes(), {rows}));
    for (auto [index, weight] : llvm::enumerate(weights))
      function.setArgAttr(4 + index, xf::XfDialect::weightAttr, weight);
    return function;
  }

  /// @logits: [tokens, H] -> [tokens, V].
  static func::FuncOp deriveLogits(func::FuncOp entry, const Head &head) {
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
    function.setResultAttr(0, xf::XfDialect::rowsAttr, builder.getStringAttr(xf::stringifyRows(xf::Rows::Tokens)));
    builder.setInsertionPointToStart(function.addEntryBlock());
    IRMapping values;
    values.map(head.hidden, function.getArgument(0));
    for (Operation &op : entry.getBody().front())
      if (head.ops.contains(&op))
        builder.clone(op, values);
    func::ReturnOp::create(builder, entry.getLoc(), values.lookup(logits));
    return function;
  }

  /// @best: [tokens, H] -> [tokens, 2], the greatest of the same logits and which it is.
  void deriveBest(func::FuncOp logits) {
    func::FuncOp best = clone(logits, "best");
    best->setAttr(xf::XfDialect::derivedAttr, best.getSymNameAttr());
    Operation *ret = best.getBody().front().getTerminator();
    OpBuilder builder(ret);
    const auto type = RankedTensorType::get({ShapedType::kDynamic, 2}, builder.getF32Type());
    Value result = xf::ArgmaxOp::create(builder, ret->getLoc(), type, ret->getOperand(0));
    ret->setOperand(0, result);
    best.setType(builder.getFunctionType(best.getArgumentTypes(), type));
    best.setResultAttr(0, xf::XfDialect::outputAttr, builder.getStringAttr("best"));
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

  /// How pages hold what they are given: null for as attention reads it. Bytes stand for f32, and are multiplied so.
  xf::PrecisionAttr keptAttr() {
    return cacheInBytes ? xf::PrecisionAttr::get(&getContext(), xf::Precision::INT8) : xf::PrecisionAttr();
  }

  xf::PrecisionAttr precisionOf(xf::AttentionOp attention) {
    return cacheInBytes ? xf::PrecisionAttr() : attention.getPrecisionAttr();
  }

  void giveCache(xf::AttentionOp attention, const CacheInputs &cache) {
    attention.getPagesMutable().assign(cache.pages);
    attention.getCachedMutable().assign(cache.cached);
    attention.setKeptAttr(keptAttr());
    attention.setPrecisionAttr(precisionOf(attention));
    attention.setNarrow(attention.getNarrow() && !cacheInBytes);
  }

  /// Has attention to an encoder's rows read pages.
  void readSourcePages(func::FuncOp layer, const CacheInputs &cache) {
    layer.walk([&](xf::AttentionOp attention) {
      if (!isCross(attention))
        return;
      OpBuilder builder(attention);
      auto widthOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); };
      const int64_t heads = attention.getHeads(), headDim = widthOf(attention.getQuery()) / heads;
      auto paged = xf::PagedAttentionOp::create(
          builder, attention.getLoc(), attention.getType(), attention.getQuery(), attention.getCuSeqlens(),
          cache.sourcePages, cache.sourceLengths, /*columns=*/Value(), /*bias=*/Value(), xf::BucketsAttr(),
          /*reach=*/IntegerAttr(), /*causal=*/UnitAttr(), /*prefix=*/Value(), /*slopes=*/Value(), keptAttr(),
          builder.getI64IntegerAttr(heads), builder.getI64IntegerAttr(widthOf(attention.getKey()) / headDim),
          attention.getScaleAttr(), /*cap=*/FloatAttr(), precisionOf(attention),
          cacheInBytes ? UnitAttr() : attention.getNarrowAttr());
      attention.replaceAllUsesWith(paged.getResult());
      attention.erase();
    });
  }

  /// Has an entry give one value, a row for each token, and nothing else.
  static void giveOnly(func::FuncOp entry, Value hidden) {
    Operation *ret = entry.getBody().front().getTerminator();
    Builder builder(entry.getContext());
    ret->setOperands(hidden);
    entry.setType(builder.getFunctionType(entry.getArgumentTypes(), hidden.getType()));
    entry.setAllResultAttrs(ArrayRef<DictionaryAttr>{builder.getDictionaryAttr(
        {builder.getNamedAttr(xf::XfDialect::outputAttr, builder.getStringAttr("hidden")),
         builder.getNamedAttr(xf::XfDialect::rowsAttr, builder.getStringAttr(xf::stringifyRows(xf::Rows::Tokens)))})});
  }

  /// Has the entry end where the head begins.
  static void returnHidden(func::FuncOp decode) {
    Head head;
    std::optional<std::string> reason =
        findHead(decode.getBody().front().getTerminator()->getOperand(*findLogits(decode)), head);
    assert(!reason && "the entry that was cloned has a head");
    giveOnly(decode, head.hidden);
  }

  /// A layer with a cache, and which of the operands of its calls it still takes.
  struct CachedLayer {
    func::FuncOp function;
    llvm::BitVector unused; ///< of all operands, those of the cache last
  };

  /// Has a call of layers call one with a cache, and give nothing but the value that it carries.
  void cacheLayers(Operation *call, const CacheInputs &cache) {
    auto callee = getOperation().lookupSymbol<func::FuncOp>(calleeOf(call));
    auto [made, isNew] = cachedLayers.try_emplace(callee);
    CachedLayer &layer = made->second;
    if (isNew)
      layer = makeCached(callee, call->getNumOperands(), cache);
    SmallVector<Value> all(call->getOperands()), operands;
    llvm::append_range(all, cache.list());
    for (auto [index, operand] : llvm::enumerate(all))
      if (!layer.unused[index])
        operands.push_back(operand);
    OpBuilder builder(call);
    const auto symbol = FlatSymbolRefAttr::get(layer.function.getSymNameAttr());
    Operation *cachedCall;
    if (auto one = dyn_cast<xf::LayerOp>(call))
      cachedCall =
          xf::LayerOp::create(builder, call->getLoc(), call->getResultTypes(), symbol, operands, one.getWeightsAttr());
    else
      cachedCall = xf::LayersOp::create(builder, call->getLoc(), TypeRange(call->getResultTypes()).take_back(1), symbol,
                                        operands, cast<xf::LayersOp>(call).getWeightsAttr());
    call->getResults().back().replaceAllUsesWith(cachedCall->getResults().back());
    call->erase();
  }

  CachedLayer makeCached(func::FuncOp callee, unsigned inputs, const CacheInputs &cache) {
    func::FuncOp copy = clone(callee, callee.getSymName() + ".cached");
    xf::keepLayerKind(copy, callee);
    unsigned count = inputs;
    SmallVector<Value> given;
    for (Value value : cache.list()) {
      (void)copy.insertArgument(count, value.getType(), {}, value.getLoc());
      given.push_back(copy.getArgument(count++));
    }
    CacheInputs inside = {given[0], given[1], {}, {}};
    if (given.size() > 2)
      inside.sourcePages = given[2], inside.sourceLengths = given[3];
    readSourcePages(copy, inside);
    copy.walk([&](xf::AttentionOp attention) { giveCache(attention, inside); });
    eraseDead(copy);
    CachedLayer layer = {copy, llvm::BitVector(copy.getNumArguments())};
    for (BlockArgument argument : copy.getArguments().drop_front())
      layer.unused[argument.getArgNumber()] = argument.use_empty();
    (void)copy.eraseArguments(layer.unused);
    return layer;
  }

  llvm::DenseMap<Operation *, CachedLayer> cachedLayers; ///< by the layer without one
};

} // namespace
} // namespace lathe
