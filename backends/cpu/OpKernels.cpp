//===- OpKernels.cpp - which kernel computes an op, with which arguments ------===//
#include "backends/cpu/EntrySelector.h"
#include "backends/cpu/RowGroups.h"

using namespace mlir;

namespace lathe {

void EntrySelector::lowerSplit(xf::SplitOp op) {
  const Buffer whole = buffers.lookup(op.getInput()),
               inBf16 = factors.lookup({op.getInput(), xf::Precision::BF16}).buffer;
  int64_t from = 0;
  for (Value result : op.getResults()) {
    if (whole.memref)
      buffers[result] = calls.columns(whole, from, widthOf(result));
    if (inBf16.memref)
      factors[{result, xf::Precision::BF16}] = {calls.columns(inBf16, from, widthOf(result))};
    from += widthOf(result);
  }
}

void EntrySelector::lowerJoin(xf::JoinOp op) {
  Buffer y = bufferFor(op.getResult(), get(op.getInputs()[0]).rows);
  int64_t from = 0;
  for (Value input : op.getInputs()) {
    auto columns = get(input).memref.getDefiningOp<xf::ColumnsOp>();
    if (!columns || columns.getBuffer() != y.memref) // else it was computed there
      calls.copy(get(input), calls.columns(y, from, widthOf(input)), "join");
    from += widthOf(input);
  }
}

void EntrySelector::lowerAngles(xf::AnglesOp op) {
  Buffer y = bufferFor(op.getResult(), get(op.getPositions()).rows);
  calls.launch("angles_f32", {},
               {{"positions", memref(op.getPositions())},
                {"frequencies", calls.weight(weightRefs[op.getFrequencies()], "vector")},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(y.rows)},
                {"N", calls.integer(widthOf(op.getFrequencies()))}},
               nameOf(op.getFrequencies()));
}

void EntrySelector::lowerRotate(xf::RotateOp op) {
  const Buffer x = get(op.getX()), angles = get(op.getAngles());
  const Buffer y = bufferForProduct(op.getResult(), x.rows);
  calls.launch("rotate_f32",
               {calls.number("head_dim", x.width / int64_t(op.getHeads())),
                calls.number("passed", x.width / int64_t(op.getHeads()) - angles.width),
                calls.flag("y_bf16", cast<MemRefType>(y.memref.getType()).getElementType().isBF16())},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"angles", angles.memref},
                {"ldangles", calls.integer(angles.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"heads", calls.integer(op.getHeads())}},
               "rotate");
}

void EntrySelector::lowerBlend(xf::BlendOp op) {
  const Buffer rows = get(op.getRowWeights()), columns = get(op.getColumnWeights());
  const Buffer y = bufferFor(op.getResult(), rows.rows);
  // Most rows have one place, in many runs all of them.
  const LaunchWork work = {.bytes = {{"grid", {xf::termOf(rows.rows), y.width * int64_t(sizeof(float))}}}};
  calls.launch("blend_f32", {},
               {{"row_weights", rows.memref},
                {"grid_rows", calls.integer(rows.width)},
                {"column_weights", columns.memref},
                {"grid_columns", calls.integer(columns.width)},
                {"grid", calls.weight(weightRefs[op.getGrid()], "rows")},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(rows.rows)},
                {"H", calls.integer(y.width)}},
               nameOf(op.getGrid()), work);
}

void EntrySelector::lowerLayerNorm(xf::LayerNormOp op) {
  const Buffer x = get(op.getX());
  Buffer y = bufferFor(op.getResult(), x.rows);
  const RoundedBuffer rounded = roundedBufferFor(op.getResult(), x.rows);
  calls.launch("layer_norm_f32",
               {calls.flag("residual", bool(op.getResidual())), calls.flag("unbiased", !op.getBias()),
                calls.flag("rms", op.getRms()), calls.choice("rounded", rounded.form),
                calls.flag("smoothed", bool(rounded.smoothing))},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"residual", memref(op.getResidual())},
                {"ldr", stride(op.getResidual())},
                {"gamma", calls.weight(weightRefs[op.getGain()], "vector")},
                {"beta", op.getBias() ? calls.weight(weightRefs[op.getBias()], "vector") : Value()},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"H", calls.integer(x.width)},
                {"eps", calls.real(op.getEps().convertToDouble())},
                {"rounded", rounded.buffer.memref},
                {"ldrounded", calls.integer(rounded.buffer.stride)},
                {"smoothing", rounded.smoothing}},
               nameOf(op.getGain()));
}

void EntrySelector::lowerHeadNorm(xf::HeadNormOp op) {
  const Buffer x = get(op.getX());
  Buffer y = bufferFor(op.getResult(), x.rows);
  calls.launch("head_norm_f32", {},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"gamma", calls.weight(weightRefs[op.getGain()], "vector")},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"heads", calls.integer(op.getHeads())},
                {"head_dim", calls.integer(x.width / int64_t(op.getHeads()))},
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

void EntrySelector::lowerArgmax(xf::ArgmaxOp op) {
  const Buffer x = get(op.getX()), y = bufferFor(op.getResult(), x.rows);
  const bool ofSixteens = keepsGreatest(op.getX());
  calls.launch("argmax_f32", {calls.flag("of_sixteens", ofSixteens)},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"N", calls.integer(ofSixteens ? x.width / 2 : x.width)}},
               "argmax");
}

void EntrySelector::lowerAxisIds(xf::AxisIdsOp op) {
  const Buffer x = get(op.getIds()), y = buffers[op.getResult()] = calls.allocateWords(x.rows, 1);
  calls.launch("axis_ids", {},
               {{"x", x.memref},
                {"y", y.memref},
                {"N", calls.countOf(x.rows)},
                {"stride", calls.integer(op.getStride())},
                {"extent", calls.integer(op.getExtent())}},
               "axis_ids");
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
  return arith::MulIOp::create(calls.builder, entry.getLoc(), calls.countOf(buffer.rows), calls.integer(buffer.width));
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

void EntrySelector::lowerPool(StringRef mode, Value x, Value cuSeqlens, Value result, Value columns, Value except) {
  const Buffer from = get(x);
  Buffer y = bufferFor(result, xf::Rows::Sequences);
  LaunchWork work;
  if (mode == "cls" || mode == "first" || mode == "last")
    work.bytes.push_back({"x", {xf::WorkFormula::PerSequence, from.width * int64_t(sizeof(float))}});
  calls.launch("pool_f32",
               {calls.choice("mode", mode), calls.flag("masked", !cuSeqlens), calls.flag("excepting", bool(except))},
               {{"x", from.memref},
                {"ldx", calls.integer(from.stride)},
                {"cu_seqlens", memref(cuSeqlens)},
                {"mask", cuSeqlens ? Value() : attentionMasks.lookup(from.rows)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"batch", calls.batch},
                {"H", calls.integer(from.width)},
                {"longest", calls.longestOf(from.rows)},
                {"columns", memref(columns)},
                {"except", memref(except)}},
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

} // namespace lathe
