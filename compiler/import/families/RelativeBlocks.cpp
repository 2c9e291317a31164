//===- RelativeBlocks.cpp - attention by sines of distances -------------------===//
#include "compiler/import/families/RelativeBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {

//===----------------------------------------------------------------------===//
// What depends on weights alone
//===----------------------------------------------------------------------===//

/// What a head's is called.
static std::string ofHead(StringRef prefix, StringRef kind, int64_t head) {
  return (prefix + kind + "." + Twine(head)).str();
}

std::vector<float> sineRates(int64_t hidden) {
  std::vector<float> result;
  for (int64_t i = 0; i < hidden; i += 2)
    result.push_back(1 / std::pow(10000.0f, float(i) / float(hidden)));
  return result;
}

/// What a head's queries are multiplied with for distances: for the cosines of a key's column the cosines' rows, for
/// the sines the sines', negative, as rotating wants them. Clamped, what R makes of each distance.
static std::vector<float> distanceRows(ArrayRef<float> projection, int64_t head, const RelativeForm &form) {
  const int64_t half = form.hidden / 2;
  auto rowOf = [&](int64_t m) { return projection.slice((m * form.heads + head) * form.headDim, form.headDim); };
  std::vector<float> rows;
  if (!form.clamp) {
    for (int64_t i = 0; i < half; ++i)
      llvm::append_range(rows, rowOf(half + i));
    for (int64_t i = 0; i < half; ++i)
      llvm::append_range(rows, llvm::map_range(rowOf(i), [](float value) { return -value; }));
    return rows;
  }
  for (int64_t row = 0; row < form.distances(); ++row) {
    const int64_t distance = *form.clamp - row; // the query's column less the key's
    std::vector<double> sums(form.headDim, 0);
    for (int64_t i = 0; i < half; ++i) {
      const double angle = float(distance) * form.rates[i], sine = std::sin(angle), cosine = std::cos(angle);
      for (int64_t d = 0; d < form.headDim; ++d)
        sums[d] += sine * rowOf(i)[d] + cosine * rowOf(half + i)[d];
    }
    rows.insert(rows.end(), sums.begin(), sums.end());
  }
  return rows;
}

void defineRelativeProducts(ModelBuilder &m, StringRef prefix, const RelativeForm &form,
                            const RelativeWeights &weights) {
  const int64_t inner = form.heads * form.headDim, products = form.distances() + (form.segments != 0);
  for (int64_t head = 0; head < form.heads; ++head) {
    const int64_t first = head * form.headDim;
    std::vector<float> rows = distanceRows(weights.projection, head, form), biases;
    for (int64_t d = first; form.segments && d < first + form.headDim; ++d)
      rows.push_back(weights.vectors[d] - weights.vectors[inner + d]);
    for (int64_t row = 0; row < products; ++row) {
      ArrayRef<float> others = row < form.distances() ? weights.ofDistances : weights.ofSegments;
      double bias = 0;
      for (int64_t d = 0; d < form.headDim; ++d)
        bias += double(rows[row * form.headDim + d]) * (double(others[first + d]) - weights.ofKeys[first + d]);
      biases.push_back(float(bias));
    }
    m.defineWeight(ofHead(prefix, "products", head), {products, form.headDim}, rows);
    m.defineWeight(ofHead(prefix, "product_biases", head), {products}, biases);
  }
}

//===----------------------------------------------------------------------===//
// The network
//===----------------------------------------------------------------------===//

RelativeInputs RelativeInputs::of(ModelBuilder &m, const RelativeForm &form) {
  RelativeInputs inputs;
  inputs.mask = m.mask(), inputs.keyMask = m.memoryMask();
  inputs.columns = m.columns(), inputs.keyColumns = m.memoryColumns();
  if (form.clamp) {
    std::vector<float> terms; // by the key's column less the query's
    for (int64_t term = 0; term <= 2 * *form.clamp; ++term)
      terms.push_back(float(std::min(term, form.distances() - 1)));
    inputs.distances = m.constantVector("distances", terms);
  } else {
    inputs.distances = m.angles(inputs.columns, "frequencies", form.rates);
    inputs.keyDistances = m.angles(inputs.keyColumns, "frequencies", form.rates);
  }
  if (form.segments) {
    std::vector<float> oneColumnEach(form.segments * form.segments, 0);
    for (int64_t segment = 0; segment < form.segments; ++segment)
      oneColumnEach[segment * form.segments + segment] = 1;
    m.defineWeight("segments.weight", {form.segments, form.segments}, oneColumnEach);
    inputs.segments = m.lookup(m.tokenTypeIds(form.segments), "segments", form.segments, form.segments);
    inputs.keySegments = m.lookup(m.memoryTypeIds(form.segments), "segments", form.segments, form.segments);
  }
  return inputs;
}

SmallVector<Value> RelativeInputs::list() const {
  SmallVector<Value> values;
  for (Value value : {keys, mask, keyMask, columns, keyColumns, distances, keyDistances, segments, keySegments})
    if (value)
      values.push_back(value);
  return values;
}

RelativeInputs RelativeInputs::from(ArrayRef<Value> list, const RelativeForm &form) {
  RelativeInputs inputs;
  auto take = [&](bool isThere) {
    Value value = isThere ? list.front() : Value();
    list = list.drop_front(isThere);
    return value;
  };
  for (Value *value :
       {&inputs.keys, &inputs.mask, &inputs.keyMask, &inputs.columns, &inputs.keyColumns, &inputs.distances})
    *value = take(true);
  inputs.keyDistances = take(!form.clamp);
  for (Value *value : {&inputs.segments, &inputs.keySegments})
    *value = take(form.segments != 0);
  return inputs;
}

Value relativeAttention(BlockBuilder &b, Value q, Value k, Value v, StringRef prefix, const RelativeInputs &inputs,
                        const RelativeForm &form) {
  ScoreRules rules;
  rules.scale = 1 / std::sqrt(double(form.headDim));
  rules.causal = form.causal;
  rules.reach = form.reach;
  if (form.causal || form.clamp)
    rules.columns = inputs.columns, rules.keyColumns = inputs.keyColumns;

  SmallVector<Value> queries, keys, terms;
  for (auto [head, parts] : llvm::enumerate(llvm::zip_equal(b.split(q, form.heads), b.split(k, form.heads)))) {
    auto [query, key] = parts;
    const int64_t products = form.distances() + (form.segments != 0);
    Value ofAll = b.linear(query, ofHead(prefix, "products", head), ofHead(prefix, "product_biases", head), products);
    SmallVector<Value> split = form.segments ? b.split(ofAll, {form.distances(), 1}) : SmallVector<Value>{ofAll};
    if (form.clamp) {
      terms.push_back(split[0]);
    } else {
      queries.push_back(split[0]);
      keys.push_back(inputs.keyDistances);
    }
    queries.push_back(query);
    keys.push_back(key);
    if (form.segments) {
      queries.push_back(b.combine(xf::CombineKind::Mul, inputs.segments, split[1]));
      keys.push_back(inputs.keySegments);
    }
  }
  if (form.clamp)
    rules.queryTerms = b.join(terms), rules.index = inputs.distances;
  if (!form.clamp || form.segments)
    q = b.join(queries), k = b.join(keys);
  if (!form.clamp)
    q = b.rotate(q, inputs.distances, form.heads);
  return b.attention(q, k, v, inputs.keyMask, form.heads, rules);
}

SmallVector<Value>
rememberingLayers(ModelBuilder &m, StringRef name, ArrayRef<std::string> prefixes, Value x, const RelativeForm &form,
                  const MemoryForm &memory,
                  llvm::function_ref<Value(BlockBuilder &, Value x, const RelativeInputs &inputs)> build) {
  RelativeInputs inputs = RelativeInputs::of(m, form);
  std::optional<ModelBuilder::LayerKind> kind;
  SmallVector<Value> results;
  for (auto [number, prefix] : llvm::enumerate(prefixes)) {
    inputs.keys = m.remember(x, number, memory);
    if (!kind)
      kind = m.layerKind(name, prefix, x, inputs.list(), [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) {
        return build(b, x, RelativeInputs::from(shared, form));
      });
    results.push_back(x = m.layer(*kind, prefix, x, inputs.list()));
  }
  return results;
}

} // namespace lathe
