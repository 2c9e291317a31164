// hash_buckets_f32: of each head of x, in each of some rounds, the bucket that it falls into by its products with a few
// columns R: the index of the greatest of [x R, -x R], the first such (Andoni et al. 2015). Where buckets are counted
// by several factors, a call is of one of them, whose index is a digit of what earlier calls gave.
#include "backends/cpu/kernels/Greatest.h"
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/MicroTile.h"
#include "backends/cpu/kernels/Packing.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Rotations, Given, LdR, First, Columns, RoundColumns, Y, LdY, M, Heads, Rounds, Digit };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "rows [M][ldx]; head h is columns [h * head_dim, (h + 1) * head_dim)"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"rotations", SlotKind::Pointer, "rows [heads * head_dim][ldr]"},
    {"given", SlotKind::Pointer, "others in their place, or null"},
    {"ldr", SlotKind::Integer, "elements from a row of rotations to the next"},
    {"first", SlotKind::Integer, "of a round's columns of rotations the first that this call is of"},
    {"columns", SlotKind::Integer, "how many these are, at least 1"},
    {"round_columns", SlotKind::Integer, "columns of rotations from a round to the next"},
    {"y", SlotKind::Pointer, "i32 rows [M][ldy] of heads * rounds; may not overlap x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"heads", SlotKind::Integer, "heads"},
    {"rounds", SlotKind::Integer, "rounds"},
    {"digit", SlotKind::Integer, "what an index counts; beyond 1 it is added to what y holds"},
};
constexpr Parameter parameterTable[] = {Parameter::integer("head_dim", 1, 4096)};

constexpr int64_t lanes = KernelBuilder::lanes;
/// Rows of a panel, for all of which columns of rotations are packed once.
constexpr int64_t panelRows = 64;

/// The scratch, in words.
struct Scratch {
  explicit Scratch(int64_t headDim)
      : products(tilePanels * headDim * lanes), greatest(products + tileRows * tileColumns),
        results(greatest + panelRows * 4 * lanes), end(results + lanes) {}
  // First the packed columns, [3][head_dim][16].
  int64_t products; // [8][48]
  int64_t greatest; // [64][4][16]: by lanes the greatest so far and its column, and the same of negated ones
  int64_t results;  // the same of all lanes
  int64_t end;
};

class HashEmitter {
public:
  HashEmitter(KernelBuilder &b, int64_t headDim) : b(b), headDim(headDim), layout(headDim) {}
  void emit();

private:
  KernelBuilder &b;
  const int64_t headDim;
  const Scratch layout;

  Value part(int64_t offset) { return b.at(b.scratch, offset); }
  Value greatestAt(Value row, int64_t which) {
    return b.at(part(layout.greatest + which * lanes), b.mul(row, 4 * lanes));
  }
  void emitClear(Value rows);
  void emitProducts(Rows x, Value rows, Panels packed, Value firstColumn, Value columns);
  Value index(Value row);
};

void HashEmitter::emit() {
  Value heads = b.integerSlot(Heads), rounds = b.integerSlot(Rounds), columns = b.integerSlot(Columns);
  Value given = b.pointerSlot(Given), rotations = b.select(b.isNull(given), b.pointerSlot(Rotations), given),
        ldr = b.integerSlot(LdR), ldy = b.integerSlot(LdY);
  Value digit = b.integerSlot(Digit), isFirst = b.equal(digit, b.integer(1));
  const Panels packed = {b.scratch, b.integer(headDim * lanes)};
  b.forRange(b.begin, b.end, 1, [&](Value panel) {
    Value firstRow = b.mul(panel, panelRows), rows = b.min(b.integer(panelRows), b.sub(b.integerSlot(M), firstRow));
    b.forRange(b.integer(0), b.mul(heads, rounds), 1, [&](Value list) {
      Value head = b.div(list, rounds), round = b.rem(list, rounds), firstOfHead = b.mul(head, headDim);
      const Rows x = rowsFrom(b, Words::F32, b.pointerSlot(X), b.integerSlot(LdX), firstRow, firstOfHead);
      Value column = b.add(b.mul(round, b.integerSlot(RoundColumns)), b.integerSlot(First));
      emitClear(rows);
      b.forRange(b.integer(0), columns, tileColumns, [&](Value group) {
        Value count = b.min(b.integer(tileColumns), b.sub(columns, group));
        const Rows source = rowsFrom(b, Words::F32, rotations, ldr, firstOfHead, b.add(column, group));
        emitPack(b, source, b.integer(headDim), count, packed);
        emitProducts(x, rows, packed, group, count);
      });
      b.forRange(b.integer(0), rows, 1, [&](Value row) {
        Value y = b.at(b.pointerSlot(Y), b.add(b.mul(b.add(firstRow, row), ldy), list));
        Value bucket = b.mul(index(row), digit);
        b.ifElse(
            isFirst, [&] { b.storeScalar(b.wordOf(bucket), y); },
            [&] { b.storeScalar(b.wordOf(b.add(b.loadIndex(y), bucket)), y); });
      });
    });
  });
}

void HashEmitter::emitClear(Value rows) {
  b.forRange(b.integer(0), rows, 1, [&](Value row) {
    for (int64_t which = 0; which < 4; ++which)
      b.store(b.splat(which % 2 ? 0.0f : -INFINITY), greatestAt(row, which));
  });
}

/// Of the rows' products with packed columns, keeps the greatest.
void HashEmitter::emitProducts(Rows x, Value rows, Panels packed, Value firstColumn, Value columns) {
  const Rows products = {part(layout.products), b.integer(tileColumns)};
  b.forRange(b.integer(0), rows, tileRows, [&](Value first) {
    Value count = b.min(b.integer(tileRows), b.sub(rows, first));
    emitTile(b, {b.at(x.base, b.mul(first, x.stride)), x.stride}, packed, b.integer(headDim), products, count,
             b.ceilDiv(columns, lanes), prefetchOwn(b, packed), b.flag(false));
    b.forRange(b.integer(0), count, 1, [&](Value inTile) {
      Value row = b.add(first, inTile);
      b.forVectors(columns, [&](Value offset, Value mask) {
        Value product = b.load(b.at(products.base, b.add(b.mul(inTile, products.stride), offset)));
        Value places = Greatest::columnsFrom(b, b.add(firstColumn, offset));
        for (int64_t sign = 0; sign < 2; ++sign) {
          const Greatest before = {b.load(greatestAt(row, 2 * sign)), b.load(greatestAt(row, 2 * sign + 1))};
          Value numbers = sign ? b.sub(b.splat(0.0f), product) : product;
          const Greatest now = before.orLater(b, Greatest::of(b, numbers, places, mask));
          b.store(now.values, greatestAt(row, 2 * sign));
          b.store(now.columns, greatestAt(row, 2 * sign + 1));
        }
      });
    });
  });
}

/// The index of a row's greatest product: those that are negated come behind the others.
Value HashEmitter::index(Value row) {
  auto result = [&](int64_t which) { return part(layout.results + which); };
  for (int64_t sign = 0; sign < 2; ++sign)
    Greatest{b.load(greatestAt(row, 2 * sign)), b.load(greatestAt(row, 2 * sign + 1))}.store(b, result(2 * sign),
                                                                                             result(2 * sign + 1));
  auto column = [&](int64_t which) { // a float that is an integer
    b.storeScalar(b.wordOf(b.loadScalar(result(which))), result(which));
    return b.loadIndex(result(which));
  };
  return b.select(b.less(b.loadScalar(result(0)), b.loadScalar(result(2))), b.add(column(3), b.integerSlot(Columns)),
                  column(1));
}

class HashBuckets final : public KernelFamily {
public:
  HashBuckets() : KernelFamily("hash_buckets_f32", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    HashEmitter(b, params.integer("head_dim")).emit();
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], panelRows);
  }
  int64_t scratchBytes(const Parameters &params) const override {
    return Scratch(params.integer("head_dim")).end * sizeof(float);
  }
};

} // namespace

const KernelFamily &kernel_hash_buckets_f32() {
  static const HashBuckets family;
  return family;
}

} // namespace lathe
