//===- CalibratedWeights.h - weights that calibration found, for each layer ---===//
#ifndef LATHE_PASSES_PRECISION_CALIBRATEDWEIGHTS_H
#define LATHE_PASSES_PRECISION_CALIBRATEDWEIGHTS_H

#include "passes/precision/LinearWeights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// Vectors that belong to linears, by the full names of their weights (of joined ones the first), as a module's
/// attribute lists them; what a linear is given becomes a weight of its own, in a layer function an argument that every
/// layer binds.
class CalibratedWeights {
public:
  /// Takes the attribute off the module.
  CalibratedWeights(mlir::ModuleOp module, llvm::StringRef attribute, llvm::StringRef suffix);

  /// Gives each linear that wants one its vector as an operand, where calibration saw the linear in every layer.
  void give(llvm::function_ref<bool(xf::LinearOp)> wants,
            llvm::function_ref<mlir::MutableOperandRange(xf::LinearOp)> operandOf);

private:
  /// The linear's vector, in a weight of that linear's name and the suffix; null where calibration did not see the
  /// linear in every layer.
  mlir::Value bind(xf::LinearOp linear);
  /// The length of the vector, once its weight is declared; 0 where calibration did not see the linear.
  int64_t declare(const std::string &weight);

  mlir::ModuleOp module;
  llvm::StringRef suffix;
  mlir::DictionaryAttr vectors;
  /// Layers of a function are known by the prefixes of their weights; an entry's own ops have none.
  LayerPrefixes prefixes;
};

} // namespace lathe

#endif
