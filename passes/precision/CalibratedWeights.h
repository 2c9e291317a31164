//===- CalibratedWeights.h - weights that calibration found, for each layer ---===//
#ifndef LATHE_PASSES_PRECISION_CALIBRATEDWEIGHTS_H
#define LATHE_PASSES_PRECISION_CALIBRATEDWEIGHTS_H

#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace lathe {

/// The names of what a linear's weight is joined of, as of query, key and value; most have one. Behind a layer's
/// prefix, or in an entry full ones. Empty where it is no weight of the model's.
llvm::SmallVector<std::string> weightNamesOf(xf::LinearOp linear);

/// Vectors that belong to linears, by the full names of their weights (of joined ones the first), as a module's
/// attribute lists them; what a linear is given becomes a weight of its own, in a layer function an argument that every
/// layer binds.
class CalibratedWeights {
public:
  /// Takes the attribute off the module.
  CalibratedWeights(mlir::ModuleOp module, llvm::StringRef attribute, llvm::StringRef suffix);

  bool empty() const { return !vectors; }
  /// The linear's vector, in a weight of that linear's name and the suffix; null where calibration did not see the
  /// linear in every layer.
  mlir::Value bind(xf::LinearOp linear);

private:
  /// The length of the vector, once its weight is declared; 0 where calibration did not see the linear.
  int64_t declare(const std::string &weight);

  mlir::ModuleOp module;
  llvm::StringRef suffix;
  mlir::DictionaryAttr vectors;
  /// Layers of a function are known by the prefixes of their weights; an entry's own ops have none.
  llvm::StringMap<llvm::SmallVector<std::string>> prefixes;
};

} // namespace lathe

#endif
