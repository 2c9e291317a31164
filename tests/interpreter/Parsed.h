// Modules from text, and what tests ask of the interpreter's tensors.
#ifndef LATHE_TESTS_INTERPRETER_PARSED_H
#define LATHE_TESTS_INTERPRETER_PARSED_H

#include "ir/interpreter/Edge.h"
#include "tests/support/Tensors.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <gtest/gtest.h>

namespace lathe::test {

/// A module parsed from MLIR text, in a context of its own.
class Parsed {
public:
  explicit Parsed(llvm::StringRef text);

  mlir::ModuleOp module() { return *parsed; }
  /// Runs the function of that name; an error fails the test and gives nothing.
  std::vector<Tensor> run(llvm::StringRef function, std::vector<Tensor> arguments);
  /// Runs the first entry on named tensors; an error fails the test and gives nothing.
  NamedTensors runEntry(const NamedTensors &inputs);
  /// The message that running the first entry fails with; empty if it does not fail.
  std::string errorOfEntry(const NamedTensors &inputs);
  /// Runs a stage's passes on the module.
  void runGraphPasses();

private:
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> parsed;
};

/// Normally distributed values.
Tensor randomTensor(Random &random, llvm::ArrayRef<int64_t> shape);

/// Same shape, and no element further apart than `tolerance`; the answer names the worst one.
testing::AssertionResult near(const Tensor &actual, const Tensor &expected, double tolerance = 1e-12);

} // namespace lathe::test

#endif
