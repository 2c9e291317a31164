// attention_f32: y = softmax(scale Q K^T) V per sequence and head, without storing all scores. Capped, scaled products
// go through cap * tanh(./cap) before anything is added to them.
// attention_bf16: the same of q, k and v in bf16, with exponentials rounded to bf16 before they are multiplied; all
// else is f32. y is f32 or, for a product that reads nothing else, bf16.
//
// A panel is up to 128 queries of one head of one sequence. Keys and values are taken in blocks of 512, counted from
// the sequence's start, each packed into the worker's scratch (HeadProducts.h); where one block is all, a worker packs
// it once for all queries of the head that it meets one after the other. Per 8 queries, or 32, and those of the block's
// keys that any of them sees: scores, their maximum, exponentials, and the product with the values; results of earlier
// blocks are rescaled when a later block raises the maximum (Milakov and Gimelshein 2018). Block boundaries and the
// order within blocks depend on nothing but a key's place in its sequence, so the bits are the same alone and in any
// batch. Paged, keys and values are packed already where they are kept between runs: a few queries read them there, and
// for more they are brought together block by block. With a window, keys and blocks begin at the first key that the
// panel's first query may see; as columns rise from token to token, no key further away by count is nearer by column.
// Keys that are global are brought together in blocks of their own, in front of these. Where queries are chosen, a
// panel is up to 128 of these, brought together likewise, and zeros for the others among as many that lie one behind
// the other.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"
#include "backends/cpu/kernels/attention/AttentionRows.h"

using namespace mlir;

namespace lathe {
namespace {

enum { Q, LdQ, K, LdK, V, LdV, Y, LdY, CuSeqlens, Batch, Heads, Scale, Longest, Mask, FirstDistance };
enum { Cap = FirstDistance + std::size(distanceSlots), KeyCuSeqlens, LongestKeys, Chosen, KeyColumns };
constexpr unsigned Globals = FirstDistance + std::size(distanceSlots) - 1;
/// Paged, in the places of what is not read then.
enum { Pages = K, Layer = LdK, Cached = V };

constexpr Slot ownSlots[] = {
    {"q", SlotKind::Pointer,
     "rows [T][ldq]; head h is columns [h * head_dim, (h + 1) * head_dim), of v and y of value_dim"},
    {"ldq", SlotKind::Integer, "elements from a row of q to the next; of bf16, even"},
    {"k", SlotKind::Pointer,
     "likewise; paged: addresses [batch] of tables of pages that hold all keys and values, those of the run's tokens "
     "included (CachePages.h)"},
    {"ldk", SlotKind::Integer, "likewise; paged: bytes from a page's start to the layer's part"},
    {"v", SlotKind::Pointer,
     "likewise; paged: i32 [batch], tokens of each sequence before those of the run, or crossed all that it has"},
    {"ldv", SlotKind::Integer, "likewise; paged: not read"},
    {"y", SlotKind::Pointer, "likewise; may not overlap q, k or v"},
    {"ldy", SlotKind::Integer, "likewise"},
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1], rows of each sequence; masked or single: not read"},
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads"},
    {"scale", SlotKind::Float, "factor on scores"},
    {"longest", SlotKind::Integer, "length of the longest sequence; masked: rows per sequence"},
    {"mask", SlotKind::Pointer,
     "masked: u8 [batch * longest], 0 for keys that are absent; rows of y whose keys are "
     "all absent are zeros"},
};
constexpr Slot slotsBehindDistances[] = {
    {"cap", SlotKind::Float, "what scaled products stay below, capped"},
    {"key_cu_seqlens", SlotKind::Pointer, "crossed: i32 [batch + 1], rows of each sequence's keys; paged: not read"},
    {"longest_keys", SlotKind::Integer, "crossed and masked: keys per sequence"},
    {"chosen", SlotKind::Pointer, "i32 [T]: 0 for queries whose rows of y are zeros, chosen"},
    {"key_columns", SlotKind::Pointer, "key_columns: i32, a column for each row of k, where `columns` has those of q"},
};
constexpr auto slotTable = joined(ownSlots, distanceSlots, slotsBehindDistances);
constexpr Parameter ownParameters[] = {
    // of f32 all but the last, of bf16 all but the first
    Parameter::flag("in_bytes"), // paged: pages hold bytes
    Parameter::integer("head_dim", 1, 4096),
    Parameter::integer("value_dim", 0, 256), // 0: head_dim; paged: 0
    Parameter::flag("masked"),
};
constexpr Parameter parametersBehindDistances[] = {
    Parameter::flag("capped"),
    Parameter::integer("grouped", 0, 1 << 20), // heads of q that share one of k and v; 0: each has its own
    Parameter::flag("paged"),                  // causal, a token's column its place; or crossed
    Parameter::flag("crossed"),                // keys are of another axis than queries; nothing goes by distance, but:
    Parameter::flag("key_columns"),            // crossed: a window, causality or terms of queries; the last keys of a
                                               // sequence are those of its queries
    Parameter::flag("single"),                 // crossed, neither masked nor paged: one query for each sequence
    Parameter::flag("chosen"),                 // neither crossed nor paged; nothing goes by distance
    Parameter::flag("y_bf16"),
};
constexpr auto parameterTable = joined(ownParameters, distanceParameters, parametersBehindDistances);

constexpr int64_t lanes = KernelBuilder::lanes;
constexpr int64_t keyBlock = AttentionScratch::keyBlock, queryBlock = AttentionScratch::queryBlock;

/// Emits one variant; members are what its parts have in common.
class AttentionEmitter {
public:
  AttentionEmitter(KernelBuilder &b, const Parameters &params, Words words)
      : b(b), words(words), widths(HeadWidths::of(params)), grouped(params.integer("grouped")),
        masked(params.flag("masked")), paged(params.flag("paged")), crossed(params.flag("crossed")),
        single(params.flag("single")), narrow(words == Words::Bf16Pairs && params.flag("y_bf16")),
        layout(params, words), pageLayout(CachePages::of(params, words)), products(b, widths, words, b.scratch),
        pageProducts(b, widths.key, words, pageLayout),
        distances(b, params, FirstDistance, KeyColumns, b.at(b.scratch, layout.distances)),
        panelRows(b, params, words, layout, pageLayout, distances, b.broadcast(b.floatSlot(Scale)),
                  params.flag("capped") ? b.broadcast(b.floatSlot(Cap)) : Value()) {
    if (distances.hasGlobals() || params.flag("chosen"))
      marked.emplace(b, words, b.pointerSlot(distances.hasGlobals() ? Globals : Chosen), b.at(b.scratch, layout.list));
  }
  void emit();

private:
  KernelBuilder &b;
  const Words words;
  const HeadWidths widths;
  const int64_t grouped;
  const bool masked, paged, crossed, single, narrow; ///< narrow: y is bf16
  const AttentionScratch layout;
  const CachePages pageLayout;
  HeadProducts products;
  PageProducts pageProducts;
  const Distances distances;
  AttentionRows panelRows;
  std::optional<MarkedTokens> marked; ///< keys that are global, or queries that are chosen

  bool choosesQueries() const { return marked && !distances.hasGlobals(); }
  /// Where the keys that a panel looks at begin and end, counted from the sequence's first.
  struct KeyRange {
    Value first, end;
    Value globals; ///< how many are global, which count as keys before `first`, whole blocks; null where none can be
    Value begin;   ///< where these begin, or else `first`
  };
  KeyRange keysFor(Value sequence, Value firstQuery, Value queries, Value length);
  KeyRange withGlobals(KeyRange range, Sequence sequence);
  Value isGlobal(KeyRange range, Value firstKey) { return range.globals ? b.less(firstKey, range.first) : Value(); }
  struct HeadRows {
    Rows rows;
    int64_t width; ///< of a head
  };
  /// All queries of a panel, of one head of one sequence.
  struct Queries {
    Rows q, y;
    Value head, first, count; ///< first: counted from the run's first of the sequence
    Value index;              ///< of the sequence
    Value before;             ///< its keys that are of no token of the run
    Sequence sequence;
    ArrayRef<HeadRows> upcoming;
  };
  /// Where a block's keys and values are: rows to be packed, or pages.
  struct KeySource {
    llvm::function_ref<void(Value keys)> emitPacked;
    PageProducts::PageAt pageAt;
  };
  Rows markedRows() { return {b.at(b.scratch, layout.markedRows), b.integer(layout.markedStride)}; }
  Rows markedValues() { return {b.at(b.scratch, layout.markedValues), b.integer(layout.markedValueStride)}; }
  void emitZeros(Value row, Rows y);
  void emitUnchosen(Sequence sequence, Value first, Value count, Rows y);
  Value keysOf(const Queries &queries, Value query, Value rows, Value firstKey, Value keys, Value isOfGlobals);
  void emitBlock(const Queries &queries, KeyRange range, Value firstKey, const KeySource &source);
  void emitPrefetch(ArrayRef<HeadRows> upcoming, Value row);
};

void AttentionEmitter::emit() {
  Value q = b.pointerSlot(Q), ldq = b.integerSlot(LdQ), k = b.pointerSlot(K), ldk = b.integerSlot(LdK);
  Value v = b.pointerSlot(V), ldv = b.integerSlot(LdV), y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
  Value heads = b.integerSlot(Heads), queryBlocks = b.ceilDiv(b.integerSlot(Longest), queryBlock);
  Value pages = b.pointerSlot(Pages), cached = b.pointerSlot(Cached), layer = b.integerSlot(Layer);
  Sequences sequences(b, masked, CuSeqlens, Mask, Longest);
  const Sequences otherAxis = crossed && !paged ? Sequences(b, masked, KeyCuSeqlens, Mask, LongestKeys) : sequences;

  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value firstQuery = b.mul(b.rem(panel, queryBlocks), queryBlock), rest = b.div(panel, queryBlocks);
    Value head = b.rem(rest, heads), index = b.div(rest, heads);
    Value keyHead = grouped ? b.div(head, b.integer(grouped)) : head;
    Value keyColumn = b.mul(keyHead, widths.key), valueColumn = b.mul(keyHead, widths.value);
    Sequence sequence = single ? Sequence{index, b.integer(1), nullptr} : sequences.at(b, index);
    Sequence ofKeys = crossed && !paged ? otherAxis.at(b, index) : sequence;
    Value count = b.min(b.integer(queryBlock), b.sub(sequence.length, firstQuery));
    Value firstRow = b.add(sequence.first, firstQuery);
    const Words wordsOfY = narrow ? Words::Bf16Pairs : Words::F32;
    const Rows ofY =
        rowsFrom(b, wordsOfY, y, ldy, choosesQueries() ? sequence.first : firstRow, b.mul(head, widths.value));
    const Value column = b.mul(head, widths.key);
    if (choosesQueries()) {
      emitUnchosen(sequence, firstQuery, count, ofY);
      count = b.min(b.integer(queryBlock), b.sub(marked->count(sequence), firstQuery));
      marked->emitList(sequence, firstQuery, queryBlock);
      marked->emitRows(rowsFrom(b, words, q, ldq, sequence.first, column), widths.key, count, markedRows());
    }
    auto rowsOf = [&](Value base, Value stride, Value row, Value column) {
      return rowsFrom(b, words, base, stride, row, column);
    };
    SmallVector<HeadRows, 3> upcoming = {{rowsOf(q, ldq, firstRow, column), widths.key}};
    if (!paged)
      upcoming.append(
          {{rowsOf(k, ldk, firstRow, keyColumn), widths.key}, {rowsOf(v, ldv, firstRow, valueColumn), widths.value}});
    Value before = paged                       ? b.loadIndex(b.at(cached, index))
                   : distances.hasKeyColumns() ? b.sub(ofKeys.length, sequence.length)
                                               : b.integer(0);
    const Queries queries = {.q = choosesQueries() ? markedRows() : upcoming[0].rows,
                             .y = ofY,
                             .head = head,
                             .first = firstQuery,
                             .count = count,
                             .index = index,
                             .before = before,
                             .sequence = sequence,
                             .upcoming = upcoming};
    Value keyCount = !paged ? ofKeys.length : crossed ? before : b.add(before, ofKeys.length);
    if (paged) // the run may have some of a prefix' tokens alone: pages have them all
      keyCount = distances.withPrefix(b, index, keyCount);
    if (crossed && !paged) // of one axis, what has no keys has no queries either
      b.ifTrue(b.equal(keyCount, b.integer(0)),
               [&] { b.forRange(b.integer(0), count, 1, [&](Value row) { emitZeros(row, ofY); }); });
    KeyRange range = keysFor(index, b.add(before, firstQuery), count, keyCount);
    if (distances.hasGlobals()) {
      range = withGlobals(range, sequence);
      // Texts may have no other tokens than global ones, which see none here.
      Value areGlobal = b.equal(marked->count({firstRow, count, sequence.mask}), count);
      b.ifTrue(areGlobal, [&] { b.forRange(b.integer(0), count, 1, [&](Value row) { emitZeros(row, ofY); }); });
      range.end = b.select(areGlobal, range.begin, range.end);
    }
    distances.emitTable(b, head, heads);
    b.forRange(range.begin, range.end, keyBlock, [&](Value firstKey) {
      // Blocks begin where pages do.
      auto pageAt = [&](Value page) {
        Value table = CachePages::table(b, pages, index), firstPage = b.div(firstKey, b.integer(CachePages::tokens));
        return pageLayout.head(b, table, b.add(firstPage, page), layer, keyHead);
      };
      auto emitPacked = [&](Value keys) {
        Value keyRow = b.add(ofKeys.first, firstKey);
        const Rows inOrder[] = {rowsOf(k, ldk, keyRow, keyColumn), rowsOf(v, ldv, keyRow, valueColumn)};
        if (Value isOfGlobals = isGlobal(range, firstKey)) {
          auto emitGlobals = [&] {
            marked->emitList(sequence, b.sub(firstKey, range.begin), keyBlock);
            marked->emitRows(rowsOf(k, ldk, sequence.first, keyColumn), widths.key, keys, markedRows());
            marked->emitRows(rowsOf(v, ldv, sequence.first, valueColumn), widths.value, keys, markedValues());
            panelRows.emitGlobalBias(keys, [&](Value key, Value mask) { return marked->numbers(sequence, key, mask); });
          };
          b.ifElse(isOfGlobals, emitGlobals, [&] { panelRows.emitBias(sequence, firstKey, keys); });
          auto either = [&](Rows a, Rows other) {
            return Rows{b.select(isOfGlobals, a.base, other.base), b.select(isOfGlobals, a.stride, other.stride)};
          };
          products.emitPacked(either(markedRows(), inOrder[0]), either(markedValues(), inOrder[1]), keys);
          return;
        }
        // What the panel before this one packed: the same head's keys, if these are all of them.
        Value isPacked = b.select(b.less(b.integer(0), firstQuery), b.less(b.begin, panel), b.flag(false));
        isPacked = distances.narrowsKeys()
                       ? b.flag(false)
                       : b.select(b.less(b.integer(keyBlock), ofKeys.length), b.flag(false), isPacked);
        b.ifTrue(b.equal(isPacked, b.flag(false)), [&] {
          products.emitPacked(inOrder[0], inOrder[1], keys);
          panelRows.emitBias(ofKeys, firstKey, keys);
        });
      };
      emitBlock(queries, range, firstKey, {emitPacked, pageAt});
    });
  });
}

AttentionEmitter::KeyRange AttentionEmitter::keysFor(Value sequence, Value firstQuery, Value queries, Value length) {
  auto [first, end] = distances.keysSeen(b, sequence, firstQuery, queries, length);
  if (paged) // whole pages; what a window leaves out of the first is left out by distance
    first = b.mul(b.div(first, b.integer(CachePages::tokens)), CachePages::tokens);
  KeyRange range = {.first = first, .end = end, .begin = first};
  // A shorter sequence than the longest has panels without queries.
  range.end = b.select(b.less(b.integer(0), queries), range.end, range.first);
  return range;
}

AttentionEmitter::KeyRange AttentionEmitter::withGlobals(KeyRange range, Sequence sequence) {
  range.globals = b.select(b.less(range.first, range.end), marked->count(sequence), b.integer(0));
  range.begin = b.sub(range.first, b.mul(b.ceilDiv(range.globals, keyBlock), keyBlock));
  return range;
}

void AttentionEmitter::emitZeros(Value row, Rows y) {
  Value target = b.at(y.base, b.mul(row, y.stride));
  b.forVectors(b.integer(widths.value), [&](Value column, Value mask) {
    if (narrow)
      b.storeBf16(b.splat(0.0f), b.atBf16(target, column), mask);
    else
      b.store(b.splat(0.0f), b.at(target, column), mask);
  });
}

/// Of so many tokens of the sequence, zeros in the rows of those that are not chosen.
void AttentionEmitter::emitUnchosen(Sequence sequence, Value first, Value count, Rows y) {
  b.forRange(b.integer(0), count, 1, [&](Value token) {
    Value row = b.add(first, token), isOne = b.firstLanes(b.integer(1));
    b.ifTrue(b.equal(b.countOf(marked->lanesOf(sequence, row, isOne)), b.integer(0)), [&] { emitZeros(row, y); });
  });
}

/// Of a block's keys those that any of a few queries of the panel sees: what is beyond would have exponentials of 0.
/// Where that is none, one is left, which goes the same way.
Value AttentionEmitter::keysOf(const Queries &queries, Value query, Value rows, Value firstKey, Value keys,
                               Value isOfGlobals) {
  if (!distances.narrowsKeys())
    return keys;
  Value place = b.add(queries.before, b.add(queries.first, query));
  Value end = distances.keysSeen(b, queries.index, place, rows, b.add(firstKey, keys)).second;
  Value seen = b.max(b.sub(end, firstKey), b.integer(1));
  return isOfGlobals ? b.select(isOfGlobals, keys, seen) : seen;
}

/// All queries of the panel against one block of keys.
void AttentionEmitter::emitBlock(const Queries &queries, KeyRange range, Value firstKey, const KeySource &source) {
  const auto &[q, y, head, firstQuery, count, index, before, sequence, upcoming] = queries;
  Value left = b.sub(range.end, firstKey), isOfGlobals = isGlobal(range, firstKey);
  if (isOfGlobals)
    left = b.select(isOfGlobals, b.sub(b.add(range.begin, range.globals), firstKey), left);
  Value keys = b.min(b.integer(keyBlock), left);
  Value isFirst = b.equal(firstKey, range.begin);
  Value isLast = b.equal(b.add(firstKey, keys), range.end);
  Value isInPlace = paged ? b.less(count, b.integer(PageProducts::fewRows)) : b.flag(false);
  auto whereKeysAre = [&](KernelBuilder::Body inPages, KernelBuilder::Body together) {
    paged ? b.ifElse(isInPlace, inPages, together) : together();
  };
  if (paged) {
    b.ifTrue(b.equal(isInPlace, b.flag(false)), [&] { products.emitGathered(pageLayout, source.pageAt, keys); });
    panelRows.emitBias({}, firstKey, keys);
    if (layout.inBytes)
      panelRows.emitSteps(source.pageAt, keys);
  } else {
    source.emitPacked(keys);
  }

  panelRows.beginBlock(products.rowWords(keys), isOfGlobals);
  const Rows scores = panelRows.scores(), sums = panelRows.products();
  b.forRange(b.integer(0), count, products.rowsAtOnce(), [&](Value query) {
    Value rows = b.min(b.integer(products.rowsAtOnce()), b.sub(count, query));
    Value seen = keysOf(queries, query, rows, firstKey, keys, isOfGlobals);
    const Rows x = {b.at(q.base, b.mul(query, q.stride)), q.stride};
    whereKeysAre([&] { pageProducts.emitScores(products.wholeWords(x, rows), rows, source.pageAt, seen, scores); },
                 [&] { products.emitScores(x, rows, seen, scores); });
    // Two short loops instead of one: a row is a chain of waits (maximum, exponentials, sum), which the machine fills
    // with the work of the rows behind it only while these are near (12 heads of 128 x 128 x 32: 135 us against 143).
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Value at = b.add(query, row);
      const Distances::Query place = distances.query(b, b.add(b.add(sequence.first, firstQuery), at), head, index);
      panelRows.emitMaximum(row, at, place, distances.keyTermsOf(b, b.add(sequence.first, firstKey), head), isFirst,
                            seen);
    });
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      emitPrefetch(upcoming, b.add(query, row));
      panelRows.emitExponentials(row, b.add(query, row), seen);
      products.emitRowEnd(panelRows.scoresOf(row), seen);
    });
    whereKeysAre([&] { pageProducts.emitProducts(scores, rows, source.pageAt, seen, sums); },
                 [&] { products.emitProducts(scores, rows, seen, sums); });
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Value at = b.add(query, row);
      Value place = choosesQueries() ? marked->place(at) : at;
      panelRows.emitOutputRow(row, at, isFirst, isLast, b.at(y.base, b.mul(place, y.stride)));
    });
  });
}

/// With every query, asks for the same row of what the next head will read, which lies beside this head's columns: rows
/// are so far apart that the machine does not foresee them (8 x 128, 12 heads of 64, from memory: 2.47 ms, now 2.09).
/// The last head asks in vain.
void AttentionEmitter::emitPrefetch(ArrayRef<HeadRows> upcoming, Value row) {
  for (const auto &[rows, width] : upcoming) {
    const int64_t depth = llvm::divideCeil(width, elementsPerWord(words));
    for (int64_t c = depth; c < 2 * depth; c += lanes)
      b.prefetch(b.at(b.at(rows.base, b.mul(row, rows.stride)), c));
  }
}

class Attention final : public KernelFamily {
public:
  Attention(StringRef name, Words words)
      : KernelFamily(name, slotTable,
                     words == Words::F32 ? ArrayRef(parameterTable).drop_back()
                                         : ArrayRef(parameterTable).drop_front()),
        words(words) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override { AttentionEmitter(b, params, words).emit(); }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(b.mul(slots[Batch], slots[Heads]), b.ceilDiv(slots[Longest], queryBlock));
  }
  int64_t scratchBytes(const Parameters &params) const override {
    return AttentionScratch(params, words).end * sizeof(float);
  }
  ArrayRef<IsaLevel> ownLevels(const Parameters &params) const override {
    static constexpr IsaLevel ofPairs[] = {IsaLevel::Avx512, IsaLevel::Avx512Bf16, IsaLevel::Amx};
    return words == Words::Bf16Pairs ? ofPairs : KernelFamily::ownLevels(params);
  }

private:
  const Words words;
};

} // namespace

const KernelFamily &kernel_attention_f32() {
  static const Attention family("attention_f32", Words::F32);
  return family;
}
const KernelFamily &kernel_attention_bf16() {
  static const Attention family("attention_bf16", Words::Bf16Pairs);
  return family;
}

} // namespace lathe
