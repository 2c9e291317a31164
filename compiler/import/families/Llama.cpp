//===- Llama.cpp - Touvron et al. 2023 ----------------------------------------===//
//
// A pre-norm decoder whose norms go by the root of squares, whose positions rotate queries and keys, and whose inner
// layer is gated. Heads of queries may share one of keys and values. Hugging Face: models/llama/modeling_llama.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

using namespace mlir;

namespace lathe {
extern const Family llamaFamily;

namespace {

struct LlamaConfig {
  int64_t vocab, hidden, inner, layers, heads, keyHeads, headDim, positions;
  const ActivationFunction *activation;
  double eps, theta;
  bool attentionBias, innerBias, tied;
  std::optional<int64_t> paddingId;

  static llvm::Expected<LlamaConfig> parse(const JsonDocument &document);
};

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 2048, 1, 1 << 28); }

/// What scales positions, as Transformers 4 and 5 write it.
void readRope(JsonFields &fields, LlamaConfig &c) {
  c.theta = fields.getFloat("rope_theta", 10000, 1, 1e12);
  for (const char *name : {"rope_scaling", "rope_parameters"})
    fields.readObject(name, [&](JsonFields &rope) {
      c.theta = rope.getFloat("rope_theta", c.theta, 1, 1e12);
      const char *kind = rope.has("rope_type") ? "rope_type" : "type";
      if (std::string type = rope.getString(kind, "default"); type != "default")
        rope.reject(kind, "found \"" + type + "\", which is not supported yet; accepted is \"default\"");
    });
}

llvm::Expected<LlamaConfig> LlamaConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  LlamaConfig c;
  c.vocab = fields.getInt("vocab_size", 32000, 1, maxRows);
  c.hidden = fields.getInt("hidden_size", 4096, 1, maxWidth);
  c.inner = fields.getInt("intermediate_size", 11008, 1, maxWidth);
  c.layers = fields.getInt("num_hidden_layers", 32, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", 32, 1, maxWidth);
  c.positions = longestSequence(fields);
  c.activation = &readActivation(fields, "hidden_act", "silu");
  c.eps = fields.getFloat("rms_norm_eps", 1e-6, 0, 1);
  c.attentionBias = fields.getBool("attention_bias", false);
  c.innerBias = fields.getBool("mlp_bias", false);
  c.tied = fields.getBool("tie_word_embeddings", false);
  c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  readRope(fields, c);
  const std::optional<int64_t> headDim = fields.getOptionalInt("head_dim", 2, maxWidth);
  if (!headDim)
    requireWholeHeads(fields, c.hidden, c.heads);
  c.headDim = headDim.value_or(c.hidden / c.heads);
  if (c.headDim % 2)
    fields.reject("head_dim", "found " + Twine(c.headDim) + ", which is odd; rotations need pairs");
  c.keyHeads = fields.getOptionalInt("num_key_value_heads", 1, maxWidth).value_or(c.heads);
  if (c.heads % c.keyHeads)
    fields.reject("num_key_value_heads",
                  "found " + Twine(c.keyHeads) + ", which does not divide num_attention_heads " + Twine(c.heads));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// A layer is given the mask, the columns and its angles.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const LlamaConfig &c) {
  ScoreRules rules;
  rules.columns = shared[1], rules.causal = true;
  Value y = b.rmsNorm(x, "input_layernorm", c.eps);
  auto project = [&](StringRef name, int64_t heads) { return b.linear(y, name, heads * c.headDim, c.attentionBias); };
  Value q = b.rotate(project("self_attn.q_proj", c.heads), shared[2], c.heads);
  Value k = b.rotate(project("self_attn.k_proj", c.keyHeads), shared[2], c.keyHeads);
  Value a = b.attention(q, k, project("self_attn.v_proj", c.keyHeads), shared[0], c.heads, rules);
  x = b.add(b.linear(a, "self_attn.o_proj", c.hidden, c.attentionBias), x);
  y = b.rmsNorm(x, "post_attention_layernorm", c.eps);
  Value gate = b.activate(b.linear(y, "mlp.gate_proj", c.inner, c.innerBias), *c.activation);
  Value gated = b.combine(xf::CombineKind::Mul, gate, b.linear(y, "mlp.up_proj", c.inner, c.innerBias));
  return b.add(b.linear(gated, "mlp.down_proj", c.hidden, c.innerBias), x);
}

llvm::Error buildLlama(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<LlamaConfig> config = LlamaConfig::parse(document);
  if (!config)
    return config.takeError();
  const LlamaConfig &c = *config;

  Value x = m.lookup(m.inputIds(c.vocab), "embed_tokens", c.vocab, c.hidden);
  Value angles = m.angles(m.positionIds(c.positions), "rope", c.headDim, c.theta);
  SmallVector<Value> layers =
      m.sharingLayers("llama_layer", m.layerPrefixes("layers.", c.layers), x, {m.mask(), m.columns(), angles},
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back() = m.rmsNorm(layers.back(), "norm", c.eps);

  if (llvm::Error error = emitDecoderHead(
          m, hidden, options,
          {.embedding = "embed_tokens.weight", .vocab = c.vocab, .tied = c.tied, .paddingId = c.paddingId}))
    return error;
  return finishEncoder(m, x, layers, options, {"lm_head.", "score."});
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification};
/// Of the rotations, which old files have.
constexpr StringRef buffers[] = {"rotary_emb.inv_freq"};

} // namespace

const Family llamaFamily = {.modelType = "llama",
                            .title = "Llama, Touvron et al. 2023",
                            .basePrefix = "model.",
                            .classPrefix = "Llama",
                            .tasks = tasks,
                            .build = buildLlama,
                            .longestSequence = longestSequence,
                            .buffers = buffers};

} // namespace lathe
