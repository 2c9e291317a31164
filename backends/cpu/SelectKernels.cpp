//===- SelectKernels.cpp - xf ops on tensors into launches over buffers -------===//
//
// Decides where values lie: an output in the caller's array, the value that a stack of layers carries in one buffer for
// all of them, anything else in a buffer of its own that PlanArena will place.
//
//===----------------------------------------------------------------------===//
#include "backends/cpu/EntrySelector.h"
#include "ir/xf/LayerKind.h"
#include "ir/xf/TokenAxes.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SELECTKERNELSPASS
#include "backends/cpu/Passes.h.inc"

//===----------------------------------------------------------------------===//
// Where values lie
//===----------------------------------------------------------------------===//

void EntrySelector::findOutputs() {
  Operation *ret = entry.getBody().front().getTerminator();
  for (auto [index, value] : llvm::enumerate(ret->getOperands()))
    outputsOf[value].push_back(index);
}

EntrySelector::PanelTables EntrySelector::findPanelTables(ModuleOp module) {
  PanelTables tables;
  module.walk([&](xf::LinearOp linear) {
    if (auto load = linear.getWeight().getDefiningOp<xf::LoadWeightOp>())
      tables.insert({module.lookupSymbol<xf::WeightOp>(load.getWeight()).getContent(), linear.getPrecision()});
  });
  return tables;
}

/// Where `value` is to be computed. An output: in the caller's array. The value that layers begin with and nothing else
/// reads: where they keep what they carry.
Buffer EntrySelector::bufferFor(Value value, xf::Rows rows, int64_t width) {
  if (auto found = buffers.find(value); found != buffers.end())
    return found->second;
  Buffer buffer;
  xf::LayersOp layers = value.hasOneUse() && value.use_begin()->getOperandNumber() == 0
                            ? dyn_cast<xf::LayersOp>(*value.user_begin())
                            : nullptr;
  if (auto outputs = outputsOf.find(value); outputs != outputsOf.end())
    buffer = calls.output(outputs->second.front(), rows, width);
  else if (layers)
    buffer = bufferFor(layers.getResults().back(), rows, width);
  else
    buffer = calls.allocate(rows, width);
  buffers[value] = buffer;
  return buffer;
}

Buffer EntrySelector::bufferInJoin(Value value, xf::Rows rows) {
  auto join = value.hasOneUse() ? dyn_cast<xf::JoinOp>(*value.user_begin()) : nullptr;
  if (!join || buffers.contains(value))
    return bufferFor(value, rows);
  int64_t from = 0;
  for (Value before : join.getInputs().take_front(value.use_begin()->getOperandNumber()))
    from += widthOf(before);
  return buffers[value] = calls.columns(bufferFor(join.getResult(), rows), from, widthOf(value));
}

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

LogicalResult EntrySelector::run() {
  findOutputs();
  calls.countsUses = !entry->hasAttr(xf::XfDialect::derivedAttr);
  func::FuncOp scheduled = createScheduled();
  countPages();
  const int64_t pageBytes = ownPages.behind;
  if (failed(lowerBlock(entry.getBody().front())))
    return failure();
  func::ReturnOp::create(calls.builder, entry.getLoc());
  const lathe_size_formula &s = calls.scratch;
  auto number = [&](int64_t value) { return calls.builder.getI64IntegerAttr(value); };
  scheduled->setAttr(
      xf::XfDialect::scratchAttr,
      calls.builder.getDictionaryAttr({calls.builder.getNamedAttr("fixed", number(s.fixed)),
                                       calls.builder.getNamedAttr("per_longest", number(s.per_longest))}));
  if (pageBytes)
    scheduled->setAttr(xf::XfDialect::pageBytesAttr, number(pageBytes));
  StringAttr name = entry.getSymNameAttr();
  entry.erase();
  scheduled.setSymNameAttr(name);
  return success();
}

xf::Rows EntrySelector::axisOfInput(unsigned index) {
  return xf::axisOfInput(entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr).getValue());
}

/// The new function: inputs as buffers, then the sizes. The old one's attributes stay, its results become an attribute.
func::FuncOp EntrySelector::createScheduled() {
  OpBuilder &builder = calls.builder;
  Location loc = entry.getLoc();
  SmallVector<Type> types;
  for (Type type : entry.getArgumentTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    Type element = tensor.getElementType();
    SmallVector<int64_t, 2> shape = {ShapedType::kDynamic};
    if (element.isF32()) // vectors; ids have no width
      shape.push_back(tensor.getShape().back());
    types.push_back(MemRefType::get(shape, element.isInteger(1) ? builder.getI8Type() : element));
  }
  bool hasTargets = false;
  for (unsigned index = 0; index < entry.getNumArguments(); ++index)
    hasTargets |= axisOfInput(index) == xf::Rows::Targets;
  types.append(hasTargets ? 5 : 3, builder.getI64Type());
  builder.setInsertionPoint(entry);
  auto scheduled =
      func::FuncOp::create(builder, loc, (entry.getSymName() + ".scheduled").str(), builder.getFunctionType(types, {}));
  for (NamedAttribute attribute : entry->getDiscardableAttrs())
    scheduled->setAttr(attribute.getName(), attribute.getValue());
  Block *block = scheduled.addEntryBlock();
  for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
    scheduled.setArgAttrs(index, entry.getArgAttrDict(index));
    block->getArgument(index).setLoc(entry.getArgument(index).getLoc()); // its name in print
    StringRef input = xf::inputOnAxis(entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr).getValue());
    const xf::Rows axis = axisOfInput(index);
    const auto type = cast<MemRefType>(types[index]);
    const int64_t width = type.getRank() == 2 ? type.getDimSize(1) : 1;
    buffers[entry.getArgument(index)] = {block->getArgument(index), axis, width, width};
    const bool ofSequences =
        llvm::is_contained({"cu_seqlens", "pages", "cached", "source_pages", "source_lengths"}, input);
    calls.declareInput(block->getArgument(index), ofSequences ? xf::Rows::Sequences : axis);
    if (input == "attention_mask") {
      scheduled->setAttr(xf::XfDialect::denseAttr, builder.getUnitAttr());
      attentionMasks[axis] = block->getArgument(index);
    }
  }
  unsigned sizes = entry.getNumArguments();
  calls.tokens = block->getArgument(sizes);
  calls.batch = block->getArgument(sizes + 1);
  calls.longest = block->getArgument(sizes + 2);
  if (hasTargets) {
    calls.targets = block->getArgument(sizes + 3);
    calls.longestTargets = block->getArgument(sizes + 4);
  }
  for (auto [size, name] : {std::pair(calls.tokens, "tokens"),
                            {calls.batch, "batch"},
                            {calls.longest, "longest"},
                            {calls.targets, "targets"},
                            {calls.longestTargets, "longest_targets"}})
    if (size)
      size.setLoc(NameLoc::get(builder.getStringAttr(name)));
  calls.function = entry.getSymName();
  SmallVector<Attribute> outputs;
  for (unsigned index = 0; index < entry.getNumResults(); ++index) {
    NamedAttrList attributes(entry.getResultAttrDict(index));
    ArrayRef<int64_t> shape = cast<RankedTensorType>(entry.getResultTypes()[index]).getShape();
    attributes.set("width", builder.getI64IntegerAttr(shape.size() == 4 ? shape[1] : shape.back())); // or heads
    outputs.push_back(attributes.getDictionary(builder.getContext()));
  }
  scheduled->setAttr(xf::XfDialect::outputsAttr, builder.getArrayAttr(outputs));
  builder.setInsertionPointToStart(block);
  return scheduled;
}

LogicalResult EntrySelector::lowerBlock(Block &block) {
  for (Operation &op : block)
    if (failed(lower(&op)))
      return failure();
  return success();
}

/// Whether `value` and views of it are read by nothing but ops before `op`.
static bool isReadOnlyBefore(Value value, Operation *op) {
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    return user->isBeforeInBlock(op) && (!isa<xf::SplitOp>(user) || llvm::all_of(user->getResults(), [&](Value view) {
             return isReadOnlyBefore(view, op);
           }));
  });
}

/// Lowers a layer function's body in place, with its first argument in `carried` and its result in `result`. `others`
/// are what the entry calls its other results, which are computed where the entry wants them.
LogicalResult EntrySelector::inlineLayer(StringRef calleeName, OperandRange inputs, Buffer carried, Buffer result,
                                         ValueRange others) {
  auto callee = module.lookupSymbol<func::FuncOp>(calleeName);
  std::string caller = std::exchange(calls.function, xf::layerKindOf(callee).str());
  for (BlockArgument argument : callee.getArguments()) {
    unsigned index = argument.getArgNumber();
    if (index == 0)
      buffers[argument] = carried;
    else if (index < inputs.size() && weightRefs.contains(inputs[index])) // one that all layers share
      weightRefs[argument] = WeightRef(weightRefs[inputs[index]]);
    else if (index < inputs.size())
      buffers[argument] = get(inputs[index]);
    else
      weightRefs[argument] = {{callee.getArgAttrOfType<StringAttr>(index, xf::XfDialect::weightAttr).str()}, true};
  }
  // The result may be written where it is wanted at once if the argument, which may lie there, is not read any more.
  Block &body = callee.getBody().front();
  Value returned = body.getTerminator()->getOperand(0);
  for (auto [inside, outside] : llvm::zip_equal(body.getTerminator()->getOperands().drop_front(), others)) {
    auto softmax = inside.getDefiningOp<xf::SoftmaxOp>();
    if (!softmax)
      return callee.emitOpError("gives more than the value that it carries; accepted are results of xf.softmax");
    auto rows = entry.getResultAttrOfType<StringAttr>(outputsOf[outside].front(), xf::XfDialect::rowsAttr);
    buffers[inside] = bufferFor(outside, *xf::symbolizeRows(rows.getValue()),
                                cast<RankedTensorType>(softmax.getType()).getDimSize(1));
  }
  Operation *producer = returned.getDefiningOp();
  bool direct = producer && isReadOnlyBefore(callee.getArgument(0), producer);
  if (direct)
    buffers[returned] = result;
  for (Operation &op : body.without_terminator())
    if (failed(lower(&op)))
      return failure();
  if (get(returned).memref != result.memref)
    calls.copy(get(returned), result, "carry");
  // The body may be lowered again for another stack.
  for (BlockArgument argument : body.getArguments())
    forgetFactors(argument);
  for (Operation &op : body)
    for (Value value : op.getResults()) {
      buffers.erase(value);
      forgetFactors(value);
    }
  calls.function = caller;
  return success();
}

/// What a layer's result has a row for.
xf::Rows EntrySelector::rowsOf(xf::LayerOp layer) {
  auto callee = module.lookupSymbol<func::FuncOp>(layer.getCallee());
  return callee->hasAttr(xf::XfDialect::givesSequencesAttr) ? xf::Rows::Sequences : get(layer.getInputs()[0]).rows;
}

/// Has the layer read the factor that its input has by now, and store what it computes as a factor for those behind it.
void EntrySelector::passFactors(xf::LayerOp layer) {
  auto callee = module.lookupSymbol<func::FuncOp>(layer.getCallee());
  Value argument = callee.getArgument(0), returned = callee.front().getTerminator()->getOperand(0);
  for (xf::Precision precision : {xf::Precision::BF16, xf::Precision::INT8})
    if (auto factor = factors.find({layer.getInputs()[0], precision}); factor != factors.end())
      factors[{argument, precision}] = Factor(factor->second);
  if (returned.getDefiningOp<xf::LayerNormOp>())
    if (std::optional<FactorForm> form = formOfReaders(layer.getResult())) {
      const Factor factor = {allocateFactor(form->precision, rowsOf(layer), widthOf(returned)), form->smoothing};
      for (Value value : {returned, Value(layer.getResult())})
        factors[{value, form->precision}] = factor;
    }
}

/// Has each layer of a stack store the factor that the next one reads, where its last op can.
void EntrySelector::carryFactors(xf::LayersOp layers) {
  auto callee = module.lookupSymbol<func::FuncOp>(layers.getCallee());
  Value argument = callee.getArgument(0), returned = callee.front().getTerminator()->getOperand(0);
  std::optional<FactorForm> form = formOfReaders(argument);
  if (form && returned == argument) { // all of them read the same
    factors[{argument, form->precision}] = {getFactor(layers.getInputs()[0], form), form->smoothing};
    return;
  }
  auto norm = returned.getDefiningOp<xf::LayerNormOp>();
  if (!form || !norm || !isReadOnlyBefore(argument, norm))
    return;
  const Factor factor = {getFactor(layers.getInputs()[0], form), form->smoothing};
  factors.erase({layers.getInputs()[0], form->precision}); // the first layer overwrites it
  for (Value value : {argument, returned, Value(layers.getResults().back())})
    factors[{value, form->precision}] = factor;
}

LogicalResult EntrySelector::lowerLayer(xf::LayerOp layer) {
  calls.layerPrefixes = {layer.getWeights().str()};
  calls.layerIndex = nullptr;
  passFactors(layer);
  const Buffer carried = get(layer.getInputs()[0]);
  return inlineLayer(layer.getCallee(), layer.getInputs(), carried, bufferFor(layer.getResult(), rowsOf(layer)),
                     layer.getOthers());
}

LogicalResult EntrySelector::lowerLayers(xf::LayersOp layers) {
  OpBuilder &builder = calls.builder;
  Location loc = layers.getLoc();
  Value last = layers.getResults().back(), first = layers.getInputs()[0];
  if (layers.getNumResults() > 1)
    for (Value result : layers.getResults())
      if (!outputsOf.contains(result) || (result != last && !result.hasOneUse()))
        return layers.emitOpError("has results that are read elsewhere, or not returned; of several results each must "
                                  "be an output, and only the last may be read again");
  Buffer carried = bufferFor(last, get(first).rows);
  if (get(first).memref != carried.memref)
    calls.copy(get(first), carried, "carry");
  carryFactors(layers);
  int64_t count = layers.getWeights().size();
  auto loop = scf::ForOp::create(builder, loc, calls.integer(0), calls.integer(count), calls.integer(1));
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    calls.layerPrefixes = llvm::map_to_vector(layers.getWeights().getAsRange<StringAttr>(),
                                              [](StringAttr prefix) { return prefix.str(); });
    calls.layerIndex = loop.getInductionVar();
    const int64_t own = ownPages.behind, source = sourcePages.behind;
    ownPages.perLayer = sourcePages.perLayer = 0;
    module.lookupSymbol<func::FuncOp>(layers.getCallee()).walk([&](Operation *op) {
      if (const std::optional<CachedKeys> keys = cachedKeysOf(op))
        pagesOf(op).perLayer += pageBytesOf(*keys);
    });
    if (failed(inlineLayer(layers.getCallee(), layers.getInputs(), carried, carried)))
      return failure();
    ownPages.behind = own - count * ownPages.perLayer;
    sourcePages.behind = source - count * sourcePages.perLayer;
    if (layers.getNumResults() > 1) {
      // The last one's copy is its last output, which may be where it lies already.
      SmallVector<int64_t> outputs =
          llvm::map_to_vector(layers.getResults(), [&](Value result) { return outputsOf.lookup(result).back(); });
      calls.copy(carried, calls.output(outputs, carried.rows, widthOf(last), calls.layerIndex), "hidden_states");
    }
  }
  for (Value result : layers.getResults())
    buffers[result] = carried;
  return success();
}

/// Outputs that were not computed in place: values returned twice, and views.
void EntrySelector::lowerReturn(func::ReturnOp ret) {
  for (auto [index, value] : llvm::enumerate(ret.getOperands())) {
    const Buffer &buffer = get(value);
    auto address = buffer.memref.getDefiningOp<xf::OutputAddressOp>();
    if (address && address.getOutputs()[0] == int64_t(index))
      continue;
    if (auto layers = value.getDefiningOp<xf::LayersOp>();
        layers && layers.getNumResults() > 1 && outputsOf[value].back() == int64_t(index))
      continue; // the loop stored it
    calls.copy(buffer, calls.output(index, buffer.rows, buffer.width), "output");
  }
}

LogicalResult EntrySelector::lower(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](xf::LoadWeightOp load) {
        weightRefs[load.getResult()] = {{load.getWeight().str()}, false};
        return success();
      })
      .Case([&](xf::ConcatOp concat) -> LogicalResult {
        WeightRef joined;
        for (Value input : concat.getInputs()) {
          auto part = weightRefs.find(input);
          if (part == weightRefs.end())
            return concat.emitOpError("joins something that is no weight; only weights can be joined at compile time");
          joined.names.append(part->second.names);
          joined.perLayer = part->second.perLayer;
        }
        weightRefs[concat.getResult()] = joined;
        return success();
      })
      .Case([&](xf::LayerOp layer) { return lowerLayer(layer); })
      .Case([&](xf::LayersOp layers) { return lowerLayers(layers); })
      .Case([&](func::ReturnOp ret) { return lowerReturn(ret), success(); })
      .Case([&](xf::LookupOp lookup) {
        return lowerLookups(lookup.getResult(), lookup.getIds(), lookup.getTable(), nullptr, nullptr, 0,
                            lookup.getPrecision(), lookup.getOrZeros());
      })
      .Case([&](xf::EmbedOp embed) {
        double eps = embed.getEps() ? embed.getEps()->convertToDouble() : 0;
        return lowerLookups(embed.getResult(), embed.getIds(), embed.getTables(), embed.getGain(), embed.getBias(), eps,
                            embed.getPrecision(), embed.getOrZeros());
      })
      .Case([&](xf::LinearOp linear) { return lowerLinear(linear), success(); })
      .Case([&](xf::SplitOp split) { return lowerSplit(split), success(); })
      .Case([&](xf::JoinOp join) { return lowerJoin(join), success(); })
      .Case([&](xf::SplitHeadsOp op) { return lowerHeads(op, op.getX(), op.getResult(), true), success(); })
      .Case([&](xf::MergeHeadsOp op) { return lowerHeads(op, op.getX(), op.getResult(), false), success(); })
      .Case([&](xf::MatmulOp op) { return lowerMatmul(op), success(); })
      .Case([&](xf::MaskScoresOp op) {
        return lowerMarkedScores(op.getScores(), op.getResult(), "mask_scores", "mask", op.getMask()), success();
      })
      .Case([&](xf::ChooseQueriesOp op) {
        return lowerMarkedScores(op.getScores(), op.getResult(), "choose_queries", "chosen", op.getChosen()), success();
      })
      .Case([&](xf::BiasScoresOp op) {
        return lowerDistanceScores(op.getScores(), op.getResult(),
                                   distances(op.getColumns(), op.getTable(), op.getBuckets()), "bias_scores"),
               success();
      })
      .Case([&](xf::AddTermsOp op) {
        DistanceArguments terms = distances(op.getColumns(), nullptr, nullptr, op.getKeyColumns());
        addTerms(terms, op.getQueryTerms(), op.getKeyTerms(), op.getIndex(),
                 cast<RankedTensorType>(op.getType()).getDimSize(1));
        return lowerDistanceScores(op.getScores(), op.getResult(), terms, "add_terms"), success();
      })
      .Case([&](xf::WindowScoresOp op) {
        DistanceArguments window = distances(op.getColumns(), nullptr, nullptr, op.getKeyColumns());
        addWindow(window, op.getReach(), op.getCausal(), op.getPrefix(), op.getGlobals(), op.getBlock().value_or(1));
        return lowerDistanceScores(op.getScores(), op.getResult(), window, "window_scores"), success();
      })
      .Case([&](xf::SlopeScoresOp op) {
        DistanceArguments slopes = distances(op.getColumns(), nullptr, nullptr);
        addSlopes(slopes, op.getSlopes());
        return lowerDistanceScores(op.getScores(), op.getResult(), slopes, "slope_scores"), success();
      })
      .Case([&](xf::BiasPairsOp op) {
        DistanceArguments pairs = distances(op.getColumns(), nullptr, nullptr);
        addPairs(pairs, op.getTable());
        return lowerDistanceScores(op.getScores(), op.getResult(), pairs, "bias_pairs"), success();
      })
      .Case([&](xf::CapScoresOp op) {
        return lowerUnary(op.getScores(), op.getResult(), "soft_cap", op.getCap().convertToDouble()), success();
      })
      .Case([&](xf::SoftmaxOp op) { return lowerSoftmax(op), success(); })
      .Case([&](xf::AttentionOp op) { return lowerAttention(op); })
      .Case([&](xf::RememberOp op) { return lowerRemember(op), success(); })
      .Case([&](xf::RandomFeaturesOp op) { return lowerRandomFeatures(op), success(); })
      .Case([&](xf::LinearAttentionOp op) { return lowerLinearAttention(op); })
      .Case([&](xf::ChunkAttentionOp op) { return lowerChunkAttention(op); })
      .Case([&](xf::AxisIdsOp op) { return lowerAxisIds(op), success(); })
      .Case([&](xf::AppendCacheOp op) { return lowerAppendCache(op), success(); })
      .Case([&](xf::PagedAttentionOp op) { return lowerPagedAttention(op), success(); })
      .Case([&](xf::BlendOp op) { return lowerBlend(op), success(); })
      .Case([&](xf::AnglesOp op) { return lowerAngles(op), success(); })
      .Case([&](xf::RotateOp op) { return lowerRotate(op), success(); })
      .Case([&](xf::LayerNormOp op) { return lowerLayerNorm(op), success(); })
      .Case([&](xf::HeadNormOp op) { return lowerHeadNorm(op), success(); })
      .Case([&](xf::NormalizeOp op) { return lowerNormalize(op), success(); })
      .Case([&](xf::ArgmaxOp op) { return lowerArgmax(op), success(); })
      .Case([&](xf::ActivateOp op) {
        return lowerUnary(op.getX(), op.getResult(), xf::stringifyActivation(op.getActivation()), 0), success();
      })
      .Case([&](xf::ScaleOp op) {
        return lowerUnary(op.getX(), op.getResult(), "scale", op.getFactor().convertToDouble()), success();
      })
      .Case([&](xf::AddOp op) { return lowerAdd(op), success(); })
      .Case<xf::RowGroupOp, xf::ConstantOp, xf::MapOp, xf::CombineOp, xf::SelectOp, xf::ReduceOp>(
          [&](auto op) { return lowerRows(op); })
      .Case([&](xf::FirstTokenOp op) {
        return lowerPool("cls", op.getX(), op.getCuSeqlens(), op.getResult()), success();
      })
      .Case([&](xf::PoolOp op) {
        return lowerPool(xf::stringifyPoolMode(op.getMode()), op.getX(), op.getCuSeqlens(), op.getResult(),
                         op.getColumns(), op.getExcept()),
               success();
      })
      .Default([](Operation *op) { return op->emitOpError("has no kernel on the CPU"); });
}

namespace {

struct SelectKernels : impl::SelectKernelsPassBase<SelectKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    WeightTable weights(module);
    const EntrySelector::PanelTables panelTables = EntrySelector::findPanelTables(module);
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (function->hasAttr(xf::XfDialect::entryAttr) &&
          failed(EntrySelector(module, weights, panelTables, function).run()))
        return signalPassFailure();
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (!function->hasAttr(xf::XfDialect::entryAttr)) // a layer, inlined by now
        function.erase();
  }
};

} // namespace
} // namespace lathe
