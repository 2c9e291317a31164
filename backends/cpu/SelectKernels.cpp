//===- SelectKernels.cpp - xf ops on tensors into launches over buffers -------===//
//
// One function per op at the end says which kernel computes it. What comes before decides where values lie: an output
// in the caller's array, the value that a stack of layers carries in one buffer for all of them, anything else in a
// buffer of its own that PlanArena will place.
//
//===----------------------------------------------------------------------===//
#include "backends/cpu/KernelCalls.h"
#include "backends/cpu/RowGroups.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_SELECTKERNELSPASS
#include "backends/cpu/Passes.h.inc"

namespace {

int64_t widthOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); }

/// Rewrites one entry.
class EntrySelector {
public:
  EntrySelector(ModuleOp module, WeightTable &weights, func::FuncOp entry)
      : module(module), entry(entry), calls(module, OpBuilder(entry->getContext()), weights) {}

  LogicalResult run();

private:
  // Values on their way to memory.
  void findOutputs();
  void findPackedTables();
  Buffer bufferFor(Value value, xf::Rows rows, int64_t width);
  Buffer bufferFor(Value value, xf::Rows rows) { return bufferFor(value, rows, widthOf(value)); }
  const Buffer &get(Value value) { return buffers.find(value)->second; }
  /// The value in bf16: as its producer stored it, or rounded now.
  Buffer getBf16(Value value);
  /// Where a linear's result is to be computed: in bf16 where nothing but products in bf16 reads it.
  Buffer bufferForProduct(Value value, xf::Rows rows);
  Value memref(Value value) { return value ? get(value).memref : Value(); }
  Value stride(Value value) { return calls.integer(value ? get(value).stride : 0); }
  std::string nameOf(Value weight) { return weightRefs[weight].names.front(); }
  /// The contents of a weight that no layer function's argument stands for.
  Attribute contentOf(StringRef weight) { return module.lookupSymbol<xf::WeightOp>(weight).getValue(); }

  // Structure.
  func::FuncOp createScheduled();
  LogicalResult lowerBlock(Block &block);
  LogicalResult lower(Operation *op);
  LogicalResult inlineLayer(StringRef callee, OperandRange inputs, Buffer carried, Buffer result);
  LogicalResult lowerLayer(xf::LayerOp layer);
  LogicalResult lowerLayers(xf::LayersOp layers);
  void lowerReturn(func::ReturnOp ret);

  /// The value without gaps between its rows: itself, or a copy of a view.
  Buffer contiguous(Value value);
  /// Number of f32 values in a contiguous buffer.
  Value elementsOf(const Buffer &buffer);

  // One per op: which kernel, with which arguments.
  xf::WorkFormula bytesLookedUp(Value table, Value ids, int64_t elementBytes);
  LogicalResult lowerLookups(Value result, ValueRange ids, ValueRange tables, Value gain, Value bias, double eps,
                             std::optional<xf::Precision> precision);
  void lowerLinear(xf::LinearOp op);
  void lowerSplit(xf::SplitOp op);
  void lowerJoin(xf::JoinOp op);
  void lowerHeads(Operation *op, Value x, Value result, bool split);
  void lowerMatmul(xf::MatmulOp op);
  void lowerMaskScores(xf::MaskScoresOp op);
  void lowerSoftmax(xf::SoftmaxOp op);
  LogicalResult lowerAttention(xf::AttentionOp op);
  void lowerLayerNorm(xf::LayerNormOp op);
  void lowerNormalize(xf::NormalizeOp op);
  void lowerUnary(Value x, Value result, StringRef function, double factor);
  void lowerAdd(xf::AddOp op);
  LogicalResult lowerRows(Operation *op);
  void lowerPool(StringRef mode, Value x, Value cuSeqlens, Value result);

  ModuleOp module;
  func::FuncOp entry;
  KernelCalls calls;
  DenseMap<Value, Buffer> buffers;
  DenseMap<Value, Buffer> inBf16; ///< values that have such a form, some no other
  DenseMap<Value, WeightRef> weightRefs;
  DenseMap<Value, SmallVector<int64_t, 1>> outputsOf; ///< the entry's results that a value is
  Value attentionMask;                                ///< of a dense entry
  DenseSet<Attribute> panelTables; ///< contents that a linear reads, and so are stored in its layout for lookups too
};

//===----------------------------------------------------------------------===//
// Where values lie
//===----------------------------------------------------------------------===//

void EntrySelector::findOutputs() {
  Operation *ret = entry.getBody().front().getTerminator();
  for (auto [index, value] : llvm::enumerate(ret->getOperands()))
    outputsOf[value].push_back(index);
}

void EntrySelector::findPackedTables() {
  entry.walk([&](xf::LinearOp linear) {
    if (auto load = linear.getWeight().getDefiningOp<xf::LoadWeightOp>())
      panelTables.insert(contentOf(load.getWeight()));
  });
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

Buffer EntrySelector::getBf16(Value value) {
  if (auto found = inBf16.find(value); found != inBf16.end())
    return found->second;
  const Buffer x = get(value);
  Buffer y = calls.allocateBf16(x.rows, x.width);
  calls.launch("round_bf16", {},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"N", calls.integer(x.width)}},
               "round");
  return inBf16[value] = y;
}

Buffer EntrySelector::bufferForProduct(Value value, xf::Rows rows) {
  auto multipliesInBf16 = [&](OpOperand &use) {
    auto linear = dyn_cast<xf::LinearOp>(use.getOwner());
    return linear && linear.getPrecision() == xf::Precision::BF16 && use.get() == linear.getX() &&
           use.get() != linear.getResidual();
  };
  if (buffers.contains(value) || !llvm::all_of(value.getUses(), multipliesInBf16))
    return bufferFor(value, rows);
  return inBf16[value] = calls.allocateBf16(rows, widthOf(value));
}

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

LogicalResult EntrySelector::run() {
  findOutputs();
  findPackedTables();
  func::FuncOp scheduled = createScheduled();
  if (failed(lowerBlock(entry.getBody().front())))
    return failure();
  func::ReturnOp::create(calls.builder, entry.getLoc());
  const lathe_size_formula &s = calls.scratch;
  auto number = [&](int64_t value) { return calls.builder.getI64IntegerAttr(value); };
  scheduled->setAttr(
      xf::XfDialect::scratchAttr,
      calls.builder.getDictionaryAttr({calls.builder.getNamedAttr("fixed", number(s.fixed)),
                                       calls.builder.getNamedAttr("per_longest", number(s.per_longest))}));
  StringAttr name = entry.getSymNameAttr();
  entry.erase();
  scheduled.setSymNameAttr(name);
  return success();
}

/// The new function: inputs as buffers, then the sizes. The old one's attributes stay, its results become an attribute.
func::FuncOp EntrySelector::createScheduled() {
  OpBuilder &builder = calls.builder;
  Location loc = entry.getLoc();
  SmallVector<Type> types;
  for (Type type : entry.getArgumentTypes()) {
    Type element = cast<RankedTensorType>(type).getElementType();
    types.push_back(MemRefType::get({ShapedType::kDynamic}, element.isInteger(1) ? builder.getI8Type() : element));
  }
  types.append(3, builder.getI64Type());
  builder.setInsertionPoint(entry);
  auto scheduled =
      func::FuncOp::create(builder, loc, (entry.getSymName() + ".scheduled").str(), builder.getFunctionType(types, {}));
  for (NamedAttribute attribute : entry->getDiscardableAttrs())
    scheduled->setAttr(attribute.getName(), attribute.getValue());
  Block *block = scheduled.addEntryBlock();
  for (unsigned index = 0; index < entry.getNumArguments(); ++index) {
    scheduled.setArgAttrs(index, entry.getArgAttrDict(index));
    block->getArgument(index).setLoc(entry.getArgument(index).getLoc()); // its name in print
    StringRef input = entry.getArgAttrOfType<StringAttr>(index, xf::XfDialect::inputAttr).getValue();
    buffers[entry.getArgument(index)] = {block->getArgument(index), xf::Rows::Tokens, 1, 1};
    calls.declareInput(block->getArgument(index), input == "cu_seqlens" ? xf::Rows::Sequences : xf::Rows::Tokens);
    if (input == "attention_mask") {
      scheduled->setAttr(xf::XfDialect::denseAttr, builder.getUnitAttr());
      attentionMask = block->getArgument(index);
    }
  }
  unsigned sizes = entry.getNumArguments();
  calls.tokens = block->getArgument(sizes);
  calls.batch = block->getArgument(sizes + 1);
  calls.longest = block->getArgument(sizes + 2);
  for (auto [size, name] : {std::pair(calls.tokens, "tokens"), {calls.batch, "batch"}, {calls.longest, "longest"}})
    size.setLoc(NameLoc::get(builder.getStringAttr(name)));
  calls.function = entry.getSymName();
  SmallVector<Attribute> outputs;
  for (unsigned index = 0; index < entry.getNumResults(); ++index) {
    NamedAttrList attributes(entry.getResultAttrDict(index));
    attributes.set("width",
                   builder.getI64IntegerAttr(cast<RankedTensorType>(entry.getResultTypes()[index]).getShape().back()));
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

/// Lowers a layer function's body in place, with its first argument in `carried` and its result in `result`.
LogicalResult EntrySelector::inlineLayer(StringRef calleeName, OperandRange inputs, Buffer carried, Buffer result) {
  auto callee = module.lookupSymbol<func::FuncOp>(calleeName);
  std::string caller = std::exchange(calls.function, calleeName.str());
  for (BlockArgument argument : callee.getArguments()) {
    unsigned index = argument.getArgNumber();
    if (index == 0)
      buffers[argument] = carried;
    else if (index < inputs.size())
      buffers[argument] = get(inputs[index]);
    else
      weightRefs[argument] = {{callee.getArgAttrOfType<StringAttr>(index, xf::XfDialect::weightAttr).str()}, true};
  }
  // The result may be written where it is wanted at once if the argument, which may lie there, is not read any more.
  Block &body = callee.getBody().front();
  Value returned = body.getTerminator()->getOperand(0);
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
    inBf16.erase(argument);
  for (Operation &op : body)
    for (Value value : op.getResults()) {
      buffers.erase(value);
      inBf16.erase(value);
    }
  calls.function = caller;
  return success();
}

LogicalResult EntrySelector::lowerLayer(xf::LayerOp layer) {
  calls.layerPrefixes = {layer.getWeights().str()};
  calls.layerIndex = nullptr;
  return inlineLayer(layer.getCallee(), layer.getInputs(), get(layer.getInputs()[0]),
                     bufferFor(layer.getResult(), xf::Rows::Tokens));
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
  Buffer carried = bufferFor(last, xf::Rows::Tokens);
  if (get(first).memref != carried.memref)
    calls.copy(get(first), carried, "carry");
  int64_t count = layers.getWeights().size();
  auto loop = scf::ForOp::create(builder, loc, calls.integer(0), calls.integer(count), calls.integer(1));
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    calls.layerPrefixes = llvm::map_to_vector(layers.getWeights().getAsRange<StringAttr>(),
                                              [](StringAttr prefix) { return prefix.str(); });
    calls.layerIndex = loop.getInductionVar();
    if (failed(inlineLayer(layers.getCallee(), layers.getInputs(), carried, carried)))
      return failure();
    if (layers.getNumResults() > 1) {
      // The last one's copy is its last output, which may be where it lies already.
      SmallVector<int64_t> outputs =
          llvm::map_to_vector(layers.getResults(), [&](Value result) { return outputsOf.lookup(result).back(); });
      calls.copy(carried, calls.output(outputs, xf::Rows::Tokens, widthOf(last), calls.layerIndex), "hidden_states");
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
                            lookup.getPrecision());
      })
      .Case([&](xf::EmbedOp embed) {
        double eps = embed.getEps() ? embed.getEps()->convertToDouble() : 0;
        return lowerLookups(embed.getResult(), embed.getIds(), embed.getTables(), embed.getGain(), embed.getBias(), eps,
                            embed.getPrecision());
      })
      .Case([&](xf::LinearOp linear) { return lowerLinear(linear), success(); })
      .Case([&](xf::SplitOp split) { return lowerSplit(split), success(); })
      .Case([&](xf::JoinOp join) { return lowerJoin(join), success(); })
      .Case([&](xf::SplitHeadsOp op) { return lowerHeads(op, op.getX(), op.getResult(), true), success(); })
      .Case([&](xf::MergeHeadsOp op) { return lowerHeads(op, op.getX(), op.getResult(), false), success(); })
      .Case([&](xf::MatmulOp op) { return lowerMatmul(op), success(); })
      .Case([&](xf::MaskScoresOp op) { return lowerMaskScores(op), success(); })
      .Case([&](xf::SoftmaxOp op) { return lowerSoftmax(op), success(); })
      .Case([&](xf::AttentionOp op) { return lowerAttention(op); })
      .Case([&](xf::LayerNormOp op) { return lowerLayerNorm(op), success(); })
      .Case([&](xf::NormalizeOp op) { return lowerNormalize(op), success(); })
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
        return lowerPool(xf::stringifyPoolMode(op.getMode()), op.getX(), op.getCuSeqlens(), op.getResult()), success();
      })
      .Default([](Operation *op) { return op->emitOpError("has no kernel on the CPU"); });
}

//===----------------------------------------------------------------------===//
// Which kernel computes an op
//===----------------------------------------------------------------------===//

/// Bytes of a table that a run reads: a row for each token, but positions are the same in every sequence, and of types
/// there are few.
xf::WorkFormula EntrySelector::bytesLookedUp(Value table, Value ids, int64_t elementBytes) {
  int64_t rows = cast<RankedTensorType>(table.getType()).getDimSize(0), rowBytes = widthOf(table) * elementBytes;
  auto argument = dyn_cast<BlockArgument>(ids);
  auto input =
      argument ? entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xf::XfDialect::inputAttr) : StringAttr();
  if (input && input.getValue() == "position_ids")
    return {xf::WorkFormula::PerLongest, rowBytes};
  if (input && input.getValue() == "token_type_ids")
    return {xf::WorkFormula::Fixed, rows * rowBytes};
  return {xf::WorkFormula::PerToken, rowBytes};
}

LogicalResult EntrySelector::lowerLookups(Value result, ValueRange ids, ValueRange tables, Value gain, Value bias,
                                          double eps, std::optional<xf::Precision> precision) {
  static constexpr StringRef tableSlots[] = {"table0", "table1", "table2", "table3"};
  static constexpr StringRef idsSlots[] = {"ids0", "ids1", "ids2", "ids3"};
  if (tables.size() > std::size(tableSlots))
    return result.getDefiningOp()->emitOpError("sums rows of ")
           << tables.size() << " tables; the CPU's embedding takes up to " << std::size(tableSlots);
  Buffer y = bufferFor(result, xf::Rows::Tokens);
  SmallVector<Value, 4> table(4), id(4);
  int64_t packed = 0;
  const bool inBf16 = precision == xf::Precision::BF16;
  const std::string suffix = inBf16 ? "_bf16" : "";
  Work work;
  for (unsigned t = 0; t < tables.size(); ++t) {
    const WeightRef &ref = weightRefs[tables[t]];
    bool panels = !ref.perLayer && ref.names.size() == 1 && panelTables.contains(contentOf(ref.names.front()));
    packed |= int64_t(panels) << t;
    table[t] = calls.weight(ref, (panels ? "panels" : "rows") + suffix);
    id[t] = memref(ids[t]);
    work.bytes.push_back({tableSlots[t], bytesLookedUp(tables[t], ids[t], inBf16 ? 2 : sizeof(float))});
  }
  calls.launch(inBf16 ? "embed_bf16" : "embed_f32",
               {calls.number("tables", tables.size()), calls.flag("norm", bool(gain)), calls.number("packed", packed)},
               {{tableSlots[0], table[0]},
                {idsSlots[0], id[0]},
                {tableSlots[1], table[1]},
                {idsSlots[1], id[1]},
                {tableSlots[2], table[2]},
                {idsSlots[2], id[2]},
                {tableSlots[3], table[3]},
                {idsSlots[3], id[3]},
                {"gamma", gain ? calls.weight(weightRefs[gain], "vector") : Value()},
                {"beta", bias ? calls.weight(weightRefs[bias], "vector") : Value()},
                {"eps", calls.real(eps)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.tokens},
                {"H", calls.integer(y.width)}},
               "embeddings", work);
  return success();
}

void EntrySelector::lowerLinear(xf::LinearOp op) {
  const bool inBf16 = op.getPrecision() == xf::Precision::BF16;
  const Buffer x = inBf16 ? getBf16(op.getX()) : get(op.getX());
  Buffer y = inBf16 ? bufferForProduct(op.getResult(), x.rows) : bufferFor(op.getResult(), x.rows);
  StringRef activation = op.getActivation() ? xf::stringifyActivation(*op.getActivation()) : "none";
  SmallVector<NamedAttribute> params = {calls.flag("bias", bool(op.getBias())), calls.choice("activation", activation),
                                        calls.flag("residual", bool(op.getResidual()))};
  if (inBf16)
    params.push_back(calls.flag("y_bf16", cast<MemRefType>(y.memref.getType()).getElementType().isBF16()));
  calls.launch(inBf16 ? "gemm_bf16" : "gemm_f32", params,
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"w", calls.weight(weightRefs[op.getWeight()], inBf16 ? "panels_bf16" : "panels")},
                {"bias", op.getBias() ? calls.weight(weightRefs[op.getBias()], "vector") : Value()},
                {"residual", memref(op.getResidual())},
                {"ldr", stride(op.getResidual())},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"N", calls.integer(widthOf(op.getResult()))},
                {"K", calls.integer(x.width)}},
               nameOf(op.getWeight()), {.flops = {xf::termOf(x.rows), 2 * y.width * x.width}});
}

void EntrySelector::lowerSplit(xf::SplitOp op) {
  int64_t from = 0;
  for (Value result : op.getResults()) {
    buffers[result] = calls.columns(get(op.getInput()), from, widthOf(result));
    from += widthOf(result);
  }
}

void EntrySelector::lowerJoin(xf::JoinOp op) {
  Buffer y = bufferFor(op.getResult(), get(op.getInputs()[0]).rows);
  int64_t from = 0;
  for (Value input : op.getInputs()) {
    calls.copy(get(input), calls.columns(y, from, widthOf(input)), "join");
    from += widthOf(input);
  }
}

void EntrySelector::lowerHeads(Operation *op, Value x, Value result, bool split) {
  ArrayRef<int64_t> perHead = cast<RankedTensorType>((split ? result : x).getType()).getShape();
  int64_t heads = perHead[1], headDim = perHead[3];
  Buffer y = bufferFor(result, xf::Rows::Tokens, heads * headDim);
  calls.launch(split ? "split_heads_f32" : "merge_heads_f32", {},
               {{"x", memref(x)},
                {"y", y.memref},
                {split ? "ldx" : "ldy", split ? stride(x) : calls.integer(y.stride)},
                {"batch", calls.batch},
                {"seq", calls.longest},
                {"heads", calls.integer(heads)},
                {"head_dim", calls.integer(headDim)}},
               op->getName().stripDialect());
}

void EntrySelector::lowerMatmul(xf::MatmulOp op) {
  ArrayRef<int64_t> lhs = cast<RankedTensorType>(op.getLhs().getType()).getShape();
  ArrayRef<int64_t> result = cast<RankedTensorType>(op.getType()).getShape();
  int64_t heads = lhs[1];
  auto extent = [&](int64_t size) { return ShapedType::isDynamic(size) ? calls.longest : calls.integer(size); };
  bool scores = ShapedType::isDynamic(result[3]);
  Buffer y =
      bufferFor(op.getResult(), scores ? xf::Rows::Scores : xf::Rows::Tokens, scores ? heads : heads * result[3]);
  Value matrices = arith::MulIOp::create(calls.builder, op.getLoc(), calls.batch, calls.integer(heads));
  calls.launch("batched_matmul_f32", {calls.flag("transpose_b", op.getTransposed())},
               {{"a", memref(op.getLhs())},
                {"b", memref(op.getRhs())},
                {"y", y.memref},
                {"G", matrices},
                {"M", extent(result[2])},
                {"N", extent(result[3])},
                {"K", extent(lhs[3])}},
               op.getTransposed() ? "matmul_qk" : "matmul_pv",
               {.flops = {xf::WorkFormula::PerTokenPair, 2 * heads * (scores ? lhs[3] : result[3])}});
}

void EntrySelector::lowerMaskScores(xf::MaskScoresOp op) {
  int64_t heads = cast<RankedTensorType>(op.getType()).getDimSize(1);
  Buffer y = bufferFor(op.getResult(), xf::Rows::Scores, heads);
  calls.launch("mask_scores_f32", {},
               {{"x", memref(op.getScores())},
                {"mask", memref(op.getMask())},
                {"y", y.memref},
                {"batch", calls.batch},
                {"heads", calls.integer(heads)},
                {"seq", calls.longest}},
               "mask_scores");
}

void EntrySelector::lowerSoftmax(xf::SoftmaxOp op) {
  int64_t heads = cast<RankedTensorType>(op.getType()).getDimSize(1);
  Buffer y = bufferFor(op.getResult(), xf::Rows::Scores, heads);
  Value rows = arith::MulIOp::create(calls.builder, op.getLoc(), calls.tokens, calls.integer(heads));
  calls.launch("softmax_f32", {}, {{"x", memref(op.getX())}, {"y", y.memref}, {"M", rows}, {"N", calls.longest}},
               "softmax");
}

LogicalResult EntrySelector::lowerAttention(xf::AttentionOp op) {
  if (!op.getMask() && !op.getCuSeqlens())
    return op.emitOpError("has neither a mask nor cu_seqlens; the CPU's attention needs one of them");
  const Buffer q = get(op.getQuery()), k = get(op.getKey()), v = get(op.getValue());
  Buffer y = bufferFor(op.getResult(), q.rows);
  int64_t headDim = q.width / int64_t(op.getHeads());
  calls.launch("attention_f32", {calls.number("head_dim", headDim), calls.flag("masked", bool(op.getMask()))},
               {{"q", q.memref},
                {"ldq", calls.integer(q.stride)},
                {"k", k.memref},
                {"ldk", calls.integer(k.stride)},
                {"v", v.memref},
                {"ldv", calls.integer(v.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"cu_seqlens", memref(op.getCuSeqlens())},
                {"mask", memref(op.getMask())},
                {"batch", calls.batch},
                {"heads", calls.integer(op.getHeads())},
                {"longest", calls.longest},
                {"scale", calls.real(op.getScale().convertToDouble())}},
               "attention", {.flops = {xf::WorkFormula::PerTokenPair, 2 * (q.width + y.width)}});
  return success();
}

void EntrySelector::lowerLayerNorm(xf::LayerNormOp op) {
  const Buffer x = get(op.getX());
  Buffer y = bufferFor(op.getResult(), x.rows);
  calls.launch("layer_norm_f32", {calls.flag("residual", bool(op.getResidual()))},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"residual", memref(op.getResidual())},
                {"ldr", stride(op.getResidual())},
                {"gamma", calls.weight(weightRefs[op.getGain()], "vector")},
                {"beta", calls.weight(weightRefs[op.getBias()], "vector")},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"H", calls.integer(x.width)},
                {"eps", calls.real(op.getEps().convertToDouble())}},
               nameOf(op.getGain()));
}

void EntrySelector::lowerNormalize(xf::NormalizeOp op) {
  const Buffer x = get(op.getX());
  Buffer y = bufferFor(op.getResult(), x.rows);
  calls.launch("normalize_f32", {},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"H", calls.integer(x.width)},
                {"eps", calls.real(op.getEps().convertToDouble())}},
               "normalize");
}

Buffer EntrySelector::contiguous(Value value) {
  const Buffer buffer = get(value);
  if (buffer.stride == buffer.width)
    return buffer;
  Buffer whole = calls.allocate(buffer.rows, buffer.width);
  calls.copy(buffer, whole, "gather");
  return whole;
}

Value EntrySelector::elementsOf(const Buffer &buffer) {
  Location loc = entry.getLoc();
  Value rows = calls.countOf(buffer.rows);
  if (buffer.rows == xf::Rows::Scores)
    rows = arith::MulIOp::create(calls.builder, loc, calls.tokens, calls.longest);
  return arith::MulIOp::create(calls.builder, loc, rows, calls.integer(buffer.width));
}

void EntrySelector::lowerUnary(Value x, Value result, StringRef function, double factor) {
  const Buffer from = contiguous(x);
  Buffer y = bufferFor(result, from.rows, from.width);
  calls.launch("unary_f32", {calls.choice("op", function)},
               {{"x", from.memref}, {"y", y.memref}, {"count", elementsOf(from)}, {"scale", calls.real(factor)}},
               function);
}

void EntrySelector::lowerAdd(xf::AddOp op) {
  const Buffer lhs = get(op.getLhs()), rhs = get(op.getRhs());
  Buffer y = bufferFor(op.getResult(), lhs.rows, lhs.width);
  calls.launch("add_f32", {},
               {{"a", lhs.memref},
                {"lda", calls.integer(lhs.stride)},
                {"b", rhs.memref},
                {"ldb", calls.integer(rhs.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(lhs.rows)},
                {"N", calls.integer(lhs.width)}},
               "add");
}

void EntrySelector::lowerPool(StringRef mode, Value x, Value cuSeqlens, Value result) {
  const Buffer from = get(x);
  Buffer y = bufferFor(result, xf::Rows::Sequences);
  Work work;
  if (mode == "cls")
    work.bytes.push_back({"x", {xf::WorkFormula::PerSequence, from.width * int64_t(sizeof(float))}});
  calls.launch("pool_f32", {calls.choice("mode", mode), calls.flag("masked", !cuSeqlens)},
               {{"x", from.memref},
                {"ldx", calls.integer(from.stride)},
                {"cu_seqlens", memref(cuSeqlens)},
                {"mask", cuSeqlens ? Value() : attentionMask},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"batch", calls.batch},
                {"H", calls.integer(from.width)},
                {"longest", calls.longest}},
               "pool_" + mode, work);
}

/// The name of the formula that an op is part of, where its importer gave one.
static std::string formulaOf(Operation *op) {
  auto name = dyn_cast<NameLoc>(op->getLoc());
  return name ? name.getName().str() : op->getName().stripDialect().str();
}

LogicalResult EntrySelector::lowerRows(Operation *op) {
  if (isSharedByRows(op->getResult(0))) {
    for (Operation *user : op->getUsers())
      if (!xf::canBeInRowGroup(user) && !isa<xf::RowGroupOp>(user))
        return user->emitOpError("reads a vector that '")
               << op->getName() << "' computes; the CPU has weights as they are stored there";
    return success(); // computed by those that read it
  }
  FailureOr<RowGroup> group = translateRows(op);
  if (failed(group))
    return failure();
  SmallVector<Value> slots;
  std::optional<xf::Rows> rows;
  auto addRows = [&](const Buffer &buffer, Value value) {
    // In [batch, heads, seq, head_dim] there are several rows where the buffer has one.
    int64_t width = widthOf(value);
    slots.append({buffer.memref, calls.integer(buffer.width == width ? buffer.stride : width)});
    rows = buffer.rows;
    return buffer.width / width;
  };
  int64_t perRow = 1;
  for (Value input : group->inputs) {
    bool vector = cast<RankedTensorType>(input.getType()).getRank() == 1;
    if (!vector && buffers.contains(input)) {
      perRow = addRows(get(input), input);
    } else if (vector && weightRefs.contains(input)) {
      slots.append({calls.weight(weightRefs[input], "vector"), calls.integer(0)});
    } else {
      return op->emitOpError("reads a ") << input.getType() << " that is neither rows nor a vector of weights";
    }
  }
  assert(rows && "rows come from rows");
  for (Value result : op->getResults())
    addRows(bufferFor(result, *rows, widthOf(result) * perRow), result);
  Value count = calls.countOf(*rows);
  if (perRow > 1)
    count = arith::MulIOp::create(calls.builder, op->getLoc(), count, calls.integer(perRow));
  slots.push_back(count);
  calls.launchRows(group->program, slots, formulaOf(op));
  return success();
}

//===----------------------------------------------------------------------===//

struct SelectKernels : impl::SelectKernelsPassBase<SelectKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    WeightTable weights(module);
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (function->hasAttr(xf::XfDialect::entryAttr) && failed(EntrySelector(module, weights, function).run()))
        return signalPassFailure();
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (!function->hasAttr(xf::XfDialect::entryAttr)) // a layer, inlined by now
        function.erase();
  }
};

} // namespace
} // namespace lathe
