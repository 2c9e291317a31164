#include "tests/interpreter/Parsed.h"

#include "compiler/pipelines/Pipelines.h"

#include "mlir/Parser/Parser.h"

#include <cmath>

using namespace mlir;

namespace lathe::test {

Parsed::Parsed(llvm::StringRef text) {
  DialectRegistry registry;
  registerLatheDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  parsed = parseSourceString<ModuleOp>(text, context.get());
  EXPECT_TRUE(parsed) << "the test's module does not parse";
}

std::vector<Tensor> Parsed::run(llvm::StringRef function, std::vector<Tensor> arguments) {
  llvm::Expected<std::vector<Tensor>> results = interpret(parsed->lookupSymbol<func::FuncOp>(function), arguments);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  return *results;
}

static llvm::Expected<NamedTensors> interpretFirstEntry(ModuleOp module, const NamedTensors &inputs) {
  llvm::Expected<func::FuncOp> entry = findEntry(module, "");
  return entry ? interpretEntry(*entry, inputs) : entry.takeError();
}

NamedTensors Parsed::runEntry(const NamedTensors &inputs) {
  llvm::Expected<NamedTensors> outputs = interpretFirstEntry(*parsed, inputs);
  if (!outputs) {
    ADD_FAILURE() << llvm::toString(outputs.takeError());
    return {};
  }
  return *outputs;
}

std::string Parsed::errorOfEntry(const NamedTensors &inputs) {
  llvm::Expected<NamedTensors> outputs = interpretFirstEntry(*parsed, inputs);
  return outputs ? "" : llvm::toString(outputs.takeError());
}

void Parsed::runGraphPasses() {
  PassManager manager(context.get());
  addStagePasses(manager, Stage::Graph, {});
  ASSERT_TRUE(succeeded(manager.run(*parsed)));
}

Tensor randomTensor(Random &random, llvm::ArrayRef<int64_t> shape) {
  Tensor tensor(shape);
  for (double &value : tensor.values)
    value = random.normal();
  return tensor;
}

static std::string shapeText(const Tensor &tensor) {
  std::string text;
  for (int64_t extent : tensor.shape)
    text += (text.empty() ? "[" : ", ") + std::to_string(extent);
  return text + "]";
}

testing::AssertionResult near(const Tensor &actual, const Tensor &expected, double tolerance) {
  if (actual.shape != expected.shape)
    return testing::AssertionFailure() << "shape " << shapeText(actual) << ", expected " << shapeText(expected);
  size_t worst = 0;
  double largest = 0;
  for (size_t index = 0; index < expected.values.size(); ++index) {
    double error = std::abs(actual.values[index] - expected.values[index]);
    if (error > largest || std::isnan(error)) {
      worst = index;
      largest = std::isnan(error) ? INFINITY : error;
    }
  }
  if (largest <= tolerance)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "element " << worst << " is " << actual.values[worst] << ", expected "
                                     << expected.values[worst] << ", apart by " << largest;
}

} // namespace lathe::test
