//===- ProductKernels.cpp - kernels for what has weights and precisions -------===//
#include "backends/cpu/EntrySelector.h"
#include "backends/cpu/kernels/KernelBuilder.h"
#include "backends/cpu/layouts/WeightLayout.h"
#include "passes/precision/Observed.h"

using namespace mlir;

namespace lathe {

namespace {

/// What a precision is called, in the names of kernels and of layouts.
struct Names {
  StringRef gemm, embed, panels, rows;
};

Names namesOf(std::optional<xf::Precision> precision, std::optional<int64_t> group = std::nullopt) {
  if (!precision)
    return {"gemm_f32", "embed_f32", "panels", "rows"};
  switch (*precision) {
  case xf::Precision::BF16:
    return {"gemm_bf16", "embed_bf16", "panels_bf16", "rows_bf16"};
  case xf::Precision::INT8:
    return {"gemm_s8", "embed_s8", "panels_s8", "rows_s8"};
  case xf::Precision::INT4: // tables have another precision then
    return {"gemm_s4", "", *group == 32 ? "panels_s4_g32" : *group == 64 ? "panels_s4_g64" : "panels_s4_g128", ""};
  }
  llvm_unreachable("a precision");
}

} // namespace

std::optional<EntrySelector::FactorForm> EntrySelector::formOfX(xf::LinearOp linear) {
  if (!linear.getPrecision())
    return std::nullopt;
  auto smoothing = linear.getSmoothing() ? linear.getSmoothing().getDefiningOp<xf::LoadWeightOp>() : nullptr;
  return FactorForm{*xf::precisionOfX(linear.getPrecision()), smoothing ? smoothing.getWeight() : StringRef()};
}

Value EntrySelector::sharedVector(StringRef name) {
  return name.empty() ? Value() : calls.weight(WeightRef{{name.str()}}, "vector");
}

Buffer EntrySelector::getFactor(Value value, std::optional<FactorForm> form, Value range) {
  if (!form)
    return get(value);
  Factor inItsForm; // other readers have other ranges or smoothing, or none
  const bool others =
      factors.contains({value, form->precision}) && factors[{value, form->precision}].smoothing != form->smoothing;
  Factor &factor = others || (range && !value.hasOneUse()) ? inItsForm : factors[{value, form->precision}];
  if (factor.buffer.memref)
    return factor.buffer;
  const bool isNarrow = !buffers.contains(value); // then what it has is in bf16
  const Buffer x = isNarrow ? factors.lookup({value, xf::Precision::BF16}).buffer : get(value);
  factor = {allocateFactor(form->precision, x.rows, x.width), form->smoothing};
  const Buffer &y = factor.buffer;
  SmallVector<std::pair<StringRef, Value>> arguments = {{"x", x.memref},
                                                        {"ldx", calls.integer(x.stride)},
                                                        {"y", y.memref},
                                                        {"ldy", calls.integer(y.stride)},
                                                        {"M", calls.countOf(x.rows)},
                                                        {"N", calls.integer(x.width)}};
  if (form->precision == xf::Precision::BF16) {
    calls.launch("round_bf16", {}, arguments, "round");
    return y;
  }
  arguments.push_back({"range", range ? calls.weight(weightRefs[range], "vector") : Value()});
  arguments.push_back({"smoothing", sharedVector(form->smoothing)});
  calls.launch("quantize_u8",
               {calls.flag("fixed", bool(range)), calls.flag("smoothed", !form->smoothing.empty()),
                calls.flag("x_bf16", isNarrow)},
               arguments, "quantize");
  return y;
}

void EntrySelector::forgetFactors(Value value) {
  for (xf::Precision precision : {xf::Precision::BF16, xf::Precision::INT8})
    factors.erase({value, precision});
}

Buffer EntrySelector::allocateFactor(xf::Precision precision, xf::Rows rows, int64_t width) {
  return precision == xf::Precision::INT8 ? calls.allocateQuantized(rows, width) : calls.allocateBf16(rows, width);
}

std::optional<EntrySelector::FactorForm> EntrySelector::formOfReaders(Value value) {
  auto ofUse = [&](OpOperand &use) -> std::optional<FactorForm> {
    if (auto linear = dyn_cast<xf::LinearOp>(use.getOwner()))
      return use.get() == linear.getX() && !linear.getRange() ? formOfX(linear) : std::nullopt;
    StringRef callee;
    if (auto layer = dyn_cast<xf::LayerOp>(use.getOwner()))
      callee = layer.getCallee();
    if (auto layers = dyn_cast<xf::LayersOp>(use.getOwner()))
      callee = layers.getCallee();
    if (callee.empty() || use.getOperandNumber() != 0)
      return std::nullopt;
    return formOfReaders(module.lookupSymbol<func::FuncOp>(callee).getArgument(0));
  };
  for (OpOperand &use : value.getUses())
    if (std::optional<FactorForm> form = ofUse(use))
      return form;
  return std::nullopt;
}

EntrySelector::RoundedBuffer EntrySelector::roundedBufferFor(Value value, xf::Rows rows) {
  const std::optional<FactorForm> read = formOfReaders(value);
  for (auto [precision, form] : {std::pair<xf::Precision, StringRef>{xf::Precision::BF16, "bf16"},
                                 std::pair<xf::Precision, StringRef>{xf::Precision::INT8, "u8"}}) {
    auto place = factors.find({value, precision});
    if (place == factors.end() && read && read->precision == precision)
      place = factors.insert({{value, precision}, {allocateFactor(precision, rows, widthOf(value)), read->smoothing}})
                  .first;
    if (place != factors.end())
      return {form, place->second.buffer, sharedVector(place->second.smoothing)};
  }
  return {};
}

/// Whether a use of a value multiplies it in bf16, and does nothing else with it.
static bool multipliesInBf16(OpOperand &use) {
  if (auto split = dyn_cast<xf::SplitOp>(use.getOwner()))
    return llvm::all_of(split.getResults(), [](Value part) { return llvm::all_of(part.getUses(), multipliesInBf16); });
  if (auto attention = dyn_cast<xf::AttentionOp>(use.getOwner()))
    return attention.getPrecision() == xf::Precision::BF16 && use.getOperandNumber() < 3; // query, key, value
  if (auto append = dyn_cast<xf::AppendCacheOp>(use.getOwner()))
    return append.getPrecision() == xf::Precision::BF16 && use.getOperandNumber() < 2; // key, value
  if (auto attention = dyn_cast<xf::PagedAttentionOp>(use.getOwner()))
    return attention.getPrecision() == xf::Precision::BF16 && use.getOperandNumber() == 0; // query
  auto linear = dyn_cast<xf::LinearOp>(use.getOwner());
  return linear && linear.getPrecision() == xf::Precision::BF16 && use.get() == linear.getX() &&
         use.get() != linear.getResidual();
}

Buffer EntrySelector::bufferForProduct(Value value, xf::Rows rows, bool isNarrow) {
  if (buffers.contains(value) || !(isNarrow || llvm::all_of(value.getUses(), multipliesInBf16)))
    return bufferInJoin(value, rows);
  return (factors[{value, xf::Precision::BF16}] = {calls.allocateBf16(rows, widthOf(value))}).buffer;
}

/// Bytes of a table, of so many for a row, that a run reads: a row for each token, but positions are the same in every
/// sequence, and of types there are few.
xf::WorkFormula EntrySelector::bytesLookedUp(Value table, Value ids, int64_t rowBytes) {
  int64_t rows = cast<RankedTensorType>(table.getType()).getDimSize(0);
  auto argument = dyn_cast<BlockArgument>(ids);
  auto input =
      argument ? entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), xf::XfDialect::inputAttr) : StringAttr();
  if (input && input.getValue() == "position_ids")
    return {xf::WorkFormula::PerLongest, rowBytes};
  if (input && input.getValue() == "token_type_ids")
    return {xf::WorkFormula::Fixed, rows * rowBytes};
  return {xf::termOf(get(ids).rows), rowBytes};
}

LogicalResult EntrySelector::lowerLookups(Value result, ValueRange ids, ValueRange tables, Value gain, Value bias,
                                          double eps, std::optional<xf::Precision> precision, bool orZeros) {
  static constexpr StringRef tableSlots[] = {"table0", "table1", "table2", "table3"};
  static constexpr StringRef idsSlots[] = {"ids0", "ids1", "ids2", "ids3"};
  if (tables.size() > std::size(tableSlots))
    return result.getDefiningOp()->emitOpError("sums rows of ")
           << tables.size() << " tables; the CPU's embedding takes up to " << std::size(tableSlots);
  const xf::Rows rows = get(ids.front()).rows;
  Buffer y = bufferInJoin(result, rows);
  SmallVector<Value, 4> table(4), id(4);
  const RoundedBuffer rounded = gain ? roundedBufferFor(result, rows) : RoundedBuffer();
  int64_t packed = 0;
  const Names names = namesOf(precision);
  LaunchWork work;
  for (unsigned t = 0; t < tables.size(); ++t) {
    const WeightRef &ref = weightRefs[tables[t]];
    bool panels =
        !ref.perLayer && ref.names.size() == 1 && panelTables.contains({contentOf(ref.names.front()), precision});
    packed |= int64_t(panels) << t;
    table[t] = calls.weight(ref, panels ? names.panels : names.rows);
    id[t] = memref(ids[t]);
    int64_t rowBytes = lookupLayout(names.rows)->bytes(calls.builder, {1, widthOf(tables[t])});
    // Of what a caller may leave out, the least is nothing.
    work.bytes.push_back({tableSlots[t], orZeros ? xf::WorkFormula() : bytesLookedUp(tables[t], ids[t], rowBytes)});
  }
  calls.launch(names.embed,
               {calls.number("tables", tables.size()), calls.flag("norm", bool(gain)),
                calls.flag("unbiased", gain && !bias), calls.number("packed", packed), calls.flag("or_zeros", orZeros),
                calls.choice("rounded", rounded.form), calls.flag("smoothed", bool(rounded.smoothing))},
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
                {"M", calls.countOf(rows)},
                {"H", calls.integer(y.width)},
                {"rounded", rounded.buffer.memref},
                {"ldrounded", calls.integer(rounded.buffer.stride)},
                {"smoothing", rounded.smoothing}},
               "embeddings", work);
  return success();
}

/// The range in which the only reader of a value multiplies it in int8; null where there is none.
static Value rangeOfOnlyReader(Value value) {
  auto reader = value.hasOneUse() ? dyn_cast<xf::LinearOp>(*value.user_begin()) : nullptr;
  return reader && reader.getX() == value ? reader.getRange() : Value();
}

bool EntrySelector::keepsGreatest(Value value) {
  auto linear = value.getDefiningOp<xf::LinearOp>();
  return linear && value.hasOneUse() && isa<xf::ArgmaxOp>(*value.user_begin()) && !linear.getActivation() &&
         !linear.getResidual();
}

void EntrySelector::lowerLinear(xf::LinearOp op) {
  if (op->hasAttr(observedAttr)) {
    const Buffer read = get(op.getX());
    calls.copy(read, calls.allocate(read.rows, read.width), observedStepPrefix + nameOf(op.getWeight()));
  }
  const Names names = namesOf(op.getPrecision(), op.getGroup());
  const Buffer x = getFactor(op.getX(), formOfX(op), op.getRange());
  const bool isNarrow = op.getPrecision().has_value();
  const Value range = op.getPrecision() == xf::Precision::INT8 ? rangeOfOnlyReader(op.getResult()) : Value();
  const bool isBest = keepsGreatest(op.getResult());
  Buffer y;
  if (isBest)
    y = buffers[op.getResult()] =
        calls.allocate(x.rows, 2 * llvm::divideCeil(widthOf(op.getResult()), KernelBuilder::lanes));
  else if (range && !buffers.contains(op.getResult()))
    y = (factors[{op.getResult(), xf::Precision::INT8}] = {calls.allocateQuantized(x.rows, widthOf(op.getResult()))})
            .buffer;
  else
    y = isNarrow ? bufferForProduct(op.getResult(), x.rows, op.getNarrow()) : bufferInJoin(op.getResult(), x.rows);
  const Type stored = cast<MemRefType>(y.memref.getType()).getElementType();
  StringRef activation = op.getActivation() ? xf::stringifyActivation(*op.getActivation()) : "none";
  SmallVector<NamedAttribute> params = {calls.flag("bias", bool(op.getBias())), calls.choice("activation", activation),
                                        calls.flag("residual", bool(op.getResidual()))};
  if (isBest)
    params.push_back(calls.flag("best", true));
  if (isNarrow)
    params.push_back(calls.flag("y_bf16", stored.isBF16()));
  if (stored.isInteger(8))
    params.push_back(calls.flag("y_u8", true));
  if (op.getGroup())
    params.push_back(calls.choice("group", "g" + std::to_string(*op.getGroup())));
  Packing packing = names.panels;
  if (op.getSmoothing())
    packing.smoothing = weightRefs[op.getSmoothing()];
  if (op.getImportance())
    packing.importance = weightRefs[op.getImportance()];
  SmallVector<std::pair<StringRef, Value>> arguments = {
      {"x", x.memref},
      {"ldx", calls.integer(x.stride)},
      {"w", calls.weight(weightRefs[op.getWeight()], packing)},
      {"bias", op.getBias() ? calls.weight(weightRefs[op.getBias()], "vector") : Value()},
      {"residual", memref(op.getResidual())},
      {"ldr", stride(op.getResidual())},
      {"y", y.memref},
      {"ldy", calls.integer(y.stride)},
      {"M", calls.countOf(x.rows)},
      {"N", calls.integer(widthOf(op.getResult()))},
      {"K", calls.integer(x.width)}};
  if (stored.isInteger(8))
    arguments.push_back({"range", calls.weight(weightRefs[range], "vector")});
  calls.launch(names.gemm, params, arguments, nameOf(op.getWeight()),
               {.flops = {xf::termOf(x.rows), 2 * widthOf(op.getResult()) * x.width}});
}

} // namespace lathe
