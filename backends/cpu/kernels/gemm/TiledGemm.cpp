// A matrix product on AMX's tiles.
//
// The work is cut into tasks of up to 64 rows times 32 columns, two tiles of sums side by side; a panel stands for its
// share of them, whatever that is. Weights decide the order, since the tiles could use more of them than the
// third-level cache gives (measured: 1200 GFLOP/s from the second-level cache, and 10 GB/s beyond it, so 120 flops for
// each byte): tasks with the same columns follow each other over up to 256 rows, so that a weight is fetched from afar
// once for these. Their rows of x (1.5 MB of bf16 at K = 3072) stay in the second-level cache, too.
//
// Within a task blocks of up to 384 of K, of bytes 768, are summed one after the other: the block's two panels (24 KB)
// stay in the first-level cache for the second 32 rows (measured with panels of x: 1490 GFLOP/s, 1310 in one block).
//
// All tiles are whole. Fewer than 16 rows, and a K that is not a whole number of steps, are copied to the scratch, with
// zeros for what is missing of K; of more rows, the last tile takes 16 that begin within the one before. Weights are
// copied for the last block as well: behind a panel lies another one, or the end of the file.
#include "backends/cpu/kernels/AmxTile.h"
#include "backends/cpu/kernels/gemm/Gemm.h"

using namespace mlir;

namespace lathe::gemm {
namespace {

constexpr int64_t lanes = KernelBuilder::lanes;
constexpr int64_t taskRows = 64, taskPanels = 2, taskColumns = taskPanels * lanes;
constexpr int64_t pairRows = 2 * amxRows;
constexpr int64_t rowBlocksInGroup = 4; ///< that share columns while these are near
constexpr int64_t longestBlock = 12;    ///< of K, in steps

// The scratch, in words.
constexpr int64_t sumsAt = 0, stagedRowsAt = sumsAt + taskRows * taskColumns;
constexpr int64_t stagedRowsWords = amxRows * longestBlock * amxDepth;
constexpr int64_t stagedColumnsAt = stagedRowsAt + stagedRowsWords;
constexpr int64_t scratchWords = stagedColumnsAt + taskPanels * amxDepth * lanes;
// Of int4, all columns are unpacked to where otherwise the last ones are copied, with their sums behind.
constexpr int64_t unpackedPanel = longestBlock * amxDepth * lanes;
constexpr int64_t sumsOfBytesAt = stagedColumnsAt + taskPanels * unpackedPanel;
constexpr int64_t int4ScratchWords = sumsOfBytesAt + taskColumns;
static_assert(taskPanels <= Int4Panels::unpackedPanels);
static_assert(stagedRowsWords >= taskRows * amxDepth, "what is left of K fits for all rows of a task");

/// Where a task lies. Tasks are numbered by groups of row blocks, in a group by columns, then by rows.
struct Task {
  Value firstRow, height, column, width;
  Value rowBlock, rowBlocks; ///< within its group

  Task(KernelBuilder &b, const Operands &operands, Value number) {
    Value strips = b.ceilDiv(operands.columns, taskColumns), all = b.ceilDiv(operands.rows, taskRows);
    Value inWholeGroup = b.mul(strips, rowBlocksInGroup);
    Value group = b.div(number, inWholeGroup), inGroup = b.rem(number, inWholeGroup);
    Value before = b.mul(group, rowBlocksInGroup);
    rowBlocks = b.min(b.integer(rowBlocksInGroup), b.sub(all, before));
    rowBlock = b.rem(inGroup, rowBlocks);
    firstRow = b.mul(b.add(before, rowBlock), taskRows);
    height = b.min(b.integer(taskRows), b.sub(operands.rows, firstRow));
    column = b.mul(b.div(inGroup, rowBlocks), taskColumns);
    width = b.min(b.integer(taskColumns), b.sub(operands.columns, column));
  }
};

/// Copies rows of so many words, with zeros up to whole vectors.
void emitStaging(KernelBuilder &b, Rows from, Value rows, Value words, Rows to) {
  b.forRange(b.integer(0), rows, 1, [&](Value row) {
    Value source = b.at(from.base, b.mul(row, from.stride)), target = b.at(to.base, b.mul(row, to.stride));
    b.forVectors(words, [&](Value k, Value mask) { b.store(b.load(b.at(source, k), mask), b.at(target, k)); });
  });
}

Value lineOf(KernelBuilder &b, Value base, Value k) { return b.at(base, b.mul(k, lanes)); }

/// Fills panels up with lines of zeros to a whole tile.
void emitZeroLines(KernelBuilder &b, Panels packed, Value panels, Value lines) {
  b.forRange(b.integer(0), panels, 1, [&](Value panel) {
    Value target = b.at(packed.base, b.mul(panel, packed.stride));
    b.forRange(lines, b.integer(amxDepth), 1, [&](Value k) { b.store(b.splat(0.0f), lineOf(b, target, k)); });
  });
}

/// Copies the last lines of panels, with zeros up to a whole tile.
void emitStaging(KernelBuilder &b, Panels from, Value panels, Value lines, Panels to) {
  b.forRange(b.integer(0), panels, 1, [&](Value panel) {
    Value source = b.at(from.base, b.mul(panel, from.stride)), target = b.at(to.base, b.mul(panel, to.stride));
    b.forRange(b.integer(0), lines, 1, [&](Value k) { b.store(b.load(lineOf(b, source, k)), lineOf(b, target, k)); });
  });
  emitZeroLines(b, to, panels, lines);
}

} // namespace

int64_t tiledScratchBytes(bool isInt4) { return (isInt4 ? int4ScratchWords : scratchWords) * sizeof(float); }

void emitTiled(KernelBuilder &b, const Operands &operands, Value panels) {
  Value depth = operands.depth, zero = b.integer(0);
  Value steps = b.div(depth, b.integer(amxDepth)), rest = b.rem(depth, b.integer(amxDepth));
  const bool isInt4 = operands.int4Group != 0;
  // Whole steps in blocks of one size, but for the last, then a block of what is left.
  Value wholeBlocks = b.ceilDiv(steps, longestBlock), usualSteps = b.ceilDiv(steps, b.max(wholeBlocks, b.integer(1)));
  Value blocks = b.add(wholeBlocks, b.select(b.less(zero, rest), b.integer(1), zero));
  auto panelsAt = [&](Value column, Value k) {
    return Panels{operands.wAt(b, column, k), operands.panelStride, operands.words};
  };
  Rows sums = {b.at(b.scratch, sumsAt), b.integer(taskColumns)};
  Panels stagedColumns = {b.at(b.scratch, stagedColumnsAt), b.integer(isInt4 ? unpackedPanel : amxDepth * lanes),
                          operands.words};
  Value sumsOfBytes = isInt4 ? b.at(b.scratch, sumsOfBytesAt) : Value();

  Value tasks = b.mul(b.ceilDiv(operands.rows, taskRows), b.ceilDiv(operands.columns, taskColumns));
  auto firstTask = [&](Value panel) { return b.div(b.mul(panel, tasks), panels); };
  b.forRange(firstTask(b.begin), firstTask(b.end), 1, [&](Value number) {
    const Task task(b, operands, number);
    Value widthInPanels = b.ceilDiv(task.width, lanes);
    Value pairs = b.ceilDiv(task.height, pairRows), isLow = b.less(task.height, b.integer(amxRows));
    Value nextColumn = b.add(task.column, taskColumns);
    nextColumn = b.select(b.less(nextColumn, operands.columns), nextColumn, zero);

    b.forRange(zero, blocks, 1, [&](Value block) {
      Value isRest = b.equal(block, wholeBlocks), firstStep = b.min(b.mul(block, usualSteps), steps);
      Value length = b.select(isRest, b.integer(1), b.min(usualSteps, b.sub(steps, firstStep)));
      Value k = b.mul(firstStep, amxDepth);
      Rows x = {b.at(operands.xAt(b, task.firstRow), k), operands.ldx};
      Rows stagedRows = {b.at(b.scratch, stagedRowsAt),
                         b.select(isRest, b.integer(amxDepth), b.integer(longestBlock * amxDepth))};
      Panels packed = panelsAt(task.column, k);
      Value isStaged = b.select(isRest, b.flag(true), isLow);
      b.ifTrue(isStaged,
               [&] { emitStaging(b, x, task.height, b.select(isRest, rest, b.mul(length, amxDepth)), stagedRows); });
      x = {b.select(isStaged, stagedRows.base, x.base), b.select(isStaged, stagedRows.stride, x.stride)};
      if (isInt4) {
        Value words = b.select(isRest, rest, b.mul(length, amxDepth));
        Prefetch own = prefetchOwn(b, packed);
        own.step = b.integer(operands.storedLineBytes());
        operands.int4PanelsAt(b, task.column)
            .emitUnpacking(b,
                           {.from = k,
                            .length = words,
                            .ahead = own,
                            .bytes = stagedColumns,
                            .sumsOfBytes = sumsOfBytes,
                            .accumulate = b.less(zero, block)},
                           widthInPanels);
        b.ifTrue(isRest, [&] { emitZeroLines(b, stagedColumns, widthInPanels, rest); });
        packed = stagedColumns;
      } else {
        b.ifTrue(isRest, [&] { emitStaging(b, packed, widthInPanels, rest, stagedColumns); });
        packed.base = b.select(isRest, stagedColumns.base, packed.base);
        packed.stride = b.select(isRest, stagedColumns.stride, packed.stride);
      }

      b.forRange(zero, pairs, 1, [&](Value pair) {
        // Rows in equal parts, so that a pair of tiles has more than 16 unless it is the only one.
        Value from = b.div(b.mul(pair, task.height), pairs);
        Value to = b.div(b.mul(b.add(pair, 1), task.height), pairs);
        b.ifTrue(b.equal(b.add(block, 1), blocks), [&] {
          emitEpiloguePrefetch(b, operands, b.add(task.firstRow, from), b.add(task.firstRow, to), task.column,
                               taskColumns);
        });
        // While rows pass, the same block of the columns that come next arrives.
        Prefetch next = prefetchAmx(b, panelsAt(nextColumn, k), length, b.add(b.mul(task.rowBlock, pairs), pair),
                                    b.mul(task.rowBlocks, pairs), operands.storedLineBytes());
        auto rowsFrom = [&](Rows rows) { return Rows{b.at(rows.base, b.mul(from, rows.stride)), rows.stride}; };
        emitAmxTiles(b, rowsFrom(x), b.max(b.sub(b.sub(to, from), b.integer(amxRows)), zero), packed, length,
                     rowsFrom(sums), widthInPanels, next, b.less(zero, block));
      });
    });
    b.forRange(zero, task.height, 1, [&](Value row) {
      emitEpilogue(b, operands, b.at(sums.base, b.mul(row, taskColumns)), b.add(task.firstRow, row), task.column,
                   task.width, sumsOfBytes);
    });
  });
}

} // namespace lathe::gemm
