#include "backends/cpu/kernels/attention/MarkedTokens.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t lanes = KernelBuilder::lanes;

Value MarkedTokens::lanesOf(Sequence sequence, Value row, Value mask) {
  Value token = b.add(sequence.first, row);
  Value marked = b.nonZeroWords(b.at(marks, token), mask);
  return sequence.mask ? b.nonZeroBytes(b.atByte(sequence.mask, token), marked) : marked;
}

Value MarkedTokens::count(Sequence sequence) {
  return b.forRange(b.integer(0), sequence.length, lanes, b.integer(0), [&](Value row, ValueRange counted) {
    Value marked = lanesOf(sequence, row, b.firstLanes(b.sub(sequence.length, row)));
    return KernelBuilder::Values{b.add(counted[0], b.countOf(marked))};
  })[0];
}

void MarkedTokens::emitList(Sequence sequence, Value first, int64_t most) {
  b.forRange(b.integer(0), sequence.length, lanes, b.integer(0), [&](Value row, ValueRange counted) {
    Value marked = lanesOf(sequence, row, b.firstLanes(b.sub(sequence.length, row)));
    Value at = b.sub(counted[0], first), next = b.add(counted[0], b.countOf(marked));
    Value isAhead = b.less(first, next), isListed = b.select(isAhead, b.less(at, b.integer(most)), b.flag(false));
    b.ifTrue(b.select(isListed, b.less(counted[0], next), b.flag(false)), [&] {
      Value places = b.add(b.broadcast(b.wordOf(row)), b.laneNumbers());
      b.storeCompressed(b.floatsOf(places), b.at(list, at), marked);
    });
    return KernelBuilder::Values{next};
  });
}

Value MarkedTokens::numbers(Sequence sequence, Value listed, Value mask) {
  return b.bitsOf(b.gatherAt(b.at(marks, sequence.first), b.loadWords(b.at(list, listed)), mask));
}

void MarkedTokens::emitRows(Rows from, int64_t width, Value listed, Rows to) {
  b.forRange(b.integer(0), listed, 1, [&](Value row) {
    Value source = b.at(from.base, b.mul(place(row), from.stride)), target = b.at(to.base, b.mul(row, to.stride));
    b.forVectors(b.integer(width), [&](Value column, Value mask) {
      if (words == Words::F32)
        b.store(b.load(b.at(source, column), mask), b.at(target, column), mask);
      else
        b.storeBf16(b.loadBf16(b.atBf16(source, column), mask), b.atBf16(target, column), mask);
    });
  });
}

} // namespace lathe
