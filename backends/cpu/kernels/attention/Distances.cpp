#include "backends/cpu/kernels/attention/Distances.h"

#include "backends/cpu/kernels/VectorMath.h"
#include "ir/xf/Buckets.h"

#include <limits>

using namespace mlir;

namespace lathe {

/// Biases of all distances from -distance to distance, and what the last vector stored has beyond them.
int64_t Distances::scratchWords(const Parameters &params) {
  return params.integer("buckets") ? 2 * params.integer("distance") + 1 + KernelBuilder::lanes : 0;
}

Distances::Distances(KernelBuilder &b, const Parameters &params, unsigned firstSlot, unsigned ofKeys, Value scratch)
    : buckets(params.integer("buckets")), distance(params.integer("distance")),
      block(std::max<int64_t>(params.integer("block"), 1)), oneSided(params.choice("scheme") == "one_sided"),
      causal(params.flag("causal")), table(scratch) {
  if (buckets)
    bias = b.pointerSlot(firstSlot + 1);
  if (params.flag("windowed"))
    reach = b.integerSlot(firstSlot + 2);
  if (params.flag("query_terms"))
    queryTerms = b.pointerSlot(firstSlot + 3), queryStride = b.integerSlot(firstSlot + 4);
  if (params.flag("key_terms"))
    keyTerms = b.pointerSlot(firstSlot + 5), keyStride = b.integerSlot(firstSlot + 6);
  if (hasTerms())
    terms = b.integerSlot(firstSlot + 7), index = b.pointerSlot(firstSlot + 8), furthest = b.integerSlot(firstSlot + 9);
  if (params.flag("prefixed"))
    prefix = b.pointerSlot(firstSlot + 10);
  if (params.flag("sloped"))
    slopes = b.pointerSlot(firstSlot + 11);
  if (params.flag("paired"))
    pairs = b.pointerSlot(firstSlot + 12), places = b.integerSlot(firstSlot + 13);
  if (params.flag("globals"))
    globals = b.pointerSlot(firstSlot + 14);
  if (apply(params))
    columns = b.pointerSlot(firstSlot);
  keyColumns = params.flag("key_columns") ? b.pointerSlot(ofKeys) : columns;
}

std::pair<Value, Value> Distances::keysSeen(KernelBuilder &b, Value sequence, Value firstQuery, Value queries,
                                            Value keys) const {
  Value begin = b.integer(0), end = keys, endOfQueries = b.add(firstQuery, queries);
  if (reach)
    begin = b.max(begin, b.sub(firstQuery, reach));
  if (prefix) // a key's place is no further than its column
    endOfQueries = b.max(endOfQueries, b.loadIndex(b.at(prefix, sequence)));
  if (causal)
    end = b.min(end, endOfQueries);
  else if (reach)
    end = b.min(end, b.add(endOfQueries, reach));
  return {begin, end};
}

Value Distances::withPrefix(KernelBuilder &b, Value sequence, Value keys) const {
  return prefix ? b.max(keys, b.loadIndex(b.at(prefix, sequence))) : keys;
}

int64_t Distances::bucketOf(int64_t away) const {
  return oneSided ? xf::oneSidedBucket(away, buckets, distance) : xf::twoSidedBucket(away, buckets, distance);
}

void Distances::emitTable(KernelBuilder &b, Value head, Value heads) const {
  if (!buckets)
    return;
  constexpr int64_t lanes = KernelBuilder::lanes;
  // From the least distance on: what a vector stores beyond its bucket, the next one overwrites.
  for (int64_t first = -distance, last; first <= distance; first = last) {
    for (last = first + 1; last <= distance && bucketOf(last) == bucketOf(first); ++last)
      ;
    Value values = b.broadcast(b.loadScalar(b.at(bias, b.add(b.mul(heads, bucketOf(first)), head))));
    b.forRange(b.integer(first + distance), b.integer(last + distance), lanes,
               [&](Value at) { b.store(values, b.at(table, at)); });
  }
}

Value Distances::termsOf(KernelBuilder &b, Value base, Value stride, Value token, Value head) const {
  return base ? b.at(base, b.add(b.mul(token, stride), b.mul(head, terms))) : Value();
}
Distances::Query Distances::query(KernelBuilder &b, Value token, Value head, Value sequence) const {
  if (!any())
    return {};
  Query query;
  query.column = b.loadWord(column(b, token));
  query.terms = termsOf(b, queryTerms, queryStride, token, head);
  if (slopes)
    query.slope = b.broadcast(b.loadScalar(b.at(slopes, head)));
  if (pairs) {
    Value place = b.loadIndex(column(b, token)); // an i32 is as wide as an f32
    query.pairs = b.at(pairs, b.add(b.mul(b.add(b.mul(head, places), place), places), place));
  }
  if (reach) {
    // Where blocks have one column, neither is narrower than the other.
    Value inBlock = b.rem(b.loadIndex(column(b, token)), b.integer(block));
    Value before = b.sub(b.add(reach, inBlock), b.integer(block - 1)), behind = b.sub(reach, inBlock);
    query.keys = {b.broadcast(b.wordOf(b.sub(b.integer(0), before))), b.broadcast(b.wordOf(behind))};
  }
  if (causal)
    query.keys.to = b.splatBits(0);
  if (prefix) {
    Value last = b.sub(b.broadcast(b.loadWord(b.at(prefix, sequence))), b.splatBits(1));
    query.keys.to = b.max(query.keys.to, b.sub(last, b.broadcast(query.column)));
  }
  if (globals) {
    using Limits = std::numeric_limits<int32_t>;
    Value isLocal = b.equal(b.loadIndex(b.at(globals, token)), b.integer(0));
    const Query::Span none = {b.splatBits(1), b.splatBits(-1)};
    query.keys = {b.select(isLocal, query.keys.from, none.from), b.select(isLocal, query.keys.to, none.to)};
    query.globals = {b.select(isLocal, b.splatBits(Limits::min()), none.from),
                     b.select(isLocal, b.splatBits(Limits::max()), none.to)};
  }
  return query;
}
Value Distances::keyTermsOf(KernelBuilder &b, Value token, Value head) const {
  return termsOf(b, keyTerms, keyStride, token, head);
}

Value Distances::logarithms(KernelBuilder &b, Value numbers) {
  return emitLog(b, b.floatOf(b.max(numbers, b.splatBits(1))));
}

Value Distances::away(KernelBuilder &b, Value queryColumn, Value keyColumns) const {
  return b.sub(keyColumns, b.broadcast(queryColumn));
}

Value Distances::addTerms(KernelBuilder &b, Value products, Value away, Value ofQuery, Value ofKey, Value mask) const {
  Value limit = b.broadcast(b.wordOf(furthest));
  Value within = b.max(b.min(away, limit), b.sub(b.splatBits(0), limit));
  Value term = b.wordsOf(b.gatherAt(index, b.add(within, limit), mask));
  if (ofQuery)
    products = b.add(products, b.gatherAt(ofQuery, term, mask));
  if (ofKey) {
    Value rows = b.mul(b.laneNumbers(), b.broadcast(b.wordOf(keyStride)));
    products = b.add(products, b.gatherAt(ofKey, b.add(rows, term), mask));
  }
  return products;
}

Value Distances::change(KernelBuilder &b, Value scores, Value away, const Query &query, Value isGlobal) const {
  if (buckets) {
    Value within = b.max(b.min(away, b.splatBits(int32_t(distance))), b.splatBits(int32_t(-distance)));
    scores = b.add(scores, b.gatherAt(table, b.add(within, b.splatBits(int32_t(distance)))));
  }
  if (pairs) { // what stands beyond the last key may have any column
    Value own = b.broadcast(query.column), last = b.broadcast(b.wordOf(b.add(places, -1)));
    Value within = b.min(b.max(away, b.sub(b.splatBits(0), own)), b.sub(last, own));
    scores = b.add(scores, b.gatherAt(query.pairs, within));
  }
  if (slopes)
    scores = b.fma(query.slope, b.floatOf(away), scores);
  auto either = [&](Value ofGlobals, Value ofKeys) {
    return isGlobal ? b.select(isGlobal, ofGlobals, ofKeys) : ofKeys;
  };
  if (query.keys.from)
    scores = b.select(b.less(away, either(query.globals.from, query.keys.from)), b.splat(-INFINITY), scores);
  if (query.keys.to)
    scores = b.select(b.less(either(query.globals.to, query.keys.to), away), b.splat(-INFINITY), scores);
  return scores;
}

} // namespace lathe
