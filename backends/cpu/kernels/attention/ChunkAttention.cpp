// chunk_attention_f32: y = softmax(scale Q K^T) V per sequence and head, of keys in the chunks beside a query's: places
// are cut into chunks, and lists say which tokens stand at which places, one behind the other (sort_tokens). A place is
// a token's column, or its rank in a list; then there are as many lists for each head as rounds, whose chunks follow
// each other, and a call is of one round, of which all tokens are queries. What rounds give is added up from call to
// call, relative to the largest of the logarithms of their sums so far (Milakov and Gimelshein 2018).
//
// A panel is some places of a list. The queries of its part of a chunk and the keys of each chunk beside it are brought
// together in scratch, where they are multiplied as rows of any attention are (HeadProducts.h). Which keys come in
// which order depends on nothing but the sequence and its places, so the bits are the same alone and in any batch.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"
#include "backends/cpu/kernels/VectorMath.h"
#include "backends/cpu/kernels/attention/HeadProducts.h"

#include <limits>

using namespace mlir;

namespace lathe {
namespace {

enum { Q, LdQ, K, LdK, V, LdV, Y, LdY, CuSeqlens, Batch, Heads, Scale, Longest, Mask, RowColumns, Columns };
enum { Order = Columns + 1, LdO, State, Chunk, Before, After, Above, Multiple, Round, Rounds, Block };

constexpr Slot slotTable[] = {
    {"q", SlotKind::Pointer, "rows [T][ldq]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
    {"ldq", SlotKind::Integer, "elements from a row of q to the next"},
    {"k", SlotKind::Pointer, "likewise"},
    {"ldk", SlotKind::Integer, "likewise"},
    {"v", SlotKind::Pointer, "likewise"},
    {"ldv", SlotKind::Integer, "likewise"},
    {"y", SlotKind::Pointer, "likewise; may not overlap q, k or v; rows without a token are zeros"},
    {"ldy", SlotKind::Integer, "likewise"},
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1], rows of each sequence; masked: not read"},
    {"batch", SlotKind::Integer, "sequences"},
    {"heads", SlotKind::Integer, "heads"},
    {"scale", SlotKind::Float, "factor on scores"},
    {"longest", SlotKind::Integer, "length of the longest sequence; masked: rows per sequence"},
    {"mask", SlotKind::Pointer, "masked: u8 [batch * longest], 0 for rows that hold no token"},
    {"row_columns", SlotKind::Pointer, "i32 [batch], columns of each sequence's row"},
    {"columns", SlotKind::Pointer, "i32 [T], each token's column, rising; hashed: not read"},
    {"order", SlotKind::Pointer, "i32 rows [T][ldo] of lists, as sort_tokens gives them: one, hashed heads * rounds"},
    {"ldo", SlotKind::Integer, "elements from a row of order to the next"},
    {"state", SlotKind::Pointer,
     "rows [T][heads * 2] that are kept from call to call; of one round neither read nor "
     "written"},
    {"chunk", SlotKind::Integer, "places of a chunk"},
    {"before", SlotKind::Integer, "chunks before its own that a query sees"},
    {"after", SlotKind::Integer, "likewise, after"},
    {"above", SlotKind::Integer, "rows of more columns than this have the next multiple of `multiple` places"},
    {"multiple", SlotKind::Integer, "of chunk"},
    {"round", SlotKind::Integer, "which round"},
    {"rounds", SlotKind::Integer, "of how many"},
    {"block", SlotKind::Integer, "places of a panel, at most 128"},
};
constexpr Parameter parameterTable[] = {
    Parameter::integer("head_dim", 1, 4096),
    Parameter::flag("hashed"),
    Parameter::flag("causal"),
    Parameter::flag("masked"),
};

constexpr int64_t lanes = KernelBuilder::lanes, keyBlock = HeadProducts::keyBlock, queryBlock = 128;
/// Scores of keys that are not seen, and of a token with itself where lists are hashed: no others are as low, and
/// beside any other their exponentials are 0.
constexpr float unseen = -1e9f, withItself = -1e5f;

/// The scratch, in words.
struct Scratch {
  explicit Scratch(const Parameters &params)
      : widths{params.integer("head_dim"), params.integer("head_dim")}, width(llvm::alignTo(widths.key, lanes)),
        queries(HeadProducts::scratchWords(widths, Words::F32)), keys(queries + queryBlock * width),
        values(keys + keyBlock * width), queryTokens(values + keyBlock * width), keyTokens(queryTokens + queryBlock),
        scores(keyTokens + keyBlock), products(scores + tileRows * HeadProducts::longestRow),
        corrections(products + tileRows * width), sums(corrections + lanes), maxima(sums + queryBlock * width),
        weights(maxima + queryBlock), end(weights + queryBlock) {}
  HeadWidths widths;
  int64_t width; ///< of a head, up to a multiple of 16
  // Packed keys and values come first.
  int64_t queries;     // [128][width]
  int64_t keys;        // [512][width]
  int64_t values;      // likewise
  int64_t queryTokens; // [128]: where in the sequence they are
  int64_t keyTokens;   // [512]
  int64_t scores;      // [8][512 and a few], then exponentials
  int64_t products;    // [8][width]: exponentials times values of this block
  int64_t corrections; // [8]: what earlier sums are multiplied by
  int64_t sums;        // [128][width]: the same, of all blocks so far
  int64_t maxima;      // [128]: largest score so far
  int64_t weights;     // [128]: sum of exponentials so far
  int64_t end;
};

/// Emits one variant; members are what its parts have in common.
class ChunkEmitter {
public:
  ChunkEmitter(KernelBuilder &b, const Parameters &params)
      : b(b), hashed(params.flag("hashed")), causal(params.flag("causal")), masked(params.flag("masked")),
        layout(params), products(b, layout.widths, Words::F32, b.scratch), zero(b.integer(0)),
        scale(b.broadcast(b.floatSlot(Scale))) {}
  void emit();

private:
  KernelBuilder &b;
  const bool hashed, causal, masked;
  const Scratch layout;
  HeadProducts products;
  const Value zero, scale;

  /// A head of a sequence.
  struct Head {
    Sequence sequence;
    Value head, tokens;    ///< tokens: how many the sequence has
    Value chunks, round;   ///< of a round; which round, 0 where a chunk is all
    Value allChunks;       ///< of all rounds that there are
    Value isFirst, isLast; ///< round
    Rows q, k, v, y;       ///< from the sequence's first row on
  };
  Value part(int64_t offset) { return b.at(b.scratch, offset); }
  Value rowOf(int64_t offset, Value row) { return b.at(part(offset), b.mul(row, layout.width)); }
  Value wordOf(int64_t offset, Value index) { return b.at(part(offset), index); }
  void forWidth(llvm::function_ref<void(Value column, Value mask)> body) {
    b.forVectors(b.integer(layout.widths.key), body);
  }
  Value expOf(Value scalar) { return b.firstLane(emitExp(b, b.broadcast(scalar))); }

  void emitAbsent(const Head &of, Value first, Value end);
  Value tokensOf(Sequence sequence);
  Head headAt(Value index, Value head, const Sequences &sequences);
  Value listed(const Head &of, Value round, Value place);
  Value columnAt(const Head &of, Value place);
  Value firstOfChunk(const Head &of, Value chunk);
  void emitRows(const Head &of, Value round, Value first, Value count, Rows from, int64_t to, int64_t tokens);
  void emitRun(const Head &of, Value chunk, Value first, Value count);
  void emitKeys(const Head &of, Value round, Value firstKey, Value keys, Value queries);
  void emitMaximum(Value row, Value query, Value keys);
  void emitExponentials(Value row, Value query, Value keys);
  void emitResult(const Head &of, Value query);
};

void ChunkEmitter::emit() {
  Value heads = b.integerSlot(Heads), block = b.integerSlot(Block), chunk = b.integerSlot(Chunk);
  Value blocks = b.ceilDiv(b.integerSlot(Longest), block);
  Sequences sequences(b, masked, CuSeqlens, Mask, Longest);
  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value rest = b.div(panel, blocks);
    const Head of = headAt(b.div(rest, heads), b.rem(rest, heads), sequences);
    Value first = b.mul(b.rem(panel, blocks), block), end = b.min(of.tokens, b.add(first, block));
    if (masked)
      emitAbsent(of, first, b.min(of.sequence.length, b.add(first, block)));
    // Where a chunk is all there is one round.
    Value isWanted = b.select(b.equal(of.round, b.integerSlot(Round)), b.less(first, end), b.flag(false));
    b.ifTrue(isWanted, [&] {
      auto chunkOf = [&](Value place) { return b.div(hashed ? place : columnAt(of, place), chunk); };
      b.forRange(chunkOf(first), b.add(chunkOf(b.add(end, -1)), 1), 1, [&](Value number) {
        Value from = b.max(first, firstOfChunk(of, number)), to = b.min(end, firstOfChunk(of, b.add(number, 1)));
        b.ifTrue(b.less(from, to), [&] { emitRun(of, number, from, b.sub(to, from)); });
      });
    });
  });
}

/// Zeros in rows that hold no token, of those from a first one on.
void ChunkEmitter::emitAbsent(const Head &of, Value first, Value end) {
  b.forRange(first, end, 1, [&](Value row) {
    b.ifElse(
        of.sequence.present(b, row), [] {},
        [&] {
          Value y = b.at(of.y.base, b.mul(row, of.y.stride));
          forWidth([&](Value column, Value mask) { b.store(b.splat(0.0f), b.at(y, column), mask); });
        });
  });
}

Value ChunkEmitter::tokensOf(Sequence sequence) {
  if (!masked)
    return sequence.length;
  return b.forRange(zero, sequence.length, lanes, zero, [&](Value row, ValueRange count) {
    Value present =
        b.nonZeroBytes(b.atByte(sequence.mask, b.add(sequence.first, row)), b.firstLanes(b.sub(sequence.length, row)));
    return KernelBuilder::Values{b.add(count[0], b.countOf(present))};
  })[0];
}

ChunkEmitter::Head ChunkEmitter::headAt(Value index, Value head, const Sequences &sequences) {
  Sequence sequence = sequences.at(b, index);
  Value columns = b.loadIndex(b.at(b.pointerSlot(RowColumns), index)), multiple = b.integerSlot(Multiple);
  Value places =
      b.select(b.less(b.integerSlot(Above), columns), b.mul(b.ceilDiv(columns, multiple), multiple), columns);
  Value isCut = b.less(b.integerSlot(Chunk), places), one = b.integer(1);
  Value rounds = b.select(isCut, b.integerSlot(Rounds), one), round = b.select(isCut, b.integerSlot(Round), zero);
  Value chunks = b.select(isCut, b.div(places, b.integerSlot(Chunk)), one);
  auto rowsOf = [&](unsigned base) {
    return rowsFrom(b, Words::F32, b.pointerSlot(base), b.integerSlot(base + 1), sequence.first,
                    b.mul(head, layout.widths.key));
  };
  return {.sequence = sequence,
          .head = head,
          .tokens = tokensOf(sequence),
          .chunks = chunks,
          .round = round,
          .allChunks = b.mul(chunks, rounds),
          .isFirst = b.equal(round, zero),
          .isLast = b.equal(b.add(round, 1), rounds),
          .q = rowsOf(Q),
          .k = rowsOf(K),
          .v = rowsOf(V),
          .y = rowsOf(Y)};
}

/// The token at a place of the head's list.
Value ChunkEmitter::listed(const Head &of, Value round, Value place) {
  Value list = hashed ? b.add(b.mul(of.head, b.integerSlot(Rounds)), round) : zero;
  Value row = b.mul(b.add(of.sequence.first, place), b.integerSlot(LdO));
  return b.loadIndex(b.at(b.pointerSlot(Order), b.add(row, list)));
}

Value ChunkEmitter::columnAt(const Head &of, Value place) {
  return b.loadIndex(b.at(b.pointerSlot(Columns), b.add(of.sequence.first, listed(of, zero, place))));
}

/// How many tokens stand before a chunk of a round.
Value ChunkEmitter::firstOfChunk(const Head &of, Value chunk) {
  Value place = b.mul(chunk, b.integerSlot(Chunk));
  if (hashed)
    return b.min(place, of.tokens);
  // Columns rise: the answer lies in [bounds 0, bounds 1].
  return b.forRange(zero, b.integer(32), 1, {zero, of.tokens}, [&](Value, ValueRange bounds) {
    Value middle = b.div(b.add(bounds[0], bounds[1]), b.integer(2));
    Value isOpen = b.less(bounds[0], bounds[1]), last = b.add(of.tokens, -1);
    Value isBefore = b.less(columnAt(of, b.min(middle, last)), place);
    Value lower = b.select(isBefore, b.add(middle, 1), bounds[0]), upper = b.select(isBefore, bounds[1], middle);
    return KernelBuilder::Values{b.select(isOpen, lower, bounds[0]), b.select(isOpen, upper, bounds[1])};
  })[0];
}

/// Brings rows together of so many tokens from a place on, and which these are.
void ChunkEmitter::emitRows(const Head &of, Value round, Value first, Value count, Rows from, int64_t to,
                            int64_t tokens) {
  b.forRange(zero, count, 1, [&](Value row) {
    Value token = listed(of, round, b.add(first, row)), target = rowOf(to, row);
    Value source = b.at(from.base, b.mul(token, from.stride));
    b.storeScalar(b.wordOf(token), wordOf(tokens, row));
    forWidth([&](Value column, Value mask) { b.store(b.load(b.at(source, column), mask), b.at(target, column)); });
  });
}

/// Up to 128 queries of one chunk.
void ChunkEmitter::emitRun(const Head &of, Value chunk, Value first, Value count) {
  emitRows(of, of.round, first, count, of.q, layout.queries, layout.queryTokens);
  b.forRange(zero, count, 1, [&](Value query) {
    b.storeScalar(b.scalar(std::numeric_limits<float>::lowest()), wordOf(layout.maxima, query));
    b.storeScalar(b.scalar(0.0f), wordOf(layout.weights, query));
    b.forRange(zero, b.integer(layout.width), lanes,
               [&](Value column) { b.store(b.splat(0.0f), b.at(rowOf(layout.sums, query), column)); });
  });
  Value isWhole = b.equal(of.allChunks, b.integer(1)), own = b.add(b.mul(of.round, of.chunks), chunk);
  Value before = b.select(isWhole, zero, b.integerSlot(Before)), after = b.select(isWhole, zero, b.integerSlot(After));
  b.forRange(b.sub(zero, before), b.add(after, 1), 1, [&](Value by) {
    Value isAround = b.less(b.max(by, b.sub(zero, by)), of.allChunks);
    Value moved = b.rem(b.add(b.add(own, of.allChunks), by), of.allChunks);
    Value seen = b.select(isAround, moved, own), round = b.div(seen, of.chunks), inRound = b.rem(seen, of.chunks);
    Value end = firstOfChunk(of, b.add(inRound, 1));
    b.forRange(firstOfChunk(of, inRound), end, keyBlock, [&](Value firstKey) {
      emitKeys(of, round, firstKey, b.min(b.integer(keyBlock), b.sub(end, firstKey)), count);
    });
  });
  b.forRange(zero, count, 1, [&](Value query) { emitResult(of, query); });
}

/// The run's queries against a block of keys.
void ChunkEmitter::emitKeys(const Head &of, Value round, Value firstKey, Value keys, Value queries) {
  emitRows(of, round, firstKey, keys, of.k, layout.keys, layout.keyTokens);
  emitRows(of, round, firstKey, keys, of.v, layout.values, layout.keyTokens);
  Value width = b.integer(layout.width);
  products.emitPacked({part(layout.keys), width}, {part(layout.values), width}, keys);
  const Rows scores = {part(layout.scores), products.rowWords(keys)}, results = {part(layout.products), width};
  b.forRange(zero, queries, tileRows, [&](Value query) {
    Value rows = b.min(b.integer(tileRows), b.sub(queries, query));
    products.emitScores({rowOf(layout.queries, query), width}, rows, keys, scores);
    b.forRange(zero, rows, 1, [&](Value row) { emitMaximum(row, b.add(query, row), keys); });
    b.forRange(zero, rows, 1, [&](Value row) { emitExponentials(row, b.add(query, row), keys); });
    products.emitProducts(scores, rows, keys, results);
    b.forRange(zero, rows, 1, [&](Value row) {
      Value correction = b.broadcast(b.loadScalar(wordOf(layout.corrections, row)));
      Value sum = rowOf(layout.sums, b.add(query, row)), product = rowOf(layout.products, row);
      b.forRange(zero, width, lanes, [&](Value c) {
        b.store(b.fma(b.load(b.at(sum, c)), correction, b.load(b.at(product, c))), b.at(sum, c));
      });
    });
  });
}

/// Turns a row's products into scores, and brings its maximum up to date.
void ChunkEmitter::emitMaximum(Value row, Value query, Value keys) {
  Value scores = b.at(part(layout.scores), b.mul(row, products.rowWords(keys)));
  Value own = b.broadcast(b.loadWord(wordOf(layout.queryTokens, query)));
  Value before = b.loadScalar(wordOf(layout.maxima, query));
  Value byLanes = b.forRange(zero, keys, lanes, b.broadcast(before), [&](Value key, ValueRange carried) {
    Value score = b.mul(b.load(b.at(scores, key)), scale), token = b.loadWords(wordOf(layout.keyTokens, key));
    if (causal)
      score = b.select(b.less(own, token), b.splat(unseen), score);
    if (hashed)
      score = b.select(b.equal(own, token), b.splat(withItself), score);
    score = b.select(b.firstLanes(b.sub(keys, key)), score, b.splat(-INFINITY));
    b.store(score, b.at(scores, key));
    return KernelBuilder::Values{b.max(carried[0], score)};
  })[0];
  Value largest = b.maxOfLanes(byLanes), correction = expOf(b.sub(before, largest));
  b.storeScalar(largest, wordOf(layout.maxima, query));
  b.storeScalar(correction, wordOf(layout.corrections, row));
  b.storeScalar(b.mul(b.loadScalar(wordOf(layout.weights, query)), correction), wordOf(layout.weights, query));
}

void ChunkEmitter::emitExponentials(Value row, Value query, Value keys) {
  Value scores = b.at(part(layout.scores), b.mul(row, products.rowWords(keys)));
  Value largest = b.broadcast(b.loadScalar(wordOf(layout.maxima, query))), weight = wordOf(layout.weights, query);
  Value sum = b.forRange(zero, keys, lanes, b.splat(0.0f), [&](Value key, ValueRange carried) {
    Value exponential = emitExp(b, b.sub(b.load(b.at(scores, key)), largest));
    b.store(exponential, b.at(scores, key));
    return KernelBuilder::Values{b.add(carried[0], exponential)};
  })[0];
  b.storeScalar(b.add(b.loadScalar(weight), b.sumOfLanes(sum)), weight);
}

/// What all of a query's keys gave, added to what earlier rounds did. Logarithms of sums are rounded where the scores
/// are (see xf.chunk_attention).
void ChunkEmitter::emitResult(const Head &of, Value query) {
  auto logSum = [&](Value largest, Value sum) { return b.add(largest, b.firstLane(emitLog(b, b.broadcast(sum)))); };
  Value token = b.loadIndex(wordOf(layout.queryTokens, query)), sums = rowOf(layout.sums, query);
  Value y = b.at(of.y.base, b.mul(token, of.y.stride));
  Value row = b.mul(b.add(of.sequence.first, token), b.mul(b.integerSlot(Heads), 2));
  Value state = b.at(b.pointerSlot(State), b.add(row, b.mul(of.head, 2)));
  Value largest = b.loadScalar(wordOf(layout.maxima, query));
  Value ofRound = logSum(largest, b.loadScalar(wordOf(layout.weights, query)));
  auto write = [&](llvm::function_ref<Value(Value column, Value mask)> value) {
    forWidth([&](Value column, Value mask) { b.store(value(column, mask), b.at(y, column), mask); });
  };
  auto weighed = [&](Value factor, Value column) { return b.mul(b.load(b.at(sums, column)), b.broadcast(factor)); };
  Value share = expOf(b.sub(largest, ofRound)); // what the sums are divided by
  b.ifElse(
      of.isFirst,
      [&] {
        write([&](Value column, Value) { return weighed(share, column); });
        b.ifTrue(b.equal(of.isLast, b.flag(false)), [&] {
          b.storeScalar(ofRound, state);
          b.storeScalar(b.scalar(1.0f), b.at(state, 1));
        });
      },
      [&] {
        Value before = b.loadScalar(state), highest = b.max(before, ofRound);
        Value correction = expOf(b.sub(before, highest)), weight = expOf(b.sub(ofRound, highest));
        Value sum = b.add(b.mul(b.loadScalar(b.at(state, 1)), correction), weight);
        b.storeScalar(highest, state);
        b.storeScalar(sum, b.at(state, 1));
        Value all = b.select(of.isLast, expOf(b.sub(highest, logSum(highest, sum))), b.scalar(1.0f));
        Value ofEarlier = b.broadcast(b.mul(correction, all)), ofThis = b.mul(b.mul(share, weight), all);
        write([&](Value column, Value mask) {
          return b.fma(b.load(b.at(y, column), mask), ofEarlier, weighed(ofThis, column));
        });
      });
}

class ChunkAttention final : public KernelFamily {
public:
  ChunkAttention() : KernelFamily("chunk_attention_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override { ChunkEmitter(b, params).emit(); }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(b.mul(slots[Batch], slots[Heads]), b.ceilDiv(slots[Longest], slots[Block]));
  }
  int64_t scratchBytes(const Parameters &params) const override { return Scratch(params).end * sizeof(float); }
};

} // namespace

const KernelFamily &kernel_chunk_attention_f32() {
  static const ChunkAttention family;
  return family;
}

} // namespace lathe
