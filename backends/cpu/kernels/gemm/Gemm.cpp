// gemm_f32: y = activation(x W^T + bias) + residual, with W packed as [ceil(N/16)][K][16].
// gemm_bf16: the same with x and W in bf16, W packed as [ceil(N/16)][ceil(K/2)][16][2]; sums, bias and residual are
// f32.
// gemm_s8: x in unsigned bytes with a scale and a zero point for each row, W in signed bytes with a scale for each of
// its rows; sums are exact, and what follows them is f32. A panel of W is its 16 scales (f32), its 16 sums of weights
// (i32), which take the zero points out of the products, and [ceil(K/4)][16][4].
// gemm_s4: the same, W in int4 as layouts/Int4.cpp stores it. A block of a panel is unpacked into the scratch, in the
// form that gemm_s8 finds in memory, and multiplied there; so these sums are exact as well.
//
// All walk over words of 4 bytes: a word of x, one f32, two bf16 or four bytes of neighbouring k, meets a line of 16
// words of W.
// With y_bf16 or y_u8 y is stored as products read it, in bf16 or as quantize_u8 does with a fixed range. With best of
// each 16 columns the greatest alone is stored, infinity if one is no number, and which column it is, for argmax_f32.
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
     "rows [M][ldy]; may not overlap x; of bf16 and of bytes, written up to a multiple of 16 columns; best: of "
     "ceil(N/16) numbers, then as many columns"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next, of bytes with their header"},
    {"M", SlotKind::Integer, "rows"},
    {"N", SlotKind::Integer, "columns of y"},
    {"K", SlotKind::Integer, "columns of x"},
    {"range", SlotKind::Pointer, "with y_u8 the least number and the greatest of y; what lies beyond becomes its end"},
};

constexpr int64_t panelRows = 64;
constexpr int64_t longestBlock = 1024; ///< of K, in words
/// Of up to 24 rows, whose weights arrive about as fast as they are used: short enough to stay in the first-level
/// cache for all rows (16x3072x768 from memory, two cores of an Intel Xeon: 27.0 GB/s in one block, 28.6 in these,
/// reading 31).
constexpr int64_t fewTiles = 3, longestBlockOfFew = 64;
/// Of int4. Three panels of bytes of that length are 18 KB, which stay in the first-level cache.
constexpr int64_t longestInt4Block = 96;

// The scratch, in words; what is behind the sums is there for int4 alone.
constexpr int64_t sumsWords = panelRows * tileColumns;
constexpr int64_t sumsOfBytesAt = sumsWords, bytesAt = sumsOfBytesAt + tileColumns;
constexpr int64_t int4ScratchWords = bytesAt + longestInt4Block * tileColumns;

class Gemm final : public KernelFamily {
public:
  Gemm(StringRef name, Words words, bool isInt4 = false)
      : KernelFamily(name, slotsOf(words, isInt4), parameterList(words, isInt4)), words(words), isInt4(isInt4) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return panelsOf(b, slots[M], slots[N]);
  }
  int64_t scratchBytes(const Parameters &params) const override {
    int64_t bytes = (isInt4 ? int4ScratchWords : sumsWords) * sizeof(float);
    return llvm::is_contained(ownLevels(params), IsaLevel::Amx) ? std::max(bytes, tiledScratchBytes(isInt4)) : bytes;
  }

  ArrayRef<IsaLevel> ownLevels(const Parameters &params) const override {
    static constexpr IsaLevel ofPairs[] = {IsaLevel::Avx512, IsaLevel::Avx512Bf16, IsaLevel::Amx};
    static constexpr IsaLevel ofQuads[] = {IsaLevel::Avx512, IsaLevel::Avx512Vnni, IsaLevel::Amx};
    static constexpr IsaLevel ofQuadsStoredInBf16[] = {IsaLevel::Avx512, IsaLevel::Avx512Vnni, IsaLevel::Avx512Bf16,
                                                       IsaLevel::Amx};
    switch (words) {
    case Words::F32:
      return KernelFamily::ownLevels(params);
    case Words::Bf16Pairs:
      return ofPairs;
    case Words::U8S8Quads:
      return params.flag("y_bf16") ? ArrayRef(ofQuadsStoredInBf16) : ArrayRef(ofQuads);
    }
    llvm_unreachable("a kind of words");
  }

private:
  const Words words;
  const bool isInt4;

  /// The first is what is meant where none is given.
  static constexpr StringRef groupNames[] = {"g64", "g32", "g128"};

  Storage storageOf(const Parameters &params) const {
    int64_t group = 0;
    if (isInt4)
      params.choice("group").drop_front().getAsInteger(10, group);
    return {words, group};
  }

  /// One of the kernel's panels.
  struct Task {
    Value firstRow, height, column;
    Value panels;     ///< of W
    Value nextColumn; ///< of the task that comes next
  };
  /// Emits the sums of products of a task, into the scratch: row `row` of them at sumsOf(row).
  void emitSums(KernelBuilder &b, const Operands &operands, const Task &task) const;
  void emitInt4Sums(KernelBuilder &b, const Operands &operands, const Task &task) const;
  static Rows sumsOf(KernelBuilder &b, Value row);

  static Value panelsOf(KernelBuilder &b, Value rows, Value columns) {
    return b.mul(b.ceilDiv(rows, panelRows), b.ceilDiv(columns, tileColumns));
  }
  static ArrayRef<Slot> slotsOf(Words words, bool isInt4) {
    return words == Words::U8S8Quads && !isInt4 ? ArrayRef(slotTable) : ArrayRef(slotTable).drop_back();
  }
  static ArrayRef<Parameter> parameterList(Words words, bool isInt4) {
    static const Parameter list[] = {Parameter::flag("bias"),     Parameter::choice("activation", activationNames()),
                                     Parameter::flag("residual"), Parameter::flag("best"),
                                     Parameter::flag("y_bf16"),   Parameter::flag("y_u8")};
    static const Parameter ofInt4[] = {list[0], list[1], list[2],
                                       list[3], list[4], Parameter::choice("group", groupNames)};
    if (isInt4)
      return ofInt4;
    return ArrayRef(list).drop_back(words == Words::F32 ? 2 : words == Words::Bf16Pairs ? 1 : 0);
  }
};

/// Sums stay in the scratch, from where the epilogue takes them: a store and a load per 16 sums and block, against 1024
/// multiplications each, and activations are emitted once instead of once per size of tile.
Rows Gemm::sumsOf(KernelBuilder &b, Value row) {
  return {b.at(b.scratch, b.mul(row, tileColumns)), b.integer(tileColumns)};
}

void Gemm::emit(KernelBuilder &b, const Parameters &params) const {
  const Operands operands(b, params, storageOf(params));
  const Value rows = operands.rows, columns = operands.columns;
  if (b.level >= IsaLevel::Amx)
    return emitTiled(b, operands, panelsOf(b, rows, columns));
  Value columnGroups = b.ceilDiv(columns, tileColumns);

  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Task task;
    task.firstRow = b.mul(b.div(panel, columnGroups), panelRows);
    task.height = b.sub(b.min(rows, b.add(task.firstRow, panelRows)), task.firstRow);
    task.column = b.mul(b.rem(panel, columnGroups), tileColumns);
    Value width = b.min(b.sub(columns, task.column), b.integer(tileColumns));
    task.panels = b.ceilDiv(width, KernelBuilder::lanes);
    // The first one again, with other rows, after the last.
    Value nextColumn = b.add(task.column, tileColumns);
    task.nextColumn = b.select(b.less(nextColumn, columns), nextColumn, b.integer(0));
    if (isInt4)
      emitInt4Sums(b, operands, task);
    else
      emitSums(b, operands, task);
    Value sumsOfBytes = isInt4 ? b.at(b.scratch, sumsOfBytesAt) : Value();
    b.forRange(b.integer(0), task.height, 1, [&](Value row) {
      emitEpilogue(b, operands, sumsOf(b, row).base, b.add(task.firstRow, row), task.column, width, sumsOfBytes);
    });
  });
}

void Gemm::emitSums(KernelBuilder &b, const Operands &operands, const Task &task) const {
  const Value depth = operands.depth, panelStride = operands.panelStride;
  Value following = operands.wAt(b, task.nextColumn, b.integer(0));
  Value tiles = b.ceilDiv(task.height, tileRows), single = b.equal(tiles, b.integer(1));
  // A single tile uses its weights once, as they come, so there is nothing to keep in a cache for another.
  Value longest = b.select(b.less(b.integer(fewTiles), tiles), b.integer(longestBlock), b.integer(longestBlockOfFew));
  Value blocks = b.select(single, b.integer(1), b.ceilDiv(depth, longest));
  Value usualBlock = b.ceilDiv(depth, blocks);
  b.forRange(b.integer(0), blocks, 1, [&](Value block) {
    Value k = b.mul(block, usualBlock), nextK = b.add(k, usualBlock);
    Value length = b.min(usualBlock, b.sub(depth, k)), isLast = b.equal(b.add(block, 1), blocks);
    Panels packed = {operands.wAt(b, task.column, k), panelStride, words};
    Value nextBlock = b.select(isLast, following, operands.wAt(b, task.column, nextK));
    Prefetch own = prefetchOwn(b, packed);
    b.forRange(b.integer(0), tiles, 1, [&](Value tile) {
      Value row = b.mul(tile, tileRows), at = b.add(task.firstRow, row);
      // While rows pass, the block of weights that comes next arrives.
      Prefetch next = prefetchPart(b, {nextBlock, panelStride}, length, tile, tiles);
      Prefetch ahead = {b.select(single, own.base, next.base), b.select(single, own.step, next.step),
                        b.select(single, own.stride, next.stride)};
      Value count = b.min(b.integer(tileRows), b.sub(task.height, row));
      b.ifTrue(isLast, [&] { emitEpiloguePrefetch(b, operands, at, b.add(at, count), task.column, tileColumns); });
      emitTile(b, {b.at(operands.xAt(b, at), k), operands.ldx}, packed, length, sumsOf(b, row), count, task.panels,
               ahead, b.less(b.integer(0), block));
    });
  });
}

void Gemm::emitInt4Sums(KernelBuilder &b, const Operands &operands, const Task &task) const {
  const Value zero = b.integer(0), depth = operands.depth;
  const Int4Panels stored = operands.int4PanelsAt(b, task.column);
  const Panels bytes = {b.at(b.scratch, bytesAt), b.integer(longestInt4Block * KernelBuilder::lanes), words};
  // The first tile takes weights apart and has room for fewer rows than the others; all have about as many.
  Value tiles = b.ceilDiv(b.add(task.height, tileRows - int4TileRows), tileRows);
  Value firstRows = b.min(b.div(task.height, tiles), b.integer(int4TileRows));
  Value otherRows = b.sub(task.height, firstRows), otherTiles = b.max(b.add(tiles, -1), b.integer(1));
  auto rowsBefore = [&](Value tile) {
    Value before = b.add(firstRows, b.div(b.mul(b.add(tile, -1), otherRows), otherTiles));
    return b.select(b.equal(tile, zero), zero, before);
  };
  // Equal blocks, of an even number of words: the same line of the next one is asked for with each line.
  Value blocks = b.ceilDiv(depth, longestInt4Block), usualBlock = b.mul(b.ceilDiv(b.ceilDiv(depth, blocks), 2), 2);
  b.forRange(zero, blocks, 1, [&](Value block) {
    Value k = b.mul(block, usualBlock), length = b.min(usualBlock, b.sub(depth, k));
    Value isLater = b.less(zero, block), isLast = b.equal(b.add(block, 1), blocks);
    // What a panel begins with is asked for as well, before it is its turn.
    b.ifTrue(isLast, [&] { operands.int4PanelsAt(b, task.nextColumn).emitHeaderPrefetch(b, task.panels); });
    Value nextBlock =
        operands.wAt(b, b.select(isLast, task.nextColumn, task.column), b.select(isLast, zero, b.add(k, usualBlock)));
    b.forRange(zero, tiles, 1, [&](Value tile) {
      Value row = rowsBefore(tile);
      Value end = b.select(b.equal(b.add(tile, 1), tiles), task.height, rowsBefore(b.add(tile, 1)));
      Value at = b.add(task.firstRow, row), count = b.sub(end, row);
      b.ifTrue(isLast,
               [&] { emitEpiloguePrefetch(b, operands, at, b.add(task.firstRow, end), task.column, tileColumns); });
      const Rows x = {b.at(operands.xAt(b, at), k), operands.ldx}, y = sumsOf(b, row);
      const Prefetch ahead =
          prefetchPart(b, {nextBlock, operands.panelStride}, length, tile, tiles, operands.storedLineBytes());
      b.ifElse(
          b.equal(tile, zero),
          [&] {
            stored.emitTile(b,
                            {.from = k,
                             .length = length,
                             .x = x,
                             .y = y,
                             .ahead = ahead,
                             .bytes = bytes,
                             .sumsOfBytes = b.at(b.scratch, sumsOfBytesAt),
                             .accumulate = isLater},
                            count, task.panels);
          },
          [&] { emitTile(b, x, bytes, length, y, count, task.panels, ahead, isLater); });
    });
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
const KernelFamily &kernel_gemm_s4() {
  static const Gemm family("gemm_s4", Words::U8S8Quads, /*isInt4=*/true);
  return family;
}
const KernelFamily &kernel_gemm_bf16() {
  static const Gemm family("gemm_bf16", Words::Bf16Pairs);
  return family;
}

} // namespace lathe
