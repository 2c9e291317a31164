// embed_f32: y[m] = sum over t of table_t[ids_t[m]], then LayerNorm where the model has one.
// embed_bf16, embed_s8: the same, y in f32, tables in bf16, or in bytes with a scale for each row.
// What a norm gives is stored once more as factors of products where they are wanted.
#include "backends/cpu/kernels/MicroTile.h"
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

enum { Y, LdY, M, H, Gamma, Beta, Epsilon, FirstTable };
constexpr int64_t maxTables = 4, rounded = FirstTable + 2 * maxTables;

constexpr Slot slotTable[] = {
    {"y", SlotKind::Pointer, "rows [M][ldy]"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"H", SlotKind::Integer, "columns, at least 1"},
    {"gamma", SlotKind::Pointer, "[H], with norm"},
    {"beta", SlotKind::Pointer, "[H], with norm unless unbiased"},
    {"eps", SlotKind::Float, "added to the variance, with norm"},
    {"table0", SlotKind::Pointer,
     "[rows][H], of bytes each row behind its scale and padded to a multiple of 4; or as products have their weights "
     "where bit 0 of `packed` is set"},
    {"ids0", SlotKind::Pointer, "i32 [M], each a row of table0; with or_zeros perhaps -1, as which zeros are added"},
    {"table1", SlotKind::Pointer, "likewise, by bit 1"},
    {"ids1", SlotKind::Pointer, "likewise"},
    {"table2", SlotKind::Pointer, "likewise, by bit 2"},
    {"ids2", SlotKind::Pointer, "likewise"},
    {"table3", SlotKind::Pointer, "likewise, by bit 3"},
    {"ids3", SlotKind::Pointer, "likewise"},
    roundedSlots[0],
    roundedSlots[1],
    roundedSlots[2],
};
constexpr Parameter parameterTable[] = {
    Parameter::integer("tables", 1, maxTables),
    Parameter::flag("or_zeros"),
    Parameter::flag("norm"),
    unbiasedParameter,
    Parameter::integer("packed", 0, (1 << maxTables) - 1),
    roundedParameter,
    smoothedParameter,
};

class Embed final : public KernelFamily {
public:
  Embed(StringRef name, Words words) : KernelFamily(name, slotTable, parameterTable), words(words) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }
  ArrayRef<IsaLevel> ownLevels(const Parameters &params) const override { return roundedLevels(params); }

private:
  const Words words; ///< of tables; of bytes without unsigned ones
};

/// A row of a table. A packed table is shared with the LM head's product, whose layout puts a row's words (an f32, two
/// bf16 or four bytes) 16 apart.
class TableRow {
public:
  TableRow(KernelBuilder &b, Value table, Value id, Value width, bool packed, bool orZeros, Words words)
      : packed(packed), words(words) {
    if (orZeros) { // for an id of none, the first row is read
      exists = b.less(b.integer(-1), id);
      id = b.select(exists, id, b.integer(0));
    }
    Value lanes = b.integer(KernelBuilder::lanes);
    Value rowWords = b.ceilDiv(width, elementsPerWord(words));
    if (packed) { // behind its panel's scales and sums, where those are
      Value header = b.integer(panelHeaderWords(words));
      Value panel = b.at(table, b.mul(b.div(id, lanes), b.add(b.mul(rowWords, lanes), header)));
      Value lane = b.rem(id, lanes);
      base = b.at(panel, b.add(header, lane));
      if (words == Words::U8S8Quads)
        scale = b.broadcast(b.loadScalar(b.at(panel, lane)));
    } else if (words == Words::U8S8Quads) { // behind its scale
      Value row = b.at(table, b.mul(id, b.add(rowWords, 1)));
      base = b.at(row, 1);
      scale = b.broadcast(b.loadScalar(row));
    } else {
      base = words == Words::F32 ? b.at(table, b.mul(id, width)) : b.atBf16(table, b.mul(id, width));
    }
  }

  Value load(KernelBuilder &b, Value column, Value mask) const {
    Value stored = loadStored(b, column, mask);
    return exists ? b.select(exists, stored, b.splat(0.0f)) : stored;
  }

private:
  Value loadStored(KernelBuilder &b, Value column, Value mask) const {
    switch (words) {
    case Words::F32:
      return packed ? b.gather(behind(b, column), stride(b), lanesOf(b, mask)) : b.load(b.at(base, column), mask);
    case Words::Bf16Pairs:
      return packed ? b.gatherBf16Pairs(behind(b, column), stride(b), lanesOf(b, mask))
                    : b.loadBf16(b.atBf16(base, column), mask);
    case Words::U8S8Quads:
      return b.mul(scale, packed ? b.gatherS8Quads(behind(b, column), stride(b), lanesOf(b, mask))
                                 : b.loadS8(b.atByte(base, column), mask));
    }
    llvm_unreachable("a kind of words");
  }

  /// The first word of sixteen columns in a packed table.
  Value behind(KernelBuilder &b, Value column) const {
    return b.at(base, b.mul(column, KernelBuilder::lanes / elementsPerWord(words)));
  }
  Value stride(KernelBuilder &b) const { return b.integer(KernelBuilder::lanes); }
  Value lanesOf(KernelBuilder &b, Value mask) const {
    return mask ? mask : b.firstLanes(b.integer(KernelBuilder::lanes));
  }

  Value base, scale;
  Value exists; ///< null: always
  bool packed;
  Words words;
};

void Embed::emit(KernelBuilder &b, const Parameters &params) const {
  Value y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
  NormOperands norm = {b.pointerSlot(Gamma), params.flag("unbiased") ? Value() : b.pointerSlot(Beta),
                       b.floatSlot(Epsilon), b.integerSlot(H)};
  const RoundedRows factors = RoundedRows::of(b, params, rounded);
  assert((params.flag("norm") || factors.form == "none") && "only what a norm gives is stored as factors");
  KernelBuilder::Values tables, ids;
  for (int64_t t = 0; t < params.integer("tables"); ++t) {
    tables.push_back(b.pointerSlot(FirstTable + 2 * t));
    ids.push_back(b.pointerSlot(FirstTable + 2 * t + 1));
  }

  forPanelRows(b, b.integerSlot(M), [&](Value m) {
    SmallVector<TableRow> rows;
    for (auto [t, table] : llvm::enumerate(tables)) {
      Value id = b.loadIndex(b.at(ids[t], m)); // an i32 is as wide as an f32
      rows.emplace_back(b, table, id, norm.width, params.integer("packed") >> t & 1, params.flag("or_zeros"), words);
    }
    Value target = b.at(y, b.mul(m, ldy));
    Value sums = b.sumVectors(norm.width, [&](Value column, Value mask, Value sum) {
      Value v = rows.front().load(b, column, mask);
      for (const TableRow &row : ArrayRef(rows).drop_front())
        v = b.add(v, row.load(b, column, mask));
      b.store(v, b.at(target, column), mask);
      return b.add(sum, v);
    });
    if (params.flag("norm"))
      emitNormalizedRow(b, norm, target, target, {.values = sums}, factors.row(b, m));
  });
}

} // namespace

const KernelFamily &kernel_embed_f32() {
  static const Embed family("embed_f32", Words::F32);
  return family;
}
const KernelFamily &kernel_embed_bf16() {
  static const Embed family("embed_bf16", Words::Bf16Pairs);
  return family;
}
const KernelFamily &kernel_embed_s8() {
  static const Embed family("embed_s8", Words::U8S8Quads);
  return family;
}

} // namespace lathe
