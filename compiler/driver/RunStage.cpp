//===- RunStage.cpp - the passes of one stage ---------------------------------===//
#include "compiler/driver/RunStage.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace lathe {

std::unique_ptr<MLIRContext> createContext() {
  DialectRegistry registry;
  registerLatheDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

llvm::Error runStage(ModuleOp module, Stage stage, const PipelineOptions &options) {
  std::string messages;
  ScopedDiagnosticHandler handler(module.getContext(), [&](Diagnostic &diagnostic) {
    messages += (messages.empty() ? "" : "; ") + diagnostic.str();
  });
  PassManager manager(module.getContext());
  addStagePasses(manager, stage, options);
  if (failed(manager.run(module)))
    return llvm::createStringError("stage '" + stageName(stage) + "' failed: " + messages);
  return llvm::Error::success();
}

void printForm(ModuleOp module, llvm::raw_ostream &os) {
  OpPrintingFlags flags;
  flags.elideLargeResourceString(0).elideLargeElementsAttrs(16).useLocalScope().printNameLocAsPrefix();
  module.print(os, flags);
  os << "\n";
}

} // namespace lathe
