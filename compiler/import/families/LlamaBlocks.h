//===- LlamaBlocks.h - what Llama and its descendants share -------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_LLAMABLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_LLAMABLOCKS_H

#include "compiler/import/families/Heads.h"
#include "compiler/import/families/Rope.h"

namespace lathe {

/// A config's sizes, or what its class has where the file is silent.
struct LlamaConfig {
  int64_t vocab = 32000, hidden = 4096, inner = 11008, layers = 32, heads = 32, positions = 2048;
  int64_t keyHeads = 0 /* as heads */, headDim = 0 /* hidden / heads */;
  double eps = 1e-6;
  llvm::StringRef epsName = "rms_norm_eps";
  bool centred = false; ///< norms take means out and have biases, unlike Llama's
  llvm::StringRef activationField = "hidden_act", activationName = "silu";
  const ActivationFunction *activation = nullptr; ///< of that name
  bool inputBias = false;                         ///< of what queries, keys and values are made with
  bool outputBias = false;                        ///< of what attention's result goes through
  bool innerBias = false, tied = false;
  std::optional<int64_t> paddingId;
  std::optional<double> scale; ///< of queries' and keys' products, in place of 1 / sqrt(headDim)
  std::optional<double> cap;   ///< of these
  bool normsHeads = false;     ///< queries and keys are normalised before they rotate
  llvm::StringRef thetaName = "rope_theta";
  double theta = 10000;             ///< of rotations, where the file is silent
  llvm::StringRef rotatedName = ""; ///< the field of that, if the family has one
  double rotated = 1;               ///< the share of a head's columns that rotate
  std::optional<int64_t> trained;   ///< see RopeShape, as isPhis
  bool isPhis = false;
  Rope rope;
  std::optional<Rope> localRope;  ///< that of local layers, where it is another
  std::optional<int64_t> window;  ///< so many tokens a query sees where its layer is local, its own among them
  std::optional<double> logitCap; ///< see DecoderParts
  std::vector<bool> isLocal;      ///< by layer

  /// What parts are called.
  llvm::StringRef embeddingName = "embed_tokens", layersName = "layers.", layersField = "num_hidden_layers";
  llvm::StringRef normName = "norm", headName = "lm_head", tokenClassifierName = "score";
  bool headBias = false;

  /// Reads the fields that all descendants have, `defaults` standing for absent ones. Errors are noted in `fields`.
  static LlamaConfig read(JsonFields &fields, const LlamaConfig &defaults);
};

/// sliding_window of all layers: null is none, and so is an absent one without a default.
void readWindow(JsonFields &fields, LlamaConfig &config, std::optional<int64_t> absent = std::nullopt);
/// sliding_window of those layers that layer_types or, without these, max_window_layers name: none unless
/// use_sliding_window is true.
void readWindowBehind(JsonFields &fields, LlamaConfig &config);

/// What a layer is given besides its input.
struct LayerInputs {
  mlir::Value mask, columns, prefix, angles;
  std::optional<int64_t> reach; ///< columns that a key may be away
};
using DecoderLayer = llvm::function_ref<mlir::Value(BlockBuilder &, mlir::Value x, const LayerInputs &inputs)>;

/// The norm that the config says.
mlir::Value decoderNorm(BlockBuilder &b, mlir::Value x, llvm::StringRef name, const LlamaConfig &config);
/// Files have a head's rows for queries, keys and values together; here all heads' queries are, and so on: reorders the
/// linear layer `name` of every layer, and its bias if it has one.
void sortFusedHeads(ModelBuilder &model, llvm::ArrayRef<std::string> prefixes, llvm::StringRef name, int64_t hidden,
                    int64_t heads, bool biased);
/// Queries, keys and values where they are made side by side.
llvm::SmallVector<mlir::Value> splitHeads(BlockBuilder &b, mlir::Value qkv, const LlamaConfig &config);
/// Attention between rotated queries and keys, and the linear layer `output` behind it.
mlir::Value rotaryAttention(BlockBuilder &b, mlir::Value q, mlir::Value k, mlir::Value v, llvm::StringRef output,
                            const LayerInputs &inputs, const LlamaConfig &config);
/// Attention of `x`, normalised before, under Llama's names: `self_attn.*`.
mlir::Value llamaAttention(BlockBuilder &b, mlir::Value x, const LayerInputs &inputs, const LlamaConfig &config);
/// The gated inner layer of `x`, normalised before: `mlp.*`.
mlir::Value gatedInnerLayer(BlockBuilder &b, mlir::Value x, const LlamaConfig &config);
/// Both, each behind a norm and beside what it adds to.
mlir::Value llamaLayer(BlockBuilder &b, mlir::Value x, const LayerInputs &inputs, const LlamaConfig &config);

/// The model from its embedded words on: layers, which are functions called after `name`, the last norm and the head.
llvm::Error buildLlamaDecoder(ModelBuilder &model, llvm::StringRef name, mlir::Value embedded,
                              const LlamaConfig &config, const HeadOptions &options, DecoderLayer layer);
/// [batch, seq, hidden]
mlir::Value llamaEmbeddings(ModelBuilder &model, const LlamaConfig &config);
/// All of it, of layers like Llama's.
llvm::Error buildLlamaModel(ModelBuilder &model, llvm::StringRef name, const LlamaConfig &config,
                            const HeadOptions &options);
/// The longest sequence of a config, where its class has what `defaults` say.
int64_t longestLlamaSequence(JsonFields &fields, const LlamaConfig &defaults);
/// Question answering's classes have "transformer." before names, others "model.".
std::string nameBehindTransformer(llvm::StringRef name);

constexpr Task llamaTasks[] = {Task::Base,
                               Task::CausalLm,
                               Task::Embedding,
                               Task::SequenceClassification,
                               Task::TokenClassification,
                               Task::QuestionAnswering};

} // namespace lathe

#endif
