//===- BlockBuilder.cpp - the words that model families are written in --------===//
#include "compiler/import/Activations.h"
#include "compiler/import/BuilderTypes.h"
#include "compiler/import/ModelBuilder.h"

#include "llvm/Support/SaveAndRestore.h"

#include <cmath>

using namespace mlir;

namespace lathe {

Value BlockBuilder::lookup(Value ids, StringRef table, int64_t rows, int64_t hidden, bool orZeros) {
  return lookup(ids, weight((table + ".weight").str(), {rows, hidden}), orZeros);
}

Value BlockBuilder::lookup(Value ids, Value table, bool orZeros) {
  SmallVector<int64_t> shape(typeOf(ids).getShape());
  shape.push_back(typeOf(table).getShape().back());
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return xf::LookupOp::create(builder, builder.getUnknownLoc(), type, ids, table, orZeros, /*precision=*/nullptr);
}

Value BlockBuilder::table(StringRef name, int64_t rows, int64_t width) {
  return weight((name + ".weight").str(), {rows, width});
}

Value BlockBuilder::blend(Value rowWeights, Value columnWeights, StringRef grid, int64_t hidden) {
  const int64_t places = typeOf(rowWeights).getShape().back() * typeOf(columnWeights).getShape().back();
  return xf::BlendOp::create(builder, builder.getUnknownLoc(), withWidth(rowWeights, hidden), rowWeights, columnWeights,
                             weight((grid + ".weight").str(), {places, hidden}));
}

Value BlockBuilder::add(Value lhs, Value rhs) {
  return xf::AddOp::create(builder, builder.getUnknownLoc(), lhs.getType(), lhs, rhs);
}

Value BlockBuilder::linear(Value x, StringRef name, int64_t width, bool biased) {
  return linear(x, (name + ".weight").str(), biased ? (name + ".bias").str() : "", width);
}

Value BlockBuilder::linear(Value x, StringRef weightName, StringRef biasName, int64_t width) {
  Value w = weight(weightName, {width, typeOf(x).getShape().back()});
  return linear(x, w, biasName, width);
}

Value BlockBuilder::transposedLinear(Value x, StringRef name, int64_t width) {
  return transposedLinear(x, (name + ".weight").str(), (name + ".bias").str(), width);
}

Value BlockBuilder::transposedLinear(Value x, StringRef weightName, StringRef biasName, int64_t width) {
  Value w = weight(weightName, {width, typeOf(x).getShape().back()}, /*transposed=*/true);
  return linear(x, w, biasName, width);
}

Value BlockBuilder::linear(Value x, Value w, StringRef biasName, int64_t width) {
  Value bias = biasName.empty() ? Value() : weight(biasName, {width});
  return xf::LinearOp::create(builder, builder.getUnknownLoc(), withWidth(x, width), x, w, bias);
}

Value BlockBuilder::layerNorm(Value x, StringRef name, double eps, bool biased) {
  int64_t width = typeOf(x).getShape().back();
  Value gain = weight((name + ".weight").str(), {width});
  Value bias = biased ? weight((name + ".bias").str(), {width}) : Value();
  return xf::LayerNormOp::create(builder, builder.getUnknownLoc(), x.getType(), x, /*residual=*/Value(), gain, bias,
                                 builder.getF64FloatAttr(eps), /*rms=*/nullptr);
}

Value BlockBuilder::rmsNorm(Value x, StringRef name, double eps) {
  Value gain = weight((name + ".weight").str(), {typeOf(x).getShape().back()});
  return xf::LayerNormOp::create(builder, builder.getUnknownLoc(), x.getType(), x, /*residual=*/Value(), gain,
                                 /*bias=*/Value(), builder.getF64FloatAttr(eps), /*rms=*/builder.getUnitAttr());
}

Value BlockBuilder::headNorm(Value x, StringRef name, int64_t heads, double eps) {
  Value gain = weight((name + ".weight").str(), {typeOf(x).getShape().back() / heads});
  return xf::HeadNormOp::create(builder, builder.getUnknownLoc(), x.getType(), x, gain,
                                builder.getI64IntegerAttr(heads), builder.getF64FloatAttr(eps));
}

Value BlockBuilder::scale(Value x, double factor) {
  return xf::ScaleOp::create(builder, builder.getUnknownLoc(), x.getType(), x, builder.getF64FloatAttr(factor));
}

Value BlockBuilder::softCap(Value x, double cap) {
  llvm::SaveAndRestore named(loc, nameOf(builder, "soft_cap"));
  return combine(xf::CombineKind::Mul, map(xf::MapKind::Tanh, combine(xf::CombineKind::Div, x, cap)), cap);
}

Value BlockBuilder::scale(Value x, StringRef name) {
  llvm::SaveAndRestore named(loc, nameOf(builder, name));
  return combine(xf::CombineKind::Mul, x, weight(name, {1}));
}

Value BlockBuilder::scaleColumns(Value x, StringRef name) {
  llvm::SaveAndRestore named(loc, nameOf(builder, name));
  return combine(xf::CombineKind::Mul, x, weight(name, {typeOf(x).getShape().back()}));
}

Value BlockBuilder::scaleAndShift(Value x, StringRef name) {
  llvm::SaveAndRestore named(loc, nameOf(builder, name));
  int64_t width = typeOf(x).getShape().back();
  Value gain = weight((name + ".weight").str(), {width}), bias = weight((name + ".bias").str(), {width});
  return combine(xf::CombineKind::Add, combine(xf::CombineKind::Mul, x, gain), bias);
}

Value BlockBuilder::rotate(Value x, Value angles, int64_t heads) {
  return xf::RotateOp::create(builder, builder.getUnknownLoc(), x.getType(), x, angles,
                              builder.getI64IntegerAttr(heads));
}

Value BlockBuilder::activate(Value x, xf::Activation activation) {
  return xf::ActivateOp::create(builder, builder.getUnknownLoc(), x.getType(), activation, x);
}

Value BlockBuilder::activate(Value x, const ActivationFunction &function) {
  llvm::SaveAndRestore named(loc, nameOf(builder, function.name));
  return function.build(*this, x);
}

Value BlockBuilder::attention(Value q, Value k, Value v, Value mask, int64_t heads, const ScoreRules &rules) {
  Location loc = builder.getUnknownLoc();
  ArrayRef<int64_t> shape = typeOf(q).getShape();
  const int64_t headDim = shape[2] / heads;
  // Keys and values may have fewer heads, which split_heads repeats, and values heads of another width.
  const int64_t valueDim = typeOf(v).getShape()[2] / (typeOf(k).getShape()[2] / headDim);
  auto split = [&](Value x, int64_t width) {
    auto type = typeOf(q).clone({shape[0], heads, shape[1], width});
    return xf::SplitHeadsOp::create(builder, loc, type, x).getResult();
  };
  Value scores = xf::MatmulOp::create(builder, loc, typeOf(q).clone({shape[0], heads, shape[1], shape[1]}),
                                      split(q, headDim), split(k, headDim), /*transposed=*/true);
  if (rules.index)
    scores = xf::AddTermsOp::create(builder, loc, scores.getType(), scores, rules.queryTerms, rules.keyTerms,
                                    rules.columns, rules.keyColumns, rules.index);
  scores = xf::ScaleOp::create(
      builder, loc, scores.getType(), scores,
      builder.getF64FloatAttr(rules.scale.value_or(1 / std::sqrt(double(headDim * rules.products)))));
  if (rules.cap)
    scores = xf::CapScoresOp::create(builder, loc, scores.getType(), scores, builder.getF64FloatAttr(*rules.cap));
  if (rules.slopes)
    scores = xf::SlopeScoresOp::create(builder, loc, scores.getType(), scores, rules.slopes, rules.columns);
  if (rules.pairs)
    scores = xf::BiasPairsOp::create(builder, loc, scores.getType(), scores, rules.pairs, rules.columns);
  if (rules.bias)
    scores = xf::BiasScoresOp::create(builder, loc, scores.getType(), scores, rules.bias, rules.columns, rules.buckets);
  if (rules.reach || rules.causal)
    scores = xf::WindowScoresOp::create(builder, loc, scores.getType(), scores, rules.columns, rules.keyColumns,
                                        rules.reach ? builder.getI64IntegerAttr(*rules.reach) : nullptr,
                                        rules.block ? builder.getI64IntegerAttr(*rules.block) : nullptr,
                                        rules.causal ? builder.getUnitAttr() : nullptr, rules.prefix, rules.globals);
  if (rules.chosen)
    scores = xf::ChooseQueriesOp::create(builder, loc, scores.getType(), scores, rules.chosen);
  scores = xf::MaskScoresOp::create(builder, loc, scores.getType(), scores, mask);
  probabilities.push_back(xf::SoftmaxOp::create(builder, loc, scores.getType(), scores));
  Value values = split(v, valueDim);
  Value context =
      xf::MatmulOp::create(builder, loc, values.getType(), probabilities.back(), values, /*transposed=*/false);
  return xf::MergeHeadsOp::create(builder, loc, withWidth(q, heads * valueDim), context);
}

Value BlockBuilder::selfAttention(Value x, Value mask, int64_t heads, StringRef query, StringRef key, StringRef value,
                                  const ScoreRules &rules) {
  int64_t hidden = typeOf(x).getShape().back();
  Value q = linear(x, query, hidden), k = linear(x, key, hidden), v = linear(x, value, hidden);
  return attention(q, k, v, mask, heads, rules);
}

std::pair<Value, Value> BlockBuilder::randomFeatures(Value q, Value k, StringRef projection, int64_t heads,
                                                     int64_t features) {
  Value w = weight(projection, {features, typeOf(q).getShape().back() / heads});
  auto of = [&](Value x) -> Value {
    return xf::RandomFeaturesOp::create(builder, builder.getUnknownLoc(), withWidth(x, heads * features), x, w,
                                        builder.getI64IntegerAttr(heads));
  };
  Value ofQueries = of(q);
  return {ofQueries, of(k)};
}

Value BlockBuilder::linearAttention(xf::FeatureMap map, Value q, Value k, Value v, Value mask, int64_t heads,
                                    bool causal) {
  if (model.givesAttentions)
    model.reject("--emit attentions: linear attention computes no probabilities; accepted is hidden_states");
  return xf::LinearAttentionOp::create(builder, builder.getUnknownLoc(), v.getType(), map, q, k, v, mask,
                                       /*cu_seqlens=*/Value(), causal, heads);
}

Value BlockBuilder::chunkAttention(Value q, Value k, Value v, Value mask, int64_t heads, const ChunkRules &rules) {
  if (model.givesAttentions)
    model.reject("--emit attentions: attention between chunks has probabilities of chunks, and not of tokens; accepted "
                 "is hidden_states");
  const double headDim = double(typeOf(q).getShape().back()) / double(heads);
  return xf::ChunkAttentionOp::create(builder, builder.getUnknownLoc(), v.getType(), q, k, v, rules.rowColumns, mask,
                                      /*cu_seqlens=*/Value(), rules.columns, rules.rotations, rules.given,
                                      rules.rotations ? builder.getDenseI64ArrayAttr(rules.factors) : nullptr,
                                      rules.chunks, rules.causal ? builder.getUnitAttr() : nullptr,
                                      builder.getI64IntegerAttr(heads),
                                      builder.getF64FloatAttr(1 / std::sqrt(headDim)));
}

xf::ChunksAttr BlockBuilder::chunks(int64_t length, int64_t before, int64_t after, int64_t above, int64_t multiple) {
  return xf::ChunksAttr::get(builder.getContext(), length, before, after, above, multiple);
}

Value BlockBuilder::axisIds(Value ids, int64_t stride, int64_t extent) {
  return xf::AxisIdsOp::create(builder, builder.getUnknownLoc(), ids.getType(), ids, builder.getI64IntegerAttr(stride),
                               builder.getI64IntegerAttr(extent));
}

xf::BucketsAttr BlockBuilder::buckets(xf::BucketScheme scheme, int64_t count, int64_t distance) {
  return xf::BucketsAttr::get(builder.getContext(), scheme, count, distance);
}

Value BlockBuilder::firstToken(Value x) {
  auto type = typeOf(x).clone({typeOf(x).getDimSize(0), typeOf(x).getDimSize(2)});
  return xf::FirstTokenOp::create(builder, builder.getUnknownLoc(), type, x, /*cu_seqlens=*/Value());
}

Value BlockBuilder::logSoftmax(Value x) {
  llvm::SaveAndRestore named(loc, nameOf(builder, "log_softmax"));
  auto reduce = [&](xf::ReduceKind kind, Value x) -> Value {
    return xf::ReduceOp::create(builder, loc, withWidth(x, 1), kind, x);
  };
  Value below = combine(xf::CombineKind::Sub, x, reduce(xf::ReduceKind::Max, x));
  Value sum = reduce(xf::ReduceKind::Sum, map(xf::MapKind::Exp, below));
  return combine(xf::CombineKind::Sub, below, map(xf::MapKind::Log, sum));
}

Value BlockBuilder::join(ArrayRef<Value> values) {
  if (values.size() == 1)
    return values.front();
  int64_t width = 0;
  for (Value value : values)
    width += typeOf(value).getShape().back();
  return xf::JoinOp::create(builder, builder.getUnknownLoc(), withWidth(values.front(), width), values);
}

SmallVector<Value> BlockBuilder::split(Value x, int64_t parts) {
  return split(x, SmallVector<int64_t>(parts, typeOf(x).getShape().back() / parts));
}

SmallVector<Value> BlockBuilder::split(Value x, ArrayRef<int64_t> widths) {
  SmallVector<Type> types = llvm::map_to_vector(widths, [&](int64_t width) -> Type { return withWidth(x, width); });
  auto split = xf::SplitOp::create(builder, builder.getUnknownLoc(), types, x);
  return SmallVector<Value>(split.getResults());
}

Value BlockBuilder::normalize(Value x, double eps) {
  return xf::NormalizeOp::create(builder, builder.getUnknownLoc(), x.getType(), x, builder.getF64FloatAttr(eps));
}

Value BlockBuilder::constant(double value) {
  return xf::ConstantOp::create(builder, loc, RankedTensorType::get({1}, builder.getF32Type()),
                                builder.getF64FloatAttr(value));
}

Value BlockBuilder::map(xf::MapKind kind, Value x) { return xf::MapOp::create(builder, loc, x.getType(), kind, x); }

/// The type in which values meet: rows of the one that has rows, the widest last axis.
static RankedTensorType meetingType(ArrayRef<Value> values) {
  RankedTensorType type = typeOf(values.front());
  int64_t width = 1;
  for (Value value : values) {
    if (typeOf(value).getRank() > type.getRank())
      type = typeOf(value);
    width = typeOf(value).getShape().back() != 1 ? typeOf(value).getShape().back() : width;
  }
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = width;
  return type.clone(shape);
}

Value BlockBuilder::combine(xf::CombineKind kind, Value lhs, Value rhs) {
  return xf::CombineOp::create(builder, loc, meetingType({lhs, rhs}), kind, lhs, rhs);
}

Value BlockBuilder::select(Value condition, Value x, Value y) {
  return xf::SelectOp::create(builder, loc, meetingType({condition, x, y}), condition, x, y);
}

} // namespace lathe
