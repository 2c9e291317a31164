//===- ImageKernels.cpp - the front end for images as kernels -----------------===//
#include "backends/cpu/ImageKernels.h"

#include "backends/cpu/HalideFunctions.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe {
namespace {

constexpr int64_t blockRows = 16, channels = 3;

/// Declares the function of a step, of so many buffers, numbers, and a buffer for its result.
func::FuncOp declareStep(OpBuilder &builder, ModuleOp module, StringRef symbol, const ImageProgram &program,
                         unsigned buffers, unsigned numbers) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  SmallVector<Type> types(buffers, pointer);
  types.append(numbers, builder.getI32Type());
  types.push_back(pointer);
  return declareHalideFunction(builder, module, symbol, types, imageProgramAttr, printImageProgram(program));
}

/// The arguments of calls of one step. Buffers are made once, in front of the loop.
class StepCall {
public:
  StepCall(KernelBuilder &b, func::FuncOp step) : b(b), step(step) {
    for (Type type : step.getArgumentTypes())
      arguments.push_back(isa<LLVM::LLVMPointerType>(type) ? emitHalideBuffer(b) : Value());
  }

  /// Addresses of buffers, and numbers as i64.
  void emit(ValueRange values) {
    SmallVector<Value> given = arguments;
    for (auto [argument, value] : llvm::zip_equal(given, values)) {
      if (argument)
        storeHalideHost(b, value, argument);
      else
        argument = b.wordOf(value);
    }
    func::CallOp::create(b, step, given);
  }

private:
  KernelBuilder &b;
  func::FuncOp step;
  SmallVector<Value> arguments;
};

/// An empty kernel.
func::FuncOp createKernel(OpBuilder &builder, ModuleOp module, StringRef symbol) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext()), i64 = builder.getI64Type();
  auto kernel =
      func::FuncOp::create(builder, module.getLoc(), symbol, builder.getFunctionType({pointer, i64, i64, pointer}, {}));
  kernel.addEntryBlock();
  return kernel;
}

void buildHorizontal(OpBuilder &builder, ModuleOp module) {
  func::FuncOp transpose =
      declareStep(builder, module, (imageHorizontalSymbol + "_transpose").str(), {.step = ImageStep::Transpose}, 1, 2);
  func::FuncOp resize =
      declareStep(builder, module, (imageHorizontalSymbol + "_resize").str(), {.step = ImageStep::Horizontal}, 3, 5);
  KernelBuilder b(createKernel(builder, module, imageHorizontalSymbol), IsaLevel::Avx512);
  StepCall transposing(b, transpose), resizing(b, resize);
  Value pixels = b.pointerSlot(0), rowBytes = b.integerSlot(1), rows = b.integerSlot(2);
  Value first = b.pointerSlot(3), weights = b.pointerSlot(4), taps = b.integerSlot(5);
  Value columns = b.integerSlot(6), width = b.integerSlot(7), planes = b.pointerSlot(8);
  Value rowStride = b.integerSlot(9), planeStride = b.integerSlot(10);
  b.forRange(b.begin, b.end, 1, [&](Value block) {
    Value row = b.mul(block, blockRows), left = b.min(b.sub(rows, row), b.integer(blockRows));
    transposing.emit({b.atByte(pixels, b.mul(row, rowBytes)), rowBytes, left, b.scratch});
    resizing.emit({b.scratch, first, weights, columns, taps, width, rowStride, planeStride,
                   b.atByte(planes, b.mul(row, rowStride))});
  });
  func::ReturnOp::create(b);
}

void buildPatches(OpBuilder &builder, ModuleOp module, const ImageProgram &program) {
  func::FuncOp step =
      declareStep(builder, module, (imagePatchesSymbol + "_row").str(), program, /*buffers=*/3, /*numbers=*/4);
  KernelBuilder b(createKernel(builder, module, imagePatchesSymbol), IsaLevel::Avx512);
  StepCall cutting(b, step);
  Value planes = b.pointerSlot(0), rows = b.integerSlot(1), first = b.pointerSlot(2), weights = b.pointerSlot(3);
  Value taps = b.integerSlot(4), rowStride = b.integerSlot(5), planeStride = b.integerSlot(6);
  Value patches = b.pointerSlot(7);
  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value line = b.mul(panel, program.rows); // tables are i32, four bytes as f32 is
    cutting.emit({planes, b.at(first, line), b.at(weights, b.mul(line, taps)), rows, taps, rowStride, planeStride,
                  b.at(patches, b.mul(panel, program.across * channels * program.rows * program.columns))});
  });
  func::ReturnOp::create(b);
}

} // namespace

void buildImageKernels(OpBuilder &builder, ModuleOp module, const ImageProgram &patches) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  buildHorizontal(builder, module);
  buildPatches(builder, module, patches);
}

std::optional<ImageProgram> findImageProgram(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    for (unsigned index = 0; index < function.getNumArguments(); ++index)
      if (auto front = function.getArgAttrOfType<xf::FrontEndAttr>(index, xf::XfDialect::frontEndAttr))
        return imageProgramOf(front, function.getArgAttrOfType<xf::ImageAttr>(index, xf::XfDialect::imageAttr));
  return std::nullopt;
}

ImageProgram imageProgramOf(xf::FrontEndAttr front, xf::ImageAttr image) {
  ImageProgram program = {.step = ImageStep::Patches,
                          .rows = image.getPatchHeight(),
                          .columns = image.getPatchWidth(),
                          .across = front.getImageColumns() / image.getPatchWidth(),
                          .scale = front.getScale().getValueAsDouble()};
  llvm::copy(front.getMean().asArrayRef(), program.mean.begin());
  llvm::copy(front.getDeviation().asArrayRef(), program.deviation.begin());
  return program;
}

} // namespace lathe
