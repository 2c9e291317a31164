//===- HalideFunctions.cpp - functions that Halide compiles -------------------===//
#include "backends/cpu/HalideFunctions.h"

#include "backends/halide/Compile.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"

using namespace mlir;

namespace lathe {

//===----------------------------------------------------------------------===//
// How they are called
//===----------------------------------------------------------------------===//

func::FuncOp declareHalideFunction(OpBuilder &builder, ModuleOp module, StringRef symbol, TypeRange arguments,
                                   StringRef attribute, StringRef program) {
  auto function = func::FuncOp::create(builder, module.getLoc(), symbol,
                                       builder.getFunctionType(arguments, {builder.getI32Type()}));
  function.setPrivate();
  function->setAttr(attribute, builder.getStringAttr(program));
  return function;
}

Value emitHalideBuffer(KernelBuilder &b) {
  constexpr int64_t words = 7;
  Value buffer = LLVM::AllocaOp::create(b, b.pointerType(), b.getI64Type(), b.integer(words));
  for (int64_t word = 0; word < words; ++word)
    LLVM::StoreOp::create(b, b.integer(0), b.atByte(buffer, b.integer(8 * word)));
  return buffer;
}

void storeHalideHost(KernelBuilder &b, Value host, Value buffer) {
  LLVM::StoreOp::create(b, host, b.atByte(buffer, b.integer(16)));
}

//===----------------------------------------------------------------------===//
// What Halide makes of them
//===----------------------------------------------------------------------===//

static bool isStack(llvm::Value *pointer) { return llvm::isa<llvm::AllocaInst>(llvm::getUnderlyingObject(pointer)); }

/// A masked store into the partial sums, all of whose lanes are there: done as a blend, so that they stay in registers.
static void blendMaskedStore(llvm::IntrinsicInst &store) {
  llvm::IRBuilder<> b(&store);
  llvm::Value *value = store.getArgOperand(0), *address = store.getArgOperand(1), *mask = store.getArgOperand(2);
  llvm::Align alignment = store.getParamAlign(1).valueOrOne();
  llvm::Value *old = b.CreateAlignedLoad(value->getType(), address, alignment);
  b.CreateAlignedStore(b.CreateSelect(mask, value, old), address, alignment);
  store.eraseFromParent();
}

/// Makes an instruction of Halide's what a builder would have written.
static void adopt(llvm::Instruction &instruction) {
  // A product and its sum may be rounded as one, as in the builders' fma; which ones is decided once, for every row.
  auto code = instruction.getOpcode();
  if (code == llvm::Instruction::FAdd || code == llvm::Instruction::FSub || code == llvm::Instruction::FMul)
    instruction.setHasAllowContract(true);
  // Halide takes rows that it reads back to begin where a vector may; ours begin where the row before them ends.
  const llvm::Align ofFloat(alignof(float));
  if (auto *load = llvm::dyn_cast<llvm::LoadInst>(&instruction); load && !isStack(load->getPointerOperand()))
    load->setAlignment(std::min(load->getAlign(), ofFloat));
  if (auto *store = llvm::dyn_cast<llvm::StoreInst>(&instruction); store && !isStack(store->getPointerOperand()))
    store->setAlignment(std::min(store->getAlign(), ofFloat));
  auto *call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  if (!call)
    return;
  for (unsigned argument = 0; argument < call->arg_size(); ++argument) // of masked loads and stores
    if (call->getParamAlign(argument).valueOrOne() > ofFloat && !isStack(call->getArgOperand(argument))) {
      call->removeParamAttr(argument, llvm::Attribute::Alignment);
      call->addParamAttr(argument, llvm::Attribute::getWithAlignment(call->getContext(), ofFloat));
    }
  if (call->getIntrinsicID() == llvm::Intrinsic::masked_store && isStack(call->getArgOperand(1)))
    blendMaskedStore(*call);
}

/// Parses and links one function, and makes it ours: inlined where it is called, with what the module's
/// level allows instead of what Halide wrote down.
static llvm::Error linkFunction(llvm::StringRef bitcode, llvm::StringRef symbol, llvm::Module &module) {
  auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, symbol), module.getContext());
  if (!parsed)
    return parsed.takeError();
  llvm::Function *function = (*parsed)->getFunction(symbol);
  if (!function || function->isDeclaration())
    return llvm::createStringError("Halide's code for '" + symbol + "' lacks its function");
  function->setAttributes({});
  for (llvm::BasicBlock &block : *function)
    for (llvm::Instruction &instruction : llvm::make_early_inc_range(block))
      adopt(instruction);
  (*parsed)->setDataLayout(module.getDataLayout());
  (*parsed)->setTargetTriple(module.getTargetTriple());
  // Flags and notes of another code generator are none of this module's.
  for (const char *name : {"llvm.module.flags", "llvm.ident"})
    if (llvm::NamedMDNode *node = (*parsed)->getNamedMetadata(name))
      node->eraseFromParent();
  if (llvm::Linker::linkModules(module, std::move(*parsed)))
    return llvm::createStringError("Halide's code for '" + symbol + "' cannot be linked");
  function = module.getFunction(symbol);
  function->setLinkage(llvm::GlobalValue::InternalLinkage);
  function->addFnAttr(llvm::Attribute::AlwaysInline);
  return llvm::Error::success();
}

/// The attributes that programs are in, by what compiles them.
static constexpr struct {
  llvm::StringLiteral attribute;
  decltype(&compileRow) compile;
} programs[] = {{xf::XfDialect::rowProgramAttr, compileRow}, {imageProgramAttr, compileImage}};

llvm::Error linkHalideFunctions(ModuleOp kernels, llvm::Module &module) {
  for (auto function : kernels.getOps<func::FuncOp>())
    for (auto [attribute, compile] : programs) {
      auto program = function->getAttrOfType<StringAttr>(attribute);
      if (!program)
        continue;
      // Halide is told the lowest level, at which alone a program has code of its own. The module's level is asked of
      // the target machine.
      llvm::Expected<std::string> bitcode =
          compile(program.str(), function.getSymName().str(), describe(IsaLevel::Avx512).name);
      if (!bitcode)
        return bitcode.takeError();
      if (llvm::Error error = linkFunction(*bitcode, function.getSymName(), module))
        return error;
    }
  return llvm::Error::success();
}

llvm::Expected<ObjectBytes> emitProgram(ModuleOp kernels, EmitOptions options) {
  auto extend = [&](llvm::Module &module) {
    llvm::Error error = linkHalideFunctions(kernels, module);
    for (llvm::Function &function : module)
      if (!function.isDeclaration() && !function.hasLocalLinkage())
        function.setName(symbolAt(function.getName(), options.level));
    return error;
  };
  options.extend = extend;
  return emitObject(kernels, options);
}

} // namespace lathe
