//===- AttentionKernels.cpp - kernels for attention, whole and in parts -------===//
#include "backends/cpu/EntrySelector.h"
#include "backends/cpu/kernels/attention/CachePages.h"

#include <cmath>

using namespace mlir;

namespace lathe {

void EntrySelector::lowerHeads(Operation *op, Value x, Value result, bool split) {
  ArrayRef<int64_t> perHead = cast<RankedTensorType>((split ? result : x).getType()).getShape();
  int64_t heads = perHead[1], headDim = perHead[3];
  const xf::Rows axis = get(x).rows;
  Buffer y = bufferFor(result, axis, heads * headDim);
  SmallVector<std::pair<StringRef, Value>> slots = {
      {"x", memref(x)},
      {"y", y.memref},
      {split ? "ldx" : "ldy", split ? stride(x) : calls.integer(y.stride)},
      {"batch", calls.batch},
      {"seq", calls.longestOf(axis)},
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
  // Queries times keys are scores; probabilities times values are rows of queries again.
  const bool scores = ShapedType::isDynamic(result[3]);
  const xf::Rows left = get(op.getLhs()).rows, right = get(op.getRhs()).rows;
  const xf::Rows queries = scores ? left : xf::queriesOf(left), keys = right;
  auto extent = [&](int64_t size, xf::Rows axis) {
    return ShapedType::isDynamic(size) ? calls.longestOf(axis) : calls.integer(size);
  };
  Buffer y =
      bufferFor(op.getResult(), scores ? xf::scoresOf(queries, keys) : queries, scores ? heads : heads * result[3]);
  Value matrices = arith::MulIOp::create(calls.builder, op.getLoc(), calls.batch, calls.integer(heads));
  calls.launch("batched_matmul_f32", {calls.flag("transpose_b", op.getTransposed())},
               {{"a", memref(op.getLhs())},
                {"b", memref(op.getRhs())},
                {"y", y.memref},
                {"G", matrices},
                {"M", extent(result[2], queries)},
                {"N", extent(result[3], keys)},
                {"K", extent(lhs[3], keys)}},
               op.getTransposed() ? "matmul_qk" : "matmul_pv",
               {.flops = {xf::termOf(xf::scoresOf(queries, keys)), 2 * heads * (scores ? lhs[3] : result[3])}});
}

void EntrySelector::lowerMarkedScores(Value scores, Value result, StringRef name, StringRef slot, Value marks) {
  int64_t heads = cast<RankedTensorType>(result.getType()).getDimSize(1);
  const xf::Rows rows = get(scores).rows;
  Buffer y = bufferFor(result, rows, heads);
  calls.launch((name + "_f32").str(), {},
               {{"x", memref(scores)},
                {slot, memref(marks)},
                {"y", y.memref},
                {"batch", calls.batch},
                {"heads", calls.integer(heads)},
                {"queries", calls.longestOf(xf::queriesOf(rows))},
                {"keys", calls.longestOf(xf::keysOf(rows))}},
               name);
}

EntrySelector::DistanceArguments EntrySelector::distances(Value columns, Value bias, xf::BucketsAttr buckets,
                                                          Value keyColumns) {
  DistanceArguments arguments;
  if (columns)
    arguments.slots.push_back({"columns", memref(columns)});
  if (keyColumns) {
    arguments.parameters.push_back(calls.flag("key_columns", true));
    arguments.slots.push_back({"key_columns", memref(keyColumns)});
  }
  if (bias) {
    arguments.parameters = {calls.number("buckets", buckets.getCount()),
                            calls.number("distance", buckets.getDistance()),
                            calls.choice("scheme", xf::stringifyBucketScheme(buckets.getScheme()))};
    arguments.slots.push_back({"bias", calls.weight(weightRefs[bias], "rows")});
  }
  return arguments;
}

void EntrySelector::addWindow(DistanceArguments &arguments, std::optional<int64_t> reach, bool causal, Value prefix,
                              Value globals, int64_t block) {
  if (reach) {
    arguments.parameters.push_back(calls.flag("windowed", true));
    if (block > 1)
      arguments.parameters.push_back(calls.number("block", block));
    arguments.slots.push_back({"reach", calls.integer((*reach + 1) * block - 1)});
  }
  if (causal)
    arguments.parameters.push_back(calls.flag("causal", true));
  if (prefix) {
    arguments.parameters.push_back(calls.flag("prefixed", true));
    arguments.slots.push_back({"prefix", memref(prefix)});
  }
  if (globals) {
    arguments.parameters.push_back(calls.flag("globals", true));
    arguments.slots.push_back({"globals", memref(globals)});
  }
}

void EntrySelector::addSlopes(DistanceArguments &arguments, Value slopes) {
  if (!slopes)
    return;
  arguments.parameters.push_back(calls.flag("sloped", true));
  arguments.slots.push_back({"slopes", calls.weight(weightRefs[slopes], "vector")});
}

void EntrySelector::addCap(std::optional<APFloat> cap, SmallVectorImpl<NamedAttribute> &params,
                           SmallVectorImpl<std::pair<StringRef, Value>> &slots) {
  if (!cap)
    return;
  params.push_back(calls.flag("capped", true));
  slots.push_back({"cap", calls.real(cap->convertToDouble())});
}

void EntrySelector::addPairs(DistanceArguments &arguments, Value pairs) {
  if (!pairs)
    return;
  arguments.parameters.push_back(calls.flag("paired", true));
  arguments.slots.append(
      {{"pairs", calls.weight(weightRefs[pairs], "rows")}, {"places", calls.integer(widthOf(pairs))}});
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
  const xf::Rows rows = get(scores).rows;
  SmallVector<std::pair<StringRef, Value>> slots = {{"x", memref(scores)},
                                                    {"y", bufferFor(result, rows, heads).memref},
                                                    {"batch", calls.batch},
                                                    {"heads", calls.integer(heads)},
                                                    {"seq", calls.longestOf(xf::queriesOf(rows))},
                                                    {"keys", calls.longestOf(xf::keysOf(rows))}};
  llvm::append_range(slots, distances.slots);
  calls.launch("distance_scores_f32", distances.parameters, slots, step);
}

void EntrySelector::lowerSoftmax(xf::SoftmaxOp op) {
  int64_t heads = cast<RankedTensorType>(op.getType()).getDimSize(1);
  const xf::Rows scores = get(op.getX()).rows;
  Buffer y = bufferFor(op.getResult(), scores, heads);
  Value rows =
      arith::MulIOp::create(calls.builder, op.getLoc(), calls.countOf(xf::queriesOf(scores)), calls.integer(heads));
  calls.launch("softmax_f32", {},
               {{"x", memref(op.getX())}, {"y", y.memref}, {"M", rows}, {"N", calls.longestOf(xf::keysOf(scores))}},
               "softmax");
}

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

std::optional<EntrySelector::CachedKeys> EntrySelector::cachedKeysOf(Operation *op) {
  if (auto attention = dyn_cast<xf::AttentionOp>(op); attention && attention.getPages()) {
    const int64_t headDim = widthOf(attention.getQuery()) / int64_t(attention.getHeads());
    return CachedKeys{attention.getPages(),
                      attention.getCached(),
                      widthOf(attention.getKey()) / headDim,
                      headDim,
                      attention.getPrecision().has_value(),
                      attention.getKept().has_value()};
  }
  if (auto append = dyn_cast<xf::AppendCacheOp>(op))
    return CachedKeys{append.getPages(),
                      append.getCached(),
                      widthOf(append.getKey()) / int64_t(append.getHeadDim()),
                      int64_t(append.getHeadDim()),
                      append.getPrecision().has_value(),
                      append.getKept().has_value()};
  if (auto attention = dyn_cast<xf::PagedAttentionOp>(op))
    return CachedKeys{attention.getPages(),
                      attention.getCached(),
                      int64_t(attention.getKeyHeads()),
                      widthOf(attention.getQuery()) / int64_t(attention.getHeads()),
                      attention.getPrecision().has_value(),
                      attention.getKept().has_value()};
  return std::nullopt;
}

int64_t EntrySelector::pageBytesOf(const CachedKeys &keys) {
  return keys.heads * CachePages(keys.headDim, keys.inBf16 ? Words::Bf16Pairs : Words::F32, keys.inBytes).headBytes();
}

EntrySelector::PageBytes &EntrySelector::pagesOf(Operation *op) {
  auto attention = dyn_cast<xf::PagedAttentionOp>(op);
  return attention && !attention.getCausal() ? sourcePages : ownPages;
}

void EntrySelector::countPages() {
  auto count = [&](Operation *scope, int64_t times) {
    scope->walk([&](Operation *op) {
      if (const std::optional<CachedKeys> keys = cachedKeysOf(op))
        pagesOf(op).behind += times * pageBytesOf(*keys);
    });
  };
  count(entry, 1);
  for (Operation &op : entry.getBody().front())
    if (auto layer = dyn_cast<xf::LayerOp>(op))
      count(module.lookupSymbol<func::FuncOp>(layer.getCallee()), 1);
    else if (auto layers = dyn_cast<xf::LayersOp>(op))
      count(module.lookupSymbol<func::FuncOp>(layers.getCallee()), int64_t(layers.getWeights().size()));
}

Value EntrySelector::placeInPage(Operation *op, const CachedKeys &keys) {
  PageBytes &bytes = pagesOf(op);
  bytes.behind -= pageBytesOf(keys);
  Value place = calls.integer(bytes.behind);
  if (!calls.layerIndex)
    return place;
  Value before = arith::MulIOp::create(calls.builder, op->getLoc(), calls.layerIndex, calls.integer(bytes.perLayer));
  return arith::SubIOp::create(calls.builder, op->getLoc(), place, before);
}

void EntrySelector::appendToCache(const CachedKeys &keys, const Buffer &k, const Buffer &v, Value cuSeqlens,
                                  Value layer) {
  SmallVector<NamedAttribute> params = {calls.number("head_dim", keys.headDim)};
  if (keys.inBytes)
    params.push_back(calls.flag("in_bytes", true));
  calls.launch(keys.inBf16 ? "append_cache_bf16" : "append_cache_f32", params,
               {{"k", k.memref},
                {"ldk", calls.integer(k.stride)},
                {"v", v.memref},
                {"ldv", calls.integer(v.stride)},
                {"cu_seqlens", memref(cuSeqlens)},
                {"batch", calls.batch},
                {"heads", calls.integer(keys.heads)},
                {"y", memref(keys.pages)},
                {"cached", memref(keys.cached)},
                {"layer", layer}},
               "append");
}

void EntrySelector::lowerRemember(xf::RememberOp op) {
  const Buffer memory = get(op.getMemory()), x = get(op.getX()), y = bufferFor(op.getResult(), memory.rows);
  calls.launch("remember_f32", {calls.flag("masked", !op.getCuSeqlens())},
               {{"memory", memory.memref},
                {"ldm", calls.integer(memory.stride)},
                {"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"memory_cu_seqlens", memref(op.getMemoryCuSeqlens())},
                {"cu_seqlens", memref(op.getCuSeqlens())},
                {"batch", calls.batch},
                {"H", calls.integer(y.width)},
                {"longest_memory", calls.longestOf(memory.rows)},
                {"longest", calls.longestOf(x.rows)},
                {"mask", op.getCuSeqlens() ? Value() : attentionMasks.lookup(memory.rows)}},
               "remember");
}

void EntrySelector::lowerAppendCache(xf::AppendCacheOp op) {
  const CachedKeys keys = *cachedKeysOf(op);
  const std::optional<FactorForm> form = keys.inBf16 ? std::optional(FactorForm{xf::Precision::BF16}) : std::nullopt;
  appendToCache(keys, getFactor(op.getKey(), form), getFactor(op.getValue(), form), op.getCuSeqlens(),
                placeInPage(op, keys));
}

void EntrySelector::lowerPagedAttention(xf::PagedAttentionOp op) {
  const CachedKeys keys = *cachedKeysOf(op);
  const std::optional<FactorForm> form = keys.inBf16 ? std::optional(FactorForm{xf::Precision::BF16}) : std::nullopt;
  const Buffer q = getFactor(op.getQuery(), form);
  const Buffer y = bufferForHeads(op.getResult(), q, keys.inBf16, op.getNarrow());
  SmallVector<NamedAttribute> params = {calls.number("head_dim", keys.headDim), calls.flag("paged", true),
                                        calls.flag("crossed", !op.getCausal())};
  DistanceArguments byDistance = distances(op.getColumns(), op.getBias(), op.getBucketsAttr());
  addWindow(byDistance, op.getReach(), op.getCausal(), op.getPrefix());
  addSlopes(byDistance, op.getSlopes());
  llvm::append_range(params, byDistance.parameters);
  if (keys.inBytes)
    params.push_back(calls.flag("in_bytes", true));
  if (int64_t(op.getHeads()) != keys.heads)
    params.push_back(calls.number("grouped", int64_t(op.getHeads()) / keys.heads));
  if (keys.inBf16)
    params.push_back(calls.flag("y_bf16", cast<MemRefType>(y.memref.getType()).getElementType().isBF16()));
  SmallVector<std::pair<StringRef, Value>> slots = {{"q", q.memref},
                                                    {"ldq", calls.integer(q.stride)},
                                                    {"k", memref(op.getPages())},
                                                    {"ldk", placeInPage(op, keys)},
                                                    {"v", memref(op.getCached())},
                                                    {"y", y.memref},
                                                    {"ldy", calls.integer(y.stride)},
                                                    {"cu_seqlens", memref(op.getCuSeqlens())},
                                                    {"batch", calls.batch},
                                                    {"heads", calls.integer(op.getHeads())},
                                                    {"longest", calls.longestOf(q.rows)},
                                                    {"scale", calls.real(op.getScale().convertToDouble())}};
  llvm::append_range(slots, byDistance.slots);
  addCap(op.getCap(), params, slots);
  LaunchWork work;
  if (!op.getReach())
    work.flops = {op.getCausal() ? xf::causalTermOf(q.rows) : xf::WorkFormula::PerCrossPair, 2 * (q.width + y.width)};
  calls.launch(keys.inBf16 ? "attention_bf16" : "attention_f32", params, slots,
               op.getCausal() ? "attention" : "cross_attention", work);
}

/// Heads store what is theirs, and nothing behind an odd last column, where a product in bf16 would read the other
/// half of a word.
Buffer EntrySelector::bufferForHeads(Value result, const Buffer &q, bool inBf16, bool isNarrow) {
  return inBf16 && (widthOf(result) % 2 == 0 || isNarrow) ? bufferForProduct(result, q.rows, isNarrow)
                                                          : bufferFor(result, q.rows);
}

//===----------------------------------------------------------------------===//
// Attention as a whole
//===----------------------------------------------------------------------===//

LogicalResult EntrySelector::lowerAttention(xf::AttentionOp op) {
  const bool isSingle = !op.getCuSeqlens() && op.getKeyCuSeqlens(); // a query for each sequence
  if (!op.getMask() && !op.getCuSeqlens() && !isSingle)
    return op.emitOpError("has neither a mask nor cu_seqlens; the CPU's attention needs one of them");
  const std::optional<FactorForm> form =
      op.getPrecision() ? std::optional(FactorForm{*op.getPrecision()}) : std::nullopt;
  const Buffer q = getFactor(op.getQuery(), form), k = getFactor(op.getKey(), form), v = getFactor(op.getValue(), form);
  const bool inBf16 = op.getPrecision().has_value();
  const Buffer y = bufferForHeads(op.getResult(), q, inBf16, op.getNarrow());
  int64_t headDim = q.width / int64_t(op.getHeads());
  SmallVector<NamedAttribute> params = {calls.number("head_dim", headDim), calls.flag("masked", bool(op.getMask()))};
  DistanceArguments byDistance = distances(op.getColumns(), op.getBias(), op.getBucketsAttr(), op.getKeyColumns());
  addWindow(byDistance, op.getReach(), op.getCausal(), op.getPrefix(), op.getGlobals(), op.getBlock().value_or(1));
  addSlopes(byDistance, op.getSlopes());
  addPairs(byDistance, op.getPairs());
  addTerms(byDistance, op.getQueryTerms(), op.getKeyTerms(), op.getIndex(), op.getHeads());
  llvm::append_range(params, byDistance.parameters);
  if (q.width != k.width)
    params.push_back(calls.number("grouped", q.width / k.width));
  if (y.width != q.width)
    params.push_back(calls.number("value_dim", y.width / int64_t(op.getHeads())));
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
                                                    {"longest", isSingle ? calls.integer(1) : calls.longestOf(q.rows)},
                                                    {"scale", calls.real(op.getScale().convertToDouble())}};
  if (isSingle)
    params.push_back(calls.flag("single", true));
  if (q.rows != k.rows || op.getKeyCuSeqlens()) {
    params.push_back(calls.flag("crossed", true));
    slots.append({{"key_cu_seqlens", memref(op.getKeyCuSeqlens())}, {"longest_keys", calls.longestOf(k.rows)}});
  }
  if (const std::optional<CachedKeys> keys = cachedKeysOf(op)) {
    const Value layer = placeInPage(op, *keys);
    appendToCache(*keys, k, v, op.getCuSeqlens(), layer);
    params.push_back(calls.flag("paged", true));
    if (keys->inBytes)
      params.push_back(calls.flag("in_bytes", true));
    slots.append({{"k", memref(op.getPages())}, {"ldk", layer}, {"v", memref(op.getCached())}});
  } else {
    slots.append(
        {{"k", k.memref}, {"ldk", calls.integer(k.stride)}, {"v", v.memref}, {"ldv", calls.integer(v.stride)}});
  }
  llvm::append_range(slots, byDistance.slots);
  addCap(op.getCap(), params, slots);
  if (op.getChosen()) {
    params.push_back(calls.flag("chosen", true));
    slots.push_back({"chosen", memref(op.getChosen())});
  }
  // With a window, or for a few queries, the pairs of tokens say too much, and for short sequences a window's width
  // does: then nothing is stated.
  LaunchWork work;
  if (isSingle)
    work.flops = {xf::termOf(k.rows), 2 * (q.width + y.width)};
  else if (!op.getReach() && !op.getChosen())
    work.flops = {op.getCausal() && q.rows == k.rows ? xf::causalTermOf(q.rows)
                                                     : xf::termOf(xf::scoresOf(q.rows, k.rows)),
                  2 * (q.width + y.width)};
  calls.launch(inBf16 ? "attention_bf16" : "attention_f32", params, slots, "attention", work);
  return success();
}

//===----------------------------------------------------------------------===//
// Linear attention
//===----------------------------------------------------------------------===//

void EntrySelector::lowerRandomFeatures(xf::RandomFeaturesOp op) {
  const Buffer x = get(op.getX()), y = bufferFor(op.getResult(), x.rows);
  const int64_t heads = op.getHeads(), headDim = widthOf(op.getProjection());
  calls.launch("random_features_f32", {},
               {{"x", x.memref},
                {"ldx", calls.integer(x.stride)},
                {"w", calls.weight(weightRefs[op.getProjection()], "panels")},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"M", calls.countOf(x.rows)},
                {"heads", calls.integer(heads)},
                {"head_dim", calls.integer(headDim)},
                {"features", calls.integer(y.width / heads)},
                {"scale", calls.real(std::pow(double(headDim), -0.25))}},
               nameOf(op.getProjection()), {.flops = {xf::termOf(x.rows), 2 * headDim * y.width}});
}

LogicalResult EntrySelector::lowerLinearAttention(xf::LinearAttentionOp op) {
  if (!op.getMask() && !op.getCuSeqlens())
    return op.emitOpError("has neither a mask nor cu_seqlens; the CPU's linear attention needs one of them");
  const Buffer q = get(op.getQuery()), k = get(op.getKey()), v = get(op.getValue());
  const Buffer y = bufferFor(op.getResult(), q.rows);
  const int64_t heads = op.getHeads(), headDim = y.width / heads;
  calls.launch("linear_attention_f32",
               {calls.choice("map", xf::stringifyFeatureMap(op.getMap())), calls.flag("causal", op.getCausal()),
                calls.flag("masked", bool(op.getMask())), calls.number("head_dim", headDim),
                calls.number("features", q.width / heads)},
               {{"q", q.memref},
                {"ldq", calls.integer(q.stride)},
                {"k", k.memref},
                {"ldk", calls.integer(k.stride)},
                {"v", v.memref},
                {"ldv", calls.integer(v.stride)},
                {"y", y.memref},
                {"ldy", calls.integer(y.stride)},
                {"cu_seqlens", memref(op.getCuSeqlens())},
                {"batch", calls.batch},
                {"heads", calls.integer(heads)},
                {"mask", memref(op.getMask())},
                {"longest", calls.longestOf(q.rows)}},
               // A key is added to the state, and a query is multiplied with it.
               "linear_attention", {.flops = {xf::termOf(q.rows), 4 * q.width * headDim}});
  return success();
}

//===----------------------------------------------------------------------===//
// Chunk attention
//===----------------------------------------------------------------------===//

/// Places that a panel of chunk attention is: whole chunks or even parts of one, about as many as pay for packing keys.
static int64_t placesOfPanel(int64_t chunk) {
  constexpr int64_t most = 128, wanted = 64;
  const int64_t parts = llvm::divideCeil(chunk, most);
  return chunk > wanted ? llvm::divideCeil(chunk, parts) : wanted / chunk * chunk;
}

LogicalResult EntrySelector::lowerChunkAttention(xf::ChunkAttentionOp op) {
  if (!op.getMask() && !op.getCuSeqlens())
    return op.emitOpError("has neither a mask nor cu_seqlens; the CPU's chunk attention needs one of them");
  const Buffer q = get(op.getQuery()), k = get(op.getKey()), v = get(op.getValue());
  const Buffer y = bufferFor(op.getResult(), q.rows);
  const int64_t heads = op.getHeads(), headDim = q.width / heads, rounds = op.rounds();
  const int64_t lists = op.getRotations() ? heads * rounds : 1;
  const xf::ChunksAttr chunks = op.getChunks();
  SmallVector<std::pair<StringRef, Value>> sequences = {{"cu_seqlens", memref(op.getCuSeqlens())},
                                                        {"mask", memref(op.getMask())},
                                                        {"batch", calls.batch},
                                                        {"longest", calls.longestOf(q.rows)}};
  const Buffer order = calls.allocateWords(q.rows, lists);
  int64_t buckets = 1;
  Value ofTokens;
  if (op.getRotations()) {
    const Buffer hashed = calls.allocateWords(q.rows, lists);
    ofTokens = hashed.memref;
    const ArrayRef<int64_t> factors = *op.getFactors();
    const int64_t roundColumns = llvm::sum_of(factors) / 2;
    int64_t first = 0;
    for (int64_t factor : factors) {
      calls.launch("hash_buckets_f32", calls.number("head_dim", headDim),
                   {{"x", q.memref},
                    {"ldx", calls.integer(q.stride)},
                    {"rotations", calls.weight(weightRefs[op.getRotations()], "rows")},
                    {"given", memref(op.getGiven())},
                    {"ldr", calls.integer(widthOf(op.getRotations()))},
                    {"first", calls.integer(first)},
                    {"columns", calls.integer(factor / 2)},
                    {"round_columns", calls.integer(roundColumns)},
                    {"y", hashed.memref},
                    {"ldy", calls.integer(lists)},
                    {"M", calls.countOf(q.rows)},
                    {"heads", calls.integer(heads)},
                    {"rounds", calls.integer(rounds)},
                    {"digit", calls.integer(buckets)}},
                   nameOf(op.getRotations()),
                   {.flops = {xf::termOf(q.rows), rounds * factor * q.width}, .bytes = {{"given", {}}}});
      first += factor / 2;
      buckets *= factor;
    }
  }
  SmallVector<std::pair<StringRef, Value>> sorting = {{"x", ofTokens},
                                                      {"ldx", calls.integer(lists)},
                                                      {"y", order.memref},
                                                      {"ldy", calls.integer(lists)},
                                                      {"lists", calls.integer(lists)}};
  llvm::append_range(sorting, sequences);
  const NamedAttribute masked = calls.flag("masked", bool(op.getMask()));
  calls.launch("sort_tokens", {calls.number("buckets", buckets), masked}, sorting, "sort_tokens");

  const Value state = rounds > 1 ? calls.allocate(q.rows, 2 * heads).memref : Value();
  for (int64_t round = 0; round < rounds; ++round) {
    SmallVector<std::pair<StringRef, Value>> slots = {{"q", q.memref},
                                                      {"ldq", calls.integer(q.stride)},
                                                      {"k", k.memref},
                                                      {"ldk", calls.integer(k.stride)},
                                                      {"v", v.memref},
                                                      {"ldv", calls.integer(v.stride)},
                                                      {"y", y.memref},
                                                      {"ldy", calls.integer(y.stride)},
                                                      {"heads", calls.integer(heads)},
                                                      {"scale", calls.real(op.getScale().convertToDouble())},
                                                      {"row_columns", memref(op.getRowColumns())},
                                                      {"columns", memref(op.getColumns())},
                                                      {"order", order.memref},
                                                      {"ldo", calls.integer(lists)},
                                                      {"state", state},
                                                      {"chunk", calls.integer(chunks.getLength())},
                                                      {"before", calls.integer(chunks.getBefore())},
                                                      {"after", calls.integer(chunks.getAfter())},
                                                      {"above", calls.integer(chunks.getAbove())},
                                                      {"multiple", calls.integer(chunks.getMultiple())},
                                                      {"round", calls.integer(round)},
                                                      {"rounds", calls.integer(rounds)},
                                                      {"block", calls.integer(placesOfPanel(chunks.getLength()))}};
    llvm::append_range(slots, sequences);
    const int64_t seen = (1 + chunks.getBefore() + chunks.getAfter()) * chunks.getLength();
    calls.launch("chunk_attention_f32",
                 {calls.number("head_dim", headDim), calls.flag("hashed", bool(op.getRotations())),
                  calls.flag("causal", op.getCausal()), masked},
                 slots, "chunk_attention", {.flops = {xf::termOf(q.rows), 4 * q.width * seen}});
  }
  return success();
}

} // namespace lathe
