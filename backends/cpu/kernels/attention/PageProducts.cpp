#include "backends/cpu/kernels/attention/PageProducts.h"

#include "backends/cpu/kernels/AmxTile.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t lanes = KernelBuilder::lanes;
/// Sums that are added to side by side, so that none waits for itself: with 4, a line of 64 bytes each cycle.
static constexpr int64_t sumsAtOnce = 4;

PageProducts::PageProducts(KernelBuilder &b, int64_t headDim, Words words, const CachePages &layout)
    : b(b), words(words), tiled(b.level >= IsaLevel::Amx && words == Words::Bf16Pairs), layout(layout),
      depth(tiled ? layout.depth() : llvm::divideCeil(headDim, elementsPerWord(words))) {}

/// Adds products of one word of x. A tile adds up those of lower and of upper halves apart.
PageProducts::Values PageProducts::multiplyAdd(ValueRange chains, Value x, const Columns &columns, Value line) {
  auto lower = [&](Value word) { return b.floatsOf(b.shiftLeft(b.bitsOf(word), 16)); };
  auto upper = [&](Value word) { return b.floatsOf(b.maskBits(b.bitsOf(word), int32_t(0xFFFF0000))); };
  Values next;
  for (auto [i, lines] : llvm::enumerate(columns.lines)) {
    Value column = layout.load(b, lines, line);
    b.prefetch(b.atByte(layout.address(b, lines, line), b.integer(columns.ahead)), KernelBuilder::Cache::Second);
    if (tiled) {
      next.push_back(b.fma(lower(x), lower(column), chains[2 * i]));
      next.push_back(b.fma(upper(x), upper(column), chains[2 * i + 1]));
    } else {
      next.push_back(words == Words::F32 ? b.fma(x, column, chains[i]) : b.dotBf16(chains[i], x, column));
    }
  }
  return next;
}

/// The same of `count` words, one behind the other.
PageProducts::Values PageProducts::addLines(ValueRange chains, Value x, Value count, const Columns &columns) {
  return b.forRange(b.integer(0), count, 1, chains, [&](Value word, ValueRange carried) {
    return multiplyAdd(carried, b.broadcast(b.loadScalar(b.at(x, word))), columns, word);
  });
}

/// What a step on tiles gives is added as a whole.
PageProducts::Values PageProducts::closeStep(ValueRange sums, ValueRange chains) {
  Values next;
  for (auto [i, sum] : llvm::enumerate(sums))
    next.push_back(b.add(sum, b.add(chains[2 * i], chains[2 * i + 1])));
  return next;
}

PageProducts::Values PageProducts::scoresOf(Value x, const Columns &keys) {
  if (!tiled)
    return addLines(zeros(keys.lines.size()), x, b.integer(depth), keys);
  Values none = zeros(keys.lines.size());
  return b.forRange(b.integer(0), b.integer(depth), amxDepth, none, [&](Value word, ValueRange sums) {
    Columns step = {{}, keys.ahead};
    for (Value lines : keys.lines)
      step.lines.push_back(layout.address(b, lines, word));
    return closeStep(sums, addLines(zeros(chainsOf(sums.size())), b.at(x, word), b.integer(amxDepth), step));
  });
}

// Pages lie anywhere, and what is read of one is too short for the machine to foresee: with a head's keys, the caches
// are asked for its values, and with these for the next head's keys.

void PageProducts::emitScores(Rows q, Value rows, PageAt pageAt, Value keys, Rows scores) {
  Value pages = b.ceilDiv(keys, CachePages::tokens), last = b.add(pages, -1);
  b.forRange(b.integer(0), pages, sumsAtOnce, [&](Value first) {
    Columns columns = {{}, layout.keyBytes()};
    Values places;
    for (int64_t i = 0; i < sumsAtOnce; ++i) { // beyond the last page, that one again
      Value page = b.min(b.add(first, i), last);
      places.push_back(b.mul(page, lanes));
      columns.lines.push_back(layout.keys(b, pageAt(page)));
    }
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Values sums = scoresOf(b.at(q.base, b.mul(row, q.stride)), columns);
      Value to = b.at(scores.base, b.mul(row, scores.stride));
      for (auto [sum, place] : llvm::zip_equal(sums, places))
        b.store(sum, b.at(to, place));
    });
  });
}

/// Adds what the values of a page give, on tiles of two pages, for some panels of columns.
PageProducts::Values PageProducts::addPages(ValueRange sums, Value x, PageAt pageAt, Value page, Value keys,
                                            int64_t firstPanel) {
  const int64_t perWord = elementsPerWord(words), lines = layout.valueLines();
  Value last = b.add(b.ceilDiv(keys, CachePages::tokens), -1);
  Values chains = tiled ? zeros(chainsOf(sums.size())) : Values(sums);
  for (int64_t i = 0; i < (tiled ? amxDepth / lines : 1); ++i) {
    Value number = b.add(page, i), left = b.sub(b.ceilDiv(keys, perWord), b.mul(number, lines));
    Value head = pageAt(b.min(number, last));
    Columns columns = {{}, layout.valueBytes()};
    for (size_t panel = 0; panel < sums.size(); ++panel)
      columns.lines.push_back(layout.values(b, head, firstPanel + int64_t(panel)));
    chains = addLines(chains, b.at(x, b.mul(number, lines)), b.min(left, b.integer(lines)), columns);
  }
  return tiled ? closeStep(sums, chains) : chains;
}

void PageProducts::emitProducts(Rows exponentials, Value rows, PageAt pageAt, Value keys, Rows products) {
  const int64_t panels = layout.valuePanels(), pagesAtOnce = tiled ? amxDepth / layout.valueLines() : 1;
  Value pages = b.ceilDiv(keys, CachePages::tokens);
  b.forRange(b.integer(0), rows, 1, [&](Value row) {
    Value x = b.at(exponentials.base, b.mul(row, exponentials.stride));
    Value to = b.at(products.base, b.mul(row, products.stride));
    for (int64_t first = 0; first < panels; first += sumsAtOnce) {
      Values sums =
          b.forRange(b.integer(0), pages, pagesAtOnce, zeros(std::min(sumsAtOnce, panels - first)),
                     [&](Value page, ValueRange carried) { return addPages(carried, x, pageAt, page, keys, first); });
      for (auto [panel, sum] : llvm::enumerate(sums))
        b.store(sum, b.at(to, (first + int64_t(panel)) * lanes));
    }
  });
}

} // namespace lathe
