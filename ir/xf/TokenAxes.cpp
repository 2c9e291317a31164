//===- TokenAxes.cpp - which of an entry's token axes a value lies on ---------===//
#include "ir/xf/TokenAxes.h"

using namespace mlir;

namespace lathe::xf {

Rows scoresOf(Rows queries, Rows keys) {
  if (queries == keys)
    return queries == Rows::Targets ? Rows::TargetScores : Rows::Scores;
  return queries == Rows::Targets ? Rows::CrossScores : Rows::MemoryScores;
}
Rows queriesOf(Rows scores) {
  return scores == Rows::Scores || scores == Rows::MemoryScores ? Rows::Tokens : Rows::Targets;
}
Rows keysOf(Rows scores) {
  return scores == Rows::TargetScores || scores == Rows::MemoryScores ? Rows::Targets : Rows::Tokens;
}
bool isScores(Rows rows) {
  return rows == Rows::Scores || rows == Rows::TargetScores || rows == Rows::CrossScores || rows == Rows::MemoryScores;
}

llvm::StringRef bytesPerRowName(Rows rows) {
  static constexpr llvm::StringLiteral names[] = {"per_token",       "per_sequence",     "per_score",
                                                  "per_target",      "per_target_score", "per_cross_score",
                                                  "per_memory_score"};
  return names[size_t(rows)];
}

TokenAxes::TokenAxes(ModuleOp module) : module(module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(XfDialect::entryAttr))
      visitEntry(function);
}

void TokenAxes::visitEntry(func::FuncOp entry) {
  for (BlockArgument argument : entry.getArguments())
    if (auto name = entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), XfDialect::inputAttr))
      set(argument, axisOfInput(name)), anyMemories |= isOfMemories(name);
  visit(entry.getBody().front());
}

void TokenAxes::set(Value value, Rows axis) {
  anyTargets |= axis == Rows::Targets;
  axes.try_emplace(value, axis);
}

void TokenAxes::visit(Block &block) {
  for (Operation &op : block) {
    FlatSymbolRefAttr callee;
    if (auto layer = dyn_cast<LayerOp>(op))
      callee = layer.getCalleeAttr();
    else if (auto layers = dyn_cast<LayersOp>(op))
      callee = layers.getCalleeAttr();
    auto function = callee ? module.lookupSymbol<func::FuncOp>(callee) : nullptr;
    if (function && !function.isExternal()) {
      const bool isNew = !axes.contains(function.getArgument(0));
      for (auto [operand, argument] : llvm::zip_first(op.getOperands(), function.getArguments()))
        if (axes.contains(operand))
          set(argument, of(operand));
      if (isNew)
        visit(function.getBody().front());
    }
    for (Value operand : op.getOperands())
      if (axes.contains(operand)) {
        const Rows axis = of(operand);
        for (Value result : op.getResults())
          set(result, axis);
        break;
      }
  }
}

} // namespace lathe::xf
