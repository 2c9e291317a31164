#include "backends/cpu/kernels/attention/HeadProducts.h"

#include "backends/cpu/kernels/AmxTile.h"
#include "backends/cpu/kernels/Packing.h"

using namespace mlir;

namespace lathe {

static constexpr int64_t lanes = KernelBuilder::lanes;

/// Elements of a row that a step on tiles multiplies: two in a word.
static constexpr int64_t tileElements = 2 * amxDepth;

/// Words of a head's row, up to whole tiles: as many as a cached key has.
static int64_t wholeDepth(int64_t keyWidth, Words words) { return CachePages(keyWidth, words, false).depth(); }

/// Rows that are copied: all keys where some level has to, else the few queries that fill no tile.
static int64_t stagedRows(int64_t keyWidth, Words words) {
  if (words == Words::F32)
    return 0;
  return keyWidth % tileElements ? HeadProducts::keyBlock : amxRows;
}

int64_t HeadProducts::scratchWords(HeadWidths widths, Words words) {
  const int64_t depth = wholeDepth(widths.key, words), valuePanels = llvm::divideCeil(widths.value, lanes);
  return keyBlock * depth + keyBlock / elementsPerWord(words) * valuePanels * lanes +
         stagedRows(widths.key, words) * llvm::alignTo(depth, lanes);
}

HeadProducts::HeadProducts(KernelBuilder &b, HeadWidths widths, Words words, Value scratch)
    : b(b), words(words), tiled(b.level >= IsaLevel::Amx && words == Words::Bf16Pairs), keyWidth(widths.key),
      valueWidth(widths.value), perWord(elementsPerWord(words)),
      depth(tiled ? wholeDepth(keyWidth, words) : llvm::divideCeil(keyWidth, perWord)),
      stagedStride(llvm::alignTo(depth, lanes)), valuePanels(llvm::divideCeil(valueWidth, lanes)), keysAt(scratch),
      valuesAt(b.at(scratch, keyBlock * depth)), stagedAt(b.at(valuesAt, keyBlock / perWord * valuePanels * lanes)) {}

Value HeadProducts::rowWords(Value keys) const {
  if (!tiled)
    return b.integer(keyBlock);
  return b.add(b.mul(b.ceilDiv(keys, tileElements), tileElements), lanes);
}

Rows HeadProducts::wholeWords(Rows rows, Value count) {
  if (keyWidth % (tiled ? tileElements : perWord) == 0)
    return rows;
  Rows copies = {stagedAt, b.integer(stagedStride)};
  b.forRange(b.integer(0), count, 1, [&](Value row) {
    Value from = b.at(rows.base, b.mul(row, rows.stride)), to = b.at(copies.base, b.mul(row, copies.stride));
    b.forVectors(b.integer(keyWidth), [&](Value column, Value mask) {
      b.storeBf16(b.loadBf16(b.atBf16(from, column), mask), b.atBf16(to, column));
    });
    for (int64_t column = llvm::alignTo(keyWidth, lanes); column < depth * perWord; column += lanes)
      b.storeBf16(b.splat(0.0f), b.atBf16(to, b.integer(column)));
  });
  return copies;
}

/// Rows that a tile may read 16 of: these, or copies where there are fewer.
Rows HeadProducts::wholeTile(Rows x, Value rows) {
  if (keyWidth % tileElements) // copies already
    return x;
  const Rows copies = {stagedAt, b.integer(stagedStride)};
  Value isLow = b.less(rows, b.integer(amxRows));
  b.ifTrue(isLow, [&] {
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Value from = b.at(x.base, b.mul(row, x.stride)), to = b.at(copies.base, b.mul(row, copies.stride));
      for (int64_t k = 0; k < depth; k += lanes)
        b.store(b.load(b.at(from, k)), b.at(to, k));
    });
  });
  return {b.select(isLow, copies.base, x.base), b.select(isLow, copies.stride, x.stride)};
}

/// Where the second tile begins of rows that need one; else 0.
Value HeadProducts::secondTile(Value rows) { return b.max(b.add(rows, -amxRows), b.integer(0)); }

void HeadProducts::emitPacked(Rows k, Rows v, Value keys) {
  Panels valuePanelsAt = {valuesAt, b.integer(keyBlock / perWord * lanes)};
  emitPackTransposed(b, wholeWords(k, keys), keys, b.integer(depth), {keysAt, b.integer(depth * lanes)});
  if (words == Words::F32)
    return emitPack(b, v, keys, b.integer(valueWidth), valuePanelsAt);
  emitPackPairs(b, v, keys, b.integer(valueWidth), valuePanelsAt);
  emitValueEnd(keys);
}

void HeadProducts::emitGathered(const CachePages &layout, llvm::function_ref<Value(Value)> pageAt, Value keys) {
  const int64_t panelWords = keyBlock / perWord * lanes, lines = layout.valueLines();
  b.forRange(b.integer(0), b.ceilDiv(keys, CachePages::tokens), 1, [&](Value page) {
    Value head = pageAt(page);
    Value keysFrom = layout.keys(b, head);
    Value keysTo = b.at(keysAt, b.mul(page, depth * lanes)), valuesTo = b.at(valuesAt, b.mul(page, lines * lanes));
    b.forRange(b.integer(0), b.integer(depth), 1,
               [&](Value line) { b.store(layout.load(b, keysFrom, line), b.at(keysTo, b.mul(line, lanes))); });
    for (int64_t panel = 0; panel < valuePanels; ++panel)
      for (int64_t line = 0; line < lines; ++line)
        b.store(layout.load(b, layout.values(b, head, panel), b.integer(line)),
                b.at(valuesTo, panel * panelWords + line * lanes));
  });
  emitValueEnd(keys);
}

/// Zeros behind the last value, where tiles read on.
void HeadProducts::emitValueEnd(Value keys) {
  if (!tiled)
    return;
  Value end = b.mul(b.ceilDiv(keys, tileElements), amxDepth);
  b.forRange(b.ceilDiv(keys, perWord), end, 1, [&](Value line) {
    for (int64_t panel = 0; panel < valuePanels; ++panel)
      b.store(b.splat(0.0f), b.at(valuesAt, b.add(b.mul(line, lanes), panel * (keyBlock / perWord * lanes))));
  });
}

void HeadProducts::emitScores(Rows q, Value rows, Value keys, Rows scores) {
  Rows x = wholeWords(q, rows);
  if (tiled)
    x = wholeTile(x, rows);
  Value panels = b.ceilDiv(keys, lanes);
  const int64_t panelsAtOnce = tiled ? 2 : tilePanels;
  b.forRange(b.integer(0), panels, panelsAtOnce, [&](Value panel) {
    Panels packed = {b.at(keysAt, b.mul(panel, depth * lanes)), b.integer(depth * lanes), words};
    Rows y = {b.at(scores.base, b.mul(panel, lanes)), scores.stride};
    Value count = b.min(b.integer(panelsAtOnce), b.sub(panels, panel));
    if (tiled)
      emitAmxTiles(b, x, secondTile(rows), packed, b.integer(depth / amxDepth), y, count, b.flag(false));
    else
      emitTile(b, x, packed, b.integer(depth), y, rows, count, prefetchOwn(b, packed), b.flag(false));
  });
}

void HeadProducts::emitRowEnd(Value row, Value keys) {
  if (tiled)
    b.storeBf16(b.splat(0.0f), b.atBf16(row, b.mul(b.ceilDiv(keys, lanes), lanes)));
}

void HeadProducts::emitProducts(Rows exponentials, Value rows, Value keys, Rows products) {
  // By groups of panels as even as can be: 4 panels are 2 + 2, not 3 + 1.
  const int64_t groups = llvm::divideCeil(valuePanels, tiled ? 2 : tilePanels);
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t first = group * valuePanels / groups, last = (group + 1) * valuePanels / groups;
    const int64_t stride = keyBlock / perWord * lanes;
    Panels values = {b.at(valuesAt, first * stride), b.integer(stride), words};
    Rows y = {b.at(products.base, first * lanes), products.stride};
    Value panels = b.integer(last - first);
    if (tiled)
      emitAmxTiles(b, exponentials, secondTile(rows), values, b.ceilDiv(keys, tileElements), y, panels, b.flag(false));
    else
      emitTile(b, exponentials, values, b.ceilDiv(keys, perWord), y, rows, panels, prefetchOwn(b, values),
               b.flag(false));
  }
}

} // namespace lathe
