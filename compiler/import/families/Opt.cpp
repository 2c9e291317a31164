//===- Opt.cpp - Zhang et al. 2022 --------------------------------------------===//
//
// A decoder with its norms before or behind each part, and words that may be narrower than layers. Positions count a
// sequence's tokens; of their table the first two rows are never used. Hugging Face: models/opt/modeling_opt.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

using namespace mlir;

namespace lathe {
extern const Family optFamily;

namespace {

constexpr double eps = 1e-5; ///< of torch.nn.LayerNorm
constexpr int64_t unusedPositions = 2;

struct OptConfig {
  int64_t vocab, hidden, embedding, inner, layers, heads, positions;
  const ActivationFunction *activation;
  bool normsFirst; ///< layers' norms stand before their parts
  bool normsLast;  ///< and one behind all layers
  bool biased, gained, tied;
  int64_t paddingId;

  static llvm::Expected<OptConfig> parse(const JsonDocument &document);
};

int64_t longestSequence(JsonFields &fields) { return fields.getInt("max_position_embeddings", 2048, 1, 1 << 28); }

llvm::Expected<OptConfig> OptConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  OptConfig c;
  c.vocab = fields.getInt("vocab_size", 50272, 1, maxRows);
  c.hidden = fields.getInt("hidden_size", 768, 1, maxWidth);
  c.embedding = fields.getOptionalInt("word_embed_proj_dim", 1, maxWidth).value_or(c.hidden);
  c.inner = fields.getInt("ffn_dim", 3072, 1, maxWidth);
  c.layers = fields.getInt("num_hidden_layers", 12, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", 12, 1, maxWidth);
  c.positions = longestSequence(fields);
  c.activation = &readActivation(fields, "activation_function", "relu");
  c.normsFirst = fields.getBool("do_layer_norm_before", true);
  c.normsLast = c.normsFirst && !fields.getBool("_remove_final_layer_norm", false);
  c.biased = fields.getBool("enable_bias", true);
  c.gained = fields.getBool("layer_norm_elementwise_affine", true);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.paddingId = fields.getInt("pad_token_id", 1, 0, maxRows);
  requireWholeHeads(fields, c.hidden, c.heads);
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// Without a gain of its own a norm has ones.
Value norm(BlockBuilder &b, Value x, StringRef name, const OptConfig &c) { return b.layerNorm(x, name, eps, c.gained); }

void defineGain(ModelBuilder &m, const Twine &name, const OptConfig &c) {
  if (!c.gained)
    m.defineWeight((name + ".weight").str(), {c.hidden}, std::vector<float>(c.hidden, 1));
}

Value embeddings(ModelBuilder &m, const OptConfig &c) {
  Value x = m.lookup(m.inputIds(c.vocab), "embed_tokens", c.vocab, c.embedding);
  if (c.embedding != c.hidden)
    x = m.linear(x, "project_in", c.hidden, /*biased=*/false);
  return m.add(
      x, m.lookupBehind(m.tokenPositions(c.positions), "embed_positions", unusedPositions, c.positions, c.hidden));
}

/// A layer is given the mask and the columns.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const OptConfig &c) {
  ScoreRules rules;
  rules.columns = shared[1], rules.causal = true, rules.prefix = shared[2];
  auto linear = [&](Value x, StringRef name, int64_t width) { return b.linear(x, name, width, c.biased); };
  Value y = c.normsFirst ? norm(b, x, "self_attn_layer_norm", c) : x;
  Value q = linear(y, "self_attn.q_proj", c.hidden), k = linear(y, "self_attn.k_proj", c.hidden);
  Value a = b.attention(q, k, linear(y, "self_attn.v_proj", c.hidden), shared[0], c.heads, rules);
  x = b.add(linear(a, "self_attn.out_proj", c.hidden), x);
  if (!c.normsFirst)
    x = norm(b, x, "self_attn_layer_norm", c);
  y = c.normsFirst ? norm(b, x, "final_layer_norm", c) : x;
  x = b.add(linear(b.activate(linear(y, "fc1", c.inner), *c.activation), "fc2", c.hidden), x);
  return c.normsFirst ? x : norm(b, x, "final_layer_norm", c);
}

llvm::Error buildOpt(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<OptConfig> config = OptConfig::parse(document);
  if (!config)
    return config.takeError();
  const OptConfig &c = *config;

  Value x = embeddings(m, c);
  const std::vector<std::string> prefixes = m.layerPrefixes("layers.", c.layers);
  for (const std::string &prefix : prefixes)
    for (const char *name : {"self_attn_layer_norm", "final_layer_norm"})
      defineGain(m, prefix + name, c);
  SmallVector<Value> layers =
      m.sharingLayers("opt_layer", prefixes, x, {m.mask(), m.columns(), m.prefix()},
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back();
  if (c.normsLast) {
    defineGain(m, "final_layer_norm", c);
    hidden = norm(m, hidden, "final_layer_norm", c);
  }
  if (c.embedding != c.hidden)
    hidden = m.linear(hidden, "project_out", c.embedding, /*biased=*/false);
  layers.back() = hidden;

  if (llvm::Error error = emitDecoderHead(
          m, hidden, options,
          {.embedding = "embed_tokens.weight", .vocab = c.vocab, .tied = c.tied, .paddingId = c.paddingId}))
    return error;
  return finishEncoder(m, x, layers, options, {"lm_head.", "score.", "qa_outputs."});
}

/// Names stand behind "model.decoder." or, of the base model, behind "decoder.".
std::string withoutDecoder(StringRef name) {
  name.consume_front("decoder.");
  return name.str();
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification,
                          Task::QuestionAnswering};

} // namespace

const Family optFamily = {.modelType = "opt",
                          .title = "OPT, Zhang et al. 2022",
                          .basePrefix = "model.",
                          .classPrefix = "OPT",
                          .tasks = tasks,
                          .build = buildOpt,
                          .longestSequence = longestSequence,
                          .renameWeight = withoutDecoder,
                          .writingIds = WritingIds{.eos = 2, .pad = 1}};

} // namespace lathe
