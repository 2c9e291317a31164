// gemm_f32: y = activation(x W^T + bias) + residual, with W packed as [ceil(N/16)][K][16].
// gemm_bf16: the same with x and W in bf16, W packed as [ceil(N/16)][ceil(K/2)][16][2]; sums, bias and residual are
// f32.
// gemm_s8: x in unsigned bytes with a scale and a zero point for each row, W in signed bytes with a scale for each of
// its rows; sums are exact, and what follows them is f32. A panel of W is its 16 scales (f32), its 16 sums of weights
// (i32), which take the zero points out of the products, and [ceil(K/4)][16][4].
//
// All walk over words of 4 bytes: a word of x, one f32, two bf16 or four bytes of neighbouring k, meets a line of 16
// words of W.
// With y_bf16 or y_u8 y is stored as products read it, in bf16 or as quantize_u8 does with a fixed range.
// A panel is up to 64 rows times 48 columns, of which blocks of up to 1024 of K are summed one after the other: the
// block's weights (196 KB) stay in the second-level cache while rows stream past, with room for the next block, which
// arrives meanwhile (BERT-large, whose K is up to 4096, at 8 x 128: 1329 ms, 1355 in one block). 64 rows keep the
// traffic of weights small against their arithmetic, and are few enough that threads end together (128x768x3072 on two
// threads: 491 GFLOP/s, 479 with panels of 128 rows). Panels of the same rows are neighbours, so a thread's range of
// panels reuses x from its caches.
#include "backends/cpu/kernels/gemm/Gemm.h"
#include "backends/cpu/kernels/VectorMath.h"

using namespace mlir;

namespace lathe {
using namespace gemm;
namespace {

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer,
     "rows [M][ldx]; of bf16, zero up to an even number of columns; of bytes, as quantize_u8 "
     "stores them"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next; of bf16, even; of bytes, a multiple of 64"},
    {"w", SlotKind::Pointer, "weights, packed; zero beyond N and K"},
    {"bias", SlotKind::Pointer, "[N], padded to a multiple of 16"},
    {"residual", SlotKind::Pointer, "rows [M][ldr]; may be y"},
    {"ldr", SlotKind::Integer, "elements from a row of residual to the next"},
    {"y", SlotKind::Pointer,
     "rows [M][ldy]; may not overlap x; of bf16 and of bytes, written up to a multiple of 16 columns"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next, of bytes with their header"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns of y"},
    {"K", SlotKind::Integer, "columns of x"},
    {"range", SlotKind::Pointer, "with y_u8 the least number and the greatest of y; what lies beyond becomes its end"},
};

constexpr int64_t panelRows = 64;
constexpr int64_t longestBlock = 1024; ///< of K, in words

class Gemm final : public KernelFamily {
public:
  Gemm(StringRef name, Words words) : KernelFamily(name, slotsOf(words), parameterList(words)), words(words) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return panelsOf(b, slots[M], slots[N]);
  }
  int64_t scratchBytes(const Parameters &params) const override {
    int64_t bytes = panelRows * tileColumns * sizeof(float);
    return llvm::is_contained(ownLevels(params), IsaLevel::Amx) ? std::max(bytes, tiledScratchBytes()) : bytes;
  }

  ArrayRef<IsaLevel> ownLevels(const Parameters &params) const override {
    static constexpr IsaLevel ofPairs[] = {IsaLevel::Avx512, IsaLevel::Avx512Bf16, IsaLevel::Amx};
    static constexpr IsaLevel ofQuads[] = {IsaLevel::Avx512, IsaLevel::Avx512Vnni, IsaLevel::Amx};
    switch (words) {
    case Words::F32:
      return KernelFamily::ownLevels(params);
    case Words::Bf16Pairs:
      return ofPairs;
    case Words::U8S8Quads:
      return ofQuads;
    }
    llvm_unreachable("a kind of words");
  }

private:
  const Words words;

  static Value panelsOf(KernelBuilder &b, Value rows, Value columns) {
    return b.mul(b.ceilDiv(rows, panelRows), b.ceilDiv(columns, tileColumns));
  }
  static ArrayRef<Slot> slotsOf(Words words) {
    return words == Words::U8S8Quads ? ArrayRef(slotTable) : ArrayRef(slotTable).drop_back();
  }
  static ArrayRef<Parameter> parameterList(Words words) {
    static const Parameter list[] = {Parameter::flag("bias"), Parameter::choice("activation", activationNames()),
                                     Parameter::flag("residual"), Parameter::flag("y_bf16"), Parameter::flag("y_u8")};
    return ArrayRef(list).drop_back(words == Words::F32 ? 2 : words == Words::Bf16Pairs ? 1 : 0);
  }
};

void Gemm::emit(KernelBuilder &b, const Parameters &params) const {
  const Operands operands(b, params, words);
  const Value rows = operands.rows, columns = operands.columns, depth = operands.depth;
  if (b.level >= IsaLevel::Amx)
    return emitTiled(b, operands, panelsOf(b, rows, columns));
  const Value panelStride = operands.panelStride;
  Value columnGroups = b.ceilDiv(columns, tileColumns);

  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value firstRow = b.mul(b.div(panel, columnGroups), panelRows);
    Value endRow = b.min(rows, b.add(firstRow, panelRows));
    Value column = b.mul(b.rem(panel, columnGroups), tileColumns);
    Value width = b.min(b.sub(columns, column), b.integer(tileColumns));
    Value weights = operands.wAt(b, column);
    Value widthInPanels = b.ceilDiv(width, KernelBuilder::lanes);
    // The panel that comes next: the first one again, with other rows, after the last.
    Value nextColumn = b.add(column, tileColumns);
    Value following = operands.wAt(b, b.select(b.less(nextColumn, columns), nextColumn, b.integer(0)));
    Value height = b.sub(endRow, firstRow), tiles = b.ceilDiv(height, tileRows), single = b.equal(tiles, b.integer(1));
    // Sums stay in the scratch, from where the epilogue takes them: a store and a load per 16 sums and block, against
    // 1024 multiplications each, and activations are emitted once instead of once per size of tile.
    auto sums = [&](Value row) { return b.at(b.scratch, b.mul(row, tileColumns)); };

    // A single tile uses its weights once, as they come, so there is nothing to keep in a cache for another.
    Value blocks = b.select(single, b.integer(1), b.ceilDiv(depth, longestBlock));
    Value usualBlock = b.ceilDiv(depth, blocks);
    b.forRange(b.integer(0), blocks, 1, [&](Value block) {
      Value k = b.mul(block, usualBlock), nextK = b.add(k, usualBlock);
      Value length = b.min(usualBlock, b.sub(depth, k)), isLast = b.equal(b.add(block, 1), blocks);
      Panels packed = {b.at(weights, b.mul(k, KernelBuilder::lanes)), panelStride, words};
      Value nextBlock = b.select(isLast, following, b.at(weights, b.mul(nextK, KernelBuilder::lanes)));
      Prefetch own = prefetchOwn(b, packed);
      b.forRange(b.integer(0), tiles, 1, [&](Value tile) {
        Value row = b.mul(tile, tileRows), at = b.add(firstRow, row);
        // While rows pass, the block of weights that comes next arrives.
        Prefetch next = prefetchPart(b, {nextBlock, panelStride}, length, tile, tiles);
        Prefetch ahead = {b.select(single, own.base, next.base), b.select(single, own.step, next.step),
                          b.select(single, own.stride, next.stride)};
        Value count = b.min(b.integer(tileRows), b.sub(height, row));
        b.ifTrue(isLast, [&] { emitEpiloguePrefetch(b, operands, at, b.add(at, count), column, tileColumns); });
        emitTile(b, {b.at(operands.xAt(b, at), k), operands.ldx}, packed, length, {sums(row), b.integer(tileColumns)},
                 count, widthInPanels, ahead, b.less(b.integer(0), block));
      });
    });
    b.forRange(b.integer(0), height, 1,
               [&](Value row) { emitEpilogue(b, operands, sums(row), b.add(firstRow, row), column, width); });
  });
}

} // namespace

const KernelFamily &kernel_gemm_f32() {
  static const Gemm family("gemm_f32", Words::F32);
  return family;
}
const KernelFamily &kernel_gemm_s8() {
  static const Gemm family("gemm_s8", Words::U8S8Quads);
  return family;
}
const KernelFamily &kernel_gemm_bf16() {
  static const Gemm family("gemm_bf16", Words::Bf16Pairs);
  return family;
}

} // namespace lathe
