//===- Bloom.cpp - Le Scao et al. 2022 ----------------------------------------===//
//
// A pre-norm decoder without positions: scores fall by how many tokens are between query and key, in each head at
// another rate (ALiBi, Press et al. 2022). Hugging Face: models/bloom/modeling_bloom.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family bloomFamily;

namespace {

struct BloomConfig {
  int64_t vocab, hidden, layers, heads, positions;
  double eps;
  bool addsNormed; ///< what parts of a layer add to is normalised, too
  bool tied;
  std::optional<int64_t> paddingId;

  static llvm::Expected<BloomConfig> parse(const JsonDocument &document);
};

/// The model has no limit; its tokens are counted up to that of the texts it was trained on.
int64_t longestSequence(JsonFields &fields) { return fields.getInt("seq_length", 2048, 1, 1 << 20); }

llvm::Expected<BloomConfig> BloomConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  BloomConfig c;
  auto either = [&](const char *name, const char *other, int64_t fallback, int64_t limit) {
    return fields.getInt(fields.has(other) ? other : name, fallback, 1, limit);
  };
  c.vocab = fields.getInt("vocab_size", 250880, 1, maxRows);
  c.hidden = either("hidden_size", "n_embed", 64, maxWidth);
  c.layers = either("n_layer", "num_hidden_layers", 2, 4096);
  c.heads = either("n_head", "num_attention_heads", 8, maxWidth);
  c.positions = longestSequence(fields);
  c.eps = fields.getFloat("layer_norm_epsilon", 1e-5, 0, 1);
  c.addsNormed = fields.getBool("apply_residual_connection_post_layernorm", false);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  if (c.hidden % c.heads)
    fields.reject("hidden_size", "found " + Twine(c.hidden) + ", which is no multiple of n_head " + Twine(c.heads));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// A rate for each head: powers of one number and, where heads are no power of two, between these of its root.
std::vector<float> slopes(int64_t heads) {
  const int64_t whole = int64_t(1) << int64_t(std::log2(double(heads)));
  std::vector<float> slopes;
  for (int64_t head = 0; head < heads; ++head) {
    const bool isBetween = head >= whole;
    const float base = float(std::exp2(-std::exp2(-(std::log2(double(isBetween ? 2 * whole : whole)) - 3))));
    slopes.push_back(float(std::pow(double(base), double(isBetween ? 2 * (head - whole) + 1 : head + 1))));
  }
  return slopes;
}

constexpr StringRef fused = "self_attention.query_key_value";

/// A layer is given the mask, the number of each token and of that behind the prefix, and the slopes.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const BloomConfig &c) {
  Value y = b.layerNorm(x, "input_layernorm", c.eps);
  SmallVector<Value> qkv = b.split(b.linear(y, fused, 3 * c.hidden), 3);
  ScoreRules rules;
  rules.columns = shared[1], rules.causal = true, rules.prefix = shared[2], rules.slopes = shared[3];
  Value a = b.attention(qkv[0], qkv[1], qkv[2], shared[0], c.heads, rules);
  x = b.add(b.linear(a, "self_attention.dense", c.hidden), c.addsNormed ? y : x);
  y = b.layerNorm(x, "post_attention_layernorm", c.eps);
  Value f = b.activate(b.linear(y, "mlp.dense_h_to_4h", 4 * c.hidden), xf::Activation::GeluTanh);
  return b.add(b.linear(f, "mlp.dense_4h_to_h", c.hidden), c.addsNormed ? y : x);
}

llvm::Error buildBloom(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<BloomConfig> config = BloomConfig::parse(document);
  if (!config)
    return config.takeError();
  const BloomConfig &c = *config;

  const std::vector<std::string> prefixes = m.layerPrefixes("h.", c.layers, "n_layer");
  sortFusedHeads(m, prefixes, fused, c.hidden, c.heads, /*biased=*/true);
  Value word = m.lookup(m.inputIds(c.vocab), "word_embeddings", c.vocab, c.hidden);
  Value x = m.layerNorm(word, "word_embeddings_layernorm", c.eps);
  SmallVector<Value> layers = m.sharingLayers(
      "bloom_layer", prefixes, x,
      {m.mask(), m.tokenColumns(c.positions), m.tokenPrefix(), m.constantVector("alibi.slopes", slopes(c.heads))},
      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back() = m.layerNorm(layers.back(), "ln_f", c.eps);

  if (llvm::Error error = emitDecoderHead(
          m, hidden, options,
          {.embedding = "word_embeddings.weight", .vocab = c.vocab, .tied = c.tied, .paddingId = c.paddingId}))
    return error;
  return finishEncoder(m, x, layers, options, {"lm_head.", "score.", "classifier.", "qa_outputs."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::CausalLm,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering};

} // namespace

const Family bloomFamily = {.modelType = "bloom",
                            .title = "BLOOM, Le Scao et al. 2022",
                            .basePrefix = "transformer.",
                            .classPrefix = "Bloom",
                            .tasks = tasks,
                            .build = buildBloom,
                            .longestSequence = longestSequence,
                            .writingIds = WritingIds{.eos = 2}};

} // namespace lathe
