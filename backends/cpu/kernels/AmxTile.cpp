#include "backends/cpu/kernels/AmxTile.h"

#include "mlir/Dialect/AMX/AMXDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace lathe {
namespace {

constexpr int64_t lineBytes = 64; ///< of a cache

/// The dialect's ops on what lies at an address, with lines a number of words apart.
class Tiles {
public:
  Tiles(KernelBuilder &b, Words words)
      : b(b), words(words), operandType(amx::TileType::get({amxRows, elementsPerWord(words) * amxDepth}, element())),
        sumType(
            amx::TileType::get({amxRows, KernelBuilder::lanes}, ofBytes() ? Type(b.getI32Type()) : b.getF32Type())) {
    assert(words != Words::F32 && "there are no tiles of f32 factors");
  }

  Value zero() { return amx::TileZeroOp::create(b, sumType); }
  Value loadSums(Value address, Value stride) { return load(sumType, address, stride); }
  Value loadOperand(Value address, Value stride) {
    return load(operandType, address, b.mul(stride, elementsPerWord(words)));
  }
  void storeSums(Value tile, Value address, Value stride) {
    Value first = arith::ConstantIndexOp::create(b, 0);
    amx::TileStoreOp::create(b, viewOf(address, sumType.getElementType()), first, tile, indexOf(stride));
  }
  Value multiply(Value rows, Value columns, Value sums) {
    if (ofBytes())
      return amx::TileMulIOp::create(b, sumType, rows, columns, sums, /*isZextLhs=*/true, /*isZextRhs=*/false);
    return amx::TileMulFOp::create(b, sumType, rows, columns, sums);
  }

private:
  KernelBuilder &b;
  const Words words;
  const amx::TileType operandType, sumType;

  bool ofBytes() const { return words == Words::U8S8Quads; }
  Type element() const { return ofBytes() ? Type(b.getI8Type()) : b.getBF16Type(); }

  /// With a stride in elements.
  Value load(amx::TileType type, Value address, Value stride) {
    Value first = arith::ConstantIndexOp::create(b, 0);
    return amx::TileLoadOp::create(b, type, viewOf(address, type.getElementType()), first, indexOf(stride));
  }
  Value indexOf(Value integer) { return arith::IndexCastOp::create(b, b.getIndexType(), integer); }

  /// The dialect wants memrefs. This is what one of unknown length becomes in LLVM, of which the aligned address alone
  /// is ever looked at.
  Value viewOf(Value address, Type element) {
    Type integer = b.getI64Type(), one = LLVM::LLVMArrayType::get(integer, 1);
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), {b.pointerType(), b.pointerType(), integer, one, one});
    constexpr int64_t alignedAddress = 1;
    Value empty = LLVM::PoisonOp::create(b, type);
    Value descriptor = LLVM::InsertValueOp::create(b, empty, address, alignedAddress);
    return UnrealizedConversionCastOp::create(b, MemRefType::get({ShapedType::kDynamic}, element), descriptor)
        .getResult(0);
  }
};

/// One loop for one number of tiles: every sum stays in a register from the first product to the store.
void emitLoop(KernelBuilder &b, Rows x, ArrayRef<Value> firstRows, Panels packed, Value steps, Rows y, int64_t panels,
              bool accumulate, std::optional<AmxPrefetch> ahead, AlongsideStep alongside) {
  constexpr int64_t lanes = KernelBuilder::lanes;
  Tiles tiles(b, packed.words);
  KernelBuilder::Values rowBases, panelBases, places, initial;
  for (Value row : firstRows)
    rowBases.push_back(b.at(x.base, b.mul(x.stride, row)));
  for (int64_t p = 0; p < panels; ++p)
    panelBases.push_back(b.at(packed.base, b.mul(packed.stride, p)));
  for (Value row : firstRows)
    for (int64_t p = 0; p < panels; ++p) {
      places.push_back(b.at(b.at(y.base, b.mul(y.stride, row)), p * lanes));
      // All sums are loaded before any is stored, so rows that two tiles share are added up once.
      initial.push_back(accumulate ? tiles.loadSums(places.back(), y.stride) : tiles.zero());
    }

  KernelBuilder::Values sums = b.forRange(b.integer(0), steps, 1, initial, [&](Value step, ValueRange carried) {
    Value k = b.mul(step, amxDepth), line = b.mul(k, lanes);
    if (ahead)
      b.forRange(b.integer(0), ahead->lines, 1, [&](Value i) {
        Value asked = b.atByte(ahead->base, b.mul(b.add(b.mul(step, ahead->lines), i), lineBytes));
        for (int64_t p = 0; p < panels; ++p)
          b.prefetch(b.atByte(asked, b.mul(ahead->stride, p)), KernelBuilder::Cache::Second);
      });
    KernelBuilder::Values rows, columns, next;
    for (Value base : rowBases)
      rows.push_back(tiles.loadOperand(b.at(base, k), x.stride));
    for (Value base : panelBases)
      columns.push_back(tiles.loadOperand(b.at(base, line), b.integer(lanes)));
    for (Value row : rows)
      for (Value column : columns)
        next.push_back(tiles.multiply(row, column, carried[next.size()]));
    if (alongside)
      alongside(step);
    return next;
  });

  for (auto [sum, place] : llvm::zip_equal(sums, places))
    tiles.storeSums(sum, place, y.stride);
}

} // namespace

void emitAmxTiles(KernelBuilder &b, Rows x, Value second, Panels packed, Value steps, Rows y, Value panels,
                  Value accumulate, std::optional<AmxPrefetch> ahead, AlongsideStep alongside) {
  Value zero = b.integer(0);
  Value two = b.select(b.less(zero, second), b.integer(4), zero), more = b.select(accumulate, b.integer(2), zero);
  b.switchOn(b.add(b.add(two, more), b.add(panels, -1)), 8, [&](int64_t shape) {
    KernelBuilder::Values firstRows = {zero};
    if (shape & 4)
      firstRows.push_back(second);
    emitLoop(b, x, firstRows, packed, steps, y, (shape & 1) + 1, shape & 2, ahead, alongside);
  });
}

AmxPrefetch prefetchAmx(KernelBuilder &b, Panels packed, Value steps, Value part, Value parts, int64_t bytes) {
  Value lines = b.ceilDiv(b.integer(bytes * amxDepth / lineBytes), parts);
  Value share = b.mul(b.mul(steps, lines), lineBytes);
  return {b.atByte(packed.base, b.mul(part, share)), b.mul(packed.stride, int64_t(sizeof(float))), lines};
}

} // namespace lathe
