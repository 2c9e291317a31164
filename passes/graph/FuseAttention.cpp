//===- FuseAttention.cpp - QK^T, scale, mask, softmax, PV into one op ---------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FUSEATTENTIONPASS
#include "passes/graph/Passes.h.inc"

namespace {

/// The ops of one attention, found from its softmax.
struct AttentionMatch {
  xf::SplitHeadsOp query, key, value;
  xf::MergeHeadsOp merge;
  Value mask;
  xf::CapScoresOp cap;        ///< null where there is none
  xf::BiasScoresOp bias;      ///< likewise
  xf::SlopeScoresOp slopes;   ///< likewise
  xf::BiasPairsOp pairs;      ///< likewise
  xf::WindowScoresOp window;  ///< likewise
  xf::AddTermsOp terms;       ///< likewise
  xf::ChooseQueriesOp choice; ///< likewise
  double scale = 1;
  SmallVector<Operation *> chain; ///< everything that becomes dead, last first

  /// Those of all that goes by distance; null where nothing does.
  Value columns() {
    return bias     ? bias.getColumns()
           : slopes ? slopes.getColumns()
           : pairs  ? pairs.getColumns()
           : window ? window.getColumns()
           : terms  ? terms.getColumns()
                    : Value();
  }
  /// Those of keys, where these have others.
  Value keyColumns() { return window ? window.getKeyColumns() : terms ? terms.getKeyColumns() : Value(); }
};

/// Whether both have as many tokens and heads, though perhaps of different widths.
bool haveSameHeads(xf::SplitHeadsOp keys, xf::SplitHeadsOp values) {
  auto rowsOf = [](Value x) { return cast<RankedTensorType>(x.getType()).getShape().drop_back(); };
  auto headsOf = [](xf::SplitHeadsOp split) {
    return cast<RankedTensorType>(split.getX().getType()).getShape().back() /
           cast<RankedTensorType>(split.getType()).getShape().back();
  };
  return rowsOf(keys) == rowsOf(values) && headsOf(keys) == headsOf(values);
}

/// Fills `match`; returns why the chain around `softmax` is no attention we know, or nothing.
std::optional<std::string> matchAttention(xf::SoftmaxOp softmax, xf::MatmulOp product, AttentionMatch &match) {
  auto onlyUse = [](Value value) { return value.hasOneUse(); };
  if (llvm::any_of(softmax->getUsers(), llvm::IsaPred<func::ReturnOp>))
    return "the attention probabilities are a result, too";
  if (!onlyUse(softmax.getResult()))
    return "the attention probabilities are used elsewhere";
  if (product.getTransposed())
    return "the probabilities are multiplied with a transposed matrix";
  if (!onlyUse(product.getResult()))
    return "the product with the values is used elsewhere";
  match.merge = dyn_cast<xf::MergeHeadsOp>(*product->user_begin());
  if (!match.merge)
    return "the heads are not merged behind the product with the values, but read by '" +
           (*product->user_begin())->getName().getStringRef().str() + "'";
  match.chain = {match.merge, product, softmax};

  Value scores = softmax.getX();
  for (;;) {
    Operation *op = scores.getDefiningOp();
    if (!op)
      return "the scores come from outside the function";
    if (!onlyUse(scores))
      return "the attention scores are used elsewhere";
    match.chain.push_back(op);
    if (auto scale = dyn_cast<xf::ScaleOp>(op)) {
      if (match.terms)
        return "the products are scaled apart from the terms that are added";
      match.scale *= scale.getFactor().convertToDouble();
      scores = scale.getX();
    } else if (auto cap = dyn_cast<xf::CapScoresOp>(op); cap && !match.cap) {
      if (match.scale != 1)
        return "the capped scores are scaled";
      if (match.terms)
        return "terms are added to capped scores";
      match.cap = cap;
      scores = cap.getScores();
    } else if (match.cap && isa<xf::MaskScoresOp, xf::ChooseQueriesOp, xf::WindowScoresOp, xf::BiasScoresOp,
                                xf::BiasPairsOp, xf::SlopeScoresOp>(op)) {
      return "the cap is on more than products: on the result of '" + op->getName().getStringRef().str() + "'";
    } else if (auto masked = dyn_cast<xf::MaskScoresOp>(op); masked && !match.mask) {
      match.mask = masked.getMask();
      scores = masked.getScores();
    } else if (auto choice = dyn_cast<xf::ChooseQueriesOp>(op); choice && !match.choice) {
      match.choice = choice;
      scores = choice.getScores();
    } else if (auto window = dyn_cast<xf::WindowScoresOp>(op); window && !match.window) {
      match.window = window;
      scores = window.getScores();
    } else if (auto terms = dyn_cast<xf::AddTermsOp>(op); terms && !match.terms) {
      match.terms = terms;
      scores = terms.getScores();
    } else if (auto bias = dyn_cast<xf::BiasScoresOp>(op); bias && !match.bias) {
      if (match.scale != 1)
        return "the bias is scaled together with the scores";
      match.bias = bias;
      scores = bias.getScores();
    } else if (auto pairs = dyn_cast<xf::BiasPairsOp>(op); pairs && !match.pairs) {
      if (match.scale != 1)
        return "the bias of pairs is scaled together with the scores";
      match.pairs = pairs;
      scores = pairs.getScores();
    } else if (auto slopes = dyn_cast<xf::SlopeScoresOp>(op); slopes && !match.slopes) {
      if (match.scale != 1)
        return "what falls by distance is scaled together with the scores";
      match.slopes = slopes;
      scores = slopes.getScores();
    } else {
      break;
    }
  }
  auto dot = dyn_cast<xf::MatmulOp>(match.chain.back());
  if (!dot || !dot.getTransposed())
    return "the scores come from '" + match.chain.back()->getName().getStringRef().str() + "', expected QK^T";

  match.query = dot.getLhs().getDefiningOp<xf::SplitHeadsOp>();
  match.key = dot.getRhs().getDefiningOp<xf::SplitHeadsOp>();
  match.value = product.getRhs().getDefiningOp<xf::SplitHeadsOp>();
  if (!match.query || !match.key || !match.value)
    return "query, key or value does not come from xf.split_heads";
  if (!haveSameHeads(match.key, match.value))
    return "keys and values have different shapes";
  for (Value columns :
       {match.slopes ? match.slopes.getColumns() : Value(), match.pairs ? match.pairs.getColumns() : Value(),
        match.window ? match.window.getColumns() : Value(), match.terms ? match.terms.getColumns() : Value()})
    if (columns && columns != match.columns())
      return "what goes by distance goes by different columns";
  if (match.terms && match.terms.getKeyColumns() != match.keyColumns())
    return "what goes by distance goes by different columns of keys";
  if (match.keyColumns() && (match.bias || match.slopes || match.pairs))
    return "keys have columns of their own where scores have a bias";
  if (match.choice && match.columns())
    return "queries are chosen where scores go by distance";
  if (match.window && match.window.getGlobals() && (match.bias || match.slopes || match.pairs || match.terms))
    return "some tokens are global where scores go by distance";
  return std::nullopt;
}

struct FuseAttention : impl::FuseAttentionPassBase<FuseAttention> {
  void runOnOperation() override {
    SmallVector<std::pair<xf::SoftmaxOp, xf::MatmulOp>> roots;
    getOperation().walk([&](xf::SoftmaxOp softmax) {
      for (OpOperand &use : softmax->getUses())
        if (auto product = dyn_cast<xf::MatmulOp>(use.getOwner()); product && use.getOperandNumber() == 0) {
          roots.emplace_back(softmax, product);
          break;
        }
    });
    for (auto [softmax, product] : roots)
      fuse(softmax, product);
  }

  void fuse(xf::SoftmaxOp softmax, xf::MatmulOp product) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(product.getType()).getShape();
    std::string what = llvm::formatv("attention of {0} heads of {1}", shape[1], shape[3]);
    AttentionMatch match;
    if (std::optional<std::string> reason = matchAttention(softmax, product, match))
      return recordDeclined(softmax, "FuseAttention", what, *reason);
    OpBuilder builder(match.merge);
    auto fused = xf::AttentionOp::create(
        builder, match.merge.getLoc(), match.merge.getType(), match.query.getX(), match.key.getX(), match.value.getX(),
        match.mask, /*cu_seqlens=*/Value(), /*key_cu_seqlens=*/Value(), match.columns(), match.keyColumns(),
        match.bias ? match.bias.getTable() : Value(), match.bias ? match.bias.getBucketsAttr() : nullptr,
        match.window ? match.window.getReachAttr() : nullptr, match.window ? match.window.getBlockAttr() : nullptr,
        match.window ? match.window.getCausalAttr() : nullptr, match.window ? match.window.getPrefix() : Value(),
        match.window ? match.window.getGlobals() : Value(), match.choice ? match.choice.getChosen() : Value(),
        match.slopes ? match.slopes.getSlopes() : Value(), match.pairs ? match.pairs.getTable() : Value(),
        match.terms ? match.terms.getQueryTerms() : Value(), match.terms ? match.terms.getKeyTerms() : Value(),
        match.terms ? match.terms.getIndex() : Value(),
        /*pages=*/Value(), /*cached=*/Value(), /*kept=*/nullptr, builder.getI64IntegerAttr(shape[1]),
        builder.getF64FloatAttr(match.scale), match.cap ? match.cap.getCapAttr() : nullptr,
        /*precision=*/nullptr);
    match.merge.getResult().replaceAllUsesWith(fused.getResult());
    for (Operation *op : match.chain)
      op->erase();
    // A set: query, key and value may be one and the same.
    llvm::SmallPtrSet<Operation *, 3> splits = {match.query, match.key, match.value};
    for (Operation *split : splits)
      if (split->use_empty())
        split->erase();
    recordMade(fused, "FuseAttention", what);
  }
};

} // namespace
} // namespace lathe
