//===- Ops.h - what each xf op means ------------------------------------------===//
//
// One plain function per op, written to be read: they define correct. Shapes are those the verifiers accept.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_IR_INTERPRETER_OPS_H
#define LATHE_IR_INTERPRETER_OPS_H

#include "ir/interpreter/Tensor.h"
#include "ir/xf/XfDialect.h"

namespace lathe::reference {

/// A negative id's row is zeros.
Tensor lookup(const Tensor &ids, const Tensor &table);
Tensor axisIds(const Tensor &ids, int64_t stride, int64_t extent);
Tensor blend(const Tensor &rowWeights, const Tensor &columnWeights, const Tensor &grid);
Tensor linear(const Tensor &x, const Tensor &weight, const Tensor *bias);
/// The values that x, respectively a weight or a table, has in products of that precision; without one, those it has.
/// In int8 the steps are those of `range`, if that is given, for all rows.
Tensor roundedFactor(const Tensor &x, std::optional<xf::Precision> precision, const Tensor *range = nullptr);
/// A weight in int4 has groups of so many, and its columns are as important as said.
Tensor roundedWeight(const Tensor &weight, std::optional<xf::Precision> precision,
                     std::optional<int64_t> group = std::nullopt, const Tensor *importance = nullptr);
/// x with each column times its factor; a weight with each column divided by it.
Tensor timesColumns(const Tensor &x, const Tensor &factors);
Tensor dividedByColumns(const Tensor &weight, const Tensor &factors);
Tensor concat(llvm::ArrayRef<const Tensor *> inputs);
Tensor join(llvm::ArrayRef<const Tensor *> inputs);
std::vector<Tensor> split(const Tensor &input, llvm::ArrayRef<int64_t> widths);

/// Each head of x becomes so many of the result's.
Tensor splitHeads(const Tensor &x, int64_t heads, int64_t repeats = 1);
Tensor mergeHeads(const Tensor &x);
Tensor matmul(const Tensor &lhs, const Tensor &rhs, bool transposed);
Tensor maskScores(const Tensor &scores, const Tensor &mask);
Tensor capScores(const Tensor &scores, double cap);
Tensor biasScores(const Tensor &scores, const Tensor &table, const Tensor &columns, xf::BucketsAttr buckets);
Tensor biasPairs(const Tensor &scores, const Tensor &table, const Tensor &columns);
Tensor slopeScores(const Tensor &scores, const Tensor &slopes, const Tensor &columns);
Tensor windowScores(const Tensor &scores, const Tensor &columns, std::optional<int64_t> reach, bool causal = false,
                    const Tensor *prefix = nullptr, const Tensor *globals = nullptr, int64_t block = 1,
                    const Tensor *keyColumns = nullptr);
Tensor chooseQueries(const Tensor &scores, const Tensor &chosen);
Tensor addTerms(const Tensor &scores, const Tensor *queryTerms, const Tensor *keyTerms, const Tensor &columns,
                const Tensor &index, const Tensor *keyColumns = nullptr);
Tensor softmax(const Tensor &x);
/// What attention does by the distance of query and key: each part where there is one.
struct Distances {
  const Tensor *columns = nullptr;    ///< one for each row of queries and keys
  const Tensor *keyColumns = nullptr; ///< of keys, where these have others
  const Tensor *bias = nullptr;
  xf::BucketsAttr buckets = {};
  std::optional<int64_t> reach = std::nullopt; ///< in blocks of so many columns
  int64_t block = 1;
  bool causal = false;
  const Tensor *prefix = nullptr, *slopes = nullptr, *pairs = nullptr;
  const Tensor *globals = nullptr; ///< as columns: how many keys each is to all others; 0: to some
  const Tensor *queryTerms = nullptr, *keyTerms = nullptr, *index = nullptr;
};
/// With `keyCuSeqlens` alone one query for each sequence. Dense when both are null; then `mask` may be null too.
Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor *mask,
                 const Tensor *cuSeqlens, int64_t heads, double scale,
                 std::optional<xf::Precision> precision = std::nullopt, const Distances &distances = {},
                 std::optional<double> cap = std::nullopt, const Tensor *keyCuSeqlens = nullptr /* as queries' */,
                 const Tensor *chosen = nullptr /* one for each row of queries; null: all are */);

// Linear attention: LinearAttention.cpp.
Tensor randomFeatures(const Tensor &x, const Tensor &projection, int64_t heads);
/// Dense when `cuSeqlens` is null; then `mask` may be null too.
Tensor linearAttention(xf::FeatureMap map, const Tensor &query, const Tensor &key, const Tensor &value,
                       const Tensor *mask, const Tensor *cuSeqlens, bool causal, int64_t heads);

/// Dense when both offsets are null.
Tensor remember(const Tensor &memory, const Tensor &x, const Tensor *memoryCuSeqlens, const Tensor *cuSeqlens);

/// Chunk attention, ChunkAttention.cpp: of its operands those that it has.
struct ChunkOperands {
  const Tensor *mask, *cuSeqlens, *columns, *rotations, *given;
};
Tensor chunkAttention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor &rowColumns,
                      const ChunkOperands &others, llvm::ArrayRef<int64_t> factors, xf::ChunksAttr chunks, bool causal,
                      int64_t heads, double scale);

Tensor angles(const Tensor &positions, const Tensor &frequencies);
Tensor rotate(const Tensor &x, const Tensor &angles, int64_t heads);

Tensor add(const Tensor &lhs, const Tensor &rhs);
Tensor scale(const Tensor &x, double factor);
Tensor activate(xf::Activation activation, const Tensor &x);

// Primitives: Primitives.cpp.
Tensor map(xf::MapKind kind, const Tensor &x);
Tensor combine(xf::CombineKind kind, const Tensor &lhs, const Tensor &rhs);
Tensor select(const Tensor &condition, const Tensor &x, const Tensor &y);
Tensor reduce(xf::ReduceKind kind, const Tensor &x);

/// With `rms` the mean stays.
Tensor layerNorm(const Tensor &x, const Tensor &gain, const Tensor *bias, double eps, bool rms = false);
Tensor headNorm(const Tensor &x, const Tensor &gain, int64_t heads, double eps);
Tensor normalize(const Tensor &x, double eps);
Tensor argmax(const Tensor &x);

Tensor firstToken(const Tensor &x, const Tensor *cuSeqlens);
Tensor pool(xf::PoolMode mode, const Tensor &x, const Tensor *mask, const Tensor *cuSeqlens,
            const Tensor *columns = nullptr, const Tensor *except = nullptr);

} // namespace lathe::reference

#endif
