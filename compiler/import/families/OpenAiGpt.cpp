//===- OpenAiGpt.cpp - Radford et al. 2018 ------------------------------------===//
//
// The first GPT: a post-norm decoder. Linear weights are stored the other way round than elsewhere. Hugging Face:
// models/openai/modeling_openai.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

using namespace mlir;

namespace lathe {
extern const Family openaiGptFamily;

namespace {

struct OpenAiGptConfig {
  int64_t vocab, hidden, layers, heads, positions;
  xf::Activation activation;
  double eps;
  bool tied;
  std::optional<int64_t> paddingId;

  static llvm::Expected<OpenAiGptConfig> parse(const JsonDocument &document);
};

int64_t longestSequence(JsonFields &fields) { return fields.getInt("n_positions", 512, 1, 1 << 28); }

llvm::Expected<OpenAiGptConfig> OpenAiGptConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  OpenAiGptConfig c;
  c.vocab = fields.getInt("vocab_size", 40478, 1, maxRows);
  c.hidden = fields.getInt("n_embd", 768, 1, maxWidth);
  c.layers = fields.getInt("n_layer", 12, 1, 4096);
  c.heads = fields.getInt("n_head", 12, 1, maxWidth);
  c.positions = longestSequence(fields);
  // Names of its own, of which "gelu" is what others call "gelu_new".
  c.activation = fields.getChoice<xf::Activation>("afn", "gelu",
                                                  {{"gelu", xf::Activation::GeluTanh},
                                                   {"relu", xf::Activation::Relu},
                                                   {"silu", xf::Activation::Silu},
                                                   {"swish", xf::Activation::Silu}});
  c.eps = fields.getFloat("layer_norm_epsilon", 1e-5, 0, 1);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  if (c.hidden % c.heads)
    fields.reject("n_embd", "found " + Twine(c.hidden) + ", which is no multiple of n_head " + Twine(c.heads));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// Types of tokens are words here, and are added only where they are given.
Value embeddings(ModelBuilder &m, const OpenAiGptConfig &c) {
  Value x = m.add(m.lookup(m.inputIds(c.vocab), "tokens_embed", c.vocab, c.hidden),
                  m.lookup(m.positionIds(c.positions), "positions_embed", c.positions, c.hidden));
  return m.add(x, m.lookup(m.tokenTypeIdsIfAny(c.vocab), "tokens_embed", c.vocab, c.hidden, /*orZeros=*/true));
}

/// A layer is given the mask, the columns and where prefixes end.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const OpenAiGptConfig &c) {
  SmallVector<Value> qkv = b.split(b.transposedLinear(x, "attn.c_attn", 3 * c.hidden), 3);
  ScoreRules rules;
  rules.columns = shared[1], rules.causal = true, rules.prefix = shared[2];
  Value a = b.attention(qkv[0], qkv[1], qkv[2], shared[0], c.heads, rules);
  x = b.layerNorm(b.add(b.transposedLinear(a, "attn.c_proj", c.hidden), x), "ln_1", c.eps);
  Value f = b.activate(b.transposedLinear(x, "mlp.c_fc", 4 * c.hidden), c.activation);
  return b.layerNorm(b.add(b.transposedLinear(f, "mlp.c_proj", c.hidden), x), "ln_2", c.eps);
}

llvm::Error buildOpenAiGpt(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<OpenAiGptConfig> config = OpenAiGptConfig::parse(document);
  if (!config)
    return config.takeError();
  const OpenAiGptConfig &c = *config;

  Value x = embeddings(m, c);
  SmallVector<Value> layers =
      m.sharingLayers("gpt_layer", m.layerPrefixes("h.", c.layers, "n_layer"), x, {m.mask(), m.columns(), m.prefix()},
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back();

  const DecoderParts parts = {
      .embedding = "tokens_embed.weight", .vocab = c.vocab, .tied = c.tied, .paddingId = c.paddingId};
  if (llvm::Error error = options.task == Task::MultipleChoice ? emitDoubleHeads(m, hidden, document, parts)
                                                               : emitDecoderHead(m, hidden, options, parts))
    return error;
  return finishEncoder(m, x, layers, options, {"lm_head.", "score.", "multiple_choice_head."});
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification,
                          Task::MultipleChoice};
constexpr ClassEnding ownClasses[] = {{"LMHeadModel", Task::CausalLm}, {"DoubleHeadsModel", Task::MultipleChoice}};
/// Of attention's own mask, which old files have.
constexpr StringRef buffers[] = {"attn.bias"};

} // namespace

const Family openaiGptFamily = {.modelType = "openai-gpt",
                                .title = "GPT, Radford et al. 2018",
                                .basePrefix = "transformer.",
                                .classPrefix = "OpenAIGPT",
                                .tasks = tasks,
                                .build = buildOpenAiGpt,
                                .longestSequence = longestSequence,
                                .ownClasses = ownClasses,
                                .buffers = buffers,
                                .writingIds = WritingIds{}};

} // namespace lathe
