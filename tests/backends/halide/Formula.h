// Formulas on rows as MLIR text, run by the interpreter and compiled.
#ifndef LATHE_TESTS_BACKENDS_HALIDE_FORMULA_H
#define LATHE_TESTS_BACKENDS_HALIDE_FORMULA_H

#include "ir/interpreter/Tensor.h"
#include "tests/backends/halide/RowKernel.h"
#include "tests/support/Tensors.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace lathe::test {

/// A function of rows. Its text is what an importer would write, with ROWS for tensor<?xWIDTHxf32>, ONE for
/// tensor<?x1xf32>, VECTOR for tensor<WIDTHxf32> and NUMBER for tensor<1xf32>. It must become one row group.
class Formula {
public:
  /// `arguments` as in "%x: ROWS, %gain: VECTOR", `results` as in "%3, %4 : ROWS, ONE".
  Formula(const std::string &arguments, const std::string &body, const std::string &results, int64_t width);
  ~Formula();

  /// What each argument and result is: a tensor of that many elements for each row, or shared by all.
  struct Value {
    int64_t width;
    bool shared;
  };
  std::vector<Value> arguments, results;

  std::vector<Tensor> interpret(const std::vector<Tensor> &inputs);
  const RowKernel &kernel() const { return *compiled; }
  /// The order in which the kernel takes the arguments.
  const std::vector<size_t> &kernelOrder() const { return order; }

private:
  struct Module;
  std::unique_ptr<Module> module;
  std::unique_ptr<RowKernel> compiled;
  std::vector<size_t> order;
};

/// Runs a compiled formula, with gaps of `gap` elements behind every row, as the runtime does.
std::vector<Tensor> runCompiled(const Formula &formula, const std::vector<Tensor> &inputs, int64_t gap = 0,
                                int64_t panelsPerCall = 0);

/// Arguments for so many rows, normally distributed.
std::vector<Tensor> randomInputs(Random &random, const Formula &formula, int64_t rows, double scale = 1);

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_HALIDE_FORMULA_H
