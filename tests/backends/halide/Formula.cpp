#include "tests/backends/halide/Formula.h"

#include "backends/cpu/RowGroups.h"
#include "compiler/pipelines/Pipelines.h"
#include "ir/interpreter/Interpreter.h"
#include "passes/graph/Passes.h"
#include "runtime/core/FloatEnvironment.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lathe::test {

struct Formula::Module {
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> parsed;
  func::FuncOp function() { return *parsed->getOps<func::FuncOp>().begin(); }
};

Formula::~Formula() = default;

static std::string withTypes(std::string text, int64_t width) {
  const std::string number = std::to_string(width);
  for (auto [word, type] : {std::pair<std::string, std::string>{"ROWS", "tensor<?x" + number + "xf32>"},
                            {"VECTOR", "tensor<" + number + "xf32>"},
                            {"ONE", "tensor<?x1xf32>"},
                            {"NUMBER", "tensor<1xf32>"}})
    for (size_t at; (at = text.find(word)) != std::string::npos;)
      text.replace(at, word.size(), type);
  return text;
}

static std::vector<Formula::Value> describe(TypeRange types) {
  std::vector<Formula::Value> values;
  for (Type type : types) {
    auto tensor = cast<RankedTensorType>(type);
    values.push_back({tensor.getShape().back(), tensor.getRank() == 1});
  }
  return values;
}

Formula::Formula(const std::string &argumentText, const std::string &body, const std::string &resultText,
                 int64_t width) {
  DialectRegistry registry;
  registerLatheDialects(registry);
  module = std::make_unique<Module>();
  module->context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  module->context->loadAllAvailableDialects();
  std::string text = "func.func @f(" + argumentText + ") -> (" + resultText.substr(resultText.find(':') + 1) + ") {\n" +
                     body + "\nreturn " + resultText + "\n}\n";
  module->parsed = parseSourceString<ModuleOp>(withTypes(text, width), module->context.get());
  if (!module->parsed)
    llvm::report_fatal_error("a test's formula does not parse");
  arguments = describe(module->function().getArgumentTypes());
  results = describe(module->function().getResultTypes());

  OwningOpRef<ModuleOp> grouped(module->parsed->clone());
  PassManager manager(module->context.get());
  manager.addPass(createFormRowGroupsPass());
  if (failed(manager.run(*grouped)))
    llvm::report_fatal_error("a test's formula cannot be grouped");
  auto function = *grouped->getOps<func::FuncOp>().begin();
  auto groups = function.getOps<xf::RowGroupOp>();
  if (!llvm::hasSingleElement(groups))
    llvm::report_fatal_error("a test's formula is not one row group");
  xf::RowGroupOp group = *groups.begin();
  FailureOr<RowGroup> rows = translateRows(group);
  if (failed(rows))
    llvm::report_fatal_error("a test's formula cannot be translated");
  for (mlir::Value input : rows->inputs)
    order.push_back(cast<BlockArgument>(input).getArgNumber());
  // The function returns the group's results in their order.
  if (function.getBody().front().getTerminator()->getOperands() != group.getResults())
    llvm::report_fatal_error("a test's formula returns its values in another order than it computes them");
  compiled = std::make_unique<RowKernel>(printRowProgram(rows->program));
  if (!compiled->error.empty())
    llvm::report_fatal_error(llvm::Twine(compiled->error));
}

std::vector<Tensor> Formula::interpret(const std::vector<Tensor> &inputs) {
  llvm::Expected<std::vector<Tensor>> values = lathe::interpret(module->function(), inputs);
  if (!values)
    llvm::report_fatal_error(llvm::Twine(llvm::toString(values.takeError())));
  return *values;
}

std::vector<Tensor> runCompiled(const Formula &formula, const std::vector<Tensor> &inputs, int64_t gap,
                                int64_t panelsPerCall) {
  int64_t rows = 0;
  std::vector<Arg> args;
  std::vector<std::unique_ptr<Guarded<float>>> memory;
  auto place = [&](int64_t width, int64_t count) -> Guarded<float> & {
    int64_t stride = width + gap;
    memory.push_back(std::make_unique<Guarded<float>>(count ? (count - 1) * stride + width : 0));
    args.push_back(memory.back()->data());
    args.push_back(stride);
    return *memory.back();
  };
  for (size_t index : formula.kernelOrder()) {
    const Tensor &input = inputs[index];
    if (!formula.arguments[index].shared)
      rows = input.rows();
    // The runtime pads vectors to whole registers; nothing may need that.
    Guarded<float> &values = place(input.width(), formula.arguments[index].shared ? 1 : input.rows());
    for (int64_t row = 0; row < input.rows(); ++row)
      for (int64_t column = 0; column < input.width(); ++column)
        values[row * (input.width() + gap) + column] = float(input.row(row)[column]);
  }
  size_t firstResult = memory.size();
  for (const Formula::Value &result : formula.results)
    place(result.width, rows);
  args.push_back(rows);
  {
    FloatEnvironment asTheRuntime;
    EXPECT_TRUE(formula.kernel().run(args, panelsPerCall)) << "something was written before the scratch";
  }
  std::vector<Tensor> results;
  for (size_t index = 0; index < formula.results.size(); ++index) {
    const Guarded<float> &values = *memory[firstResult + index];
    EXPECT_TRUE(values.intact()) << "something was written before result " << index;
    int64_t width = formula.results[index].width;
    Tensor tensor({rows, width});
    for (int64_t at = 0; at < int64_t(values.size()); ++at) {
      int64_t column = at % (width + gap);
      if (column < width)
        tensor.row(at / (width + gap))[column] = values[at];
      else
        EXPECT_TRUE(std::isnan(values[at])) << "something was written between rows";
    }
    results.push_back(std::move(tensor));
  }
  return results;
}

std::vector<Tensor> randomInputs(Random &random, const Formula &formula, int64_t rows, double scale) {
  std::vector<Tensor> inputs;
  for (const Formula::Value &argument : formula.arguments) {
    Tensor tensor(argument.shared ? llvm::SmallVector<int64_t>{argument.width}
                                  : llvm::SmallVector<int64_t>{rows, argument.width});
    for (double &value : tensor.values)
      value = float(random.normal(0, scale)); // what the kernel is given, exactly
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

} // namespace lathe::test
