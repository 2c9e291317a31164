// embed_f32: y[m] = sum over t of table_t[ids_t[m]], then LayerNorm where the model has one.
// embed_bf16: the same, y in f32, tables in bf16.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/rows/RowNorm.h"

using namespace mlir;

namespace lathe {
namespace {

enum { Y, LdY, M, H, Gamma, Beta, Epsilon, FirstTable };
constexpr int64_t maxTables = 4;

constexpr Slot slotTable[] = {
    {"y", SlotKind::Pointer, "rows [M][ldy]"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"M", SlotKind::Integer, "rows"},
    {"H", SlotKind::Integer, "columns, at least 1"},
    {"gamma", SlotKind::Pointer, "[H], with norm"},
    {"beta", SlotKind::Pointer, "[H], with norm"},
    {"eps", SlotKind::Float, "added to the variance, with norm"},
    {"table0", SlotKind::Pointer,
     "[rows][H], or as weights of products are packed ([rows/16][H][16], in bf16 [rows/16][ceil(H/2)][16][2]) where "
     "bit "
     "0 of `packed` is set"},
    {"ids0", SlotKind::Pointer, "i32 [M], each a row of table0"},
    {"table1", SlotKind::Pointer, "likewise, by bit 1"},
    {"ids1", SlotKind::Pointer, "likewise"},
    {"table2", SlotKind::Pointer, "likewise, by bit 2"},
    {"ids2", SlotKind::Pointer, "likewise"},
    {"table3", SlotKind::Pointer, "likewise, by bit 3"},
    {"ids3", SlotKind::Pointer, "likewise"},
};
constexpr Parameter parameterTable[] = {
    Parameter::integer("tables", 1, maxTables),
    Parameter::flag("norm"),
    Parameter::integer("packed", 0, (1 << maxTables) - 1),
};

class Embed final : public KernelFamily {
public:
  Embed(StringRef name, bool narrow) : KernelFamily(name, slotTable, parameterTable), narrow(narrow) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override;
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.ceilDiv(slots[M], rowsPerPanel);
  }

private:
  const bool narrow; ///< tables of bf16
};

/// A row of a table. A packed table is shared with the LM head's product, whose layout puts a row's words (f32, or two
/// bf16) 16 apart.
struct TableRow {
  TableRow(KernelBuilder &b, Value table, Value id, Value width, bool packed, bool narrow)
      : packed(packed), narrow(narrow) {
    Value lanes = b.integer(KernelBuilder::lanes), words = narrow ? b.ceilDiv(width, 2) : width;
    if (packed)
      base = b.at(table, b.add(b.mul(b.mul(b.div(id, lanes), words), lanes), b.rem(id, lanes)));
    else
      base = narrow ? b.atBf16(table, b.mul(id, width)) : b.at(table, b.mul(id, width));
  }

  Value load(KernelBuilder &b, Value column, Value mask) const {
    if (!packed)
      return narrow ? b.loadBf16(b.atBf16(base, column), mask) : b.load(b.at(base, column), mask);
    Value lanes = mask ? mask : b.firstLanes(b.integer(KernelBuilder::lanes)), stride = b.integer(KernelBuilder::lanes);
    if (!narrow)
      return b.gather(b.at(base, b.mul(column, KernelBuilder::lanes)), stride, lanes);
    return b.gatherBf16Pairs(b.at(base, b.mul(column, KernelBuilder::lanes / 2)), stride, lanes);
  }

private:
  Value base;
  bool packed, narrow;
};

void Embed::emit(KernelBuilder &b, const Parameters &params) const {
  Value y = b.pointerSlot(Y), ldy = b.integerSlot(LdY);
  NormOperands norm = {b.pointerSlot(Gamma), b.pointerSlot(Beta), b.floatSlot(Epsilon), b.integerSlot(H)};
  KernelBuilder::Values tables, ids;
  for (int64_t t = 0; t < params.integer("tables"); ++t) {
    tables.push_back(b.pointerSlot(FirstTable + 2 * t));
    ids.push_back(b.pointerSlot(FirstTable + 2 * t + 1));
  }

  forPanelRows(b, b.integerSlot(M), [&](Value m) {
    SmallVector<TableRow> rows;
    for (auto [t, table] : llvm::enumerate(tables)) {
      Value id = b.loadIndex(b.at(ids[t], m)); // an i32 is as wide as an f32
      rows.emplace_back(b, table, id, norm.width, params.integer("packed") >> t & 1, narrow);
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
      emitNormalizedRow(b, norm, target, target, sums);
  });
}

} // namespace

const KernelFamily &kernel_embed_f32() {
  static const Embed family("embed_f32", /*narrow=*/false);
  return family;
}
const KernelFamily &kernel_embed_bf16() {
  static const Embed family("embed_bf16", /*narrow=*/true);
  return family;
}

} // namespace lathe
