//===- RowKernels.cpp - row programs as kernels -------------------------------===//
#include "backends/cpu/RowKernels.h"

#include "backends/cpu/kernels/KernelBuilder.h"
#include "backends/halide/CompileRow.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace lathe {

std::string rowKernelSymbol(StringRef program) {
  auto hash = llvm::BLAKE3::hash<8>(llvm::arrayRefFromStringRef(program));
  return ("lathe_" + rowKernelFamily + "_" + llvm::toHex(hash, /*LowerCase=*/true)).str();
}

//===----------------------------------------------------------------------===//
// How it is called
//===----------------------------------------------------------------------===//

static unsigned countInputs(const RowProgram &program) {
  unsigned count = 0;
  for (int index = 0; index < int(program.values.size()); ++index)
    count += program.isInput(index);
  return count;
}

unsigned rowKernelSlots(const RowProgram &program) { return 2 * (countInputs(program) + program.results.size()) + 1; }

SmallVector<int64_t> rowKernelWrites(const RowProgram &program) {
  SmallVector<int64_t> slots;
  for (unsigned result = 0; result < program.results.size(); ++result)
    slots.push_back(2 * (countInputs(program) + result));
  return slots;
}

/// Rows that one panel covers: 8, as of the other row-wise kernels, but no less than a thousand elements.
static int64_t rowsPerPanel(const RowProgram &program) {
  int64_t widest = 1;
  for (const RowProgram::Value &value : program.values)
    widest = std::max(widest, value.width);
  return std::max<int64_t>(8, 1024 / widest);
}

Value emitRowPanels(OpBuilder &builder, Location loc, const RowProgram &program, Value rows) {
  return KernelBuilder(builder, loc).ceilDiv(rows, rowsPerPanel(program));
}

static int64_t bytesOfRow(const RowProgram &program, int index) {
  return llvm::alignTo(program.values[index].width * sizeof(float), 64);
}

int64_t rowKernelScratch(const RowProgram &program) {
  int64_t bytes = 0;
  for (int index : findKeptRows(program))
    bytes += bytesOfRow(program, index);
  return bytes;
}

//===----------------------------------------------------------------------===//
// The loop over rows
//===----------------------------------------------------------------------===//

static std::string rowFunctionSymbol(StringRef kernel) { return (kernel + "_row").str(); }

/// A halide_buffer_t on the stack: 7 words, of which the third is `host`, the only one that is read.
static Value emitBuffer(KernelBuilder &b) {
  constexpr int64_t words = 7;
  Value buffer = LLVM::AllocaOp::create(b, b.pointerType(), b.getI64Type(), b.integer(words));
  for (int64_t word = 0; word < words; ++word)
    LLVM::StoreOp::create(b, b.integer(0), b.atByte(buffer, b.integer(8 * word)));
  return buffer;
}
static void storeHost(KernelBuilder &b, Value host, Value buffer) {
  LLVM::StoreOp::create(b, host, b.atByte(buffer, b.integer(16)));
}

LogicalResult buildRowKernel(OpBuilder &builder, ModuleOp module, StringRef symbol, StringRef text) {
  RowProgram program;
  if (std::string error; !parseRowProgram(text, program, error))
    return module.emitError(error);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext()), i64 = builder.getI64Type();

  std::vector<int> kept = findKeptRows(program);
  unsigned rowArguments = countInputs(program) + program.results.size(); // each has an address and a stride
  SmallVector<Type> types(rowArguments + kept.size(), pointer);
  auto row = func::FuncOp::create(builder, module.getLoc(), rowFunctionSymbol(symbol),
                                  builder.getFunctionType(types, {builder.getI32Type()}));
  row.setPrivate();
  row->setAttr(xf::XfDialect::rowProgramAttr, builder.getStringAttr(text));

  auto kernel =
      func::FuncOp::create(builder, module.getLoc(), symbol, builder.getFunctionType({pointer, i64, i64, pointer}, {}));
  kernel.addEntryBlock();
  KernelBuilder b(kernel, IsaLevel::Avx512);
  SmallVector<Value> buffers, addresses, strides;
  for (unsigned index = 0; index < rowArguments; ++index) {
    buffers.push_back(emitBuffer(b));
    addresses.push_back(b.pointerSlot(2 * index));
    strides.push_back(b.integerSlot(2 * index + 1));
  }
  unsigned argument = 0;
  for (int index = 0; index < int(program.values.size()); ++index)
    if (program.isInput(index)) {
      if (program.values[index].op == RowOp::Shared)
        strides[argument] = b.integer(0);
      ++argument;
    }
  int64_t offset = 0;
  for (int index : kept) {
    buffers.push_back(emitBuffer(b));
    storeHost(b, b.atByte(b.scratch, b.integer(offset)), buffers.back());
    offset += bytesOfRow(program, index);
  }
  int64_t perPanel = rowsPerPanel(program);
  Value end = b.min(b.integerSlot(2 * rowArguments), b.mul(b.end, perPanel));
  b.forRange(b.mul(b.begin, perPanel), end, 1, [&](Value index) {
    for (unsigned argument = 0; argument < rowArguments; ++argument)
      storeHost(b, b.at(addresses[argument], b.mul(index, strides[argument])), buffers[argument]);
    func::CallOp::create(b, row, buffers);
  });
  func::ReturnOp::create(b);
  return success();
}

//===----------------------------------------------------------------------===//
// The function of one row
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

/// Parses and links one function of one row, and makes it ours: inlined where it is called, with what the module's
/// level allows instead of what Halide wrote down.
static llvm::Error linkRow(llvm::StringRef bitcode, llvm::StringRef symbol, llvm::Module &module) {
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

llvm::Error linkRowKernels(ModuleOp kernels, llvm::Module &module) {
  for (auto function : kernels.getOps<func::FuncOp>()) {
    auto program = function->getAttrOfType<StringAttr>(xf::XfDialect::rowProgramAttr);
    if (!program)
      continue;
    // Halide is told the lowest level, at which alone a row program has code of its own. The module's level is asked of
    // the target machine.
    llvm::Expected<std::string> bitcode =
        compileRow(program.str(), function.getSymName().str(), describe(IsaLevel::Avx512).name);
    if (!bitcode)
      return bitcode.takeError();
    if (llvm::Error error = linkRow(*bitcode, function.getSymName(), module))
      return error;
  }
  return llvm::Error::success();
}

llvm::Expected<ObjectBytes> emitProgram(ModuleOp kernels, EmitOptions options) {
  auto extend = [&](llvm::Module &module) {
    llvm::Error error = linkRowKernels(kernels, module);
    for (llvm::Function &function : module)
      if (!function.isDeclaration() && !function.hasLocalLinkage())
        function.setName(symbolAt(function.getName(), options.level));
    return error;
  };
  options.extend = extend;
  return emitObject(kernels, options);
}

} // namespace lathe
