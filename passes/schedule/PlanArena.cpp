//===- PlanArena.cpp - liveness of buffers, and an offset for each ------------===//
#include "passes/schedule/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PLANARENAPASS
#include "passes/schedule/Passes.h.inc"

namespace {

/// A buffer and when it is live, in positions of a walk over the entry.
struct Interval {
  xf::BufferOp buffer;
  int64_t begin, end; ///< inclusive
  int64_t bytes;      ///< per row
  int64_t offset = -1;

  bool conflictsWith(const Interval &other) const { return begin <= other.end && other.begin <= end; }
};

/// Numbers every op in the order of the text; a loop's own position is that of its end.
DenseMap<Operation *, int64_t> numberOps(func::FuncOp function) {
  DenseMap<Operation *, int64_t> positions;
  function.walk<WalkOrder::PostOrder>([&](Operation *op) { positions.try_emplace(op, positions.size()); });
  return positions;
}

/// The position of the last use of a buffer made in block `home`. A use inside a loop counts as the loop's end: the
/// next iteration reads it again. Uses of views are uses.
int64_t lastUse(Value value, Block *home, const DenseMap<Operation *, int64_t> &positions) {
  int64_t last = 0;
  for (Operation *user : value.getUsers()) {
    last = std::max(last, positions.lookup(home->findAncestorOpInBlock(*user)));
    if (auto view = dyn_cast<xf::ColumnsOp>(user))
      last = std::max(last, lastUse(view.getResult(), home, positions));
  }
  return last;
}

/// Places the intervals of one kind of rows; returns the bytes per row that they need together.
int64_t place(MutableArrayRef<Interval> intervals) {
  // Ties go by position, so that the plan is the same on every machine.
  llvm::sort(intervals, [](const Interval &a, const Interval &b) {
    return std::pair(-a.bytes, a.begin) < std::pair(-b.bytes, b.begin);
  });
  int64_t total = 0;
  SmallVector<const Interval *> placed; // by offset
  for (Interval &interval : intervals) {
    int64_t offset = 0;
    for (const Interval *other : placed)
      if (interval.conflictsWith(*other) && offset < other->offset + other->bytes &&
          other->offset < offset + interval.bytes)
        offset = other->offset + other->bytes;
    interval.offset = offset;
    placed.insert(
        llvm::upper_bound(placed, offset, [](int64_t at, const Interval *other) { return at < other->offset; }),
        &interval);
    total = std::max(total, offset + interval.bytes);
  }
  return total;
}

struct PlanArena : impl::PlanArenaPassBase<PlanArena> {
  void runOnOperation() override {
    func::FuncOp entry = getOperation();
    if (!entry->hasAttr(xf::XfDialect::entryAttr))
      return;
    DenseMap<Operation *, int64_t> positions = numberOps(entry);
    std::array<SmallVector<Interval>, xf::getMaxEnumValForRows() + 1> byRows;
    entry.walk([&](xf::BufferOp buffer) {
      byRows[size_t(buffer.getRows())].push_back({buffer, positions.lookup(buffer),
                                                  lastUse(buffer.getResult(), buffer->getBlock(), positions),
                                                  buffer.getBytesPerRow()});
    });
    OpBuilder builder(entry);
    SmallVector<NamedAttribute> totals;
    for (auto [rows, intervals] : llvm::enumerate(byRows)) {
      const int64_t total = place(intervals);
      for (Interval &interval : intervals)
        interval.buffer.setOffset(interval.offset);
      if (total || rows < size_t(xf::Rows::Targets)) // the others are of a second token axis
        totals.push_back(builder.getNamedAttr(xf::bytesPerRowName(xf::Rows(rows)), builder.getI64IntegerAttr(total)));
    }
    entry->setAttr(xf::XfDialect::arenaAttr, builder.getDictionaryAttr(totals));
  }
};

} // namespace
} // namespace lathe
