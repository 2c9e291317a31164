//===- FormRowGroups.cpp - formulas on rows become one op each ----------------===//
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FORMROWGROUPSPASS
#include "passes/graph/Passes.h.inc"

namespace {

using Group = llvm::SetVector<Operation *>;

bool hasRows(Value value) { return cast<RankedTensorType>(value.getType()).getRank() > 1; }

/// Whether the op computes rows, and all that it reads has an extent along the row that is known.
bool isRowOp(Operation &op) {
  if (!xf::canBeInRowGroup(&op) || !hasRows(op.getResult(0)))
    return false;
  auto known = [](Type type) { return !ShapedType::isDynamic(cast<RankedTensorType>(type).getShape().back()); };
  return llvm::all_of(op.getOperandTypes(), known) && llvm::all_of(op.getResultTypes(), known);
}

/// The groups of one block while they grow. Taking each group for one op, the block stays free of cycles.
class Grouping {
public:
  explicit Grouping(Block &block) {
    for (Operation &op : block)
      if (isRowOp(op))
        join(&op);
  }

  /// Those that need a kernel of their own: in the others every op has one.
  std::vector<Group> take() {
    std::vector<Group> needed;
    for (Group &group : groups)
      if (llvm::any_of(group, xf::isPrimitive))
        needed.push_back(std::move(group));
    return needed;
  }

private:
  /// Puts `op` into one group with as many of those that it reads from as can be.
  void join(Operation *op) {
    llvm::SetVector<unsigned> before;
    for (Value operand : op->getOperands())
      if (auto found = groupOf.find(operand.getDefiningOp()); found != groupOf.end())
        before.insert(found->second);
    Group merged;
    merged.insert(op);
    SmallVector<unsigned> taken;
    for (unsigned index : before) {
      Group larger = merged;
      larger.insert_range(groups[index]);
      if (readsItself(larger))
        continue;
      merged = std::move(larger);
      taken.push_back(index);
    }
    for (unsigned index : taken)
      groups[index].clear();
    groups.push_back(std::move(merged));
    for (Operation *member : groups.back())
      groupOf[member] = groups.size() - 1;
  }

  /// Whether something that reads from the group is read by it: then it cannot be computed in one go. Ops of another
  /// group are computed together, so whoever waits for one of them waits for all.
  bool readsItself(const Group &group) {
    llvm::SmallPtrSet<Operation *, 16> seen;
    SmallVector<Operation *> next(group.begin(), group.end());
    while (!next.empty()) {
      Operation *op = next.pop_back_val();
      auto other = groupOf.find(op);
      bool alone = group.contains(op) || other == groupOf.end();
      for (Operation *member : alone ? ArrayRef(op) : groups[other->second].getArrayRef())
        for (Operation *user : member->getUsers()) {
          if (group.contains(user) && !group.contains(op))
            return true;
          if (!group.contains(user) && seen.insert(user).second)
            next.push_back(user);
        }
    }
    return false;
  }

  std::vector<Group> groups;
  DenseMap<Operation *, unsigned> groupOf;
};

/// Moves a group's ops into one op.
class GroupBuilder {
public:
  explicit GroupBuilder(const Group &group) : members(group.begin(), group.end()), inside(group) {
    llvm::sort(members, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  }

  void build() {
    Operation *last = members.back();
    SmallVector<Value> results;
    for (Operation *op : members)
      if (llvm::any_of(op->getUsers(), [&](Operation *user) { return !inside.contains(user); }))
        results.push_back(op->getResult(0));
    auto *body = new Block; // the group's, once there is one
    OpBuilder builder(last->getContext());
    builder.setInsertionPointToEnd(body);
    for (Operation *op : members) {
      for (Value operand : op->getOperands())
        bring(operand, body, builder);
      builder.clone(*op, mapping);
    }
    SmallVector<Value> yielded = llvm::map_to_vector(results, [&](Value value) { return mapping.lookup(value); });
    xf::YieldOp::create(builder, last->getLoc(), yielded);

    builder.setInsertionPoint(last);
    auto group = xf::RowGroupOp::create(builder, last->getLoc(), ValueRange(results).getTypes(), inputs);
    group.getBody().push_back(body);
    for (auto [value, result] : llvm::zip_equal(results, group.getResults()))
      value.replaceUsesWithIf(result, [&](OpOperand &use) { return !inside.contains(use.getOwner()); });
    for (Operation *op : llvm::reverse(members))
      op->erase();
    for (Operation *op : llvm::reverse(copied.getArrayRef()))
      if (op->use_empty())
        op->erase();
    // What read the first members stands before the group now.
    sortTopologically(group->getBlock());
    recordMade(group, "FormRowGroups", describe(*body));
  }

private:
  /// Makes a value of the outside known in the body: rows and weights are inputs; constants, and what is computed from
  /// weights and constants alone, are computed inside.
  void bring(Value value, Block *body, OpBuilder &builder) {
    Operation *producer = value.getDefiningOp();
    if (mapping.contains(value) || inside.contains(producer))
      return;
    if (producer && xf::canBeInRowGroup(producer) && !hasRows(value)) {
      for (Value operand : producer->getOperands())
        bring(operand, body, builder);
      builder.clone(*producer, mapping);
      copied.insert(producer);
      return;
    }
    inputs.push_back(value);
    mapping.map(value, body->addArgument(value.getType(), value.getLoc()));
  }

  /// "exp, log1p, tanh, mul on rows of 3072".
  static std::string describe(Block &body) {
    SmallVector<std::string> names;
    int64_t width = 1;
    for (Operation &op : body.without_terminator()) {
      width = std::max(width, cast<RankedTensorType>(op.getResult(0).getType()).getShape().back());
      if (!isa<xf::ConstantOp>(op))
        names.push_back(xf::nameOfRowOp(&op).str());
    }
    return llvm::join(names, ", ") + " on rows of " + std::to_string(width);
  }

  SmallVector<Operation *> members; ///< in the block's order
  Group inside;
  llvm::SetVector<Operation *> copied;
  SmallVector<Value> inputs;
  IRMapping mapping;
};

struct FormRowGroups : impl::FormRowGroupsPassBase<FormRowGroups> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (const Group &group : Grouping(function.getBody().front()).take())
        GroupBuilder(group).build();
  }
};

} // namespace
} // namespace lathe
