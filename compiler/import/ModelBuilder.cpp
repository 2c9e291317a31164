//===- ModelBuilder.cpp - the module, its inputs, weights, layers and outputs -===//
#include "compiler/import/ModelBuilder.h"

#include "compiler/import/BuilderTypes.h"
#include "compiler/import/checkpoint/WeightValues.h"
#include "ir/xf/TokenAxes.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace lathe {

//===----------------------------------------------------------------------===//
// Layers: the function is built from the first layer; the others must have the same weights.
//===----------------------------------------------------------------------===//

class LayerBuilder : public BlockBuilder {
public:
  LayerBuilder(ModelBuilder &model, ModelBuilder::LayerKind &kind, StringRef prefix)
      : BlockBuilder(model, OpBuilder::atBlockBegin(&kind.function.getBody().front())), kind(kind), prefix(prefix) {}

  void finish(Value result) {
    func::FuncOp function = kind.function;
    SmallVector<Value> results = {result};
    if (model.givesAttentions)
      llvm::append_range(results, probabilities);
    func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
    function.setType(
        FunctionType::get(builder.getContext(), function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
    for (auto [index, weight] : llvm::enumerate(kind.weights))
      function.setArgAttr(function.getNumArguments() - kind.weights.size() + index, xf::XfDialect::weightAttr,
                          builder.getStringAttr(weight.name));
  }

private:
  Value weight(StringRef name, ArrayRef<int64_t> shape, bool transposed) override {
    model.requireWeight(prefix + name.str(), shape, transposed);
    kind.weights.push_back({name.str(), SmallVector<int64_t>(shape), transposed});
    return kind.function.getBody().addArgument(RankedTensorType::get(shape, builder.getF32Type()),
                                               nameOf(builder, name));
  }

  ModelBuilder::LayerKind &kind;
  std::string prefix;
};

std::vector<std::string> ModelBuilder::layerPrefixes(StringRef prefix, int64_t count, StringRef field) {
  rejectBeyond(prefix, count, field);
  std::vector<std::string> prefixes;
  for (int64_t layer = 0; layer < count; ++layer)
    prefixes.push_back((prefix + Twine(layer) + ".").str());
  return prefixes;
}

SmallVector<Value> ModelBuilder::layers(StringRef name, StringRef prefix, int64_t count, Value x, Value mask,
                                        LayerFunction build) {
  return layers(name, layerPrefixes(prefix, count), x, mask, build);
}

SmallVector<Value> ModelBuilder::layers(StringRef name, ArrayRef<std::string> prefixes, Value x, Value mask,
                                        LayerFunction build) {
  return sharingLayers(name, prefixes, x, mask,
                       [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return build(b, x, shared.front()); });
}

SmallVector<Value> ModelBuilder::sharingLayers(StringRef name, ArrayRef<std::string> prefixes, Value x,
                                               ArrayRef<Value> shared, SharingLayerFunction build) {
  SmallVector<Value> results;
  if (prefixes.empty())
    return results;
  const LayerKind kind = layerKind(name, prefixes.front(), x, shared, build);
  for (const std::string &prefix : prefixes)
    results.push_back(x = layer(kind, prefix, x, shared));
  return results;
}

ModelBuilder::LayerKind ModelBuilder::layerKind(StringRef name, StringRef prefix, Value x, ArrayRef<Value> shared,
                                                SharingLayerFunction build) {
  SmallVector<Type> types = {x.getType()};
  llvm::append_range(types, ValueRange(shared).getTypes());
  LayerKind kind;
  kind.function = func::FuncOp::create(builder.getUnknownLoc(), name, builder.getFunctionType(types, x.getType()));
  kind.function.setPrivate();
  entry->getBlock()->getOperations().insert(entry->getIterator(), kind.function);
  Block &body = *kind.function.addEntryBlock();
  body.getArgument(0).setLoc(nameOf(builder, "x"));
  for (auto [argument, value] : llvm::zip_equal(body.getArguments().drop_front(), shared))
    argument.setLoc(value == inputs.lookup("attention_mask") ? nameOf(builder, "mask") : value.getLoc());
  const SmallVector<Value> arguments(body.getArguments()); // weights are added behind them
  LayerBuilder layer(*this, kind, prefix);
  layer.finish(build(layer, arguments.front(), ArrayRef(arguments).drop_front()));
  return kind;
}

Value ModelBuilder::layer(const LayerKind &kind, StringRef prefix, Value x, ArrayRef<Value> shared) {
  for (const LayerKind::Weight &weight : kind.weights)
    requireWeight((prefix + weight.name).str(), weight.shape, weight.transposed);
  SmallVector<Value> operands = {x};
  llvm::append_range(operands, shared);
  func::FuncOp function = kind.function;
  auto layer =
      xf::LayerOp::create(builder, builder.getUnknownLoc(), function.getResultTypes(),
                          FlatSymbolRefAttr::get(function.getSymNameAttr()), operands, builder.getStringAttr(prefix));
  llvm::append_range(givenAttentions, layer.getOthers());
  return layer.getResult();
}

/// "encoder.layer.12.output.dense.bias" with 12 layers: the file and the config disagree about the model's depth.
void ModelBuilder::rejectBeyond(StringRef prefix, int64_t count, StringRef field) {
  for (const NamedWeight &weight : weights.weights()) {
    StringRef rest = weight.name;
    int64_t layer;
    if (rest.consume_front(prefix) && !rest.consumeInteger(10, layer) && rest.starts_with(".") && layer >= count)
      return reject("the checkpoint has '" + weight.name + "', but the config's " + field + " is " + Twine(count));
  }
}

//===----------------------------------------------------------------------===//
// ModelBuilder
//===----------------------------------------------------------------------===//

ModelBuilder::ModelBuilder(MLIRContext *context, const WeightNames &weights, StringRef entryName, bool givesAttentions)
    : BlockBuilder(*this, OpBuilder(context)), weights(weights), givesAttentions(givesAttentions) {
  module = ModuleOp::create(builder.getUnknownLoc());
  createEntry(entryName);
}

void ModelBuilder::createEntry(StringRef name) {
  builder.setInsertionPointToEnd(module->getBody());
  entry = func::FuncOp::create(builder, builder.getUnknownLoc(), name, builder.getFunctionType({}, {}));
  entry->setAttr(xf::XfDialect::entryAttr, builder.getUnitAttr());
  builder.setInsertionPointToStart(entry.addEntryBlock());
}

void ModelBuilder::beginEntry(StringRef name) {
  if (outputs.empty()) // nothing is in it yet
    return entry.setSymName(name);
  endEntry();
  inputs.clear();
  outputs.clear();
  givenAttentions.clear();
  createEntry(name);
}

void ModelBuilder::compare(StringRef text, StringRef image, double scale, double bias, xf::Fit fit) {
  (*module)->setAttr(xf::XfDialect::similarityAttr,
                     xf::SimilarityAttr::get(builder.getContext(), builder.getStringAttr(text),
                                             builder.getStringAttr(image), builder.getF64FloatAttr(scale),
                                             builder.getF64FloatAttr(bias), fit));
}

Value ModelBuilder::input(StringRef name, Type element, int64_t limit, xf::Rows axis) {
  return input(xf::nameOnAxis(name, axis), RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic}, element),
               limit);
}

Value ModelBuilder::input(StringRef name, RankedTensorType type, int64_t limit) {
  Value &value = inputs[name];
  if (value)
    return value;
  unsigned index = entry.getNumArguments();
  value = entry.getBody().addArgument(type, nameOf(builder, name));
  entry.setType(FunctionType::get(builder.getContext(), entry.getBody().getArgumentTypes(), {}));
  entry.setArgAttr(index, xf::XfDialect::inputAttr, builder.getStringAttr(name));
  if (limit)
    entry.setArgAttr(index, xf::XfDialect::limitAttr, builder.getI64IntegerAttr(limit));
  return value;
}

Value ModelBuilder::inputIds(int64_t limit, xf::Rows axis) {
  return input("input_ids", builder.getI32Type(), limit, axis);
}
Value ModelBuilder::tokenTypeIds(int64_t limit) { return input("token_type_ids", builder.getI32Type(), limit); }
Value ModelBuilder::tokenTypeIdsIfAny(int64_t limit) { return optional(tokenTypeIds(limit)); }
Value ModelBuilder::langsIfAny(int64_t limit) { return optional(input("langs", builder.getI32Type(), limit)); }
Value ModelBuilder::optional(Value input) {
  entry.setArgAttr(cast<BlockArgument>(input).getArgNumber(), xf::XfDialect::omittedAttr,
                   builder.getI64IntegerAttr(-1));
  return input;
}
void ModelBuilder::countTokensWithoutMask(int64_t paddingId) {
  entry.setArgAttr(cast<BlockArgument>(inputs.lookup("input_ids")).getArgNumber(), xf::XfDialect::paddingIdAttr,
                   builder.getI64IntegerAttr(paddingId));
}
Value ModelBuilder::clusterIds(int64_t number, int64_t first, int64_t count) {
  Value value = input("cluster_ids." + std::to_string(number), builder.getI32Type(), count);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::firstIdOfAttr,
                   builder.getI64IntegerAttr(first));
  return value;
}
Value ModelBuilder::memoryMask() { return input(xf::memoryPrefix.str() + "attention_mask", builder.getI1Type(), 0); }
Value ModelBuilder::memoryColumns() { return input(xf::memoryPrefix.str() + "columns", builder.getI32Type(), 0); }
Value ModelBuilder::memoryTypeIds(int64_t limit) {
  return input(xf::memoryPrefix.str() + "token_type_ids", builder.getI32Type(), limit);
}
Value ModelBuilder::remember(Value x, int64_t number, const MemoryForm &form) {
  const std::string name = xf::memoriesPrefix.str() + std::to_string(number);
  Value memory = rows(name, typeOf(x).getShape().back());
  entry.setArgAttr(cast<BlockArgument>(memory).getArgNumber(), xf::XfDialect::memoryRowsAttr,
                   builder.getI64IntegerAttr(form.omitted));
  Value all =
      xf::RememberOp::create(builder, builder.getUnknownLoc(), memory.getType(), memory, x, /*offsets=*/ValueRange());
  if (form.isGiven)
    output(name, all, {.keptRows = form.kept});
  return all;
}
Value ModelBuilder::previousIds(int64_t limit) { return input("previous_ids", builder.getI32Type(), limit); }
Value ModelBuilder::nextIds(int64_t limit) { return input("next_ids", builder.getI32Type(), limit); }
Value ModelBuilder::columns(xf::Rows axis) { return input("columns", builder.getI32Type(), 0, axis); }
Value ModelBuilder::randomRotations(int64_t layer, ArrayRef<int64_t> shape) {
  Value value = input((xf::rotationsPrefix + Twine(layer)).str(),
                      RankedTensorType::get({ShapedType::kDynamic, shape[2] * shape[3]}, builder.getF32Type()), 0);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::shapeAttr,
                   builder.getDenseI64ArrayAttr(shape));
  return value;
}
Value ModelBuilder::rowColumns() {
  return input("row_columns", RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type()), 0);
}
Value ModelBuilder::tokenColumns(int64_t limit) {
  entry->setAttr(xf::XfDialect::positionLimitAttr, builder.getI64IntegerAttr(limit));
  Value value = input("token_columns", builder.getI32Type(), 0);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::countsTokensAttr, builder.getUnitAttr());
  return value;
}
Value ModelBuilder::prefix() {
  return input("prefix_lens", RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type()), 0);
}
Value ModelBuilder::tokenPrefix() {
  Value value = prefix();
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::countsTokensAttr, builder.getUnitAttr());
  return value;
}
Value ModelBuilder::modalIds() { return input("modal_ids", builder.getI32Type(), 0); }
Value ModelBuilder::inputModal(int64_t width) { return rows("input_modal", width); }
Value ModelBuilder::rows(StringRef name, int64_t width) {
  return input(name, RankedTensorType::get({ShapedType::kDynamic, ShapedType::kDynamic, width}, builder.getF32Type()),
               width);
}
Value ModelBuilder::globalMask(std::optional<xf::Globals> omitted, int64_t separatorId) {
  Value value = input("global_attention_mask", builder.getI32Type(), 2);
  const unsigned index = cast<BlockArgument>(value).getArgNumber();
  if (omitted)
    entry.setArgAttr(index, xf::XfDialect::globalsAttr, xf::GlobalsAttr::get(builder.getContext(), *omitted));
  if (omitted && *omitted != xf::Globals::FirstColumn)
    entry.setArgAttr(index, xf::XfDialect::paddingIdAttr, builder.getI64IntegerAttr(separatorId));
  return value;
}
Value ModelBuilder::blockGlobals(int64_t block, int64_t repeats) {
  Value value = input("block_globals", builder.getI32Type(), 0);
  const unsigned index = cast<BlockArgument>(value).getArgNumber();
  entry.setArgAttr(index, xf::XfDialect::blockAttr, builder.getI64IntegerAttr(block));
  entry.setArgAttr(index, xf::XfDialect::repeatsAttr, builder.getI64IntegerAttr(repeats));
  return value;
}
Value ModelBuilder::questionMask(int64_t separatorId) {
  Value value = input("question_mask", builder.getI32Type(), 2);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::paddingIdAttr,
                   builder.getI64IntegerAttr(separatorId));
  return value;
}
void ModelBuilder::tellTypesBySeparator(int64_t separatorId) {
  typesAreTold = true;
  entry.setArgAttr(cast<BlockArgument>(inputs.lookup("token_type_ids")).getArgNumber(), xf::XfDialect::paddingIdAttr,
                   builder.getI64IntegerAttr(separatorId));
}
Value ModelBuilder::patchLinear(const ImageForm &image, StringRef name, int64_t width, bool biased) {
  const int64_t numbers = image.channels * image.patchHeight * image.patchWidth;
  Value patches = rows("pixel_values", numbers);
  entry.setArgAttr(cast<BlockArgument>(patches).getArgNumber(), xf::XfDialect::imageAttr,
                   xf::ImageAttr::get(builder.getContext(), image.channels, image.height, image.width,
                                      image.patchHeight, image.patchWidth, image.lead, image.gridHeight,
                                      image.gridWidth, image.resize));
  const std::string kernel = (name + ".weight").str();
  if (const TensorView *tensor =
          findWeight(kernel, {width, image.channels, image.patchHeight, image.patchWidth})) // whose bytes are in order
    addWeight(kernel, {width, numbers}, tensor->dtype, tensor->bytes, /*transposed=*/false);
  return linear(patches, load(kernel, {width, numbers}), biased ? (name + ".bias").str() : "", width);
}
Value ModelBuilder::leadIds() { return input("lead_ids", builder.getI32Type(), 0); }
Value ModelBuilder::leadMask() { return input("lead_mask", builder.getI32Type(), 2); }
Value ModelBuilder::patchMask() { return input("patch_mask", builder.getI32Type(), 2); }
Value ModelBuilder::gridRows(const ImageForm &image) { return rows("grid_rows", image.gridHeight); }
Value ModelBuilder::gridColumns(const ImageForm &image) { return rows("grid_columns", image.gridWidth); }
Value ModelBuilder::promptMask() { return input("prompt_mask", builder.getI32Type(), 2); }
Value ModelBuilder::exceptLast(int64_t paddingId) {
  Value value = input("except_last", builder.getI32Type(), 2);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::paddingIdAttr,
                   builder.getI64IntegerAttr(paddingId));
  return value;
}
Value ModelBuilder::exceptFirst(std::optional<int64_t> id) {
  Value value = input("except_first", builder.getI32Type(), 2);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::paddingIdAttr,
                   builder.getI64IntegerAttr(id.value_or(-1)));
  return value;
}
Value ModelBuilder::exceptChosen() { return input("except_chosen", builder.getI32Type(), 2); }
void ModelBuilder::shiftTargets(std::optional<int64_t> firstId, int64_t paddingId) {
  const unsigned index = cast<BlockArgument>(inputs.lookup("decoder_input_ids")).getArgNumber();
  entry.setArgAttr(index, xf::XfDialect::shiftedAttr, builder.getUnitAttr());
  if (firstId)
    entry.setArgAttr(index, xf::XfDialect::firstIdAttr, builder.getI64IntegerAttr(*firstId));
  else
    entry.setArgAttr(index, xf::XfDialect::paddingIdAttr, builder.getI64IntegerAttr(paddingId));
}
Value ModelBuilder::exceptEnd(int64_t endId) {
  Value value = input("except_end", builder.getI32Type(), 2, xf::Rows::Targets);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::paddingIdAttr,
                   builder.getI64IntegerAttr(endId));
  return value;
}
Value ModelBuilder::mask(xf::Rows axis) { return input("attention_mask", builder.getI1Type(), 0, axis); }
Value ModelBuilder::positionIds(int64_t limit, std::optional<int64_t> paddingId, xf::Rows axis) {
  const int64_t unused = paddingId ? *paddingId + 1 : 0; // positions before the first token's
  entry->setAttr(xf::XfDialect::positionLimitAttr, builder.getI64IntegerAttr(limit - unused));
  Value value = input("position_ids", builder.getI32Type(), limit, axis);
  if (paddingId)
    entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::paddingIdAttr,
                     builder.getI64IntegerAttr(*paddingId));
  return value;
}

void ModelBuilder::limitLength(int64_t longest) {
  entry->setAttr(xf::XfDialect::positionLimitAttr, builder.getI64IntegerAttr(longest));
}

Value ModelBuilder::tokenPositions(int64_t limit) {
  Value value = positionIds(limit);
  entry.setArgAttr(cast<BlockArgument>(value).getArgNumber(), xf::XfDialect::countsTokensAttr, builder.getUnitAttr());
  return value;
}

void ModelBuilder::output(StringRef name, Value value, OutputForm form) {
  // What is for the next run stands behind what this one is for.
  auto isForNext = [](const Output &output) { return output.form.keptRows.has_value(); };
  outputs.insert(form.keptRows ? outputs.end() : llvm::find_if(outputs, isForNext), {name.str(), value, form});
}

void ModelBuilder::generates() { entry->setAttr(xf::XfDialect::generatesAttr, builder.getUnitAttr()); }

void ModelBuilder::takeChoices() { entry->setAttr(xf::XfDialect::choicesAttr, builder.getUnitAttr()); }

void ModelBuilder::reject(const Twine &message) {
  if (firstError.empty())
    firstError = message.str();
}

static FloatType storedType(DType dtype, Builder &builder) {
  switch (dtype) {
  case DType::F16:
    return builder.getF16Type();
  case DType::BF16:
    return builder.getBF16Type();
  case DType::F64:
    return builder.getF64Type();
  default:
    return builder.getF32Type();
  }
}

const TensorView *ModelBuilder::findWeight(StringRef name, ArrayRef<int64_t> shape) {
  auto refuse = [&](const Twine &message) -> const TensorView * { return reject(message), nullptr; };
  const TensorView *tensor = weights.find(name);
  if (!tensor)
    return refuse("the checkpoint has no tensor '" + name + "' (" + shapeText(shape) + "), which the model needs");
  if (auto stored = storedShapes.find(name); stored != storedShapes.end()) {
    assert(ShapedType::getNumElements(stored->second) == ShapedType::getNumElements(shape) && "the same numbers");
    shape = stored->second;
  }
  if (ArrayRef<int64_t>(tensor->shape) != shape)
    return refuse("tensor '" + tensor->name + "' has shape " + shapeText(tensor->shape) + "; the config asks for " +
                  shapeText(shape));
  if (!isWeightType(tensor->dtype))
    return refuse("tensor '" + tensor->name + "' is stored as " + dtypeName(tensor->dtype) +
                  "; accepted are F32, F16, BF16 and F64");
  return tensor;
}

void ModelBuilder::requireWeight(StringRef name, ArrayRef<int64_t> shape, bool transposed) {
  if (auto own = defined.find(name); own != defined.end()) {
    assert(ArrayRef<int64_t>(own->second) == shape && "a weight is used as it was defined");
    return;
  }
  SmallVector<int64_t> stored(shape);
  if (transposed)
    std::reverse(stored.begin(), stored.end());
  if (const TensorView *tensor = findWeight(name, stored))
    addWeight(name, stored, tensor->dtype, tensor->bytes, transposed);
}

void ModelBuilder::addWeight(StringRef name, ArrayRef<int64_t> stored, DType dtype, ArrayRef<uint8_t> contents,
                             bool transposed) {
  if (!used.insert(name).second)
    return;
  OpBuilder moduleBuilder = OpBuilder::atBlockEnd(module->getBody());
  auto type = RankedTensorType::get(stored, storedType(dtype, builder));
  // The blob is the mapped file's own bytes, at whatever address they lie.
  ArrayRef<char> bytes(reinterpret_cast<const char *>(contents.data()), contents.size());
  auto value = DenseResourceElementsAttr::get(type, name, UnmanagedAsmResourceBlob::allocateWithAlign(bytes, 1));
  xf::WeightOp::create(moduleBuilder, builder.getUnknownLoc(), name, value, transposed);
}

void ModelBuilder::defineWeight(StringRef name, ArrayRef<int64_t> shape, ArrayRef<float> values) {
  if (!defined.try_emplace(name, shape).second)
    return;
  OpBuilder moduleBuilder = OpBuilder::atBlockEnd(module->getBody());
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  auto value = DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyInferAlign(values));
  xf::WeightOp::create(moduleBuilder, builder.getUnknownLoc(), name, value);
}

Value ModelBuilder::constantVector(StringRef name, ArrayRef<float> values) {
  defineWeight(name, {int64_t(values.size())}, values);
  return weight(name, {int64_t(values.size())}, /*transposed=*/false);
}

std::vector<float> ModelBuilder::valuesOf(StringRef name, ArrayRef<int64_t> shape) {
  std::vector<float> values(ShapedType::getNumElements(shape));
  if (const TensorView *tensor = findWeight(name, shape)) {
    if (llvm::Error error = checkFinite(*tensor, "the checkpoint"))
      reject(llvm::toString(std::move(error)));
    widenToF32(*tensor, 0, values);
    read.insert(name);
  }
  return values;
}

void ModelBuilder::storedAs(StringRef name, ArrayRef<int64_t> shape) {
  storedShapes[name] = SmallVector<int64_t>(shape);
}

void ModelBuilder::reorderRows(StringRef name, ArrayRef<int64_t> shape, ArrayRef<int64_t> order) {
  const TensorView *tensor = findWeight(name, shape);
  if (!tensor || !used.insert(name).second)
    return;
  const size_t rowBytes = tensor->bytes.size() / order.size();
  std::vector<char> bytes;
  for (int64_t row : order)
    llvm::append_range(bytes, ArrayRef(tensor->bytes).slice(row * rowBytes, rowBytes));
  OpBuilder moduleBuilder = OpBuilder::atBlockEnd(module->getBody());
  auto type = RankedTensorType::get(shape, storedType(tensor->dtype, builder));
  auto value = DenseResourceElementsAttr::get(type, name, HeapAsmResourceBlob::allocateAndCopyInferAlign<char>(bytes));
  xf::WeightOp::create(moduleBuilder, builder.getUnknownLoc(), name, value);
}

void ModelBuilder::defineRows(StringRef part, StringRef name, int64_t all, int64_t first, ArrayRef<int64_t> shape,
                              bool transposed) {
  SmallVector<int64_t> whole(shape), asRead(shape);
  whole.front() = all;
  if (transposed)
    std::reverse(asRead.begin(), asRead.end());
  const bool isNew = defined.try_emplace(part, asRead).second;
  const TensorView *tensor = findWeight(name, whole);
  if (!tensor || !isNew)
    return;
  if (llvm::Error error = checkFinite(*tensor, "the checkpoint"))
    reject(llvm::toString(std::move(error)));
  read.insert(name);
  const size_t rowBytes = tensor->bytes.size() / all;
  addWeight(part, shape, tensor->dtype, ArrayRef(tensor->bytes).slice(first * rowBytes, shape.front() * rowBytes),
            transposed);
}

double ModelBuilder::roundedLike(StringRef name, double value) {
  const TensorView *tensor = weights.find(name);
  llvm::APFloat rounded(value);
  bool inexact;
  if (tensor && isWeightType(tensor->dtype))
    rounded.convert(storedType(tensor->dtype, builder).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                    &inexact);
  rounded.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return rounded.convertToDouble();
}

Value ModelBuilder::angles(Value positions, StringRef name, ArrayRef<float> frequencies, double factor) {
  SmallVector<int64_t> shape(typeOf(positions).getShape());
  shape.push_back(2 * frequencies.size());
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  Value angles =
      xf::AnglesOp::create(builder, builder.getUnknownLoc(), type, positions, constantVector(name, frequencies));
  return factor == 1 ? angles : scale(angles, factor);
}

Value ModelBuilder::pool(Value x, xf::PoolMode mode, Value except, xf::Rows axis) {
  auto type = typeOf(x).clone({typeOf(x).getDimSize(0), typeOf(x).getDimSize(2)});
  return xf::PoolOp::create(builder, builder.getUnknownLoc(), type, mode, x, mask(axis), /*cu_seqlens=*/Value(),
                            mode == xf::PoolMode::WeightedMean ? columns(axis) : Value(), except);
}

Value ModelBuilder::weight(StringRef name, ArrayRef<int64_t> shape, bool transposed) {
  requireWeight(name, shape, transposed);
  return load(name, shape);
}

Value ModelBuilder::load(StringRef name, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return xf::LoadWeightOp::create(builder, nameOf(builder, name), type,
                                  FlatSymbolRefAttr::get(builder.getContext(), name));
}

Value ModelBuilder::lookupBehind(Value ids, StringRef table, int64_t skipped, int64_t rows, int64_t hidden) {
  const std::string name = (table + ".weight").str();
  if (const TensorView *tensor = findWeight(name, {skipped + rows, hidden}))
    addWeight(name, {rows, hidden}, tensor->dtype,
              ArrayRef(tensor->bytes).drop_front(tensor->bytes.size() / (skipped + rows) * skipped),
              /*transposed=*/false);
  return lookup(ids, load(name, {rows, hidden}), /*orZeros=*/false);
}

/// What a value of the entry has one row of, by its axes.
static StringRef rowsOf(Value value, const xf::TokenAxes &axes) {
  const int64_t rank = typeOf(value).getRank();
  const xf::Rows scores = axes.hasMemories() ? xf::Rows::MemoryScores : xf::Rows::Scores;
  return xf::stringifyRows(rank == 4 ? scores : rank == 3 ? axes.of(value) : xf::Rows::Sequences);
}

void ModelBuilder::endEntry() {
  SmallVector<Value> values = llvm::map_to_vector(outputs, [](const Output &output) { return output.value; });
  func::ReturnOp::create(builder, builder.getUnknownLoc(), values);
  entry.setType(
      FunctionType::get(builder.getContext(), entry.getBody().getArgumentTypes(), ValueRange(values).getTypes()));
  const xf::TokenAxes axes(*module);
  for (auto [index, output] : llvm::enumerate(outputs)) {
    entry.setResultAttr(index, xf::XfDialect::outputAttr, builder.getStringAttr(output.name));
    entry.setResultAttr(index, xf::XfDialect::rowsAttr, builder.getStringAttr(rowsOf(output.value, axes)));
    if (output.form.firstColumn != FirstColumn::Unused)
      entry.setResultAttr(index, xf::XfDialect::firstColumnAttr,
                          builder.getStringAttr(output.form.firstColumn == FirstColumn::Zero ? "zero" : "error"));
    if (output.form.keptRows)
      entry.setResultAttr(index, xf::XfDialect::keptRowsAttr, builder.getI64IntegerAttr(*output.form.keptRows));
    if (output.form.squeezed)
      entry.setResultAttr(index, xf::XfDialect::squeezedAttr, builder.getUnitAttr());
    if (output.form.byChoice)
      entry.setResultAttr(index, xf::XfDialect::byChoiceAttr, builder.getUnitAttr());
  }
}

llvm::Expected<OwningOpRef<ModuleOp>> ModelBuilder::finish() {
  if (!firstError.empty())
    return llvm::createStringError(firstError);
  endEntry();
  if (failed(verify(*module)))
    return llvm::createStringError("the imported model does not verify: a defect of Lathe");
  return std::move(module);
}

bool ModelBuilder::isExpected(StringRef name) const {
  return llvm::any_of(expectedPrefixes, [&](const std::string &prefix) { return name.starts_with(prefix); });
}

std::vector<std::string> ModelBuilder::unknownWeights() const {
  std::vector<std::string> names;
  for (const NamedWeight &weight : weights.weights())
    if (!used.contains(weight.name) && !read.contains(weight.name) && !isExpected(weight.name))
      names.push_back(weight.tensor->name);
  return names;
}

std::vector<std::string> ModelBuilder::unusedWeights() const {
  std::vector<std::string> names;
  for (const NamedWeight &weight : weights.weights())
    if (!used.contains(weight.name) && !read.contains(weight.name) && isExpected(weight.name))
      names.push_back(weight.tensor->name);
  return names;
}

} // namespace lathe
