//===- RowKernels.cpp - row programs as kernels -------------------------------===//
#include "backends/cpu/RowKernels.h"

#include "backends/cpu/HalideFunctions.h"
#include "backends/cpu/kernels/KernelBuilder.h"
#include "ir/xf/XfDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
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
  func::FuncOp row =
      declareHalideFunction(builder, module, rowFunctionSymbol(symbol), types, xf::XfDialect::rowProgramAttr, text);

  auto kernel =
      func::FuncOp::create(builder, module.getLoc(), symbol, builder.getFunctionType({pointer, i64, i64, pointer}, {}));
  kernel.addEntryBlock();
  KernelBuilder b(kernel, IsaLevel::Avx512);
  SmallVector<Value> buffers, addresses, strides;
  for (unsigned index = 0; index < rowArguments; ++index) {
    buffers.push_back(emitHalideBuffer(b));
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
    buffers.push_back(emitHalideBuffer(b));
    storeHalideHost(b, b.atByte(b.scratch, b.integer(offset)), buffers.back());
    offset += bytesOfRow(program, index);
  }
  int64_t perPanel = rowsPerPanel(program);
  Value end = b.min(b.integerSlot(2 * rowArguments), b.mul(b.end, perPanel));
  b.forRange(b.mul(b.begin, perPanel), end, 1, [&](Value index) {
    for (unsigned argument = 0; argument < rowArguments; ++argument)
      storeHalideHost(b, b.at(addresses[argument], b.mul(index, strides[argument])), buffers[argument]);
    func::CallOp::create(b, row, buffers);
  });
  func::ReturnOp::create(b);
  return success();
}

} // namespace lathe
