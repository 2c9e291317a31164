#include "EmulateAmx.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "runtime/core/FloatEnvironment.h"
#include <bit>
#include <cstring>

using namespace mlir;

namespace lathe::test {

// What the instructions do.

static constexpr int64_t words = 16; // of a tile's line

/// In a function of its own, so that nothing of it is done before the rounding and the denormals are set.
__attribute__((noinline, target("avx512f"))) static void addProducts(float *sums, const uint16_t *a, const uint16_t *b,
                                                                     int64_t rows) {
  using Line = float __attribute__((vector_size(words * sizeof(float))));
  auto widen = [](uint16_t half) { return std::bit_cast<float>(uint32_t(half) << 16); };
  for (int64_t row = 0; row < rows; ++row) {
    Line products[2] = {};
    for (int64_t k = 0; k < words; ++k)
      for (int64_t half = 0; half < 2; ++half) {
        Line line;
        for (int64_t column = 0; column < words; ++column)
          line[column] = widen(b[(k * words + column) * 2 + half]);
        products[half] =
            __builtin_elementwise_fma(Line{} + widen(a[(row * words + k) * 2 + half]), line, products[half]);
      }
    Line before;
    std::memcpy(&before, sums + row * words, sizeof(Line));
    Line after = before + (products[0] + products[1]);
    std::memcpy(sums + row * words, &after, sizeof(Line));
  }
}

void emulateTileProduct(float *sums, const uint16_t *a, const uint16_t *b, int64_t rows) {
  FloatEnvironment asTheInstructionHasIt;
  addProducts(sums, a, b, rows);
}

void emulateTileProductOfBytes(int32_t *sums, const uint8_t *a, const int8_t *b, int64_t rows) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < words; ++column) {
      auto sum = static_cast<uint32_t>(sums[row * words + column]);
      for (int64_t k = 0; k < words; ++k)
        for (int64_t i = 0; i < 4; ++i)
          sum += uint32_t(a[(row * words + k) * 4 + i] * b[(k * words + column) * 4 + i]);
      sums[row * words + column] = static_cast<int32_t>(sum);
    }
}

static void emulateTileLoad(uint8_t *tile, const uint8_t *memory, int64_t stride, int64_t rows, int64_t lineBytes) {
  for (int64_t row = 0; row < rows; ++row)
    std::memcpy(tile + row * lineBytes, memory + row * stride, lineBytes);
}
static void emulateTileStore(const uint8_t *tile, uint8_t *memory, int64_t stride, int64_t rows, int64_t lineBytes) {
  for (int64_t row = 0; row < rows; ++row)
    std::memcpy(memory + row * stride, tile + row * lineBytes, lineBytes);
}

// From the ops to calls.

namespace {

constexpr int64_t alignment = 64;

int64_t lineBytes(amx::TileType type) { return type.getDimSize(1) * type.getElementTypeBitWidth() / 8; }

VectorType asVector(amx::TileType type) {
  return VectorType::get({type.getDimSize(0) * lineBytes(type) / 4}, IntegerType::get(type.getContext(), 32));
}

template <typename Op> class Emulation : public ConvertOpToLLVMPattern<Op> {
public:
  using ConvertOpToLLVMPattern<Op>::ConvertOpToLLVMPattern;
  using Adaptor = typename ConvertOpToLLVMPattern<Op>::OpAdaptor;

protected:
  /// Memory for a tile, in the function's frame rather than in a loop.
  static Value buffer(ConversionPatternRewriter &rewriter, Operation *op, amx::TileType type) {
    OpBuilder::InsertionGuard guard(rewriter);
    Block &entry = op->getParentOfType<FunctionOpInterface>().getFunctionBody().front();
    rewriter.setInsertionPointToStart(&entry);
    Value one = LLVM::ConstantOp::create(rewriter, op->getLoc(), rewriter.getI64IntegerAttr(1));
    return LLVM::AllocaOp::create(rewriter, op->getLoc(), pointer(rewriter), asVector(type), one, alignment);
  }
  static Value inBuffer(ConversionPatternRewriter &rewriter, Operation *op, amx::TileType type, Value tile) {
    Value memory = buffer(rewriter, op, type);
    LLVM::StoreOp::create(rewriter, op->getLoc(), tile, memory, alignment);
    return memory;
  }
  static Value fromBuffer(ConversionPatternRewriter &rewriter, Operation *op, amx::TileType type, Value memory) {
    return LLVM::LoadOp::create(rewriter, op->getLoc(), asVector(type), memory, alignment);
  }
  static Value integer(ConversionPatternRewriter &rewriter, Operation *op, int64_t value) {
    return LLVM::ConstantOp::create(rewriter, op->getLoc(), rewriter.getI64IntegerAttr(value));
  }
  /// A call of a function of this process, by its address.
  static void call(ConversionPatternRewriter &rewriter, Operation *op, uintptr_t function, ValueRange arguments) {
    Value address = integer(rewriter, op, static_cast<int64_t>(function));
    SmallVector<Value> operands = {LLVM::IntToPtrOp::create(rewriter, op->getLoc(), pointer(rewriter), address)};
    llvm::append_range(operands, arguments);
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(rewriter.getContext()),
                                            llvm::to_vector(arguments.getTypes()));
    LLVM::CallOp::create(rewriter, op->getLoc(), type, operands);
  }
  /// Address, stride in bytes, rows and bytes of a line of what an op reads or writes.
  SmallVector<Value> place(ConversionPatternRewriter &rewriter, Op op, Adaptor adaptor) const {
    amx::TileType type = op.getTileType();
    Value size = integer(rewriter, op, type.getElementTypeBitWidth() / 8);
    return {
        this->getStridedElementPtr(rewriter, op.getLoc(), op.getMemRefType(), adaptor.getBase(), adaptor.getIndices()),
        LLVM::MulOp::create(rewriter, op.getLoc(), adaptor.getStride(), size),
        integer(rewriter, op, type.getDimSize(0)), integer(rewriter, op, lineBytes(type))};
  }

private:
  static Type pointer(OpBuilder &builder) { return LLVM::LLVMPointerType::get(builder.getContext()); }
};

struct EmulateZero final : Emulation<amx::TileZeroOp> {
  using Emulation::Emulation;
  LogicalResult matchAndRewrite(amx::TileZeroOp op, Adaptor, ConversionPatternRewriter &rewriter) const override {
    VectorType type = asVector(op.getTileType());
    rewriter.replaceOpWithNewOp<LLVM::ConstantOp>(op, type, rewriter.getZeroAttr(type));
    return success();
  }
};

struct EmulateLoad final : Emulation<amx::TileLoadOp> {
  using Emulation::Emulation;
  LogicalResult matchAndRewrite(amx::TileLoadOp op, Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!op.getStride())
      return rewriter.notifyMatchFailure(op, "has no stride of its own");
    Value tile = buffer(rewriter, op, op.getTileType());
    SmallVector<Value> arguments = place(rewriter, op, adaptor);
    arguments.insert(arguments.begin(), tile);
    call(rewriter, op, reinterpret_cast<uintptr_t>(&emulateTileLoad), arguments);
    rewriter.replaceOp(op, fromBuffer(rewriter, op, op.getTileType(), tile));
    return success();
  }
};

struct EmulateStore final : Emulation<amx::TileStoreOp> {
  using Emulation::Emulation;
  LogicalResult matchAndRewrite(amx::TileStoreOp op, Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!op.getStride())
      return rewriter.notifyMatchFailure(op, "has no stride of its own");
    SmallVector<Value> arguments = place(rewriter, op, adaptor);
    arguments.insert(arguments.begin(), inBuffer(rewriter, op, op.getTileType(), adaptor.getVal()));
    call(rewriter, op, reinterpret_cast<uintptr_t>(&emulateTileStore), arguments);
    rewriter.eraseOp(op);
    return success();
  }
};

template <typename Op> struct EmulateProduct final : Emulation<Op> {
  using Emulation<Op>::Emulation;
  LogicalResult matchAndRewrite(Op op, typename Emulation<Op>::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    uintptr_t function = emulated(op);
    if (!function || lineBytes(op.getLhsTileType()) != words * 4 || lineBytes(op.getTileType()) != words * 4)
      return rewriter.notifyMatchFailure(op, "is not one of those that kernels use, of whole lines");
    Value sums = this->inBuffer(rewriter, op, op.getTileType(), adaptor.getAcc());
    this->call(rewriter, op, function,
               {sums, this->inBuffer(rewriter, op, op.getLhsTileType(), adaptor.getLhs()),
                this->inBuffer(rewriter, op, op.getRhsTileType(), adaptor.getRhs()),
                this->integer(rewriter, op, op.getTileType().getDimSize(0))});
    rewriter.replaceOp(op, this->fromBuffer(rewriter, op, op.getTileType(), sums));
    return success();
  }

private:
  static uintptr_t emulated(amx::TileMulFOp op) {
    return op.getLhsTileType().getElementType().isBF16() ? reinterpret_cast<uintptr_t>(&emulateTileProduct) : 0;
  }
  static uintptr_t emulated(amx::TileMulIOp op) {
    return op.getIsZextLhs() && !op.getIsZextRhs() ? reinterpret_cast<uintptr_t>(&emulateTileProductOfBytes) : 0;
  }
};

struct EmulatedAmx final : ConvertToLLVMPatternInterface {
  using ConvertToLLVMPatternInterface::ConvertToLLVMPatternInterface;
  void populateConvertToLLVMConversionPatterns(ConversionTarget &, LLVMTypeConverter &converter,
                                               RewritePatternSet &patterns) const override {
    converter.addConversion([](amx::TileType type) -> Type { return asVector(type); });
    patterns
        .add<EmulateZero, EmulateLoad, EmulateStore, EmulateProduct<amx::TileMulFOp>, EmulateProduct<amx::TileMulIOp>>(
            converter);
  }
};

} // namespace

void registerEmulatedAmx(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *, amx::AMXDialect *dialect) { dialect->addInterfaces<EmulatedAmx>(); });
}

} // namespace lathe::test
