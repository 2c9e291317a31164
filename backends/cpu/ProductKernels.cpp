//===- ProductKernels.cpp - kernels for what has weights and precisions -------===//
#include "backends/cpu/EntrySelector.h"

using namespace mlir;

namespace lathe {

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

} // namespace lathe
