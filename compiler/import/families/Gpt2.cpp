//===- Gpt2.cpp - Radford et al. 2019 -----------------------------------------===//
//
// A pre-norm decoder: each token sees itself and those before it. Linear weights are stored the other way round than
// elsewhere. Hugging Face: models/gpt2/modeling_gpt2.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

using namespace mlir;

namespace lathe {
extern const Family gpt2Family;

namespace {

struct Gpt2Config {
  int64_t vocab, hidden, inner, layers, heads, positions;
  const ActivationFunction *activation;
  double eps;
  bool scales;        ///< scores by the root of head_dim
  bool scalesByLayer; ///< and layer i's by i + 1
  bool tied;
  std::optional<int64_t> paddingId;

  static llvm::Expected<Gpt2Config> parse(const JsonDocument &document);
};

int64_t longestSequence(JsonFields &fields) { return fields.getInt("n_positions", 1024, 1, 1 << 28); }

llvm::Expected<Gpt2Config> Gpt2Config::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  Gpt2Config c;
  c.vocab = fields.getInt("vocab_size", 50257, 1, maxRows);
  c.hidden = fields.getInt("n_embd", 768, 1, maxWidth);
  c.inner = fields.getOptionalInt("n_inner", 1, maxWidth).value_or(4 * c.hidden);
  c.layers = fields.getInt("n_layer", 12, 1, 4096);
  c.heads = fields.getInt("n_head", 12, 1, maxWidth);
  c.positions = longestSequence(fields);
  c.activation = &readActivation(fields, "activation_function", "gelu_new");
  c.eps = fields.getFloat("layer_norm_epsilon", 1e-5, 0, 1);
  c.scales = fields.getBool("scale_attn_weights", true);
  c.scalesByLayer = fields.getBool("scale_attn_by_inverse_layer_idx", false);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  if (fields.getBool("add_cross_attention", false))
    fields.reject("add_cross_attention", "found true: a decoder that reads an encoder's states is not supported yet; "
                                         "accepted is false");
  if (c.hidden % c.heads)
    fields.reject("n_embd", "found " + Twine(c.hidden) + ", which is no multiple of n_head " + Twine(c.heads));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// Types of tokens are words here, and are added only where they are given.
Value embeddings(ModelBuilder &m, const Gpt2Config &c) {
  Value x = m.add(m.lookup(m.inputIds(c.vocab), "wte", c.vocab, c.hidden),
                  m.lookup(m.positionIds(c.positions), "wpe", c.positions, c.hidden));
  return m.add(x, m.lookup(m.tokenTypeIdsIfAny(c.vocab), "wte", c.vocab, c.hidden, /*orZeros=*/true));
}

constexpr StringRef layerScale = "attn.scale";

/// A layer is given the mask, the columns and where prefixes end.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const Gpt2Config &c) {
  Value y = b.layerNorm(x, "ln_1", c.eps);
  SmallVector<Value> qkv = b.split(b.transposedLinear(y, "attn.c_attn", 3 * c.hidden), 3);
  if (c.scalesByLayer)
    qkv[0] = b.scale(qkv[0], layerScale);
  ScoreRules rules;
  rules.columns = shared[1], rules.causal = true, rules.prefix = shared[2];
  if (!c.scales)
    rules.scale = 1;
  Value a = b.attention(qkv[0], qkv[1], qkv[2], shared[0], c.heads, rules);
  x = b.add(b.transposedLinear(a, "attn.c_proj", c.hidden), x);
  y = b.layerNorm(x, "ln_2", c.eps);
  Value f = b.activate(b.transposedLinear(y, "mlp.c_fc", c.inner), *c.activation);
  return b.add(b.transposedLinear(f, "mlp.c_proj", c.hidden), x);
}

llvm::Error buildGpt2(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<Gpt2Config> config = Gpt2Config::parse(document);
  if (!config)
    return config.takeError();
  const Gpt2Config &c = *config;

  Value x = embeddings(m, c);
  const std::vector<std::string> prefixes = m.layerPrefixes("h.", c.layers, "n_layer");
  if (c.scalesByLayer)
    for (auto [index, prefix] : llvm::enumerate(prefixes))
      m.defineWeight((prefix + layerScale).str(), {1}, {1 / float(index + 1)});
  SmallVector<Value> layers =
      m.sharingLayers("gpt2_layer", prefixes, x, {m.mask(), m.columns(), m.prefix()},
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back() = m.layerNorm(layers.back(), "ln_f", c.eps);

  const DecoderParts parts = {.embedding = "wte.weight", .vocab = c.vocab, .tied = c.tied, .paddingId = c.paddingId};
  if (llvm::Error error = options.task == Task::MultipleChoice ? emitDoubleHeads(m, hidden, document, parts)
                                                               : emitDecoderHead(m, hidden, options, parts))
    return error;
  return finishEncoder(m, x, layers, options,
                       {"lm_head.", "score.", "multiple_choice_head.", "classifier.", "qa_outputs."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::CausalLm,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};
constexpr ClassEnding ownClasses[] = {{"LMHeadModel", Task::CausalLm}, {"DoubleHeadsModel", Task::MultipleChoice}};
/// Of attention's own mask, which old files have.
constexpr StringRef buffers[] = {"attn.bias", "attn.masked_bias"};

} // namespace

const Family gpt2Family = {.modelType = "gpt2",
                           .title = "GPT-2, Radford et al. 2019",
                           .basePrefix = "transformer.",
                           .classPrefix = "GPT2",
                           .tasks = tasks,
                           .build = buildGpt2,
                           .longestSequence = longestSequence,
                           .ownClasses = ownClasses,
                           .buffers = buffers,
                           .writingIds = WritingIds{.eos = 50256}};

} // namespace lathe
