// A matrix product on AMX's tiles.
//
// The work is cut into tasks of up to 256 rows times 32 columns, two tiles of sums side by side; a panel stands for its
// share of them, whatever that is. Tasks of the same rows follow each other: their rows of x (at most 1 MB) stay in the
// second-level cache while columns stream past, and the next columns are asked for meanwhile.
//
// Within a task blocks of K are summed one after the other, for all rows, so that a block's two panels stay in the
// first-level cache, which gives as much as the tiles can use, while rows of x come from the second-level cache, which
// gives half of that. A block is of 12 steps; of 8, 16 KB, where several groups of rows make the panels' arrival cheap
// and room for rows dear. Rows are taken as they lie: copied tile by tile they were no faster. (Products of 1024 rows
// in bf16, two threads of an Intel Xeon with AMX: 2400 to 2700 GFLOP/s, with 64 rows in a task and blocks of 12 1420 to
// 1950. A loop that does nothing else, of numbers in the first-level cache that are not all 0, gives 5100.)
//
// What follows the products of 32 rows is computed alongside the next 32 rows' products, since tiles leave most of a
// core's instructions to others; sums stay in the scratch until then. Nothing is asked for on its behalf: residuals and
// y come while it waits, and 128 lines at once would keep tiles from theirs (BERT-base in int8: 62.4 ms, 65.4).
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
constexpr int64_t mostRows = 256, taskPanels = 2, taskColumns = taskPanels * lanes;
constexpr int64_t rowsBytes = 1 << 20; ///< of a task's rows of x, at most; but 64 rows are few enough for any K
constexpr int64_t pairRows = 2 * amxRows;
constexpr int64_t reusedBlock = 8, longestBlock = 12; ///< of K, in steps

// The scratch, in words.
constexpr int64_t sumsAt = 0, stagedRowsAt = sumsAt + mostRows * taskColumns;
constexpr int64_t stagedRowsWords = std::max(amxRows * longestBlock * amxDepth, mostRows *amxDepth);
constexpr int64_t stagedColumnsAt = stagedRowsAt + stagedRowsWords;
constexpr int64_t scratchWords = stagedColumnsAt + taskPanels * amxDepth * lanes;
// Of int4, all columns are unpacked to where otherwise the last ones are copied, with their sums behind: this task's,
// and those of the one before, which may have an epilogue left.
constexpr int64_t unpackedPanel = longestBlock * amxDepth * lanes;
constexpr int64_t sumsOfBytesAt = stagedColumnsAt + taskPanels * unpackedPanel;
constexpr int64_t int4ScratchWords = sumsOfBytesAt + 2 * taskColumns;
static_assert(taskPanels <= Int4Panels::unpackedPanels);

/// Rows of a task where there are more: 256, 128 or 64.
Value rowsOfTasks(KernelBuilder &b, const Operands &operands) {
  Value rows = b.integer(mostRows), bytes = b.mul(operands.depth, int64_t(sizeof(float)));
  for (int64_t fewer : {mostRows / 2, mostRows / 4})
    rows = b.select(b.less(b.integer(rowsBytes), b.mul(bytes, fewer * 2)), b.integer(fewer), rows);
  return rows;
}

/// Where a task lies. Tasks are numbered by rows, then by columns.
struct Task {
  Value firstRow, height, column, width;

  Task(KernelBuilder &b, const Operands &operands, Value rows, Value number) {
    Value strips = b.ceilDiv(operands.columns, taskColumns);
    firstRow = b.mul(b.div(number, strips), rows);
    height = b.min(rows, b.sub(operands.rows, firstRow));
    column = b.mul(b.rem(number, strips), taskColumns);
    width = b.min(b.integer(taskColumns), b.sub(operands.columns, column));
  }
};

/// Rows whose products are all summed and whose epilogue is left to do; perhaps none.
struct Pending {
  Value rows, firstRow, column;
  Value sums;        ///< of these rows
  Value sumsOfBytes; ///< of these columns, of int4; elsewhere anything

  static Pending none(KernelBuilder &b) {
    Value zero = b.integer(0);
    return {zero, zero, zero, b.scratch, b.scratch};
  }
  static Pending of(ValueRange values) { return {values[0], values[1], values[2], values[3], values[4]}; }
  KernelBuilder::Values values() const { return {rows, firstRow, column, sums, sumsOfBytes}; }

  /// Emits the epilogue of rows [from, to) of them.
  void emit(KernelBuilder &b, const Operands &operands, Value from, Value to) const {
    Value width = b.min(b.integer(taskColumns), b.sub(operands.columns, column));
    b.forRange(from, to, 1, [&](Value row) {
      emitEpilogue(b, operands, b.at(sums, b.mul(row, taskColumns)), b.add(firstRow, row), column, width,
                   operands.int4Group ? sumsOfBytes : Value());
    });
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
  Value isLong = b.less(b.integer(longestBlock), steps);
  Value isReused = b.select(isLong, b.less(b.integer(mostRows), operands.rows), b.flag(false));
  Value wholeBlocks = b.ceilDiv(steps, b.select(isReused, b.integer(reusedBlock), b.integer(longestBlock)));
  Value usualSteps = b.ceilDiv(steps, b.max(wholeBlocks, b.integer(1)));
  Value blocks = b.add(wholeBlocks, b.select(b.less(zero, rest), b.integer(1), zero));
  auto panelsAt = [&](Value column, Value k) {
    return Panels{operands.wAt(b, column, k), operands.panelStride, operands.words};
  };
  Rows sums = {b.at(b.scratch, sumsAt), b.integer(taskColumns)};
  Panels stagedColumns = {b.at(b.scratch, stagedColumnsAt), b.integer(isInt4 ? unpackedPanel : amxDepth * lanes),
                          operands.words};

  Value rowsOfTask = rowsOfTasks(b, operands);
  Value tasks = b.mul(b.ceilDiv(operands.rows, rowsOfTask), b.ceilDiv(operands.columns, taskColumns));
  auto firstTask = [&](Value panel) { return b.div(b.mul(panel, tasks), panels); };
  auto emitTask = [&](Value number, ValueRange left) {
    const Task task(b, operands, rowsOfTask, number);
    Value widthInPanels = b.ceilDiv(task.width, lanes);
    Value pairs = b.ceilDiv(task.height, pairRows), isLow = b.less(task.height, b.integer(amxRows));
    Value nextColumn = b.add(task.column, taskColumns);
    nextColumn = b.select(b.less(nextColumn, operands.columns), nextColumn, zero);
    Value sumsOfBytes =
        isInt4 ? b.at(b.scratch, b.add(b.mul(b.rem(number, b.integer(2)), taskColumns), sumsOfBytesAt)) : b.scratch;

    return b.forRange(zero, blocks, 1, left, [&](Value block, ValueRange left) {
      Value isRest = b.equal(block, wholeBlocks), firstStep = b.min(b.mul(block, usualSteps), steps);
      Value length = b.select(isRest, b.integer(1), b.min(usualSteps, b.sub(steps, firstStep)));
      Value k = b.mul(firstStep, amxDepth), isLast = b.equal(b.add(block, 1), blocks);
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

      return b.forRange(zero, pairs, 1, left, [&](Value pair, ValueRange left) {
        // Rows in equal parts, so that a pair of tiles has more than 16 unless it is the only one.
        Value from = b.div(b.mul(pair, task.height), pairs);
        Value to = b.div(b.mul(b.add(pair, 1), task.height), pairs), rows = b.sub(to, from);
        // While rows pass, the same block of the columns that come next arrives.
        const AmxPrefetch next =
            prefetchAmx(b, panelsAt(nextColumn, k), length, pair, pairs, operands.storedLineBytes());
        auto rowsFrom = [&](Rows rows) { return Rows{b.at(rows.base, b.mul(from, rows.stride)), rows.stride}; };
        const Pending before = Pending::of(left);
        Value share = b.ceilDiv(before.rows, length);
        emitAmxTiles(b, rowsFrom(x), b.max(b.add(rows, -amxRows), zero), packed, length, rowsFrom(sums), widthInPanels,
                     b.less(zero, block), next, [&](Value step) {
                       Value done = b.min(b.mul(step, share), before.rows);
                       before.emit(b, operands, done, b.min(b.add(done, share), before.rows));
                     });
        return Pending{b.select(isLast, rows, zero), b.add(task.firstRow, from), task.column, rowsFrom(sums).base,
                       sumsOfBytes}
            .values();
      });
    });
  };
  const Pending last =
      Pending::of(b.forRange(firstTask(b.begin), firstTask(b.end), 1, Pending::none(b).values(), emitTask));
  last.emit(b, operands, zero, last.rows);
}

} // namespace lathe::gemm
