// What scores get by the distance of query and key, the difference of their columns: a bias from a table, and -inf
// beyond a window. For the fused attention and for the one in parts.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_DISTANCES_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_DISTANCES_H

#include "backends/cpu/kernels/Kernels.h"

#include <optional>

namespace lathe {

/// The parameters that say which: without buckets there is no bias. They are xf.buckets'.
constexpr llvm::StringRef bucketSchemes[] = {"two_sided"};
constexpr Parameter distanceParameters[] = {
    Parameter::integer("buckets", 0, 4096),
    Parameter::integer("distance", 0, 1 << 16),
    Parameter::choice("scheme", bucketSchemes),
    Parameter::flag("windowed"),
};
/// Their slots, one behind the other in a family's list.
constexpr Slot distanceSlots[] = {
    {"columns", SlotKind::Pointer, "i32 [T], each token's column, where scores go by distance"},
    {"bias", SlotKind::Pointer, "[buckets][heads], with buckets"},
    {"reach", SlotKind::Integer, "columns that a key may be away, windowed"},
};

class Distances {
public:
  /// Whether scores go by distance at all.
  static bool apply(const Parameters &params) { return params.integer("buckets") || params.flag("windowed"); }
  /// Scratch that `params` need, in words.
  static int64_t scratchWords(const Parameters &params);

  /// What a kernel is given, its slots from `firstSlot` on; `scratch` has the words.
  Distances(KernelBuilder &b, const Parameters &params, unsigned firstSlot, mlir::Value scratch);

  bool any() const { return buckets || reach; }
  bool hasWindow() const { return bool(reach); }
  /// The most that a key may be away.
  mlir::Value windowReach() const { return reach; }
  /// The address of a token's column.
  mlir::Value column(KernelBuilder &b, mlir::Value token) const { return b.at(columns, token); }

  /// Spreads the biases of one of `heads` over all distances, for `change` to look them up.
  void emitTable(KernelBuilder &b, mlir::Value head, mlir::Value heads) const;
  /// Sixteen scores of one query, given its column and those of the keys, all as words.
  mlir::Value change(KernelBuilder &b, mlir::Value scores, mlir::Value queryColumn, mlir::Value keyColumns) const;

private:
  int64_t buckets, distance;
  mlir::Value columns, bias, reach /* null: no window */, table;
  int64_t bucketOf(int64_t away) const;
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_DISTANCES_H
