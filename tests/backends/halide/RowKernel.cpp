#include "RowKernel.h"

#include "backends/cpu/HalideFunctions.h"
#include "backends/cpu/RowKernels.h"
#include "backends/cpu/emit/Emit.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace lathe::test {

struct RowKernel::Loaded {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  lathe_kernel function = nullptr;
  int64_t (*countPanels)(int64_t rows) = nullptr;
};

RowKernel::RowKernel(RowKernel &&) noexcept = default;
RowKernel::~RowKernel() = default;

/// func @panels(%rows: i64) -> i64, so that panel counts are tested as they are emitted.
static void buildPanelCount(ModuleOp module, const RowProgram &program) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto function = func::FuncOp::create(builder, module.getLoc(), "panels",
                                       builder.getFunctionType({builder.getI64Type()}, {builder.getI64Type()}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, module.getLoc(),
                         emitRowPanels(builder, module.getLoc(), program, function.getArgument(0)));
}

RowKernel::RowKernel(const std::string &text) {
  DialectRegistry registry;
  registerEmission(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler collect(&context, [&](Diagnostic &diagnostic) { error += diagnostic.str(); });
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder builder(&context);
  if (failed(buildRowKernel(builder, *module, "kernel", text)))
    return;
  RowProgram program;
  parseRowProgram(text, program, error);
  buildPanelCount(*module, program);
  EmitOptions options;
  options.irText = &ir;
  llvm::Expected<ObjectBytes> emitted = emitProgram(*module, options);
  if (!emitted) {
    error = llvm::toString(emitted.takeError());
    return;
  }
  object.assign(emitted->begin(), emitted->end());
  scratchBytes = rowKernelScratch(program);
  slots = rowKernelSlots(program);

  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  loaded = std::make_unique<Loaded>();
  loaded->jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(loaded->jit->addObjectFile(
      llvm::MemoryBuffer::getMemBufferCopy(StringRef(object.data(), object.size()), "rows")));
  loaded->function = llvm::cantFail(loaded->jit->lookup(symbolAt("kernel", options.level))).toPtr<lathe_kernel>();
  loaded->countPanels =
      llvm::cantFail(loaded->jit->lookup(symbolAt("panels", options.level))).toPtr<int64_t (*)(int64_t)>();
}

static const uint64_t *bitsOf(const std::vector<Arg> &args) { return reinterpret_cast<const uint64_t *>(args.data()); }

int64_t RowKernel::panels(int64_t rows) const { return loaded->countPanels(rows); }

void RowKernel::call(const std::vector<Arg> &args, uint8_t *scratch) const {
  loaded->function(bitsOf(args), 0, panels(int64_t(args.back().bits)), scratch);
}

bool RowKernel::run(const std::vector<Arg> &args, int64_t panelsPerCall) const {
  if (int64_t(args.size()) != slots)
    llvm::report_fatal_error("the call does not have one argument per slot");
  int64_t count = panels(int64_t(args.back().bits)), step = panelsPerCall ? panelsPerCall : std::max<int64_t>(count, 1);
  GuardedBytes scratch(scratchBytes, /*alignment=*/64);
  // Backwards, so that no panel can lean on an earlier one.
  for (int64_t begin = (count - 1) / step * step; begin >= 0 && count > 0; begin -= step)
    loaded->function(bitsOf(args), begin, std::min(begin + step, count), scratch.data());
  return scratch.intact();
}

} // namespace lathe::test
