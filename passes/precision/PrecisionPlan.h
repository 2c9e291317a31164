//===- PrecisionPlan.h - which part of a model computes in which precision ----===//
//
// A model's *units* each have one precision: `embeddings`, which is what an entry computes before its first layer; each
// layer, by its function and its number among that function's calls ("bert_layer 3"); and `head`, what comes behind
// layers. The pass AssignPrecision reads a plan from its option `precision` and the module's attribute of overrides.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_PASSES_PRECISION_PRECISIONPLAN_H
#define LATHE_PASSES_PRECISION_PRECISIONPLAN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>
#include <vector>

namespace lathe {

/// Module attribute: units with another precision than the rest, as {"bert_layer 3" = "bf16", head = "f32"}.
inline constexpr llvm::StringLiteral precisionOverridesAttr = "xf.precision_overrides";

/// Every precision, from fine to coarse: "f32", then those of xf.
llvm::ArrayRef<std::string> precisionLadder();
/// "f32, bf16, int8": for messages.
std::string acceptedPrecisions();

struct PrecisionPlan {
  std::string precision = "f32";                ///< of units without one of their own
  std::map<std::string, std::string> overrides; ///< by unit
  bool cacheInBytes = false;                    ///< keys and values between runs
  bool linearAttention = false;                 ///< elu(x) + 1 in place of softmax (LinearizeAttention)

  llvm::StringRef of(llvm::StringRef unit) const;
  /// Gives a unit a precision; that of the rest is no override.
  void set(llvm::StringRef unit, llvm::StringRef wanted);
  /// Whether nothing is computed in another precision than f32.
  bool computesInF32() const { return precision == "f32" && overrides.empty(); }
  bool operator==(const PrecisionPlan &) const = default;
};

/// Writes the overrides of a plan into a module.
void setOverrides(mlir::ModuleOp module, const PrecisionPlan &plan);

/// An op of an entry that computes in a precision (linear, lookup, embed, attention), or calls layers.
struct UnitUse {
  mlir::Operation *op;
  std::vector<std::string> units; ///< one; of a stack of layers one for each
};
/// All of them in the order of a run, at the end of stage graph.
std::vector<UnitUse> findUnitUses(mlir::ModuleOp module);

/// A unit and the matrices that it reads.
struct PrecisionUnit {
  std::string name;
  std::map<std::string, int64_t> matrices; ///< elements, by the weight's name
};
/// A model's units in the order of a run.
std::vector<PrecisionUnit> findUnits(mlir::ModuleOp module);

} // namespace lathe

#endif
