//===- Interpreter.h - runs xf programs, slowly and by definition -------------===//
#ifndef LATHE_IR_INTERPRETER_INTERPRETER_H
#define LATHE_IR_INTERPRETER_INTERPRETER_H

#include "ir/interpreter/Tensor.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// Runs `function` on `arguments` and returns its results. Understands the forms at the end of stages `import` and
/// `graph`; an op outside them is an error that names it.
llvm::Expected<std::vector<Tensor>> interpret(mlir::func::FuncOp function, llvm::ArrayRef<Tensor> arguments);

} // namespace lathe

#endif
