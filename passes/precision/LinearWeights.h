//===- LinearWeights.h - the weights behind linears, by name ------------------===//
#ifndef LATHE_PASSES_PRECISION_LINEARWEIGHTS_H
#define LATHE_PASSES_PRECISION_LINEARWEIGHTS_H

#include "ir/xf/XfDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace lathe {

/// The names of what a linear's weight is joined of, as of query, key and value; most have one. Behind a layer's
/// prefix, or in an entry full ones. Empty where it is no weight of the model's.
llvm::SmallVector<std::string> weightNamesOf(xf::LinearOp linear);

/// The prefixes of the weights of every layer function's calls inside `root`, in the order in which they are written.
using LayerPrefixes = llvm::StringMap<std::vector<std::string>>;
LayerPrefixes prefixesOfCalls(mlir::Operation *root);

/// The names of the weights that tokens are looked up in.
llvm::StringSet<> tablesOf(mlir::ModuleOp module);

/// Declares a vector as a weight of the model, before all others.
void declareVector(mlir::ModuleOp module, llvm::StringRef name, llvm::ArrayRef<float> values);

} // namespace lathe

#endif
