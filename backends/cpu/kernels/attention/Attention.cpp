// attention_f32: y = softmax(scale Q K^T) V per sequence and head, without storing all scores. Capped, scaled products
// go through cap * tanh(./cap) before anything is added to them.
// attention_bf16: the same of q, k and v in bf16, with exponentials rounded to bf16 before they are multiplied; all
// else is f32. y is f32 or, for a product that reads nothing else, bf16.
//
// A panel is up to 128 queries of one head of one sequence. Keys and values are taken in blocks of 512, counted from
// the sequence's start, each packed into the worker's scratch (HeadProducts.h); where one block is all, a worker packs
// it once for all queries of the head that it meets one after the other. Per 8 queries, or 32, and block: scores, their
// maximum, exponentials, and the product with the values; results of earlier blocks are rescaled when a later block
// raises the maximum (Milakov and Gimelshein 2018). Block boundaries and the order within blocks depend on nothing but
// a key's place in its sequence, so the bits are the same alone and in any batch. Paged, keys and values are packed
// already where they are kept between runs: a few queries read them there, and for more they are brought together block
// by block. With a window, keys and blocks begin at the first key that the panel's first query may see; as columns rise
// from token to token, no key further away by count is nearer by column.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"
#include "backends/cpu/kernels/VectorMath.h"
#include "backends/cpu/kernels/attention/Distances.h"
#include "backends/cpu/kernels/attention/HeadProducts.h"
#include "backends/cpu/kernels/attention/PageProducts.h"

using namespace mlir;

namespace lathe {
namespace {

enum { Q, LdQ, K, LdK, V, LdV, Y, LdY, CuSeqlens, Batch, Heads, Scale, Longest, Mask, FirstDistance };
enum { Cap = FirstDistance + std::size(distanceSlots), KeyCuSeqlens, LongestKeys };
/// Paged, in the places of what is not read then.
enum { Pages = K, Layer = LdK, Cached = V };

constexpr Slot slotTable[] = {
    {"q", SlotKind::Pointer, "rows [T][ldq]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
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
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1], rows of each sequence; masked: not read"},
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads"},
    {"scale", SlotKind::Float, "factor on scores"},
    {"longest", SlotKind::Integer, "length of the longest sequence; masked: rows per sequence"},
    {"mask", SlotKind::Pointer,
     "masked: u8 [batch * longest], 0 for keys that are absent; rows of y whose keys are "
     "all absent are zeros"},
    distanceSlots[0],
    distanceSlots[1],
    distanceSlots[2],
    distanceSlots[3],
    distanceSlots[4],
    distanceSlots[5],
    distanceSlots[6],
    distanceSlots[7],
    distanceSlots[8],
    distanceSlots[9],
    distanceSlots[10],
    distanceSlots[11],
    {"cap", SlotKind::Float, "what scaled products stay below, capped"},
    {"key_cu_seqlens", SlotKind::Pointer, "crossed: i32 [batch + 1], rows of each sequence's keys; paged: not read"},
    {"longest_keys", SlotKind::Integer, "crossed and masked: keys per sequence"},
};
constexpr Parameter parameterTable[] = {
    // of f32 all but the last, of bf16 all but the first
    Parameter::flag("in_bytes"), // paged: pages hold bytes
    Parameter::integer("head_dim", 1, 256),
    Parameter::flag("masked"),
    distanceParameters[0],
    distanceParameters[1],
    distanceParameters[2],
    distanceParameters[3],
    distanceParameters[4],
    distanceParameters[5],
    distanceParameters[6],
    distanceParameters[7],
    distanceParameters[8],
    Parameter::flag("capped"),
    Parameter::integer("grouped", 0, 1 << 20), // heads of q that share one of k and v; 0: each has its own
    Parameter::flag("paged"),                  // causal, a token's column its place; or crossed
    Parameter::flag("crossed"),                // keys are of another axis than queries; nothing goes by distance
    Parameter::flag("y_bf16"),
};

constexpr int64_t lanes = KernelBuilder::lanes;
constexpr int64_t keyBlock = HeadProducts::keyBlock;
constexpr float log2OfE = 1.44269504f;
/// Packing 512 keys is then less than a twentieth of the arithmetic on them.
constexpr int64_t queryBlock = 128;

/// The scratch, in words: every part begins on a cache line.
struct Layout {
  Layout(const Parameters &params, Words words)
      : headDim(params.integer("head_dim")), paddedDim(llvm::alignTo(headDim, lanes)),
        mostRows(HeadProducts::mostRows(words)), bias(HeadProducts::scratchWords(headDim, words)),
        scores(bias + keyBlock), products(scores + mostRows * HeadProducts::longestRow),
        corrections(products + mostRows * paddedDim), sums(corrections + llvm::alignTo(mostRows, lanes)),
        maxima(sums + queryBlock * paddedDim), weights(maxima + queryBlock), columns(weights + queryBlock),
        distances(columns + (Distances::apply(params) ? keyBlock : 0)),
        end(distances + Distances::scratchWords(params)) {}
  int64_t headDim, paddedDim, mostRows;
  // Packed keys and values come first.
  int64_t bias;        // [512]: 0 for a key, -inf for none
  int64_t scores;      // [rows at once][HeadProducts::rowWords], then exponentials
  int64_t products;    // [rows at once][head_dim up to a multiple of 16]: exponentials times values of this block
  int64_t corrections; // [rows at once]: what earlier sums are multiplied by
  int64_t sums;        // [128][likewise]: the same, of earlier blocks
  int64_t maxima;      // [128]: largest score so far
  int64_t weights;     // [128]: sum of exponentials so far
  int64_t columns;     // [512] of keys, where scores go by distance
  int64_t distances;   // biases by distance
  int64_t end;
};

/// Emits one variant; members are what its parts have in common.
class AttentionEmitter {
public:
  AttentionEmitter(KernelBuilder &b, const Parameters &params, Words words)
      : b(b), words(words), headDim(params.integer("head_dim")), grouped(params.integer("grouped")),
        masked(params.flag("masked")), paged(params.flag("paged")), crossed(params.flag("crossed")),
        narrow(words == Words::Bf16Pairs && params.flag("y_bf16")), layout(params, words),
        pageLayout(headDim, words, words == Words::F32 && params.flag("in_bytes")),
        scale(b.broadcast(b.floatSlot(Scale))), cap(params.flag("capped") ? b.broadcast(b.floatSlot(Cap)) : Value()),
        products(b, headDim, words, b.scratch), pageProducts(b, headDim, words, pageLayout),
        distances(b, params, FirstDistance, part(layout.distances)) {}
  void emit();

private:
  KernelBuilder &b;
  const Words words;
  const int64_t headDim, grouped;
  const bool masked, paged, crossed, narrow; ///< narrow: y is bf16
  const Layout layout;
  const CachePages pageLayout;
  Value scale, cap; ///< cap: null for none
  HeadProducts products;
  PageProducts pageProducts;
  const Distances distances;
  Value scoreStride; ///< of the block

  Value part(int64_t offset) { return b.at(b.scratch, offset); }
  Value rowOf(int64_t offset, Value row, int64_t stride) { return b.at(part(offset), b.mul(row, stride)); }
  Value biasAt(Value key) { return b.load(b.at(part(layout.bias), key)); }
  Value scoresOf(Value row) { return b.at(part(layout.scores), b.mul(row, scoreStride)); }

  Rows head(Value base, Value stride, Value row, Value column, Words words);
  /// Where the keys that a panel looks at begin and end, counted from the sequence's first.
  struct KeyRange {
    Value first, end;
  };
  KeyRange keysFor(Value sequence, Value firstQuery, Value queries, Value length);
  /// All queries of a panel, of one head of one sequence.
  struct Queries {
    Rows q, y;
    Value head, first, count; ///< first: counted from the run's first of the sequence
    Value index;              ///< of the sequence
    Sequence sequence;
    ArrayRef<Rows> upcoming;
  };
  /// Where a block's keys and values are: rows to be packed, or pages.
  struct KeySource {
    llvm::function_ref<void(Value keys)> emitPacked;
    PageProducts::PageAt pageAt;
  };
  void emitBlock(const Queries &queries, KeyRange range, Value firstKey, const KeySource &source);
  void emitPrefetch(ArrayRef<Rows> upcoming, Value row);
  void emitBias(Sequence sequence, Value firstKey, Value keys);
  Value scored(Value products, Value key);
  /// Whether scores take more than a product and a sum: they are stored in the products' places then.
  bool storesScores() const { return distances.any() || cap; }
  Value score(Value row, Value key);
  Value storeScore(Value row, const Distances::Query &query, Value keyTerms, Value key, Value keys);
  Value exponentBase(Value largest);
  void emitMaximum(Value row, Value query, const Distances::Query &place, Value keyTerms, Value isFirst, Value keys);
  void emitExponentials(Value row, Value query, Value keys);
  void emitOutputRow(Value row, Value query, Value isFirst, Value isLast, Value y);
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
    Value head = b.rem(rest, heads), column = b.mul(head, headDim), index = b.div(rest, heads);
    Value keyHead = grouped ? b.div(head, b.integer(grouped)) : head, keyColumn = b.mul(keyHead, headDim);
    Sequence sequence = sequences.at(b, index), ofKeys = crossed && !paged ? otherAxis.at(b, index) : sequence;
    Value count = b.min(b.integer(queryBlock), b.sub(sequence.length, firstQuery));
    Value firstRow = b.add(sequence.first, firstQuery);
    auto rowsOf = [&](Value base, Value stride, Value row, Value column) {
      return this->head(base, stride, row, column, words);
    };
    SmallVector<Rows, 3> upcoming = {rowsOf(q, ldq, firstRow, column)};
    if (!paged)
      upcoming.append({rowsOf(k, ldk, firstRow, keyColumn), rowsOf(v, ldv, firstRow, keyColumn)});
    const Queries queries = {upcoming[0], this->head(y, ldy, firstRow, column, narrow ? Words::Bf16Pairs : Words::F32),
                             head,        firstQuery,
                             count,       index,
                             sequence,    upcoming};
    Value before = paged ? b.loadIndex(b.at(cached, index)) : b.integer(0);
    Value keyCount = crossed && paged ? before : b.add(before, ofKeys.length);
    const KeyRange range = keysFor(index, b.add(before, firstQuery), count, keyCount);
    distances.emitTable(b, head, heads);
    b.forRange(range.first, range.end, keyBlock, [&](Value firstKey) {
      // Blocks begin where pages do.
      auto pageAt = [&](Value page) {
        Value table = CachePages::table(b, pages, index), firstPage = b.div(firstKey, b.integer(CachePages::tokens));
        return pageLayout.head(b, table, b.add(firstPage, page), layer, keyHead);
      };
      auto emitPacked = [&](Value keys) {
        Value keyRow = b.add(ofKeys.first, firstKey);
        // What the panel before this one packed: the same head's keys, if these are all of them.
        Value isPacked = b.select(b.less(b.integer(0), firstQuery), b.less(b.begin, panel), b.flag(false));
        isPacked = distances.narrowsKeys()
                       ? b.flag(false)
                       : b.select(b.less(b.integer(keyBlock), ofKeys.length), b.flag(false), isPacked);
        b.ifTrue(b.equal(isPacked, b.flag(false)), [&] {
          products.emitPacked(rowsOf(k, ldk, keyRow, keyColumn), rowsOf(v, ldv, keyRow, keyColumn), keys);
          emitBias(ofKeys, firstKey, keys);
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
  KeyRange range = {first, end};
  // A shorter sequence than the longest has panels without queries.
  range.end = b.select(b.less(b.integer(0), queries), range.end, range.first);
  return range;
}

/// A head's columns of rows, strides counting words.
Rows AttentionEmitter::head(Value base, Value stride, Value row, Value column, Words words) {
  Value element = b.add(b.mul(row, stride), column);
  if (words == Words::F32)
    return {b.at(base, element), stride};
  return {b.atBf16(base, element), b.div(stride, b.integer(elementsPerWord(words)))};
}

/// All queries of the panel against one block of keys.
void AttentionEmitter::emitBlock(const Queries &queries, KeyRange range, Value firstKey, const KeySource &source) {
  const auto &[q, y, head, firstQuery, count, index, sequence, upcoming] = queries;
  Value keys = b.min(b.integer(keyBlock), b.sub(range.end, firstKey));
  Value isFirst = b.equal(firstKey, range.first);
  Value isLast = b.equal(b.add(firstKey, keys), range.end);
  Value isInPlace = paged ? b.less(count, b.integer(PageProducts::fewRows)) : b.flag(false);
  auto whereKeysAre = [&](KernelBuilder::Body inPages, KernelBuilder::Body together) {
    paged ? b.ifElse(isInPlace, inPages, together) : together();
  };
  if (paged) {
    b.ifTrue(b.equal(isInPlace, b.flag(false)), [&] { products.emitGathered(pageLayout, source.pageAt, keys); });
    emitBias({}, firstKey, keys);
  } else {
    source.emitPacked(keys);
  }

  scoreStride = products.rowWords(keys);
  const Rows scores = {part(layout.scores), scoreStride};
  b.forRange(b.integer(0), count, products.rowsAtOnce(), [&](Value query) {
    Value rows = b.min(b.integer(products.rowsAtOnce()), b.sub(count, query));
    const Rows x = {b.at(q.base, b.mul(query, q.stride)), q.stride};
    whereKeysAre([&] { pageProducts.emitScores(products.wholeWords(x, rows), rows, source.pageAt, keys, scores); },
                 [&] { products.emitScores(x, rows, keys, scores); });
    // Two short loops instead of one: a row is a chain of waits (maximum, exponentials, sum), which the machine fills
    // with the work of the rows behind it only while these are near (12 heads of 128 x 128 x 32: 135 us against 143).
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Value at = b.add(query, row);
      const Distances::Query place = distances.query(b, b.add(b.add(sequence.first, firstQuery), at), head, index);
      emitMaximum(row, at, place, distances.keyTermsOf(b, b.add(sequence.first, firstKey), head), isFirst, keys);
    });
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      emitPrefetch(upcoming, b.add(query, row));
      emitExponentials(row, b.add(query, row), keys);
    });
    const Rows sums = {part(layout.products), b.integer(layout.paddedDim)};
    whereKeysAre([&] { pageProducts.emitProducts(scores, rows, source.pageAt, keys, sums); },
                 [&] { products.emitProducts(scores, rows, keys, sums); });
    b.forRange(b.integer(0), rows, 1, [&](Value row) {
      Value at = b.add(query, row);
      emitOutputRow(row, at, isFirst, isLast, b.at(y.base, b.mul(at, y.stride)));
    });
  });
}

/// With every query, asks for the same row of what the next head will read, which lies beside this head's columns: rows
/// are so far apart that the machine does not foresee them (8 x 128, 12 heads of 64, from memory: 2.47 ms, now 2.09).
/// The last head asks in vain.
void AttentionEmitter::emitPrefetch(ArrayRef<Rows> upcoming, Value row) {
  const int64_t depth = llvm::divideCeil(headDim, elementsPerWord(words));
  for (Rows rows : upcoming)
    for (int64_t c = depth; c < 2 * depth; c += lanes)
      b.prefetch(b.at(b.at(rows.base, b.mul(row, rows.stride)), c));
}

/// 0 for keys, -inf for lanes without one: added to scores, these get a weight of exactly 0. And the keys' columns.
void AttentionEmitter::emitBias(Sequence sequence, Value firstKey, Value keys) {
  b.forRange(b.integer(0), keys, lanes, [&](Value key) {
    Value present = b.firstLanes(b.sub(keys, key));
    if (masked) {
      Value row = b.add(sequence.first, b.add(firstKey, key));
      present = b.nonZeroBytes(b.atByte(sequence.mask, row), present);
    }
    b.store(b.select(present, b.splat(0.0f), b.splat(-INFINITY)), b.at(part(layout.bias), key));
    if (!distances.any())
      return;
    if (paged) {
      b.store(b.floatsOf(b.add(b.broadcast(b.wordOf(b.add(firstKey, key))), b.laneNumbers())),
              b.at(part(layout.columns), key));
    } else {
      Value token = b.add(sequence.first, b.add(firstKey, key));
      b.store(b.load(distances.column(b, token), b.firstLanes(b.sub(keys, key))), b.at(part(layout.columns), key));
    }
  });
}

/// What sixteen products come to: scaled, capped, and -inf where there is no key.
Value AttentionEmitter::scored(Value products, Value key) {
  if (!cap)
    return b.fma(products, scale, biasAt(key));
  return b.fma(cap, emitTanh(b, b.div(b.mul(products, scale), cap)), biasAt(key));
}

Value AttentionEmitter::score(Value row, Value key) { return scored(b.load(b.at(scoresOf(row), key)), key); }

/// The same, with what goes by distance, and stored in its place for what comes.
Value AttentionEmitter::storeScore(Value row, const Distances::Query &query, Value keyTerms, Value key, Value keys) {
  Value scores = b.load(b.at(scoresOf(row), key));
  if (distances.any()) {
    Value away = distances.away(b, query.column, b.loadWords(b.at(part(layout.columns), key)));
    if (distances.hasTerms())
      scores = distances.addTerms(b, scores, away, query.terms, distances.keyRow(b, keyTerms, key),
                                  b.firstLanes(b.sub(keys, key)));
    scores = distances.change(b, scored(scores, key), away, query);
  } else {
    scores = scored(scores, key);
  }
  b.store(scores, b.at(scoresOf(row), key));
  return scores;
}

/// What exponentials are relative to: the largest score so far. While all keys so far are masked that is -inf; any
/// number then serves as well, and -inf - -inf would not.
Value AttentionEmitter::exponentBase(Value largest) {
  return b.broadcast(b.select(b.equal(largest, b.scalar(-INFINITY)), b.scalar(0.0f), largest));
}

/// Brings a row's maximum up to date and corrects the weight that was summed relative to the one before.
void AttentionEmitter::emitMaximum(Value row, Value query, const Distances::Query &place, Value keyTerms, Value isFirst,
                                   Value keys) {
  Value maximum = rowOf(layout.maxima, query, 1), weight = rowOf(layout.weights, query, 1);
  Value before = b.select(isFirst, b.scalar(-INFINITY), b.loadScalar(maximum));
  Value lanesLargest = b.forRange(b.integer(0), keys, lanes, b.broadcast(before), [&](Value key, ValueRange carried) {
    return KernelBuilder::Values{
        b.max(carried[0], storesScores() ? storeScore(row, place, keyTerms, key, keys) : score(row, key))};
  })[0];
  Value largest = b.maxOfLanes(lanesLargest);
  b.storeScalar(largest, maximum);
  b.ifElse(
      isFirst, [&] { b.storeScalar(b.scalar(0.0f), weight); },
      [&] {
        Value correction = b.firstLane(emitExp(b, b.sub(b.broadcast(before), exponentBase(largest))));
        b.storeScalar(correction, rowOf(layout.corrections, row, 1));
        b.storeScalar(b.mul(b.loadScalar(weight), correction), weight);
      });
}

/// Turns a row's scores into exponentials, which take their place, and adds them to its weight. In bf16 they fill the
/// first half of it: what is written was read before.
void AttentionEmitter::emitExponentials(Value row, Value query, Value keys) {
  Value weight = rowOf(layout.weights, query, 1), exponentials = scoresOf(row);
  Value base = exponentBase(b.loadScalar(rowOf(layout.maxima, query, 1)));
  // In bf16 of 2, so that its logarithm is multiplied in with the scale.
  Value binaryScale = b.mul(scale, b.splat(log2OfE)), negativeBase = b.mul(base, b.splat(-log2OfE));
  auto exponential = [&](Value key) {
    Value stored = b.load(b.at(exponentials, key));
    if (words == Words::F32) {
      Value e = emitExp(b, b.sub(storesScores() ? stored : score(row, key), base));
      b.store(e, b.at(exponentials, key));
      return e;
    }
    Value exponent = storesScores() ? b.fma(stored, b.splat(log2OfE), negativeBase)
                                    : b.add(b.fma(stored, binaryScale, biasAt(key)), negativeBase);
    // The weight is the sum of what is multiplied, so that weights add up to one.
    return b.storeRoundedBf16(emitExp2(b, exponent), b.atBf16(exponentials, key));
  };
  Value sums = b.forRange(b.integer(0), keys, lanes, b.splat(0.0f), [&](Value key, ValueRange carried) {
    return KernelBuilder::Values{b.add(carried[0], exponential(key))};
  })[0];
  products.emitRowEnd(exponentials, keys);
  b.storeScalar(b.add(b.loadScalar(weight), b.sumOfLanes(sums)), weight);
}

/// Adds a row's product to what earlier blocks gave; after the last block divides by the weight and writes the result.
void AttentionEmitter::emitOutputRow(Value row, Value query, Value isFirst, Value isLast, Value y) {
  Value product = rowOf(layout.products, row, layout.paddedDim), sum = rowOf(layout.sums, query, layout.paddedDim);
  b.ifTrue(b.equal(isFirst, b.flag(false)), [&] {
    Value correction = b.broadcast(b.loadScalar(rowOf(layout.corrections, row, 1)));
    b.forRange(b.integer(0), b.integer(layout.paddedDim), lanes, [&](Value c) {
      Value v = b.fma(b.load(b.at(sum, c)), correction, b.load(b.at(product, c)));
      b.store(v, b.at(product, c));
    });
  });
  b.ifElse(
      isLast,
      [&] {
        Value weight = b.loadScalar(rowOf(layout.weights, query, 1));
        // Without a single key the weight is 0, and so is the product.
        Value inverse = b.div(b.scalar(1.0f), b.select(b.equal(weight, b.scalar(0.0f)), b.scalar(1.0f), weight));
        b.forVectors(b.integer(headDim), [&](Value c, Value mask) {
          Value v = b.mul(b.load(b.at(product, c)), b.broadcast(inverse));
          if (narrow)
            b.storeBf16(v, b.atBf16(y, c), mask);
          else
            b.store(v, b.at(y, c), mask);
        });
      },
      [&] {
        b.forRange(b.integer(0), b.integer(layout.paddedDim), lanes,
                   [&](Value c) { b.store(b.load(b.at(product, c)), b.at(sum, c)); });
      });
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
  int64_t scratchBytes(const Parameters &params) const override { return Layout(params, words).end * sizeof(float); }
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
