//===- BuildKernels.cpp - xf.kernel declarations into functions ---------------===//
#include "backends/cpu/ImageKernels.h"
#include "backends/cpu/Passes.h"
#include "backends/cpu/RowKernels.h"
#include "backends/cpu/kernels/Kernels.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_BUILDKERNELSPASS
#include "backends/cpu/Passes.h.inc"

namespace {

struct BuildKernels : impl::BuildKernelsPassBase<BuildKernels> {
  using BuildKernelsPassBase::BuildKernelsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    OpBuilder builder(&getContext());
    for (auto kernel : llvm::make_early_inc_range(module.getOps<xf::KernelOp>())) {
      if (kernel.getFamily() == rowKernelFamily) {
        if (failed(buildRows(builder, kernel)))
          return signalPassFailure();
        continue;
      }
      const KernelFamily *family = lookupKernel(kernel.getFamily());
      if (!family) {
        kernel.emitOpError("names family '") << kernel.getFamily() << "', which the CPU back end does not have";
        return signalPassFailure();
      }
      std::string symbol = kernel.getSymName().str();
      DictionaryAttr parameters = kernel.getParameters();
      kernel.erase();
      if (failed(family->build(builder, module, symbol, parameters, level)))
        return signalPassFailure();
    }
    if (std::optional<ImageProgram> images = findImageProgram(module))
      buildImageKernels(builder, module, *images);
  }

  LogicalResult buildRows(OpBuilder &builder, xf::KernelOp kernel) {
    auto program = kernel.getParameters().getAs<StringAttr>(rowProgramParameter);
    if (!program)
      return kernel.emitOpError("has no parameter '") << rowProgramParameter << "'; expected a row program's text";
    std::string symbol = kernel.getSymName().str();
    kernel.erase();
    return buildRowKernel(builder, getOperation(), symbol, program);
  }
};

} // namespace
} // namespace lathe
