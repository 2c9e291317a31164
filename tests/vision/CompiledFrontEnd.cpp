#include "tests/vision/CompiledFrontEnd.h"

#include "backends/cpu/HalideFunctions.h"
#include "backends/cpu/ImageKernels.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace lathe::test {

struct ImageKernels::Loaded {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

ImageKernels::~ImageKernels() = default;

ImageKernels::ImageKernels(const ImageProgram &program, IsaLevel level) {
  DialectRegistry registry;
  registerEmission(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder builder(&context);
  buildImageKernels(builder, *module, program);
  llvm::Expected<ObjectBytes> emitted = emitProgram(*module, {.level = level});
  if (!emitted) {
    error = llvm::toString(emitted.takeError());
    return;
  }
  object.assign(emitted->begin(), emitted->end());

  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  loaded = std::make_unique<Loaded>();
  loaded->jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
  llvm::cantFail(loaded->jit->addObjectFile(
      llvm::MemoryBuffer::getMemBufferCopy(StringRef(object.data(), object.size()), "images")));
  auto lookup = [&](StringRef symbol) {
    return llvm::cantFail(loaded->jit->lookup(symbolAt(symbol, level))).toPtr<lathe_kernel>();
  };
  horizontal = lookup(imageHorizontalSymbol);
  patches = lookup(imagePatchesSymbol);
}

FrontEndPlan::FrontEndPlan(const PreprocessorConfig &config, int64_t patch, std::pair<int64_t, int64_t> image) {
  front.sizing = config.sizing;
  front.resample = config.resample;
  front.rows = config.rows;
  front.columns = config.columns;
  front.crops = config.crops;
  front.image_rows = config.crops ? config.cropRows : image.first;
  front.image_columns = config.crops ? config.cropColumns : image.second;
  front.patch_rows = front.patch_columns = patch;
  front.down = front.image_rows / patch;
  front.across = front.image_columns / patch;
  program = {.step = ImageStep::Patches,
             .rows = patch,
             .columns = patch,
             .across = front.across,
             .scale = config.scale,
             .mean = config.mean,
             .deviation = config.deviation};
}

} // namespace lathe::test
