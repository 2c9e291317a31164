// append_cache_f32, append_cache_bf16: stores keys and values of new tokens in the pages of their sequences.
//
// A panel is one head of one sequence. Sixteen tokens that fill a page are packed as products elsewhere pack their
// operands. Of fewer, a token's key is a column of its page's panel, so its words are scattered; its value is a line,
// or in bf16 half of one, that of the first of two tokens with zeros beside it, which products may read before the
// second is there. What lies behind a key's words is 0 since the page was new. Rows that are to be kept in bytes become
// these in the worker's scratch first.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Packing.h"
#include "backends/cpu/kernels/Sequences.h"
#include "backends/cpu/kernels/attention/CachePages.h"

using namespace mlir;

namespace lathe {
namespace {

enum { K, LdK, V, LdV, CuSeqlens, Batch, Heads, Pages, Cached, Layer };

constexpr Slot slotTable[] = {
    {"k", SlotKind::Pointer, "rows [T][ldk]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
    {"ldk", SlotKind::Integer, "elements from a row of k to the next; of bf16, even"},
    {"v", SlotKind::Pointer, "likewise"},
    {"ldv", SlotKind::Integer, "likewise"},
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1], rows of each sequence"},
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads of k and v"},
    {"y", SlotKind::Pointer, "addresses [batch] of tables of pages, of which the tokens' are written (CachePages.h)"},
    {"cached", SlotKind::Pointer, "i32 [batch], tokens that each sequence's pages hold"},
    {"layer", SlotKind::Integer, "bytes from a page's start to the layer's part"},
};
constexpr Parameter parameterTable[] = {Parameter::integer("head_dim", 1, 256), Parameter::flag("in_bytes")};

constexpr int64_t lanes = KernelBuilder::lanes;
/// Of a byte, from 0 to the largest number of its row.
constexpr float steps = 127;

class AppendCache final : public KernelFamily {
public:
  AppendCache(StringRef name, Words words)
      : KernelFamily(name, slotTable,
                     words == Words::F32 ? ArrayRef(parameterTable) : ArrayRef(parameterTable).drop_back()),
        words(words) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], slots[Heads]);
  }

  int64_t scratchBytes(const Parameters &params) const override {
    return CachePages::of(params, words).inBytes ? llvm::alignTo(params.integer("head_dim"), 64) : 0;
  }

private:
  /// Whether whole pages are packed: not where what stands beside a row's last word is another head's.
  bool packsPages(const CachePages &layout, int64_t headDim) const {
    return !layout.inBytes && headDim % elementsPerWord(words) == 0;
  }
  void emitPage(KernelBuilder &b, Rows keys, Rows values, Value part, const CachePages &layout, int64_t headDim) const;
  void emitToken(KernelBuilder &b, Value key, Value value, Value part, Value inPage, const CachePages &layout,
                 int64_t headDim) const;
  void emitKey(KernelBuilder &b, Value from, Value column, const CachePages &layout, int64_t headDim) const;
  void emitValue(KernelBuilder &b, Value from, Value panels, Value place, const CachePages &layout,
                 int64_t headDim) const;
  Value emitBytes(KernelBuilder &b, Value from, int64_t headDim) const;
  void emitKeyBytes(KernelBuilder &b, Value keys, Value place, const CachePages &layout, int64_t headDim) const;
  void emitValueBytes(KernelBuilder &b, Value part, Value place, const CachePages &layout) const;

  const Words words;
};

void AppendCache::emit(KernelBuilder &b, const Parameters &params) const {
  const int64_t headDim = params.integer("head_dim");
  const CachePages layout = CachePages::of(params, words);
  Value k = b.pointerSlot(K), ldk = b.integerSlot(LdK), v = b.pointerSlot(V), ldv = b.integerSlot(LdV);
  Value heads = b.integerSlot(Heads), pages = b.pointerSlot(Pages), cached = b.pointerSlot(Cached);
  Value layer = b.integerSlot(Layer);
  Sequences sequences(b, /*masked=*/false, CuSeqlens, 0, 0);

  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value head = b.rem(panel, heads), index = b.div(panel, heads), column = b.mul(head, headDim);
    Sequence sequence = sequences.at(b, index);
    Value table = CachePages::table(b, pages, index), before = b.loadIndex(b.at(cached, index));
    Value tokens = b.integer(CachePages::tokens), end = b.add(before, sequence.length);
    b.forRange(b.div(before, tokens), b.ceilDiv(end, tokens), 1, [&](Value page) {
      Value part = layout.head(b, table, page, layer, head), firstOfPage = b.mul(page, CachePages::tokens);
      Value first = b.max(before, firstOfPage), behind = b.min(end, b.add(firstOfPage, CachePages::tokens));
      Value row = b.add(sequence.first, b.sub(first, before));
      const Rows keys = rowsFrom(b, words, k, ldk, row, column), values = rowsFrom(b, words, v, ldv, row, column);
      auto emitTokens = [&] {
        b.forRange(b.integer(0), b.sub(behind, first), 1, [&](Value token) {
          Value key = b.at(keys.base, b.mul(token, keys.stride)),
                value = b.at(values.base, b.mul(token, values.stride));
          emitToken(b, key, value, part, b.add(b.sub(first, firstOfPage), token), layout, headDim);
        });
      };
      if (!packsPages(layout, headDim))
        return emitTokens();
      b.ifElse(
          b.equal(b.sub(behind, first), tokens), [&] { emitPage(b, keys, values, part, layout, headDim); }, emitTokens);
    });
  });
}

void AppendCache::emitPage(KernelBuilder &b, Rows keys, Rows values, Value part, const CachePages &layout,
                           int64_t headDim) const {
  Value rows = b.integer(CachePages::tokens), width = b.integer(headDim);
  const Panels valuePanels = {layout.values(b, part), b.integer(layout.valueLines() * lanes)};
  emitPackTransposed(b, keys, rows, b.integer(headDim / elementsPerWord(words)),
                     {layout.keys(b, part), /*stride, of one panel=*/b.integer(0)});
  if (words == Words::F32)
    emitPack(b, values, rows, width, valuePanels);
  else
    emitPackPairs(b, values, rows, width, valuePanels);
}

void AppendCache::emitToken(KernelBuilder &b, Value key, Value value, Value part, Value inPage,
                            const CachePages &layout, int64_t headDim) const {
  Value keys = layout.keys(b, part);
  if (layout.inBytes) {
    b.storeScalar(emitBytes(b, key, headDim), b.at(layout.keySteps(b, part), inPage));
    emitKeyBytes(b, keys, inPage, layout, headDim);
    b.storeScalar(emitBytes(b, value, headDim), b.at(layout.valueSteps(b, part), inPage));
    emitValueBytes(b, part, inPage, layout);
  } else {
    emitKey(b, key, b.at(keys, inPage), layout, headDim);
    emitValue(b, value, layout.values(b, part), inPage, layout, headDim);
  }
}

void AppendCache::emitKey(KernelBuilder &b, Value from, Value column, const CachePages &layout, int64_t headDim) const {
  const int64_t perWord = elementsPerWord(words);
  Value stride = b.integer(lanes);
  b.forVectors(b.integer(headDim / perWord), [&](Value word, Value mask) {
    Value to = b.at(column, b.mul(word, lanes));
    b.scatter(b.load(b.at(from, word), mask), to, stride, mask);
    // Each word goes into a line of its own, and the next head's are asked for meanwhile.
    for (int64_t line = 0; line < lanes; ++line)
      b.prefetch(b.atByte(to, b.integer(layout.headBytes() + line * layout.lineBytes())));
  });
  if (headDim % perWord) { // what stands beside the last one is another head's
    Value last = b.loadBf16(b.atBf16(from, b.integer(headDim - 1)), b.firstLanes(b.integer(1)));
    b.store(b.floatsOf(b.shiftRight(b.bitsOf(last), 16)), b.at(column, headDim / perWord * lanes),
            b.firstLanes(b.integer(1)));
  }
}

void AppendCache::emitValue(KernelBuilder &b, Value from, Value panels, Value place, const CachePages &layout,
                            int64_t headDim) const {
  const int64_t panelWords = layout.valueLines() * lanes;
  b.forVectors(b.integer(headDim), [&](Value column, Value mask) {
    Value panel = b.at(panels, b.mul(b.div(column, b.integer(lanes)), panelWords));
    if (words == Words::F32)
      return b.store(b.load(b.at(from, column), mask), b.at(panel, b.mul(place, lanes)));
    Value line = b.at(panel, b.mul(b.div(place, b.integer(2)), lanes));
    Value value = b.loadBf16(b.atBf16(from, column), mask);
    b.ifElse(
        b.equal(b.rem(place, b.integer(2)), b.integer(0)), [&] { b.store(b.bf16Pairs(value, b.splat(0.0f)), line); },
        [&] {
          Value first = b.floatsOf(b.shiftLeft(b.bitsOf(b.load(line)), 16));
          b.store(b.bf16Pairs(first, value), line);
        });
  });
}

/// Stores a head's row in bytes, in scratch, with zeros behind it; returns the size of their steps.
Value AppendCache::emitBytes(KernelBuilder &b, Value from, int64_t headDim) const {
  Value width = b.integer(headDim), zeros = b.splat(0.0f);
  Value lanesLargest = b.forVectors(width, zeros, [&](Value column, Value mask, ValueRange carried) {
    Value x = b.load(b.at(from, column), mask);
    return KernelBuilder::Values{b.max(carried[0], b.max(x, b.sub(zeros, x)))};
  })[0];
  Value largest = b.maxOfLanes(lanesLargest), isZero = b.equal(largest, b.scalar(0.0f));
  Value perStep = b.broadcast(b.select(isZero, b.scalar(0.0f), b.div(b.scalar(steps), largest)));
  b.forVectors(width, [&](Value column, Value mask) {
    b.storeBytes(b.round(b.mul(b.load(b.at(from, column), mask), perStep)), b.atByte(b.scratch, column));
  });
  return b.div(largest, b.scalar(steps));
}

/// Puts the bytes in scratch into a column of keys.
void AppendCache::emitKeyBytes(KernelBuilder &b, Value keys, Value place, const CachePages &layout,
                               int64_t headDim) const {
  Value column = b.atByte(keys, place);
  b.forRange(b.integer(0), b.integer(headDim), 1, [&](Value line) {
    b.storeByte(b.loadByte(b.atByte(b.scratch, line)), b.atByte(column, b.mul(line, layout.lineBytes())));
  });
}

/// The same into a line of values.
void AppendCache::emitValueBytes(KernelBuilder &b, Value part, Value place, const CachePages &layout) const {
  for (int64_t panel = 0; panel < layout.valuePanels(); ++panel)
    b.storeBytes(b.loadS8(b.atByte(b.scratch, b.integer(panel * lanes))),
                 layout.address(b, layout.values(b, part, panel), place));
}

} // namespace

const KernelFamily &kernel_append_cache_f32() {
  static const AppendCache family("append_cache_f32", Words::F32);
  return family;
}
const KernelFamily &kernel_append_cache_bf16() {
  static const AppendCache family("append_cache_bf16", Words::Bf16Pairs);
  return family;
}

} // namespace lathe
