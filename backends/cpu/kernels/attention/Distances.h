// What scores get by the distance of query and key, the difference of their columns: terms that query and key have for
// it, a bias from a table, or from one for pairs of columns, a slope, and -inf for keys beyond a window or, causal,
// behind the query and its prefix. For the fused attention and for the one in parts.
#ifndef LATHE_BACKENDS_CPU_KERNELS_ATTENTION_DISTANCES_H
#define LATHE_BACKENDS_CPU_KERNELS_ATTENTION_DISTANCES_H

#include "backends/cpu/kernels/Kernels.h"

#include <optional>

namespace lathe {

/// The parameters that say which: without buckets there is no bias. They are xf.buckets'.
constexpr llvm::StringRef bucketSchemes[] = {"two_sided", "one_sided"};
constexpr Parameter distanceParameters[] = {
    Parameter::integer("buckets", 0, 4096),
    Parameter::integer("distance", 0, 1 << 16),
    Parameter::choice("scheme", bucketSchemes),
    Parameter::flag("windowed"),
    Parameter::flag("query_terms"),
    Parameter::flag("key_terms"),
    Parameter::flag("causal"),
    Parameter::flag("prefixed"), // causal
    Parameter::flag("sloped"),
    Parameter::flag("paired"),
    Parameter::flag("globals"),              // windowed, and nothing else
    Parameter::integer("block", 0, 1 << 16), // windowed, not causal: blocks of so many columns are seen, or not; 0: 1
};
/// Their slots, one behind the other in a family's list.
constexpr Slot distanceSlots[] = {
    {"columns", SlotKind::Pointer, "i32 [T], each token's column, where scores go by distance"},
    {"bias", SlotKind::Pointer, "[buckets][heads], with buckets"},
    {"reach", SlotKind::Integer, "columns that a key may be away, windowed; with a block, one more makes whole blocks"},
    {"query_terms", SlotKind::Pointer,
     "rows [T][ldqt] of heads * n, added to a query's products before they are scaled"},
    {"ldqt", SlotKind::Integer, "elements from a row of query_terms to the next"},
    {"key_terms", SlotKind::Pointer, "rows [T][ldkt], likewise of keys"},
    {"ldkt", SlotKind::Integer, "elements from a row of key_terms to the next, below 2^27"},
    {"terms", SlotKind::Integer, "n"},
    {"index", SlotKind::Pointer, "f32 [2 furthest + 1]: which of n a distance has, from -furthest on"},
    {"furthest", SlotKind::Integer, "beyond it, distances count as it does"},
    {"prefix", SlotKind::Pointer, "i32 [batch]: keys in columns below it are seen from everywhere, prefixed"},
    {"slopes", SlotKind::Pointer, "[heads]: what a score falls by for a column's distance, sloped"},
    {"pairs", SlotKind::Pointer,
     "[heads][places][places]: what the scores of a query get, a key in each column, paired"},
    {"places", SlotKind::Integer, "beyond every column, paired; below 2^15"},
    {"globals", SlotKind::Pointer,
     "i32 [T]: not 0 for keys that are seen from everywhere, so many times, and see none, with globals"},
};

class Distances {
public:
  /// Whether scores go by distance at all.
  static bool apply(const Parameters &params) {
    return params.integer("buckets") || params.flag("windowed") || params.flag("causal") ||
           params.flag("query_terms") || params.flag("key_terms") || params.flag("sloped") || params.flag("paired");
  }
  /// Scratch that `params` need, in words.
  static int64_t scratchWords(const Parameters &params);

  /// What a kernel is given, its slots from `firstSlot` on; `scratch` has the words. Keys have columns of their own in
  /// the slot `ofKeys` where the family's flag key_columns says so.
  Distances(KernelBuilder &b, const Parameters &params, unsigned firstSlot, unsigned ofKeys, mlir::Value scratch);

  bool any() const { return bool(columns); }
  bool hasKeyColumns() const { return keyColumns != columns; }
  /// Whether queries of one sequence see different keys.
  bool narrowsKeys() const { return reach || causal; }
  /// Of `keys` keys, those that some of `queries` queries see which begin at `firstQuery` of the same sequence, whose
  /// number is `sequence`: where they begin, and end. By place, which is nearer than by column.
  std::pair<mlir::Value, mlir::Value> keysSeen(KernelBuilder &b, mlir::Value sequence, mlir::Value firstQuery,
                                               mlir::Value queries, mlir::Value keys) const;
  /// At least as many keys as the prefix of that sequence has, if there is one.
  mlir::Value withPrefix(KernelBuilder &b, mlir::Value sequence, mlir::Value keys) const;
  /// The addresses of a query's column, and of a key's.
  mlir::Value column(KernelBuilder &b, mlir::Value token) const { return b.at(columns, token); }
  mlir::Value keyColumn(KernelBuilder &b, mlir::Value token) const { return b.at(keyColumns, token); }
  /// What one query has in all of this; null where nothing goes by it.
  struct Query {
    mlir::Value column, terms;
    mlir::Value slope;
    mlir::Value pairs; ///< the address of what it has for itself
    /// How far away keys may be: from, in front of it, and to, behind it. Likewise those that are global.
    struct Span {
      mlir::Value from, to;
    } keys, globals;
  };
  Query query(KernelBuilder &b, mlir::Value token, mlir::Value head, mlir::Value sequence) const;

  /// Spreads the biases of one of `heads` over all distances, for `change` to look them up.
  void emitTable(KernelBuilder &b, mlir::Value head, mlir::Value heads) const;
  bool hasTerms() const { return queryTerms || keyTerms; }
  /// A head's terms of a token; null where there are none.
  mlir::Value keyTermsOf(KernelBuilder &b, mlir::Value token, mlir::Value head) const;

  /// The terms of the key so many rows behind one; null for null.
  mlir::Value keyRow(KernelBuilder &b, mlir::Value keyTerms, mlir::Value rows) const {
    return keyTerms ? b.at(keyTerms, b.mul(rows, keyStride)) : mlir::Value();
  }
  /// How far sixteen keys are away, given columns as words.
  mlir::Value away(KernelBuilder &b, mlir::Value queryColumn, mlir::Value keyColumns) const;
  /// Sixteen products with their terms: a query's, and those of the first key, behind which the other keys' rows lie.
  /// Lanes outside `mask`, which may be null, are not read.
  mlir::Value addTerms(KernelBuilder &b, mlir::Value products, mlir::Value away, mlir::Value ofQuery, mlir::Value ofKey,
                       mlir::Value mask) const;
  /// What scores get for keys that are as many as these sixteen numbers say; 0 for those of none.
  static mlir::Value logarithms(KernelBuilder &b, mlir::Value numbers);
  /// Whether some keys are global; and which of sixteen, from a token on. Lanes outside `mask` are none.
  bool hasGlobals() const { return bool(globals); }
  mlir::Value globalLanes(KernelBuilder &b, mlir::Value token, mlir::Value mask) const {
    return b.nonZeroWords(b.at(globals, token), mask);
  }
  /// Sixteen scores with what they get for keys that are global.
  mlir::Value addGlobals(KernelBuilder &b, mlir::Value scores, mlir::Value firstKey, mlir::Value mask) const {
    return b.add(scores, logarithms(b, b.bitsOf(b.load(b.at(globals, firstKey), mask))));
  }
  /// Sixteen scores of a query. `isGlobal`, of all keys or for each of them, is null where none is.
  mlir::Value change(KernelBuilder &b, mlir::Value scores, mlir::Value away, const Query &query,
                     mlir::Value isGlobal) const;

private:
  int64_t buckets, distance, block;
  bool oneSided;
  bool causal;
  mlir::Value columns, keyColumns, bias, reach /* null: no window */, table;
  mlir::Value queryTerms, queryStride, keyTerms, keyStride, terms, index, furthest, prefix, slopes, pairs, places,
      globals;
  int64_t bucketOf(int64_t away) const;
  mlir::Value termsOf(KernelBuilder &b, mlir::Value base, mlir::Value stride, mlir::Value token,
                      mlir::Value head) const;
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_KERNELS_ATTENTION_DISTANCES_H
