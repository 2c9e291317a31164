//===- Interpreter.cpp - one value per SSA name, one function per op ----------===//
#include "ir/interpreter/Interpreter.h"

#include "ir/interpreter/Ops.h"
#include "ir/xf/XfDialect.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {
namespace {

llvm::Error error(Operation *op, const llvm::Twine &message) {
  return llvm::createStringError("interpreter: '" + op->getName().getStringRef() + "' " + message);
}

/// The values of a weight as it is stored.
llvm::Expected<Tensor> loadStored(xf::WeightOp weight) {
  auto type = cast<RankedTensorType>(weight.getValue().getType());
  Tensor result(type.getShape());
  auto fill = [&](ArrayRef<char> bytes, const llvm::fltSemantics &semantics, unsigned width) {
    if (type.getElementType().isF32()) { // by far the commonest
      for (size_t i = 0; i < result.values.size(); ++i) {
        float value;
        memcpy(&value, bytes.data() + 4 * i, 4);
        result.values[i] = value;
      }
      return;
    }
    for (size_t i = 0; i < result.values.size(); ++i) {
      uint64_t bits = 0;
      memcpy(&bits, bytes.data() + width * i, width);
      llvm::APFloat value(semantics, llvm::APInt(width * 8, bits));
      bool inexact;
      value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
      result.values[i] = value.convertToDouble();
    }
  };
  auto floatType = cast<FloatType>(type.getElementType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(weight.getValue())) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != result.values.size() * (floatType.getWidth() / 8))
      return error(weight, "@" + weight.getSymName() + " has no data");
    fill(blob->getData(), floatType.getFloatSemantics(), floatType.getWidth() / 8);
    return result;
  }
  auto dense = dyn_cast<DenseFPElementsAttr>(weight.getValue());
  if (!dense)
    return error(weight, "@" + weight.getSymName() + " holds neither a resource nor dense values");
  for (auto [value, out] : llvm::zip_equal(dense.getValues<APFloat>(), result.values)) {
    llvm::APFloat copy = value;
    bool inexact;
    copy.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
    out = copy.convertToDouble();
  }
  return result;
}

/// The values of a weight as it is read.
llvm::Expected<Tensor> loadWeight(xf::WeightOp weight) {
  llvm::Expected<Tensor> stored = loadStored(weight);
  if (!stored || !weight.getTransposed())
    return stored;
  const int64_t rows = stored->shape[1], columns = stored->shape[0];
  Tensor result({rows, columns});
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      result.row(row)[column] = stored->row(column)[row];
  return result;
}

/// Executes one function body.
class Frame {
public:
  Frame(ModuleOp module) : module(module) {}

  llvm::Expected<std::vector<Tensor>> run(func::FuncOp function, std::vector<Tensor> arguments) {
    if (function.isExternal() || function.getNumArguments() != arguments.size())
      return error(function, "@" + function.getSymName() + " cannot be called with " + llvm::Twine(arguments.size()) +
                                 " arguments");
    for (auto [argument, value] : llvm::zip_equal(function.getArguments(), arguments))
      values[argument] = std::move(value);
    for (Operation &op : function.getBody().front()) {
      if (isa<func::ReturnOp>(op)) {
        std::vector<Tensor> results;
        for (Value operand : op.getOperands())
          results.push_back(values[operand]);
        return results;
      }
      if (llvm::Error failure = execute(&op))
        return failure;
      releaseOperands(&op);
    }
    return error(function, "@" + function.getSymName() + " does not return");
  }

private:
  llvm::Error execute(Operation *op);
  llvm::Error executeGroup(xf::RowGroupOp group);
  llvm::Expected<std::vector<Tensor>> call(StringRef callee, OperandRange inputs, const Tensor *carried,
                                           StringRef prefix);

  /// Whole models are run: a value is dropped once its last reader in the block has run.
  void releaseOperands(Operation *op) {
    for (Value operand : op->getOperands())
      if (llvm::all_of(operand.getUsers(), [&](Operation *user) { return user == op || user->isBeforeInBlock(op); }))
        values.erase(operand);
  }

  /// A lookup whose ids are checked: an entry may lack the limits by which the edge checks them.
  llvm::Expected<Tensor> rowsOf(Operation *op, Value ids, Value table, std::optional<xf::Precision> precision,
                                bool orZeros = false) {
    int64_t rows = get(table).shape[0];
    for (double id : get(ids).values)
      if (id < (orZeros ? -1 : 0) || id >= rows)
        return error(op, "reads row " + llvm::Twine(int64_t(id)) + " of a table of " + llvm::Twine(rows));
    return reference::roundedWeight(reference::lookup(get(ids), get(table)), precision);
  }

  const Tensor &get(Value value) { return values.find(value)->second; }
  const Tensor *getOrNull(Value value) { return value ? &get(value) : nullptr; }
  SmallVector<const Tensor *> getAll(ValueRange range) {
    return llvm::map_to_vector(range, [&](Value value) { return &get(value); });
  }

  ModuleOp module;
  llvm::DenseMap<Value, Tensor> values;
};

llvm::Expected<std::vector<Tensor>> Frame::call(StringRef callee, OperandRange inputs, const Tensor *carried,
                                                StringRef prefix) {
  auto function = module.lookupSymbol<func::FuncOp>(callee);
  if (!function)
    return llvm::createStringError("interpreter: no function @" + callee);
  std::vector<Tensor> arguments;
  for (auto [index, input] : llvm::enumerate(inputs))
    arguments.push_back(index == 0 && carried ? *carried : get(input));
  for (unsigned index = inputs.size(); index < function.getNumArguments(); ++index) {
    auto name = function.getArgAttrOfType<StringAttr>(index, xf::XfDialect::weightAttr);
    auto weight = name ? module.lookupSymbol<xf::WeightOp>((prefix + name.getValue()).str()) : nullptr;
    if (!weight)
      return llvm::createStringError("interpreter: argument " + llvm::Twine(index) + " of @" + callee +
                                     " has no weight");
    llvm::Expected<Tensor> value = loadWeight(weight);
    if (!value)
      return value.takeError();
    arguments.push_back(std::move(*value));
  }
  return Frame(module).run(function, std::move(arguments));
}

/// The ops of a group, one by one.
llvm::Error Frame::executeGroup(xf::RowGroupOp group) {
  Block &body = group.getBody().front();
  for (auto [argument, input] : llvm::zip_equal(body.getArguments(), group.getInputs()))
    values[argument] = Tensor(get(input)); // a copy before the map grows
  for (Operation &op : body.without_terminator())
    if (llvm::Error failure = execute(&op))
      return failure;
  for (auto [result, value] : llvm::zip_equal(group.getResults(), body.getTerminator()->getOperands()))
    values[result] = Tensor(get(value));
  for (BlockArgument argument : body.getArguments())
    values.erase(argument);
  for (Operation &op : body)
    for (Value value : op.getResults())
      values.erase(value);
  return llvm::Error::success();
}

llvm::Error Frame::execute(Operation *op) {
  using namespace reference;
  // Sets the only result, passing an error on.
  auto set = [&](llvm::Expected<Tensor> value) -> llvm::Error {
    if (!value)
      return value.takeError();
    values[op->getResult(0)] = std::move(*value);
    return llvm::Error::success();
  };
  return llvm::TypeSwitch<Operation *, llvm::Error>(op)
      .Case([&](xf::LoadWeightOp load) { return set(loadWeight(module.lookupSymbol<xf::WeightOp>(load.getWeight()))); })
      .Case([&](xf::LayerOp layer) -> llvm::Error {
        llvm::Expected<std::vector<Tensor>> results =
            call(layer.getCallee(), layer.getInputs(), nullptr, layer.getWeights());
        if (!results)
          return results.takeError();
        for (auto [result, value] : llvm::zip_equal(layer.getResults(), *results))
          values[result] = std::move(value);
        return llvm::Error::success();
      })
      .Case([&](xf::LayersOp layers) -> llvm::Error {
        Tensor carried = get(layers.getInputs()[0]);
        for (auto [index, prefix] : llvm::enumerate(layers.getWeights().getAsRange<StringAttr>())) {
          llvm::Expected<std::vector<Tensor>> next =
              call(layers.getCallee(), layers.getInputs(), &carried, prefix.getValue());
          if (!next)
            return next.takeError();
          carried = std::move(next->front());
          if (layers.getNumResults() > 1)
            values[layers.getResult(index)] = carried;
        }
        if (layers.getNumResults() == 1)
          values[layers.getResult(0)] = std::move(carried);
        return llvm::Error::success();
      })
      .Case([&](xf::LookupOp op) {
        return set(rowsOf(op, op.getIds(), op.getTable(), op.getPrecision(), op.getOrZeros()));
      })
      .Case([&](xf::BlendOp op) {
        return set(blend(get(op.getRowWeights()), get(op.getColumnWeights()), get(op.getGrid())));
      })
      .Case([&](xf::EmbedOp embed) {
        Tensor sum;
        for (auto [ids, table] : llvm::zip_equal(embed.getIds(), embed.getTables())) {
          llvm::Expected<Tensor> rows = rowsOf(embed, ids, table, embed.getPrecision(), embed.getOrZeros());
          if (!rows)
            return rows.takeError();
          sum = sum.shape.empty() ? std::move(*rows) : add(sum, *rows);
        }
        if (embed.getGain())
          sum = layerNorm(sum, get(embed.getGain()), getOrNull(embed.getBias()), embed.getEps()->convertToDouble());
        return set(std::move(sum));
      })
      .Case([&](xf::LinearOp op) {
        const Tensor *smoothing = getOrNull(op.getSmoothing());
        Tensor x = smoothing ? timesColumns(get(op.getX()), *smoothing) : get(op.getX());
        Tensor weight = smoothing ? dividedByColumns(get(op.getWeight()), *smoothing) : get(op.getWeight());
        Tensor y = linear(roundedFactor(x, op.getPrecision(), getOrNull(op.getRange())),
                          roundedWeight(weight, op.getPrecision(), op.getGroup(), getOrNull(op.getImportance())),
                          getOrNull(op.getBias()));
        if (op.getActivation())
          y = activate(*op.getActivation(), y);
        if (op.getResidual())
          y = add(y, get(op.getResidual()));
        return set(op.getNarrow() ? roundedFactor(y, xf::Precision::BF16) : std::move(y));
      })
      .Case([&](xf::ConcatOp op) { return set(concat(getAll(op.getInputs()))); })
      .Case([&](xf::JoinOp op) { return set(join(getAll(op.getInputs()))); })
      .Case([&](xf::SplitOp op) {
        auto widths = llvm::map_to_vector(op.getResultTypes(),
                                          [](Type type) { return cast<RankedTensorType>(type).getShape().back(); });
        for (auto [result, part] : llvm::zip_equal(op.getResults(), split(get(op.getInput()), widths)))
          values[result] = part;
        return llvm::Error::success();
      })
      .Case([&](xf::SplitHeadsOp op) {
        const Tensor &x = get(op.getX());
        const int64_t heads = op.getType().getDimSize(1), headDim = op.getType().getDimSize(3);
        return set(splitHeads(x, heads, heads * headDim / x.width()));
      })
      .Case([&](xf::MergeHeadsOp op) { return set(mergeHeads(get(op.getX()))); })
      .Case([&](xf::MatmulOp op) { return set(matmul(get(op.getLhs()), get(op.getRhs()), op.getTransposed())); })
      .Case([&](xf::MaskScoresOp op) { return set(maskScores(get(op.getScores()), get(op.getMask()))); })
      .Case([&](xf::CapScoresOp op) { return set(capScores(get(op.getScores()), op.getCap().convertToDouble())); })
      .Case([&](xf::BiasScoresOp op) {
        return set(biasScores(get(op.getScores()), get(op.getTable()), get(op.getColumns()), op.getBuckets()));
      })
      .Case([&](xf::BiasPairsOp op) {
        return set(biasPairs(get(op.getScores()), get(op.getTable()), get(op.getColumns())));
      })
      .Case([&](xf::AddTermsOp op) {
        return set(addTerms(get(op.getScores()), getOrNull(op.getQueryTerms()), getOrNull(op.getKeyTerms()),
                            get(op.getColumns()), get(op.getIndex()), getOrNull(op.getKeyColumns())));
      })
      .Case([&](xf::WindowScoresOp op) {
        return set(windowScores(get(op.getScores()), get(op.getColumns()), op.getReach(), op.getCausal(),
                                getOrNull(op.getPrefix()), getOrNull(op.getGlobals()), op.getBlock().value_or(1),
                                getOrNull(op.getKeyColumns())));
      })
      .Case([&](xf::ChooseQueriesOp op) { return set(chooseQueries(get(op.getScores()), get(op.getChosen()))); })
      .Case([&](xf::SlopeScoresOp op) {
        return set(slopeScores(get(op.getScores()), get(op.getSlopes()), get(op.getColumns())));
      })
      .Case([&](xf::SoftmaxOp op) { return set(softmax(get(op.getX()))); })
      .Case([&](xf::AttentionOp op) -> llvm::Error {
        if (op.getPages())
          return error(op, "reads a cache, which the runtime alone has; interpret the entry that it was derived from");
        const Distances distances = {.columns = getOrNull(op.getColumns()),
                                     .keyColumns = getOrNull(op.getKeyColumns()),
                                     .bias = getOrNull(op.getBias()),
                                     .buckets = op.getBucketsAttr(),
                                     .reach = op.getReach(),
                                     .block = int64_t(op.getBlock().value_or(1)),
                                     .causal = op.getCausal(),
                                     .prefix = getOrNull(op.getPrefix()),
                                     .slopes = getOrNull(op.getSlopes()),
                                     .pairs = getOrNull(op.getPairs()),
                                     .globals = getOrNull(op.getGlobals()),
                                     .queryTerms = getOrNull(op.getQueryTerms()),
                                     .keyTerms = getOrNull(op.getKeyTerms()),
                                     .index = getOrNull(op.getIndex())};
        Tensor y =
            attention(get(op.getQuery()), get(op.getKey()), get(op.getValue()), getOrNull(op.getMask()),
                      getOrNull(op.getCuSeqlens()), op.getHeads(), op.getScale().convertToDouble(), op.getPrecision(),
                      distances, op.getCap() ? std::optional(op.getCap()->convertToDouble()) : std::nullopt,
                      getOrNull(op.getKeyCuSeqlens()), getOrNull(op.getChosen()));
        return set(op.getNarrow() ? roundedFactor(y, xf::Precision::BF16) : std::move(y));
      })
      .Case([&](xf::RememberOp op) {
        return set(remember(get(op.getMemory()), get(op.getX()), getOrNull(op.getMemoryCuSeqlens()),
                            getOrNull(op.getCuSeqlens())));
      })
      .Case([&](xf::RandomFeaturesOp op) {
        return set(randomFeatures(get(op.getX()), get(op.getProjection()), op.getHeads()));
      })
      .Case([&](xf::LinearAttentionOp op) {
        return set(linearAttention(op.getMap(), get(op.getQuery()), get(op.getKey()), get(op.getValue()),
                                   getOrNull(op.getMask()), getOrNull(op.getCuSeqlens()), op.getCausal(),
                                   op.getHeads()));
      })
      .Case([&](xf::ChunkAttentionOp op) {
        return set(chunkAttention(get(op.getQuery()), get(op.getKey()), get(op.getValue()), get(op.getRowColumns()),
                                  {getOrNull(op.getMask()), getOrNull(op.getCuSeqlens()), getOrNull(op.getColumns()),
                                   getOrNull(op.getRotations()), getOrNull(op.getGiven())},
                                  op.getFactors().value_or(ArrayRef<int64_t>()), op.getChunks(), op.getCausal(),
                                  op.getHeads(), op.getScale().convertToDouble()));
      })
      .Case([&](xf::AxisIdsOp op) { return set(axisIds(get(op.getIds()), op.getStride(), op.getExtent())); })
      .Case([&](xf::AnglesOp op) { return set(angles(get(op.getPositions()), get(op.getFrequencies()))); })
      .Case([&](xf::RotateOp op) { return set(rotate(get(op.getX()), get(op.getAngles()), op.getHeads())); })
      .Case([&](xf::AddOp op) { return set(add(get(op.getLhs()), get(op.getRhs()))); })
      .Case([&](xf::ScaleOp op) { return set(scale(get(op.getX()), op.getFactor().convertToDouble())); })
      .Case([&](xf::ActivateOp op) { return set(activate(op.getActivation(), get(op.getX()))); })
      .Case([&](xf::ConstantOp op) { return set(Tensor({1}, {op.getValue().convertToDouble()})); })
      .Case([&](xf::MapOp op) { return set(map(op.getKind(), get(op.getX()))); })
      .Case([&](xf::CombineOp op) { return set(combine(op.getKind(), get(op.getLhs()), get(op.getRhs()))); })
      .Case([&](xf::SelectOp op) { return set(select(get(op.getCondition()), get(op.getX()), get(op.getY()))); })
      .Case([&](xf::ReduceOp op) { return set(reduce(op.getKind(), get(op.getX()))); })
      .Case([&](xf::RowGroupOp op) { return executeGroup(op); })
      .Case([&](xf::LayerNormOp op) {
        const Tensor &x = get(op.getX());
        return set(layerNorm(op.getResidual() ? add(x, get(op.getResidual())) : x, get(op.getGain()),
                             getOrNull(op.getBias()), op.getEps().convertToDouble(), op.getRms()));
      })
      .Case([&](xf::HeadNormOp op) {
        return set(headNorm(get(op.getX()), get(op.getGain()), op.getHeads(), op.getEps().convertToDouble()));
      })
      .Case([&](xf::NormalizeOp op) { return set(normalize(get(op.getX()), op.getEps().convertToDouble())); })
      .Case([&](xf::ArgmaxOp op) { return set(argmax(get(op.getX()))); })
      .Case([&](xf::FirstTokenOp op) { return set(firstToken(get(op.getX()), getOrNull(op.getCuSeqlens()))); })
      .Case([&](xf::PoolOp op) {
        return set(pool(op.getMode(), get(op.getX()), getOrNull(op.getMask()), getOrNull(op.getCuSeqlens()),
                        getOrNull(op.getColumns()), getOrNull(op.getExcept())));
      })
      .Default([&](Operation *op) {
        return error(op, "is not part of the forms that the interpreter runs (stages import and graph)");
      });
}

} // namespace

llvm::Expected<std::vector<Tensor>> interpret(func::FuncOp function, llvm::ArrayRef<Tensor> arguments) {
  return Frame(function->getParentOfType<ModuleOp>()).run(function, arguments.vec());
}

} // namespace lathe
