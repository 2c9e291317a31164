//===- AssignPrecision.cpp - linears and tables get a precision ---------------===//
#include "passes/precision/Passes.h"

#include "ir/xf/Int4.h"
#include "ir/xf/LayerKind.h"
#include "passes/precision/LinearWeights.h"
#include "passes/precision/PrecisionPlan.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ASSIGNPRECISIONPASS
#include "passes/precision/Passes.h.inc"

namespace {

/// Splits a stack into runs of layers of one precision, each calling the function of that precision.
void splitIntoRuns(xf::LayersOp layers, ArrayRef<StringRef> precisions,
                   llvm::function_ref<FlatSymbolRefAttr(StringRef precision)> calleeOf) {
  OpBuilder builder(layers);
  SmallVector<Value> inputs(layers.getInputs()), results;
  const bool all = layers.getNumResults() > 1;
  ArrayRef<Attribute> prefixes = layers.getWeights().getValue();
  for (size_t begin = 0, end; begin < precisions.size(); begin = end) {
    end = begin + 1;
    while (end < precisions.size() && precisions[end] == precisions[begin])
      ++end;
    SmallVector<Type> types(all ? end - begin : 1, layers.getResultTypes()[0]);
    auto run = xf::LayersOp::create(builder, layers.getLoc(), types, calleeOf(precisions[begin]), inputs,
                                    builder.getArrayAttr(prefixes.slice(begin, end - begin)));
    llvm::append_range(results, run.getResults());
    inputs[0] = results.back();
  }
  layers.replaceAllUsesWith(all ? ArrayRef(results) : ArrayRef(results).take_back());
  layers.erase();
}

struct AssignPrecision : impl::AssignPrecisionPassBase<AssignPrecision> {
  using AssignPrecisionPassBase::AssignPrecisionPassBase;

  void runOnOperation() override {
    if (failed(readPlan()))
      return signalPassFailure();
    if (plan == PrecisionPlan())
      return;
    tables = tablesOf(getOperation());
    llvm::MapVector<StringAttr, SmallVector<const UnitUse *>> calls; // by layer function
    for (const UnitUse &use : uses)
      if (isa<xf::LayerOp, xf::LayersOp>(use.op))
        calls[use.op->getAttrOfType<FlatSymbolRefAttr>("callee").getAttr()].push_back(&use);
      else
        assignTo(use.op, plan.of(use.units.front()));
    for (auto function : getOperation().getOps<func::FuncOp>()) // what no entry reaches
      if (!function->hasAttr(xf::XfDialect::entryAttr) && !calls.contains(function.getSymNameAttr()))
        assignTo(function, plan.precision);
    for (const auto &[callee, callers] : calls)
      assignToLayers(getOperation().lookupSymbol<func::FuncOp>(callee), callers);
  }

private:
  /// Has what `root` is or holds compute in a precision; f32 is none. Of int4 are weights that are no tables.
  void assignTo(Operation *root, StringRef precision) {
    const std::optional<xf::Precision> wanted = xf::symbolizePrecision(precision);
    const bool inInt4 = wanted == xf::Precision::INT4;
    const std::optional<xf::Precision> ofTables = inInt4 ? xf::Precision::INT8 : wanted;
    root->walk([&](Operation *op) {
      llvm::TypeSwitch<Operation *>(op)
          .Case<xf::LookupOp, xf::EmbedOp>([&](auto reader) { reader.setPrecision(ofTables); })
          .Case([&](xf::LinearOp linear) {
            auto load = linear.getWeight().getDefiningOp<xf::LoadWeightOp>();
            const bool readsTable = load && tables.contains(load.getWeight());
            linear.setPrecision(readsTable ? ofTables : wanted);
            if (inInt4 && !readsTable)
              linear.setGroup(group);
          })
          .Case([&](xf::AttentionOp attention) {
            if (wanted)
              attention.setPrecision(xf::Precision::BF16);
          });
    });
  }

  /// Fails where the plan has a precision or a unit that there is not.
  LogicalResult readPlan() {
    plan = {precision, {}};
    uses = findUnitUses(getOperation());
    auto check = [&](StringRef wanted) -> LogicalResult {
      if (llvm::is_contained(precisionLadder(), wanted))
        return success();
      return getOperation().emitError() << "there is no precision '" << wanted << "'; accepted are "
                                        << acceptedPrecisions();
    };
    if (failed(check(precision)))
      return failure();
    if (!xf::isInt4Group(group))
      return getOperation().emitError() << "there are no groups of " << group.getValue()
                                        << "; accepted are 32, 64, 128";
    auto overrides = getOperation()->getAttrOfType<DictionaryAttr>(precisionOverridesAttr);
    if (!overrides)
      return success();
    llvm::SetVector<StringRef> units;
    for (const UnitUse &use : uses)
      units.insert_range(use.units);
    for (NamedAttribute override : overrides) {
      auto wanted = dyn_cast<StringAttr>(override.getValue());
      if (!wanted)
        return getOperation().emitError() << "the precision of '" << override.getName().getValue() << "' is no string";
      if (failed(check(wanted)))
        return failure();
      if (!units.contains(override.getName()))
        return getOperation().emitError() << "there is no '" << override.getName().getValue()
                                          << "' to have a precision; there are " << llvm::join(units, ", ");
      plan.set(override.getName(), wanted);
    }
    return success();
  }

  /// One precision for all of a function's layers: assigned in place. Several: a copy of the function for each.
  void assignToLayers(func::FuncOp function, ArrayRef<const UnitUse *> callers) {
    llvm::SetVector<StringRef> distinct;
    for (const UnitUse *use : callers)
      for (const std::string &unit : use->units)
        distinct.insert(plan.of(unit));
    if (distinct.size() == 1)
      return assignTo(function, distinct.front());
    SymbolTable symbols(getOperation());
    llvm::StringMap<FlatSymbolRefAttr> copies;
    for (StringRef wanted : distinct) {
      func::FuncOp copy = function.clone();
      copy.setSymName((function.getSymName() + "_" + wanted).str());
      xf::keepLayerKind(copy, function);
      assignTo(copy, wanted);
      symbols.insert(copy, function->getIterator()); // and renames it where that is taken
      copies[wanted] = FlatSymbolRefAttr::get(copy);
    }
    auto copyFor = [&](StringRef wanted) { return copies.lookup(wanted); };
    for (const UnitUse *use : callers) {
      auto precisions = llvm::map_to_vector(use->units, [&](const std::string &unit) { return plan.of(unit); });
      if (auto layer = dyn_cast<xf::LayerOp>(use->op))
        layer.setCalleeAttr(copyFor(precisions.front()));
      else
        splitIntoRuns(cast<xf::LayersOp>(use->op), precisions, copyFor);
    }
    function.erase();
  }

  PrecisionPlan plan;
  std::vector<UnitUse> uses;
  llvm::StringSet<> tables; ///< names of weights
};

} // namespace
} // namespace lathe
