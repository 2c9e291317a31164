//===- MergeQkv.cpp - three linears over one input become one -----------------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_MERGEQKVPASS
#include "passes/graph/Passes.h.inc"

namespace {

using Projections = SmallVector<xf::LinearOp, 3>;

/// The linear that a query, key or value comes from, perhaps through a norm of each head, a rotation or random
/// features, which nothing else reads: these are added to `between`, the first one last.
xf::LinearOp projectionOf(Value value, SmallVectorImpl<Operation *> &between) {
  Operation *op = value.getDefiningOp();
  for (; isa_and_nonnull<xf::RotateOp, xf::HeadNormOp, xf::RandomFeaturesOp>(op) && op->hasOneUse();
       op = op->getOperand(0).getDefiningOp())
    between.push_back(op);
  return dyn_cast_or_null<xf::LinearOp>(op);
}

/// Whether one attention reads each of these once, or each of several does, and nothing else reads any but what lies
/// between.
bool areReadByAttentionsAlone(ValueRange projected, ArrayRef<Operation *> between) {
  auto readersOf = [&](Value value) {
    return llvm::to_vector(
        llvm::make_filter_range(value.getUsers(), [&](Operation *user) { return !llvm::is_contained(between, user); }));
  };
  const SmallVector<Operation *> users = readersOf(projected[0]);
  const SmallPtrSet<Operation *, 2> readers(users.begin(), users.end());
  return llvm::all_of(readers, llvm::IsaPred<xf::AttentionOp, xf::LinearAttentionOp, xf::ChunkAttentionOp>) &&
         llvm::all_of(projected, [&](Value value) {
           return readersOf(value).size() == readers.size() &&
                  llvm::all_of(readers, [&](Operation *op) { return llvm::is_contained(op->getOperands(), value); });
         });
}

/// Keys may be made of what queries are, which then is a projection for both.
std::optional<std::string> whyNotMerged(ValueRange projected, Projections &linears, ArrayRef<Operation *> between) {
  for (auto [value, linear] : llvm::zip_equal(projected, linears)) {
    if (linear.getX() != linears[0].getX())
      return "query, key and value are computed from different inputs";
    if (llvm::is_contained(projected, linear->getResult(0)) ? !areReadByAttentionsAlone(projected, between)
                                                            : !linear->hasOneUse())
      return "a projection is used elsewhere";
    if (bool(linear.getBias()) != bool(linears[0].getBias()))
      return "some of the projections have a bias and others have none";
    if (linear.getActivation() || linear.getResidual())
      return "a projection carries an activation or a residual";
  }
  return std::nullopt;
}

/// `values` joined along their first axis.
Value concat(OpBuilder &builder, Location loc, ArrayRef<Value> values) {
  auto type = cast<RankedTensorType>(values.front().getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[0] = 0;
  for (Value value : values)
    shape[0] += cast<RankedTensorType>(value.getType()).getDimSize(0);
  return xf::ConcatOp::create(builder, loc, type.clone(shape), values);
}

struct MergeQkv : impl::MergeQkvPassBase<MergeQkv> {
  void runOnOperation() override {
    SmallVector<Operation *> roots;
    getOperation().walk([&](Operation *op) {
      if (isa<xf::AttentionOp, xf::LinearAttentionOp, xf::ChunkAttentionOp>(op))
        roots.push_back(op);
    });
    for (Operation *root : roots)
      if (auto attention = dyn_cast<xf::AttentionOp>(root); attention && attention.getKeyCuSeqlens())
        merge(root, {attention.getKey(), attention.getValue()}, "projections of key and value"); // queries: other rows
      else
        merge(root, root->getOperands().take_front(3), "projections of query, key and value");
  }

  void merge(Operation *attention, ValueRange projected, StringRef what) {
    SmallVector<Operation *> between;
    Projections linears = llvm::map_to_vector<3>(projected, [&](Value value) { return projectionOf(value, between); });
    if (llvm::any_of(linears, [](xf::LinearOp linear) { return !linear; }))
      return;
    if (std::optional<std::string> reason = whyNotMerged(projected, linears, between))
      return recordDeclined(attention, "MergeQkv", what, *reason);
    linears.erase(llvm::unique(linears), linears.end()); // one may serve queries and keys

    for (Operation *op : llvm::reverse(between)) // behind the product, which stands behind all that it reads
      op->moveBefore(attention);
    OpBuilder builder(between.empty() ? attention : between.back());
    Location loc = linears[0].getLoc();
    auto operands = [&](auto &&get) {
      return SmallVector<Value>(llvm::map_range(linears, [&](xf::LinearOp linear) { return get(linear); }));
    };
    Value weight = concat(builder, loc, operands([](xf::LinearOp linear) { return linear.getWeight(); }));
    Value bias;
    if (linears[0].getBias())
      bias = concat(builder, loc, operands([](xf::LinearOp linear) { return linear.getBias(); }));
    auto type = cast<RankedTensorType>(linears[0].getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = cast<RankedTensorType>(weight.getType()).getDimSize(0);
    auto merged = xf::LinearOp::create(builder, loc, type.clone(shape), linears[0].getX(), weight, bias);
    SmallVector<Type> types =
        llvm::map_to_vector(linears, [](xf::LinearOp linear) -> Type { return linear.getType(); });
    auto split = xf::SplitOp::create(builder, loc, types, merged);
    for (auto [linear, part] : llvm::zip_equal(linears, split.getResults())) {
      linear.getResult().replaceAllUsesWith(part);
      linear.erase();
    }
    recordMade(attention, "MergeQkv", what);
  }
};

} // namespace
} // namespace lathe
