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

EntrySelector::DistanceArguments EntrySelector::distances(Value columns, Value bias, xf::BucketsAttr buckets,
                                                          std::optional<int64_t> reach) {
  DistanceArguments arguments;
  if (columns)
    arguments.slots.push_back({"columns", memref(columns)});
  if (bias) {
    arguments.parameters = {calls.number("buckets", buckets.getCount()),
                            calls.number("distance", buckets.getDistance()),
                            calls.choice("scheme", xf::stringifyBucketScheme(buckets.getScheme()))};
    arguments.slots.push_back({"bias", calls.weight(weightRefs[bias], "rows")});
  }
  if (reach) {
    arguments.parameters.push_back(calls.flag("windowed", true));
    arguments.slots.push_back({"reach", calls.integer(*reach)});
  }
  return arguments;
}

void EntrySelector::addTerms(DistanceArguments &arguments, Value queryTerms, Value keyTerms, Value index,
                             int64_t heads) {
  if (!index)
    return;
  if (queryTerms) {
    arguments.parameters.push_back(calls.flag("query_terms", true));
    arguments.slots.append({{"query_terms", memref(queryTerms)}, {"ldqt", stride(queryTerms)}});
  }
  if (keyTerms) {
    arguments.parameters.push_back(calls.flag("key_terms", true));
    arguments.slots.append({{"key_terms", memref(keyTerms)}, {"ldkt", stride(keyTerms)}});
  }
  arguments.slots.append({{"terms", calls.integer(widthOf(queryTerms ? queryTerms : keyTerms) / heads)},
                          {"index", calls.weight(weightRefs[index], "vector")},
                          {"furthest", calls.integer(widthOf(index) / 2)}});
}

void EntrySelector::lowerDistanceScores(Value scores, Value result, const DistanceArguments &distances,
                                        StringRef step) {
  int64_t heads = cast<RankedTensorType>(result.getType()).getDimSize(1);
  SmallVector<std::pair<StringRef, Value>> slots = {{"x", memref(scores)},
                                                    {"y", bufferFor(result, xf::Rows::Scores, heads).memref},
                                                    {"batch", calls.batch},
                                                    {"heads", calls.integer(heads)},
                                                    {"seq", calls.longest}};
  llvm::append_range(slots, distances.slots);
  calls.launch("distance_scores_f32", distances.parameters, slots, step);
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
  const std::optional<FactorForm> form =
      op.getPrecision() ? std::optional(FactorForm{*op.getPrecision()}) : std::nullopt;
  const Buffer q = getFactor(op.getQuery(), form), k = getFactor(op.getKey(), form), v = getFactor(op.getValue(), form);
  const bool inBf16 = op.getPrecision().has_value();
  // Heads store what is theirs, and nothing behind an odd last column, where a product would read the other half of a
  // word.
  Buffer y = inBf16 && q.width % 2 == 0 ? bufferForProduct(op.getResult(), q.rows) : bufferFor(op.getResult(), q.rows);
  int64_t headDim = q.width / int64_t(op.getHeads());
  SmallVector<NamedAttribute> params = {calls.number("head_dim", headDim), calls.flag("masked", bool(op.getMask()))};
  DistanceArguments byDistance = distances(op.getColumns(), op.getBias(), op.getBucketsAttr(), op.getReach());
  addTerms(byDistance, op.getQueryTerms(), op.getKeyTerms(), op.getIndex(), op.getHeads());
  llvm::append_range(params, byDistance.parameters);
  if (inBf16)
    params.push_back(calls.flag("y_bf16", cast<MemRefType>(y.memref.getType()).getElementType().isBF16()));
  SmallVector<std::pair<StringRef, Value>> slots = {{"q", q.memref},
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
                                                    {"scale", calls.real(op.getScale().convertToDouble())}};
  llvm::append_range(slots, byDistance.slots);
  // With a window the pairs of tokens say too much, and for short sequences its width does: then nothing is stated.
  Work work;
  if (!op.getReach())
    work.flops = {xf::WorkFormula::PerTokenPair, 2 * (q.width + y.width)};
  calls.launch(inBf16 ? "attention_bf16" : "attention_f32", params, slots, "attention", work);
  return success();
}

void EntrySelector::lowerAdjacent(xf::AdjacentOp op) {
  const Buffer x = get(op.getX());
  const Buffer y = bufferFor(op.getResult(), x.rows);
  calls.launch("adjacent_f32",
               {calls.flag("masked", bool(op.getMask())), calls.choice("side", xf::stringifySide(op.getSide()))},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"cu_seqlens", memref(op.getCuSeqlens())},
                {"columns", memref(op.getColumns())},
                {"batch", calls.batch},
                {"N", calls.integer(x.width)},
                {"longest", calls.longest},
                {"mask", memref(op.getMask())}},
               xf::stringifySide(op.getSide()));
}

void EntrySelector::lowerAngles(xf::AnglesOp op) {
  Buffer y = bufferFor(op.getResult(), xf::Rows::Tokens);
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
               {calls.number("head_dim", angles.width),
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

void EntrySelector::lowerLayerNorm(xf::LayerNormOp op) {
  const Buffer x = get(op.getX());
  Buffer y = bufferFor(op.getResult(), x.rows);
  const RoundedBuffer rounded = roundedBufferFor(op.getResult(), x.rows);
  calls.launch("layer_norm_f32",
               {calls.flag("residual", bool(op.getResidual())), calls.flag("unbiased", !op.getBias()),
                calls.choice("rounded", rounded.form), calls.flag("smoothed", bool(rounded.smoothing))},
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

} // namespace lathe
