//===- XfOps.cpp - verifiers of the ops on tensors ----------------------------===//
//
// ODS states element types and ranks that never vary; these functions state what must agree between operands.
//
//===----------------------------------------------------------------------===//
#include "ir/xf/Int4.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "ir/xf/XfOps.cpp.inc"

namespace lathe::xf {

static int64_t lastExtent(Value value) { return cast<RankedTensorType>(value.getType()).getShape().back(); }
static ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

/// The shape of `value` with its last extent replaced.
static SmallVector<int64_t> withLastExtent(Value value, int64_t extent) {
  SmallVector<int64_t> shape(shapeOf(value));
  shape.back() = extent;
  return shape;
}

static LogicalResult expectShape(Operation *op, StringRef what, Value value, ArrayRef<int64_t> expected) {
  if (shapeOf(value) == expected)
    return success();
  auto type = cast<RankedTensorType>(value.getType());
  return op->emitOpError() << what << " is a " << type << "; expected " << type.clone(expected);
}

/// Tables have a layout in every precision but int4.
template <typename Op> static LogicalResult verifyTablePrecision(Op op) {
  if (op.getPrecision() != Precision::INT4)
    return success();
  return op.emitOpError("rounds a table to int4; accepted are bf16 and int8");
}

LogicalResult LookupOp::verify() {
  SmallVector<int64_t> shape(shapeOf(getIds()));
  shape.push_back(lastExtent(getTable()));
  if (failed(expectShape(*this, "result", getResult(), shape)))
    return failure();
  return verifyTablePrecision(*this);
}

LogicalResult AxisIdsOp::verify() {
  if (int64_t(getStride()) < 1 || int64_t(getExtent()) < 1)
    return emitOpError("has stride ") << int64_t(getStride()) << " and extent " << int64_t(getExtent())
                                      << "; expected at least 1";
  return success();
}

LogicalResult BlendOp::verify() {
  const int64_t rows = lastExtent(getRowWeights()), columns = lastExtent(getColumnWeights());
  if (shapeOf(getGrid())[0] != rows * columns)
    return emitOpError("grid is a ") << getGrid().getType() << "; expected " << rows << " x " << columns << " rows";
  if (failed(expectShape(*this, "column_weights", getColumnWeights(), withLastExtent(getRowWeights(), columns))))
    return failure();
  return expectShape(*this, "result", getResult(), withLastExtent(getRowWeights(), lastExtent(getGrid())));
}

LogicalResult EmbedOp::verify() {
  if (getIds().empty() || getIds().size() != getTables().size())
    return emitOpError("has ") << getIds().size() << " ids for " << getTables().size()
                               << " tables; expected one of each";
  if (bool(getGain()) != getEps().has_value() || (getBias() && !getGain()))
    return emitOpError("has some of gain, bias and eps; expected none, all, or all but a bias");
  for (Value ids : getIds()) {
    SmallVector<int64_t> shape(shapeOf(ids));
    shape.push_back(lastExtent(getResult()));
    if (failed(expectShape(*this, "result", getResult(), shape)))
      return failure();
  }
  int64_t hidden = lastExtent(getResult());
  for (Value table : getTables())
    if (lastExtent(table) != hidden)
      return emitOpError("table is a ") << table.getType() << "; expected rows of " << hidden;
  if ((getGain() && failed(expectShape(*this, "gain", getGain(), {hidden}))) ||
      (getBias() && failed(expectShape(*this, "bias", getBias(), {hidden}))))
    return failure();
  return verifyTablePrecision(*this);
}

LinearOp readerInBytes(OpOperand &use) {
  auto reader = dyn_cast<LinearOp>(use.getOwner());
  const bool inBytes =
      reader && use.get() != reader.getResidual() && precisionOfX(reader.getPrecision()) == Precision::INT8;
  return inBytes ? reader : LinearOp();
}

/// A narrow result is what kernels that multiply in a precision can store, and what bytes are made of and nothing else.
template <typename Op> static LogicalResult verifyNarrow(Op op) {
  if (!op.getNarrow())
    return success();
  if (!op.getPrecision())
    return op.emitOpError("is in f32; narrow results have products in bf16, int8 and int4");
  for (OpOperand &use : op.getResult().getUses())
    if (!readerInBytes(use))
      return op.emitOpError("is narrow, which is for what products read in bytes alone; but it is read by '")
             << use.getOwner()->getName() << "'";
  return success();
}

LogicalResult LinearOp::verify() {
  ArrayRef<int64_t> weight = shapeOf(getWeight());
  if (lastExtent(getX()) != weight[1])
    return emitOpError("x has K = ") << lastExtent(getX()) << ", but the weight [N, K] is a " << getWeight().getType();
  SmallVector<int64_t> result = withLastExtent(getX(), weight[0]);
  if (failed(expectShape(*this, "result", getResult(), result)))
    return failure();
  if (getBias() && failed(expectShape(*this, "bias", getBias(), {weight[0]})))
    return failure();
  if (getResidual() && failed(expectShape(*this, "residual", getResidual(), result)))
    return failure();
  if (getRange() && getPrecision() != Precision::INT8)
    return emitOpError("has a range of x, which only products in int8 have");
  if (getRange() && failed(expectShape(*this, "range", getRange(), {2})))
    return failure();
  if (getSmoothing() && precisionOfX(getPrecision()) != Precision::INT8)
    return emitOpError("smooths x, which is for products that read it in bytes");
  if (getSmoothing() && !getSmoothing().getDefiningOp<LoadWeightOp>())
    return emitOpError("smooths x by what is no loaded weight: whatever computes x, in any function, reads it too");
  if (getSmoothing() && failed(expectShape(*this, "smoothing", getSmoothing(), {weight[1]})))
    return failure();
  if (getImportance() && getPrecision() != Precision::INT4)
    return emitOpError("has importances of columns, which int4 alone has");
  if (getImportance() && failed(expectShape(*this, "importance", getImportance(), {weight[1]})))
    return failure();
  if (getGroup().has_value() != (getPrecision() == Precision::INT4))
    return emitOpError("has ") << (getGroup() ? "groups, which int4 alone has" : "no groups, which int4 needs");
  if (getGroup() && !isInt4Group(*getGroup()))
    return emitOpError("has groups of ") << *getGroup() << "; accepted are 32, 64, 128";
  return verifyNarrow(*this);
}

/// Checks that `parts` laid side by side along `axis` make `whole`.
static LogicalResult verifyParts(Operation *op, ValueRange parts, Value whole, unsigned axis) {
  if (parts.empty())
    return op->emitOpError("has no parts");
  int64_t sum = 0;
  for (Value part : parts) {
    SmallVector<int64_t> expected(shapeOf(whole));
    if (shapeOf(part).size() != expected.size())
      return op->emitOpError("part is a ")
             << part.getType() << ", the whole a " << whole.getType() << "; expected the same rank";
    expected[axis] = shapeOf(part)[axis];
    if (failed(expectShape(op, "part", part, expected)))
      return failure();
    sum += expected[axis];
  }
  if (sum != shapeOf(whole)[axis])
    return op->emitOpError("parts have ") << sum << " along axis " << axis << ", the whole " << shapeOf(whole)[axis];
  return success();
}

LogicalResult ConcatOp::verify() { return verifyParts(*this, getInputs(), getResult(), 0); }
LogicalResult JoinOp::verify() { return verifyParts(*this, getInputs(), getResult(), shapeOf(getResult()).size() - 1); }
LogicalResult SplitOp::verify() { return verifyParts(*this, getResults(), getInput(), shapeOf(getInput()).size() - 1); }

LogicalResult ArgmaxOp::verify() {
  constexpr int64_t mostColumns = 1 << 24;
  ArrayRef<int64_t> x = shapeOf(getX()), result = shapeOf(getResult());
  if (x.size() != 2 || ShapedType::isDynamic(x[1]) || x[1] < 1 || x[1] > mostColumns)
    return emitOpError("looks at ") << getX().getType() << "; accepted are rows of 1 to " << mostColumns << " numbers";
  if (result != ArrayRef{x[0], int64_t(2)})
    return emitOpError("gives two numbers for each row of ") << getX().getType() << "; found " << getResult().getType();
  return success();
}

/// Checks [batch, seq, heads * head_dim] against [batch, heads, seq, head_dim].
/// With `mayRepeat` the merged side may have fewer heads.
static LogicalResult verifyHeads(Operation *op, Value merged, Value split, bool mayRepeat) {
  ArrayRef<int64_t> m = shapeOf(merged), s = shapeOf(split);
  if (m.size() != 3 || s.size() != 4)
    return op->emitOpError("goes between [batch, seq, heads * head_dim] and [batch, heads, seq, head_dim]; found ")
           << merged.getType() << " and " << split.getType();
  if (llvm::any_of(ArrayRef{s[1], s[3], m[2]}, ShapedType::isDynamic))
    return op->emitOpError("has ") << merged.getType() << " and " << split.getType()
                                   << "; heads, head_dim and the width must be static";
  const bool agrees =
      mayRepeat ? s[3] > 0 && m[2] > 0 && m[2] % s[3] == 0 && s[1] % (m[2] / s[3]) == 0 : s[1] * s[3] == m[2];
  if (!agrees || m[0] != s[0] || m[1] != s[2])
    return op->emitOpError("has ") << s[1] << " heads of " << s[3] << " on one side and " << m[2] << " on the other";
  return success();
}

LogicalResult SplitHeadsOp::verify() { return verifyHeads(*this, getX(), getResult(), /*mayRepeat=*/true); }
LogicalResult MergeHeadsOp::verify() { return verifyHeads(*this, getResult(), getX(), /*mayRepeat=*/false); }

LogicalResult MatmulOp::verify() {
  ArrayRef<int64_t> lhs = shapeOf(getLhs()), rhs = shapeOf(getRhs());
  if (lhs.size() != 4 || rhs.size() != 4)
    return emitOpError("multiplies [batch, heads, M, K] with [batch, heads, K, N]; found ")
           << getLhs().getType() << " and " << getRhs().getType();
  int64_t k = getTransposed() ? rhs[3] : rhs[2], n = getTransposed() ? rhs[2] : rhs[3];
  if (lhs[3] != k || lhs[0] != rhs[0] || lhs[1] != rhs[1])
    return emitOpError("operands ") << getLhs().getType() << " and " << getRhs().getType()
                                    << " do not agree in batch, heads or K";
  return expectShape(*this, "result", getResult(), {lhs[0], lhs[1], lhs[2], n});
}

LogicalResult MaskScoresOp::verify() {
  ArrayRef<int64_t> scores = shapeOf(getScores()), mask = shapeOf(getMask());
  if (scores.size() != 4 || mask.size() != 2)
    return emitOpError("masks scores [batch, heads, queries, keys] with [batch, keys]; found ")
           << getScores().getType() << " and " << getMask().getType();
  if (scores[0] != mask[0] || scores[3] != mask[1])
    return emitOpError("scores ") << getScores().getType() << " and mask " << getMask().getType()
                                  << " do not agree in batch or keys";
  return success();
}

/// Whichever op caps scores.
static LogicalResult verifyCap(Operation *op, const APFloat &cap) {
  if (!(cap.convertToDouble() > 0))
    return op->emitOpError("has a cap of ") << cap.convertToDouble() << "; expected more than 0";
  return success();
}

LogicalResult CapScoresOp::verify() {
  if (shapeOf(getScores()).size() != 4)
    return emitOpError("caps scores [batch, heads, queries, keys]; found ") << getScores().getType();
  return verifyCap(*this, getCap());
}

/// Checks scores [batch, heads, seq, seq] against columns [batch, seq], and where keys have others against both.
static LogicalResult verifyDistances(Operation *op, Value scores, Value columns, Value keyColumns = {}) {
  ArrayRef<int64_t> s = shapeOf(scores), c = shapeOf(columns), k = shapeOf(keyColumns ? keyColumns : columns);
  if (s.size() != 4 || c.size() != 2 || k.size() != 2)
    return op->emitOpError("has scores [batch, heads, seq, seq] and columns [batch, seq]; found ")
           << scores.getType() << " and " << columns.getType();
  if (s[0] != c[0] || s[0] != k[0] || s[2] != c[1] || s[3] != k[1])
    return op->emitOpError("scores ") << scores.getType() << " and columns " << columns.getType()
                                      << " do not agree in batch or seq";
  return success();
}

/// Whichever op may have keys with columns of their own, and does not know those of something else.
template <typename Op> static LogicalResult verifyKeyColumns(Op op, bool hasOther, StringRef what) {
  if (op.getKeyColumns() && hasOther)
    return op.emitOpError("has key_columns and ") << what << "; expected one of them";
  return success();
}

/// Checks a table [rows, heads] of biases.
static LogicalResult verifyBiasTable(Operation *op, Value table, BucketsAttr buckets, int64_t heads) {
  ArrayRef<int64_t> shape = shapeOf(table);
  if (shape[0] < buckets.getCount() || shape[1] != heads)
    return op->emitOpError("table is a ") << table.getType() << "; expected a row for each of " << buckets.getCount()
                                          << " buckets, of " << heads << " heads";
  return success();
}

LogicalResult BiasScoresOp::verify() {
  if (failed(verifyDistances(*this, getScores(), getColumns())))
    return failure();
  return verifyBiasTable(*this, getTable(), getBuckets(), shapeOf(getScores())[1]);
}

/// Checks a table [heads * n, n] for pairs of places.
static LogicalResult verifyPairs(Operation *op, Value table, int64_t heads) {
  ArrayRef<int64_t> shape = shapeOf(table);
  if (shape[0] != heads * shape[1])
    return op->emitOpError("table is a ") << table.getType() << "; expected a square for each of " << heads << " heads";
  return success();
}

LogicalResult BiasPairsOp::verify() {
  if (failed(verifyDistances(*this, getScores(), getColumns())))
    return failure();
  return verifyPairs(*this, getTable(), shapeOf(getScores())[1]);
}

/// Checks slopes [heads].
static LogicalResult verifySlopes(Operation *op, Value slopes, int64_t heads) {
  if (lastExtent(slopes) != heads)
    return op->emitOpError("slopes are a ") << slopes.getType() << "; expected one for each of " << heads << " heads";
  return success();
}

LogicalResult SlopeScoresOp::verify() {
  if (failed(verifyDistances(*this, getScores(), getColumns())))
    return failure();
  return verifySlopes(*this, getSlopes(), shapeOf(getScores())[1]);
}

/// Checks terms, of rows like `rows`, and the index into them.
static LogicalResult verifyTerms(Operation *op, Value queryTerms, Value keyTerms, Value index, ArrayRef<int64_t> rows,
                                 int64_t heads) {
  if (bool(index) != (queryTerms || keyTerms))
    return op->emitOpError("has terms or their index without the other");
  for (Value terms : {queryTerms, keyTerms})
    if (terms && (shapeOf(terms).drop_back() != rows || lastExtent(terms) % heads ||
                  (keyTerms && terms.getType() != keyTerms.getType())))
      return op->emitOpError("terms are a ")
             << terms.getType() << "; expected as many for each token and each of " << heads << " heads";
  if (index && lastExtent(index) % 2 == 0)
    return op->emitOpError("index is a ") << index.getType() << "; expected one more than twice the largest distance";
  return success();
}

LogicalResult AddTermsOp::verify() {
  if (failed(verifyDistances(*this, getScores(), getColumns(), getKeyColumns())) ||
      failed(verifyKeyColumns(*this, bool(getKeyTerms()), "key terms")))
    return failure();
  return verifyTerms(*this, getQueryTerms(), getKeyTerms(), getIndex(), shapeOf(getColumns()), shapeOf(getScores())[1]);
}

/// Whichever op narrows which keys a query sees.
template <typename Op> static LogicalResult verifyReach(Op op) {
  if (op.getReach() && int64_t(*op.getReach()) < 0)
    return op.emitOpError("has a reach of ") << int64_t(*op.getReach()) << "; expected 0 or more";
  if (op.getPrefix() && !op.getCausal())
    return op.emitOpError("has a prefix, but is not causal: queries see the keys behind them anyway");
  return success();
}

/// Whichever op has keys that are seen by their block, or beyond its reach.
template <typename Op> static LogicalResult verifyBlocksAndGlobals(Op op) {
  if (op.getBlock() && (int64_t(*op.getBlock()) < 1 || !op.getReach() || op.getCausal()))
    return op.emitOpError("has a block of ")
           << int64_t(*op.getBlock()) << "; expected 1 or more, with a reach, and not causal";
  if (op.getGlobals() && (!op.getReach() || op.getCausal()))
    return op.emitOpError("has globals; expected a reach that they are no part of, and not causal");
  if (op.getGlobals() && op.getGlobals().getType() != op.getColumns().getType())
    return op.emitOpError("globals are a ")
           << op.getGlobals().getType() << "; expected a number for each token, as " << op.getColumns().getType();
  return success();
}

LogicalResult WindowScoresOp::verify() {
  if (!getReach() && !getCausal())
    return emitOpError("has neither a reach nor causal; expected one of them, or both");
  if (failed(verifyReach(*this)) || failed(verifyBlocksAndGlobals(*this)) ||
      failed(verifyKeyColumns(*this, getBlock().has_value(), "a block")) ||
      failed(verifyKeyColumns(*this, bool(getPrefix()), "a prefix")) ||
      failed(verifyKeyColumns(*this, bool(getGlobals()), "globals")))
    return failure();
  return verifyDistances(*this, getScores(), getColumns(), getKeyColumns());
}

LogicalResult ChooseQueriesOp::verify() {
  ArrayRef<int64_t> scores = shapeOf(getScores()), chosen = shapeOf(getChosen());
  if (scores.size() != 4 || chosen.size() != 2 || scores[0] != chosen[0] || scores[2] != chosen[1])
    return emitOpError("chooses among scores [batch, heads, queries, keys] by [batch, queries]; found ")
           << getScores().getType() << " and " << getChosen().getType();
  return success();
}

/// Dense tensors are [batch, seq, width] with an optional mask, packed ones [tokens, width] with cu_seqlens.
static LogicalResult verifyForm(Operation *op, Value x, Value mask, Value cuSeqlens) {
  size_t rank = shapeOf(x).size();
  if (rank != (cuSeqlens ? 2u : 3u))
    return op->emitOpError("takes [batch, seq, width], or [tokens, width] with cu_seqlens; found ")
           << x.getType() << (cuSeqlens ? " with cu_seqlens" : " without cu_seqlens");
  if (mask && cuSeqlens)
    return op->emitOpError("has both a mask and cu_seqlens; expected one of them");
  if (mask && (shapeOf(mask).size() != 2 || shapeOf(mask) != shapeOf(x).take_front(2)))
    return op->emitOpError("mask is a ") << mask.getType() << " for " << x.getType() << "; expected [batch, seq]";
  return success();
}

/// What is kept in bytes stands for f32, and nothing is rounded any further.
template <typename Op> static LogicalResult verifyKept(Op op) {
  if (op.getKept() && (*op.getKept() != Precision::INT8 || op.getPrecision()))
    return op.emitOpError("keeps keys and values in ")
           << stringifyPrecision(*op.getKept()) << "; expected int8, and no precision";
  return success();
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyForm(*this, getKey(), getMask(), getCuSeqlens() ? getCuSeqlens() : getKeyCuSeqlens())))
    return failure();
  if (shapeOf(getQuery()).size() != shapeOf(getKey()).size() ||
      shapeOf(getKey()).drop_back() != shapeOf(getValue()).drop_back())
    return emitOpError("query ") << getQuery().getType() << ", key " << getKey().getType() << " and value "
                                 << getValue().getType() << " do not agree";
  if (getHeads() <= 0 || lastExtent(getQuery()) % getHeads())
    return emitOpError("has ") << int64_t(getHeads()) << " heads for a width of " << lastExtent(getQuery());
  const int64_t headDim = lastExtent(getQuery()) / int64_t(getHeads()), keys = lastExtent(getKey());
  if (keys < headDim || keys % headDim || getHeads() % (keys / headDim))
    return emitOpError("has keys ") << keys << " wide for " << int64_t(getHeads()) << " heads of " << headDim
                                    << "; expected heads that divide the queries'";
  const int64_t keyHeads = keys / headDim, values = lastExtent(getValue());
  if (values < keyHeads || values % keyHeads)
    return emitOpError("has values ") << values << " wide for " << keyHeads << " heads; expected as many of one width";
  if (bool(getBias()) != getBuckets().has_value())
    return emitOpError("has a bias or buckets without the other");
  if (bool(getColumns()) != (getBias() || getSlopes() || getPairs() || getReach() || getCausal() || getIndex()))
    return emitOpError("has columns, or what needs them, without the other");
  if (failed(verifyReach(*this)) || failed(verifyBlocksAndGlobals(*this)))
    return failure();
  const Value ofKeys = getKeyColumns() ? getKeyColumns() : getColumns();
  if (getColumns() &&
      (shapeOf(getColumns()) != shapeOf(getQuery()).drop_back() || shapeOf(ofKeys) != shapeOf(getKey()).drop_back()))
    return emitOpError("columns are a ") << getColumns().getType() << " for queries " << getQuery().getType()
                                         << " and keys " << getKey().getType() << "; expected one for each of both";
  if (getKeyColumns() && (!(getReach() || getCausal() || getIndex()) || getBias() || getSlopes() || getPairs() ||
                          getKeyTerms() || getBlock() || getPrefix() || getGlobals() || getPages()))
    return emitOpError(
        "has key_columns; expected a reach, causality or terms of queries, and nothing else by distance");
  if (getGlobals() && (getBias() || getSlopes() || getPairs() || getIndex()))
    return emitOpError("has globals; expected nothing but a reach to go by distance");
  if (getChosen() && (getColumns() || getKeyCuSeqlens() || getPages()))
    return emitOpError("has chosen queries; expected no columns, no key_cu_seqlens and no cache");
  if (getChosen() && shapeOf(getChosen()) != shapeOf(getQuery()).drop_back())
    return emitOpError("chosen are a ") << getChosen().getType() << " for queries " << getQuery().getType()
                                        << "; expected a number for each";
  if (getBias() && failed(verifyBiasTable(*this, getBias(), *getBuckets(), getHeads())))
    return failure();
  if (getSlopes() && failed(verifySlopes(*this, getSlopes(), getHeads())))
    return failure();
  if (getPairs() && failed(verifyPairs(*this, getPairs(), getHeads())))
    return failure();
  if (failed(
          verifyTerms(*this, getQueryTerms(), getKeyTerms(), getIndex(), shapeOf(getQuery()).drop_back(), getHeads())))
    return failure();
  if (failed(verifyNarrow(*this)))
    return failure();
  if (getCap() && failed(verifyCap(*this, *getCap())))
    return failure();
  if (getKeyCuSeqlens() &&
      (getMask() || bool(getColumns()) != bool(getKeyColumns()) || (getColumns() && !getCuSeqlens()) || getPages()))
    return emitOpError("has key_cu_seqlens; expected no mask, columns of keys and of queries with cu_seqlens or of "
                       "neither, and no cache");
  if (getPages() && (!getCuSeqlens() || !getCausal() || getIndex() || getPairs() || values != keys))
    return emitOpError("has a cache; expected cu_seqlens and causal, no terms or pairs, and values as wide as keys");
  if (getKept() && !getPages())
    return emitOpError("keeps keys and values in a precision without a cache");
  if (failed(verifyKept(*this)))
    return failure();
  return expectShape(*this, "result", getResult(), withLastExtent(getQuery(), getHeads() * (values / keyHeads)));
}

void AttentionOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (!getPages())
    return;
  effects.emplace_back(MemoryEffects::Read::get());
  effects.emplace_back(MemoryEffects::Write::get());
}

Speculation::Speculatability AttentionOp::getSpeculatability() {
  return getPages() ? Speculation::NotSpeculatable : Speculation::Speculatable;
}

LogicalResult RememberOp::verify() {
  if (!getOffsets().empty() && getOffsets().size() != 2)
    return emitOpError("has ") << getOffsets().size() << " offsets; expected those of memories and of tokens, or none";
  const size_t rank = getOffsets().empty() ? 3 : 2;
  if (shapeOf(getMemory()).size() != rank || shapeOf(getX()).size() != rank ||
      lastExtent(getMemory()) != lastExtent(getX()))
    return emitOpError("has memories ") << getMemory().getType() << " of tokens " << getX().getType()
                                        << "; expected rows of one width, packed with the offsets of both";
  return success();
}

LogicalResult AppendCacheOp::verify() {
  if (getKey().getType() != getValue().getType() || shapeOf(getKey()).size() != 2)
    return emitOpError("key ") << getKey().getType() << " and value " << getValue().getType()
                               << " do not agree; expected two of [tokens, key_heads * head_dim]";
  if (int64_t(getHeadDim()) <= 0 || lastExtent(getKey()) % int64_t(getHeadDim()))
    return emitOpError("has heads of ") << int64_t(getHeadDim()) << " in keys " << lastExtent(getKey()) << " wide";
  return verifyKept(*this);
}

LogicalResult PagedAttentionOp::verify() {
  if (shapeOf(getQuery()).size() != 2)
    return emitOpError("takes [tokens, heads * head_dim]; found ") << getQuery().getType();
  const int64_t heads = getHeads(), keyHeads = getKeyHeads();
  if (heads <= 0 || lastExtent(getQuery()) % heads || keyHeads <= 0 || heads % keyHeads)
    return emitOpError("has ") << heads << " heads, of keys " << keyHeads << ", for a width of "
                               << lastExtent(getQuery()) << "; expected divisors";
  if (bool(getBias()) != getBuckets().has_value())
    return emitOpError("has a bias or buckets without the other");
  if (bool(getColumns()) != bool(getCausal()) || (!getCausal() && (getBias() || getReach() || getSlopes())))
    return emitOpError("has causal, columns, or what goes by them, without the others");
  if (failed(verifyReach(*this)) || failed(verifyKept(*this)) || failed(verifyNarrow(*this)))
    return failure();
  if ((getBias() && failed(verifyBiasTable(*this, getBias(), *getBuckets(), heads))) ||
      (getSlopes() && failed(verifySlopes(*this, getSlopes(), heads))) ||
      (getCap() && failed(verifyCap(*this, *getCap()))))
    return failure();
  return success();
}

LogicalResult RandomFeaturesOp::verify() {
  const int64_t width = lastExtent(getX()), heads = getHeads();
  if (heads <= 0 || width % heads)
    return emitOpError("has ") << heads << " heads for a width of " << width << "; expected a divisor of it";
  const int64_t features = shapeOf(getProjection())[0];
  if (failed(expectShape(*this, "projection", getProjection(), {features, width / heads})))
    return failure();
  return expectShape(*this, "result", getResult(), withLastExtent(getX(), heads * features));
}

LogicalResult LinearAttentionOp::verify() {
  if (failed(verifyForm(*this, getKey(), getMask(), getCuSeqlens())))
    return failure();
  if (getQuery().getType() != getKey().getType() || shapeOf(getKey()).drop_back() != shapeOf(getValue()).drop_back())
    return emitOpError("query ") << getQuery().getType() << ", key " << getKey().getType() << " and value "
                                 << getValue().getType() << " do not agree; expected the same rows in all of them";
  const int64_t heads = getHeads();
  if (heads <= 0 || lastExtent(getKey()) % heads || lastExtent(getValue()) % heads)
    return emitOpError("has ") << heads << " heads for features " << lastExtent(getKey()) << " and values "
                               << lastExtent(getValue()) << " wide; expected a divisor of both";
  return success();
}

int64_t ChunkAttentionOp::rounds() {
  return getRotations() ? 2 * lastExtent(getRotations()) / llvm::sum_of(*getFactors()) : 1;
}

LogicalResult ChunkAttentionOp::verify() {
  if (failed(verifyForm(*this, getKey(), getMask(), getCuSeqlens())))
    return failure();
  if (shapeOf(getKey()).drop_back() != shapeOf(getValue()).drop_back())
    return emitOpError("key ") << getKey().getType() << " and value " << getValue().getType()
                               << " do not agree; expected the same rows in both";
  const int64_t heads = getHeads(), width = lastExtent(getKey());
  if (heads <= 0 || width % heads || lastExtent(getValue()) % heads)
    return emitOpError("has ") << heads << " heads for keys " << width << " and values " << lastExtent(getValue())
                               << " wide; expected a divisor of both";
  const ChunksAttr chunks = getChunks();
  if (chunks.getLength() < 1 || chunks.getBefore() < 0 || chunks.getAfter() < 0 || chunks.getAbove() < 1 ||
      chunks.getAbove() > chunks.getLength() || chunks.getMultiple() < 1 || chunks.getMultiple() % chunks.getLength())
    return emitOpError("has ") << chunks
                               << "; expected a length of at least 1, rows that are cut into whole chunks, and "
                               << "chunks to see that are no less than 0";
  if (bool(getColumns()) == bool(getRotations()) || bool(getRotations()) != getFactors().has_value())
    return emitOpError("takes columns, or rotations with factors; expected one of these");
  if (getGiven() && !getRotations())
    return emitOpError("is given rotations in place of none");
  if (getGiven() && failed(expectShape(*this, "given", getGiven(), {ShapedType::kDynamic, lastExtent(getRotations())})))
    return failure();
  if (getColumns())
    return expectShape(*this, "columns", getColumns(), shapeOf(getKey()).drop_back());
  const ArrayRef<int64_t> factors = *getFactors();
  for (int64_t factor : factors)
    if (factor < 2 || factor % 2)
      return emitOpError("has a factor of ") << factor << "; expected even ones of at least 2";
  const int64_t half = llvm::sum_of(factors) / 2;
  if (!half || lastExtent(getRotations()) % half || shapeOf(getRotations())[0] != width)
    return emitOpError("rotations are a ")
           << getRotations().getType() << "; expected " << width << " x a multiple of " << half;
  return success();
}

LogicalResult AnglesOp::verify() {
  SmallVector<int64_t> shape(shapeOf(getPositions()));
  shape.push_back(2 * lastExtent(getFrequencies()));
  return expectShape(*this, "result", getResult(), shape);
}

LogicalResult RotateOp::verify() {
  const int64_t width = lastExtent(getX()), heads = getHeads();
  if (heads <= 0 || width % heads)
    return emitOpError("has ") << heads << " heads for a width of " << width << "; expected a divisor of it";
  const int64_t rotated = lastExtent(getAngles());
  if (rotated % 2 || rotated > width / heads)
    return emitOpError("rotates ") << rotated << " columns of heads of " << width / heads << "; expected pairs in each";
  return expectShape(*this, "angles", getAngles(), withLastExtent(getX(), rotated));
}

LogicalResult HeadNormOp::verify() {
  const int64_t width = lastExtent(getX()), heads = getHeads();
  if (heads <= 0 || width % heads)
    return emitOpError("has ") << heads << " heads for a width of " << width << "; expected a divisor of it";
  return expectShape(*this, "gain", getGain(), {width / heads});
}

LogicalResult LayerNormOp::verify() {
  if (getRms() && getBias())
    return emitOpError("goes by the root of squares and has a bias");
  int64_t width = lastExtent(getX());
  if (failed(expectShape(*this, "result", getResult(), shapeOf(getX()))) ||
      failed(expectShape(*this, "gain", getGain(), {width})) ||
      (getBias() && failed(expectShape(*this, "bias", getBias(), {width}))))
    return failure();
  if (getResidual() && failed(expectShape(*this, "residual", getResidual(), shapeOf(getX()))))
    return failure();
  return success();
}

/// The per-sequence shape [batch, width] that pooling gives.
static LogicalResult verifyPooled(Operation *op, Value x, Value cuSeqlens, Value result) {
  int64_t batch = cuSeqlens ? ShapedType::kDynamic : shapeOf(x)[0];
  return expectShape(op, "result", result, {batch, lastExtent(x)});
}

LogicalResult FirstTokenOp::verify() {
  if (failed(verifyForm(*this, getX(), nullptr, getCuSeqlens())))
    return failure();
  return verifyPooled(*this, getX(), getCuSeqlens(), getResult());
}

LogicalResult PoolOp::verify() {
  if (failed(verifyForm(*this, getX(), getMask(), getCuSeqlens())))
    return failure();
  if (bool(getColumns()) != (getMode() == PoolMode::WeightedMean))
    return emitOpError("has columns, or the mode that weighs tokens by them, without the other");
  for (auto [name, value] : {std::pair("columns", getColumns()), {"except", getExcept()}})
    if (value && shapeOf(value) != shapeOf(getX()).drop_back())
      return emitOpError() << name << " is a " << value.getType() << " for " << getX().getType()
                           << "; expected a number for each token";
  return verifyPooled(*this, getX(), getCuSeqlens(), getResult());
}

} // namespace lathe::xf
