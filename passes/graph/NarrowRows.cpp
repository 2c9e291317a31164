//===- NarrowRows.cpp - what one row of a sequence is read of, for that row ---===//
#include "ir/xf/DeadOps.h"
#include "ir/xf/LayerKind.h"
#include "passes/graph/FusionLog.h"
#include "passes/graph/Passes.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_NARROWROWSPASS
#include "passes/graph/Passes.h.inc"

namespace {

/// Whether an op takes one row of each sequence of packed tokens.
bool takesRow(Operation &op) {
  if (auto first = dyn_cast<xf::FirstTokenOp>(op))
    return bool(first.getCuSeqlens());
  auto pool = dyn_cast<xf::PoolOp>(op);
  return pool && pool.getCuSeqlens() && llvm::is_contained({xf::PoolMode::First, xf::PoolMode::Last}, pool.getMode());
}

/// Whether an operand has a row for each token. A weight, which has not, is of known extents.
bool hasRows(Value value) { return cast<RankedTensorType>(value.getType()).isDynamicDim(0); }

/// Whether a row of the result goes by the same row of every operand that has rows.
bool isRowWise(Operation &op) {
  return isa<xf::LinearOp, xf::AddOp, xf::ScaleOp, xf::ActivateOp, xf::LayerNormOp, xf::NormalizeOp, xf::RowGroupOp>(
      op);
}

/// Whether a query gets the same whatever other queries there are, and wherever it stands.
bool isOfAnyQuery(xf::AttentionOp attention) {
  return attention.getCuSeqlens() && !attention.getColumns() && !attention.getChosen();
}

/// Narrows what a block computes for readers of single rows.
class Narrowing {
public:
  /// The rows are those that `taker` takes of its first operand; its others are values of the block.
  Narrowing(ModuleOp module, Operation *taker, ArrayRef<Value> others) : module(module), taker(taker), others(others) {}

  /// Finds what is computed for these readers alone. Whether there is any.
  bool find(Block &block, ArrayRef<OpOperand *> readers);
  /// Computes it for their rows.
  void run(Block &block);
  /// The rows of a value.
  Value rowsOf(Value value);
  unsigned countLinears() const { return linears; }
  /// Layers' functions of which others were made.
  ArrayRef<func::FuncOp> layersLeft() const { return originals; }

private:
  bool isForReaders(Operation &op) const;
  SmallVector<unsigned> othersAmong(OperandRange inputs) const;
  Value narrow(xf::LayerOp layer);

  ModuleOp module;
  Operation *taker;
  SmallVector<Value> others;
  DenseSet<OpOperand *> readers;
  DenseSet<Operation *> narrowed;
  DenseMap<Value, Value> rows;
  SmallVector<func::FuncOp> originals;
  unsigned linears = 0;
};

bool Narrowing::isForReaders(Operation &op) const {
  return op.getNumResults() && llvm::all_of(op.getResults(), [&](Value result) {
           return !result.use_empty() &&
                  llvm::all_of(result.getUses(), [&](OpOperand &use) { return readers.contains(&use); });
         });
}

/// Which of the layer's operands the taker's others are; fewer where it is not given them.
SmallVector<unsigned> Narrowing::othersAmong(OperandRange inputs) const {
  SmallVector<unsigned> found;
  for (Value other : others)
    if (auto given = llvm::find(inputs, other); given != inputs.end())
      found.push_back(given - inputs.begin());
  return found;
}

bool Narrowing::find(Block &block, ArrayRef<OpOperand *> first) {
  readers.insert_range(first);
  for (Operation &op : llvm::reverse(block)) {
    if (!isForReaders(op))
      continue;
    if (isRowWise(op)) {
      for (OpOperand &operand : op.getOpOperands())
        if (hasRows(operand.get()))
          readers.insert(&operand);
    } else if (auto attention = dyn_cast<xf::AttentionOp>(op); attention && isOfAnyQuery(attention)) {
      readers.insert(&attention.getQueryMutable());
    } else if (auto layer = dyn_cast<xf::LayerOp>(op);
               !layer || !layer.getOthers().empty() || othersAmong(layer.getInputs()).size() != others.size()) {
      continue;
    }
    narrowed.insert(&op);
  }
  return !narrowed.empty();
}

void Narrowing::run(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (!narrowed.contains(&op))
      continue;
    if (auto layer = dyn_cast<xf::LayerOp>(op)) {
      rows[layer.getResult()] = narrow(layer);
      continue;
    }
    IRMapping mapping;
    for (OpOperand &operand : op.getOpOperands())
      if (readers.contains(&operand))
        mapping.map(operand.get(), rowsOf(operand.get()));
    Operation *copy = OpBuilder(&op).clone(op, mapping);
    if (auto attention = dyn_cast<xf::AttentionOp>(copy)) { // the mapping may have changed keys that are queries, too
      auto original = cast<xf::AttentionOp>(op);
      attention.getKeyMutable().set(original.getKey());
      attention.getValueMutable().set(original.getValue());
      attention.getCuSeqlensMutable().clear();
      if (!original.getKeyCuSeqlens()) // keys are of the queries' own axis
        attention.getKeyCuSeqlensMutable().assign(original.getCuSeqlens());
    }
    linears += isa<xf::LinearOp>(copy);
    for (auto [whole, narrow] : llvm::zip_equal(op.getResults(), copy->getResults()))
      rows[whole] = narrow;
  }
}

Value Narrowing::rowsOf(Value value) {
  Value &found = rows[value];
  if (!found) {
    OpBuilder builder(module.getContext());
    builder.setInsertionPointAfterValue(value);
    Operation *copy = builder.clone(*taker);
    copy->setOperand(0, value);
    for (auto [index, other] : llvm::enumerate(others))
      copy->setOperand(index + 1, other);
    copy->getResult(0).setType(value.getType());
    found = copy->getResult(0);
  }
  return found;
}

Value Narrowing::narrow(xf::LayerOp layer) {
  auto original = module.lookupSymbol<func::FuncOp>(layer.getCallee());
  func::FuncOp copy = original.clone();
  copy.setSymName((original.getSymName() + ".rows").str());
  SymbolTable(module).insert(copy, std::next(original->getIterator()));
  xf::keepLayerKind(copy, original);
  copy->setAttr(xf::XfDialect::givesSequencesAttr, UnitAttr::get(module.getContext()));
  Block &body = copy.getBody().front();
  SmallVector<Value> arguments = llvm::map_to_vector(othersAmong(layer.getInputs()),
                                                     [&](unsigned index) -> Value { return body.getArgument(index); });
  Narrowing inside(module, taker, arguments);
  OpOperand &returned = body.getTerminator()->getOpOperand(0);
  if (inside.find(body, &returned))
    inside.run(body);
  returned.set(inside.rowsOf(returned.get()));
  xf::eraseDead(body);
  linears += inside.countLinears();
  originals.push_back(original);
  auto call = cast<xf::LayerOp>(OpBuilder(layer).clone(*layer));
  call.setCallee(copy.getSymName());
  return call.getResult();
}

struct NarrowRows : impl::NarrowRowsPassBase<NarrowRows> {
  void runOnOperation() override {
    for (auto function : llvm::to_vector(getOperation().getOps<func::FuncOp>()))
      if (function->hasAttr(xf::XfDialect::entryAttr))
        narrowEntry(function.getBody().front());
  }

  void narrowEntry(Block &block) {
    SmallVector<Operation *> takers;
    for (Operation &op : block)
      if (takesRow(op) && (takers.empty() || takeTheSame(takers.front(), &op)))
        takers.push_back(&op);
    if (takers.empty())
      return;
    Narrowing narrowing(getOperation(), takers.front(), llvm::to_vector(takers.front()->getOperands().drop_front()));
    if (!narrowing.find(block, llvm::map_to_vector(takers, [](Operation *op) { return &op->getOpOperand(0); })))
      return;
    narrowing.run(block);
    recordMade(takers.front(), "NarrowRows", Twine(narrowing.countLinears()) + " linears for one row of each sequence");
    for (Operation *taker : takers)
      taker->getResult(0).replaceAllUsesWith(narrowing.rowsOf(taker->getOperand(0)));
    xf::eraseDead(block);
    for (func::FuncOp layer : narrowing.layersLeft())
      if (SymbolTable::symbolKnownUseEmpty(layer, getOperation()))
        layer.erase();
  }

  static bool takeTheSame(Operation *one, Operation *other) {
    return one->getName() == other->getName() && one->getAttrDictionary() == other->getAttrDictionary() &&
           one->getOperands().drop_front() == other->getOperands().drop_front();
  }
};

} // namespace
} // namespace lathe
