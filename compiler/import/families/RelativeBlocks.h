//===- RelativeBlocks.h - attention by sines of distances ---------------------===//
//
// Dai et al. 2019, Yang et al. 2019: scores sum up products of the query, with a bias of its own in each: with the key,
// with a projection R of sines and cosines of their distance, and, of XLNet, with one of two vectors, by whether both
// are of one segment.
//
// With a and b the columns of query and key, a sine of their distance is sin a cos b - cos a sin b, and a cosine
// cos a cos b + sin a sin b. So the second product is one of R^T q, rotated by a as rotary embeddings are, with cosines
// and sines of b; and the third, but for what is the same for all keys, one of segments told apart by columns. A head's
// queries and keys have columns for all three side by side, so nothing goes by pairs of tokens, and lengths have no
// limit (decision 0036). Clamped distances are no such sum: queries then have a term for each distance.
//
// Keys are what a layer was given of earlier tokens, and of its own (decision 0043): their axis is another one.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_RELATIVEBLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_RELATIVEBLOCKS_H

#include "compiler/import/ModelBuilder.h"

namespace lathe {

struct RelativeForm {
  int64_t hidden, heads, headDim;
  bool causal = false;
  std::optional<int64_t> clamp = std::nullopt; ///< distances beyond it count as it
  std::optional<int64_t> reach = std::nullopt; ///< the most columns that a key may be before its query
  int64_t segments = 0;                        ///< that can be told apart; 0: they do not matter
  std::vector<float> rates = {};               ///< by how much a position goes around, for each sine

  /// Columns, or terms, that a head's query has for distances.
  int64_t distances() const { return !clamp ? hidden : causal ? *clamp + 1 : 2 * *clamp + 1; }
};

/// Rates as Transformers computes them, in f32, where no file has them.
std::vector<float> sineRates(int64_t hidden);

/// What depends on a layer's weights alone: what its heads' queries, which have the keys' bias already, are multiplied
/// with for distances and, last, for segments, by how much more a key of the same segment is worth. What the other
/// biases are beyond that of keys becomes a bias of these products.
struct RelativeWeights {
  std::vector<float> projection;                    ///< [hidden, heads, head_dim]: of sines, then of cosines
  std::vector<float> ofKeys, ofDistances;           ///< biases [heads, head_dim]
  std::vector<float> ofSegments = {}, vectors = {}; ///< likewise; [2, heads, head_dim]: of the same segment, of another
};
/// Makes them weights whose names begin with `prefix`.
void defineRelativeProducts(ModelBuilder &m, llvm::StringRef prefix, const RelativeForm &form,
                            const RelativeWeights &weights);

/// What all layers are given, and what one attends to: the rows that it remembers, and its tokens'.
struct RelativeInputs {
  mlir::Value keys;
  mlir::Value mask, keyMask, columns, keyColumns;
  mlir::Value distances, keyDistances; ///< cosines and sines of columns; clamped, an index of terms, and nothing
  mlir::Value segments, keySegments;   ///< of each token a column that is 1, and others that are 0; or nothing

  /// Those of a model, without keys.
  static RelativeInputs of(ModelBuilder &m, const RelativeForm &form);
  /// As layers take and pass them.
  llvm::SmallVector<mlir::Value> list() const;
  static RelativeInputs from(llvm::ArrayRef<mlir::Value> list, const RelativeForm &form);
};

/// Attention of a layer whose products are called `prefix`, without the product behind it; q with the keys' bias.
mlir::Value relativeAttention(BlockBuilder &b, mlir::Value q, mlir::Value k, mlir::Value v, llvm::StringRef prefix,
                              const RelativeInputs &inputs, const RelativeForm &form);

/// Layers that remember: each is given mems.N and x, in that order, as RelativeInputs' keys.
llvm::SmallVector<mlir::Value>
rememberingLayers(ModelBuilder &m, llvm::StringRef name, llvm::ArrayRef<std::string> prefixes, mlir::Value x,
                  const RelativeForm &form, const MemoryForm &memory,
                  llvm::function_ref<mlir::Value(BlockBuilder &, mlir::Value x, const RelativeInputs &inputs)> build);

} // namespace lathe

#endif
