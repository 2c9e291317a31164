//===- Activations.h - activation functions as Hugging Face names them --------===//
//
// Transformers' ACT2FN, but for those with parameters of their own. A function is a name and a formula: a new one is an
// entry of the table in Activations.cpp, and compiles, fused, from its first day.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_ACTIVATIONS_H
#define LATHE_COMPILER_IMPORT_ACTIVATIONS_H

#include "compiler/import/ModelBuilder.h"
#include "compiler/import/checkpoint/Json.h"

namespace lathe {

struct ActivationFunction {
  llvm::StringLiteral name;
  mlir::Value (*build)(BlockBuilder &b, mlir::Value x);
};

/// All of them, sorted by name.
llvm::ArrayRef<ActivationFunction> allActivations();

/// The function that `hidden_act` or its like names. An unknown name is noted in `fields`, with those there are.
const ActivationFunction &readActivation(JsonFields &fields, llvm::StringRef field, llvm::StringRef fallback);

} // namespace lathe

#endif
