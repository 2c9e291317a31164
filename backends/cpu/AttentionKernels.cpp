//===- AttentionKernels.cpp - kernels for attention, whole and in parts -------===//
#include "backends/cpu/EntrySelector.h"
#include "backends/cpu/kernels/attention/CachePages.h"

using namespace mlir;

namespace lathe {

void EntrySelector::lowerHeads(Operation *op, Value x, Value result, bool split) {
  ArrayRef<int64_t> perHead = cast<RankedTensorType>((split ? result : x).getType()).getShape();
  int64_t heads = perHead[1], headDim = perHead[3];
  Buffer y = bufferFor(result, xf::Rows::Tokens, heads * headDim);
  SmallVector<std::pair<StringRef, Value>> slots = {
      {"x", memref(x)},
      {"y", y.memref},
      {split ? "ldx" : "ldy", split ? stride(x) : calls.integer(y.stride)},
      {"batch", calls.batch},
      {"seq", calls.longest},
      {"heads", calls.integer(heads)},
      {"head_dim", calls.integer(headDim)}};
  if (split)
    slots.push_back({"repeats", calls.integer(heads * headDim / widthOf(x))});
  calls.launch(split ? "split_heads_f32" : "merge_heads_f32", {}, slots, op->getName().stripDialect());
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

EntrySelector::DistanceArguments EntrySelector::distances(Value columns, Value bias, xf::BucketsAttr buckets) {
  DistanceArguments arguments;
  if (columns)
    arguments.slots.push_back({"columns", memref(columns)});
  if (bias) {
    arguments.parameters = {calls.number("buckets", buckets.getCount()),
                            calls.number("distance", buckets.getDistance()),
                            calls.choice("scheme", xf::stringifyBucketScheme(buckets.getScheme()))};
    arguments.slots.push_back({"bias", calls.weight(weightRefs[bias], "rows")});
  }
  return arguments;
}

void EntrySelector::addWindow(DistanceArguments &arguments, std::optional<int64_t> reach, bool causal, Value prefix) {
  if (reach) {
    arguments.parameters.push_back(calls.flag("windowed", true));
    arguments.slots.push_back({"reach", calls.integer(*reach)});
  }
  if (causal)
    arguments.parameters.push_back(calls.flag("causal", true));
  if (prefix) {
    arguments.parameters.push_back(calls.flag("prefixed", true));
    arguments.slots.push_back({"prefix", memref(prefix)});
  }
}

void EntrySelector::addSlopes(DistanceArguments &arguments, Value slopes) {
  if (!slopes)
    return;
  arguments.parameters.push_back(calls.flag("sloped", true));
  arguments.slots.push_back({"slopes", calls.weight(weightRefs[slopes], "vector")});
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

int64_t EntrySelector::pageBytesOf(xf::AttentionOp op) {
  if (!op.getPages())
    return 0;
  const int64_t headDim = widthOf(op.getQuery()) / int64_t(op.getHeads());
  const CachePages layout(headDim, op.getPrecision() ? Words::Bf16Pairs : Words::F32);
  return widthOf(op.getKey()) / headDim * layout.headBytes();
}

Value EntrySelector::appendToCache(xf::AttentionOp op, const Buffer &k, const Buffer &v, int64_t headDim, bool inBf16) {
  Value layer = calls.integer(pageBytes);
  if (calls.layerIndex) {
    Value behind = arith::MulIOp::create(calls.builder, op.getLoc(), calls.layerIndex, calls.integer(layerPageBytes));
    layer = arith::AddIOp::create(calls.builder, op.getLoc(), layer, behind);
  }
  pageBytes += pageBytesOf(op);
  calls.launch(inBf16 ? "append_cache_bf16" : "append_cache_f32", {calls.number("head_dim", headDim)},
               {{"k", k.memref},
                {"ldk", calls.integer(k.stride)},
                {"v", v.memref},
                {"ldv", calls.integer(v.stride)},
                {"cu_seqlens", memref(op.getCuSeqlens())},
                {"batch", calls.batch},
                {"heads", calls.integer(k.width / headDim)},
                {"y", memref(op.getPages())},
                {"cached", memref(op.getCached())},
                {"layer", layer}},
               "append");
  return layer;
}

LogicalResult EntrySelector::lowerAttention(xf::AttentionOp op) {
  if (!op.getMask() && !op.getCuSeqlens())
    return op.emitOpError("has neither a mask nor cu_seqlens; the CPU's attention needs one of them");
  const std::optional<FactorForm> form =
      op.getPrecision() ? std::optional(FactorForm{*op.getPrecision()}) : std::nullopt;
  const Buffer q = getFactor(op.getQuery(), form), k = getFactor(op.getKey(), form), v = getFactor(op.getValue(), form);
  const bool inBf16 = op.getPrecision().has_value();
  // Heads store what is theirs, and nothing behind an odd last column, where a product in bf16 would read the other
  // half of a word.
  Buffer y = inBf16 && (q.width % 2 == 0 || op.getNarrow()) ? bufferForProduct(op.getResult(), q.rows, op.getNarrow())
                                                            : bufferFor(op.getResult(), q.rows);
  int64_t headDim = q.width / int64_t(op.getHeads());
  SmallVector<NamedAttribute> params = {calls.number("head_dim", headDim), calls.flag("masked", bool(op.getMask()))};
  DistanceArguments byDistance = distances(op.getColumns(), op.getBias(), op.getBucketsAttr());
  addWindow(byDistance, op.getReach(), op.getCausal(), op.getPrefix());
  addSlopes(byDistance, op.getSlopes());
  addTerms(byDistance, op.getQueryTerms(), op.getKeyTerms(), op.getIndex(), op.getHeads());
  llvm::append_range(params, byDistance.parameters);
  if (q.width != k.width)
    params.push_back(calls.number("grouped", q.width / k.width));
  if (inBf16)
    params.push_back(calls.flag("y_bf16", cast<MemRefType>(y.memref.getType()).getElementType().isBF16()));
  SmallVector<std::pair<StringRef, Value>> slots = {{"q", q.memref},
                                                    {"ldq", calls.integer(q.stride)},
                                                    {"y", y.memref},
                                                    {"ldy", calls.integer(y.stride)},
                                                    {"cu_seqlens", memref(op.getCuSeqlens())},
                                                    {"mask", memref(op.getMask())},
                                                    {"batch", calls.batch},
                                                    {"heads", calls.integer(op.getHeads())},
                                                    {"longest", calls.longest},
                                                    {"scale", calls.real(op.getScale().convertToDouble())}};
  if (op.getPages()) {
    params.push_back(calls.flag("paged", true));
    slots.append({{"k", memref(op.getPages())},
                  {"ldk", appendToCache(op, k, v, headDim, inBf16)},
                  {"v", memref(op.getCached())}});
  } else {
    slots.append(
        {{"k", k.memref}, {"ldk", calls.integer(k.stride)}, {"v", v.memref}, {"ldv", calls.integer(v.stride)}});
  }
  llvm::append_range(slots, byDistance.slots);
  if (op.getCap()) {
    params.push_back(calls.flag("capped", true));
    slots.push_back({"cap", calls.real(op.getCap()->convertToDouble())});
  }
  // With a window the pairs of tokens say too much, and for short sequences its width does: then nothing is stated.
  Work work;
  if (!op.getReach())
    work.flops = {op.getCausal() ? xf::WorkFormula::PerCausalPair : xf::WorkFormula::PerTokenPair,
                  2 * (q.width + y.width)};
  calls.launch(inBf16 ? "attention_bf16" : "attention_f32", params, slots, "attention", work);
  return success();
}

} // namespace lathe
