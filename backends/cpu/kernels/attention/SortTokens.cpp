// sort_tokens: per sequence and list, its tokens by bucket, those of a bucket in their order: a sort by counting.
#include "backends/cpu/kernels/Kernels.h"
#include "backends/cpu/kernels/Sequences.h"

using namespace mlir;

namespace lathe {
namespace {

enum { X, LdX, Y, LdY, CuSeqlens, Batch, Lists, Mask, Longest };

constexpr Slot slotTable[] = {
    {"x", SlotKind::Pointer, "i32 rows [T][ldx]: each token's bucket in each list, below `buckets`; of one, not read"},
    {"ldx", SlotKind::Integer, "elements from a row of x to the next"},
    {"y", SlotKind::Pointer,
     "i32 rows [T][ldy]: row r of a sequence has for each list the token of rank r, counted from "
     "the sequence's first row; may not overlap x"},
    {"ldy", SlotKind::Integer, "elements from a row of y to the next"},
    {"cu_seqlens", SlotKind::Pointer, "i32 [batch + 1], rows of each sequence; masked: not read"},
    {"batch", SlotKind::Integer, "sequences"},
    {"lists", SlotKind::Integer, "lists"},
    {"mask", SlotKind::Pointer, "masked: u8 [batch * longest], 0 for rows that hold no token, which no list has"},
    {"longest", SlotKind::Integer, "masked: rows per sequence"},
};
constexpr Parameter parameterTable[] = {Parameter::integer("buckets", 1, 1 << 18), Parameter::flag("masked")};

/// A panel is a list of a sequence. The scratch counts tokens by bucket, and then says where its next one goes.
class SortTokens final : public KernelFamily {
public:
  SortTokens() : KernelFamily("sort_tokens", slotTable, parameterTable) {}

protected:
  void emit(KernelBuilder &b, const Parameters &params) const override {
    const int64_t buckets = params.integer("buckets");
    Value lists = b.integerSlot(Lists), x = b.pointerSlot(X), ldx = b.integerSlot(LdX), ldy = b.integerSlot(LdY);
    Sequences sequences(b, params.flag("masked"), CuSeqlens, Mask, Longest);
    auto countAt = [&](Value bucket) { return b.at(b.scratch, bucket); };
    auto set = [&](Value address, Value number) { b.storeScalar(b.wordOf(number), address); };
    b.forRange(b.begin, b.end, 1, [&](Value panel) {
      Value list = b.rem(panel, lists);
      Sequence sequence = sequences.at(b, b.div(panel, lists));
      auto forTokens = [&](llvm::function_ref<void(Value token, Value bucket)> body) {
        b.forRange(b.integer(0), sequence.length, 1, [&](Value token) {
          b.ifTrue(sequence.present(b, token), [&] {
            Value row = b.add(sequence.first, token);
            body(token, buckets == 1 ? b.integer(0) : b.loadIndex(b.at(x, b.add(b.mul(row, ldx), list))));
          });
        });
      };
      b.forRange(b.integer(0), b.integer(buckets), 1, [&](Value bucket) { set(countAt(bucket), b.integer(0)); });
      if (buckets > 1) {
        forTokens([&](Value, Value bucket) { set(countAt(bucket), b.add(b.loadIndex(countAt(bucket)), 1)); });
        b.forRange(b.integer(0), b.integer(buckets), 1, b.integer(0), [&](Value bucket, ValueRange before) {
          Value count = b.loadIndex(countAt(bucket));
          set(countAt(bucket), before[0]);
          return KernelBuilder::Values{b.add(before[0], count)};
        });
      }
      Value y = b.at(b.pointerSlot(Y), b.add(b.mul(sequence.first, ldy), list));
      forTokens([&](Value token, Value bucket) {
        Value rank = b.loadIndex(countAt(bucket));
        set(b.at(y, b.mul(rank, ldy)), token);
        set(countAt(bucket), b.add(rank, 1));
      });
    });
  }
  Value emitPanels(KernelBuilder &b, const Parameters &, ValueRange slots) const override {
    return b.mul(slots[Batch], slots[Lists]);
  }
  int64_t scratchBytes(const Parameters &params) const override { return params.integer("buckets") * sizeof(int32_t); }
};

} // namespace

const KernelFamily &kernel_sort_tokens() {
  static const SortTokens family;
  return family;
}

} // namespace lathe
