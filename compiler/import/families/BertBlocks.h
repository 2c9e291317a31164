//===- BertBlocks.h - what BERT and its descendants share ---------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_BERTBLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_BERTBLOCKS_H

#include "compiler/import/families/Heads.h"

namespace lathe {

/// A config's sizes, or what its class has where the file is silent.
struct BertConfig {
  int64_t vocab = 30522, embedding = 0 /* as hidden */, hidden = 768, layers = 12, heads = 12, intermediate = 3072;
  int64_t positions = 512, minTokenTypes = 1 /* that a config may state */, tokenTypes = 2;
  double eps = 1e-12;
  llvm::StringRef activationName = "gelu";
  const ActivationFunction *activation = nullptr; ///< of that name
  bool splitsHidden = true;                       ///< into heads
  bool tied = true;                               ///< the masked-LM decoder is the word embedding
  bool mayDecode = false;                         ///< the family has a causal form
  bool causal = false;                            ///< that one is meant: tokens see none behind them
  bool mayBeLinear = false;                       ///< the family's layers are `bertLayers`
  bool hasOwnTypes = false;                       ///< attention_type is the family's to read
  std::optional<xf::FeatureMap> featureMap;       ///< of linear attention; absent: softmax
  int64_t randomFeatures = 0;                     ///< of each head, where the map is of their logarithms
  /// Positions count the ids other than this one (RoBERTa); absent: columns.
  std::optional<int64_t> paddingId;

  /// Reads the fields that all descendants have, `defaults` standing for absent ones. Errors are noted in `fields`.
  static BertConfig read(JsonFields &fields, const BertConfig &defaults);
};

/// [batch, seq, embedding]: x, and the rows of its token types and positions in `embeddings.*`.
mlir::Value addTypeAndPosition(ModelBuilder &model, mlir::Value x, const BertConfig &config);
/// [batch, seq, embedding]: the sum of a word's, a token type's and a position's row in `embeddings.*`, normalised.
mlir::Value bertEmbeddings(ModelBuilder &model, const BertConfig &config);
/// What a layer does behind attention `a` of its input `x`, under BERT's names: residual and norm, feed-forward, and
/// both again.
mlir::Value behindAttention(BlockBuilder &b, mlir::Value x, mlir::Value a, const BertConfig &config);
/// Every layer's result: self-attention and feed-forward under BERT's names, each followed by residual and norm.
llvm::SmallVector<mlir::Value> bertLayers(ModelBuilder &model, mlir::Value x, const BertConfig &config);

/// BERT's logits of words, under that name.
void emitBertWords(ModelBuilder &model, mlir::Value hidden, llvm::StringRef output, const BertConfig &config);
/// BERT's heads over its pooler, with `emitWords` declaring the logits of words under the name it is given.
llvm::Error emitBertHead(ModelBuilder &model, mlir::Value hidden, const HeadOptions &options,
                         llvm::function_ref<void(llvm::StringRef output)> emitWords,
                         llvm::StringRef pooler = "pooler.dense");
/// The longest sequence where positions of tokens begin behind the padding's, as RoBERTa's do.
int64_t positionsBehindPadding(JsonFields &fields);
/// RoBERTa's heads, which have dense layers of their own; that of words always with the exact GELU.
llvm::Error emitRobertaHead(ModelBuilder &model, mlir::Value hidden, const HeadOptions &options,
                            const BertConfig &config);

} // namespace lathe

#endif
