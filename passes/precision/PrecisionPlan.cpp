//===- PrecisionPlan.cpp - which part of a model computes in which precision --===//
#include "passes/precision/PrecisionPlan.h"

#include "ir/xf/LayerKind.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace lathe {

ArrayRef<std::string> precisionLadder() {
  static const std::vector<std::string> ladder = [] {
    std::vector<std::string> all = {"f32"};
    for (unsigned value = 0; value <= xf::getMaxEnumValForPrecision(); ++value)
      if (std::optional<xf::Precision> precision = xf::symbolizePrecision(value))
        all.push_back(xf::stringifyPrecision(*precision).str());
    return all;
  }();
  return ladder;
}

std::string acceptedPrecisions() { return llvm::join(precisionLadder(), ", "); }

StringRef PrecisionPlan::of(StringRef unit) const {
  auto found = overrides.find(unit.str());
  return found == overrides.end() ? precision : found->second;
}

void PrecisionPlan::set(StringRef unit, StringRef wanted) {
  if (wanted == precision)
    overrides.erase(unit.str());
  else
    overrides[unit.str()] = wanted.str();
}

void setOverrides(ModuleOp module, const PrecisionPlan &plan) {
  OpBuilder builder(module.getContext());
  SmallVector<NamedAttribute> overrides;
  for (const auto &[unit, precision] : plan.overrides)
    overrides.push_back(builder.getNamedAttr(unit, builder.getStringAttr(precision)));
  if (!overrides.empty())
    module->setAttr(precisionOverridesAttr, builder.getDictionaryAttr(overrides));
}

namespace {

/// The uses of one entry.
class UseFinder {
public:
  UseFinder(ModuleOp module, std::vector<UnitUse> &uses) : module(module), uses(uses) {}

  void run(func::FuncOp entry) {
    for (Operation &op : entry.getBody().front()) {
      bool behindLayers = llvm::any_of(op.getOperands(), [&](Value value) { return fromLayers.contains(value); });
      if (auto layer = dyn_cast<xf::LayerOp>(op))
        uses.push_back({&op, nextLayers(layer.getCallee(), 1)});
      else if (auto layers = dyn_cast<xf::LayersOp>(op))
        uses.push_back({&op, nextLayers(layers.getCallee(), layers.getWeights().size())});
      else if (isa<xf::LinearOp, xf::LookupOp, xf::EmbedOp, xf::AttentionOp>(op))
        uses.push_back({&op, {behindLayers ? "head" : "embeddings"}});
      if (behindLayers || isa<xf::LayerOp, xf::LayersOp>(op))
        fromLayers.insert_range(op.getResults());
    }
  }

private:
  std::vector<std::string> nextLayers(StringRef callee, size_t count) {
    const StringRef kind = xf::layerKindOf(module.lookupSymbol<func::FuncOp>(callee));
    std::vector<std::string> names;
    while (names.size() < count)
      names.push_back((kind + " " + Twine(calls[kind]++)).str());
    return names;
  }

  ModuleOp module;
  std::vector<UnitUse> &uses;
  llvm::StringMap<unsigned> calls;
  DenseSet<Value> fromLayers;
};

} // namespace

std::vector<UnitUse> findUnitUses(ModuleOp module) {
  std::vector<UnitUse> uses;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(xf::XfDialect::entryAttr))
      UseFinder(module, uses).run(function);
  return uses;
}

std::vector<PrecisionUnit> findUnits(ModuleOp module) {
  llvm::MapVector<StringRef, PrecisionUnit> units;
  auto add = [&](StringRef unit, const Twine &weight) {
    RankedTensorType type = module.lookupSymbol<xf::WeightOp>(weight.str()).getLoadedType();
    if (type.getRank() == 2)
      units[unit].matrices[weight.str()] = type.getNumElements();
  };
  // What a linear or table of an entry reads: a weight, or several joined.
  std::function<void(StringRef, Value)> addRead = [&](StringRef unit, Value value) {
    if (auto load = value.getDefiningOp<xf::LoadWeightOp>())
      add(unit, load.getWeight());
    else if (auto concat = value.getDefiningOp<xf::ConcatOp>())
      for (Value input : concat.getInputs())
        addRead(unit, input);
  };
  auto addLayer = [&](StringRef unit, StringRef callee, StringRef prefix) {
    auto function = module.lookupSymbol<func::FuncOp>(callee);
    for (unsigned index = 0; index < function.getNumArguments(); ++index)
      if (auto name = function.getArgAttrOfType<StringAttr>(index, xf::XfDialect::weightAttr))
        add(unit, prefix + name.getValue());
  };
  const std::vector<UnitUse> uses = findUnitUses(module);
  for (const UnitUse &use : uses) {
    for (const std::string &unit : use.units)
      units[unit].name = unit;
    if (auto layer = dyn_cast<xf::LayerOp>(use.op))
      addLayer(use.units.front(), layer.getCallee(), layer.getWeights());
    else if (auto layers = dyn_cast<xf::LayersOp>(use.op))
      for (auto [unit, prefix] : llvm::zip_equal(use.units, layers.getWeights().getAsRange<StringAttr>()))
        addLayer(unit, layers.getCallee(), prefix.getValue());
    else
      for (Value operand : use.op->getOperands())
        addRead(use.units.front(), operand);
  }
  std::vector<PrecisionUnit> found;
  for (auto &[name, unit] : units)
    found.push_back(std::move(unit));
  return found;
}

} // namespace lathe
