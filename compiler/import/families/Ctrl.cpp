//===- Ctrl.cpp - Keskar et al. 2019 ------------------------------------------===//
//
// A pre-norm decoder with fixed sinusoids for positions, that no file has. Hugging Face: models/ctrl/modeling_ctrl.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

#include <cmath>

using namespace mlir;

namespace lathe {
extern const Family ctrlFamily;

namespace {

constexpr double layerEps = 1e-6; ///< whatever the config says; the last norm alone goes by it

struct CtrlConfig {
  int64_t vocab, hidden, inner, layers, heads, positions;
  double eps;
  bool tied;
  std::optional<int64_t> paddingId;

  static llvm::Expected<CtrlConfig> parse(const JsonDocument &document);
};

int64_t longestSequence(JsonFields &fields) { return fields.getInt("n_positions", 256, 1, 1 << 20); }

llvm::Expected<CtrlConfig> CtrlConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 16, maxRows = 1 << 28;
  JsonFields fields(document);
  CtrlConfig c;
  c.vocab = fields.getInt("vocab_size", 246534, 1, maxRows);
  c.hidden = fields.getInt("n_embd", 1280, 1, maxWidth);
  c.inner = fields.getInt("dff", 8192, 1, maxWidth);
  c.layers = fields.getInt("n_layer", 48, 1, 4096);
  c.heads = fields.getInt("n_head", 16, 1, maxWidth);
  c.positions = longestSequence(fields);
  c.eps = fields.getFloat("layer_norm_epsilon", 1e-6, 0, 1);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  if (c.hidden % c.heads || c.hidden % 2)
    fields.reject("n_embd", "found " + Twine(c.hidden) + "; accepted are even multiples of n_head, " + Twine(c.heads));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// Sines of a position in the first half of its row and cosines in the second, computed in f32 as Transformers does.
std::vector<float> sinusoids(const CtrlConfig &c) {
  const int64_t half = c.hidden / 2;
  std::vector<float> table(c.positions * c.hidden);
  for (int64_t i = 0; i < half; ++i) {
    const float rate = 1 / std::pow(10000.0f, float(2 * i) / float(c.hidden));
    for (int64_t position = 0; position < c.positions; ++position) {
      table[position * c.hidden + i] = std::sin(float(position) * rate);
      table[position * c.hidden + half + i] = std::cos(float(position) * rate);
    }
  }
  return table;
}

/// Types of tokens are words here, and are added only where they are given.
Value embeddings(ModelBuilder &m, const CtrlConfig &c) {
  m.defineWeight("positions.weight", {c.positions, c.hidden}, sinusoids(c));
  auto words = [&](Value ids, bool orZeros) {
    Value x = m.lookup(ids, "w", c.vocab, c.hidden, orZeros);
    return m.combine(xf::CombineKind::Mul, x, std::sqrt(double(c.hidden)));
  };
  Value x = m.add(words(m.inputIds(c.vocab), false),
                  m.lookup(m.positionIds(c.positions), "positions", c.positions, c.hidden));
  return m.add(x, words(m.tokenTypeIdsIfAny(c.vocab), true));
}

/// A layer is given the mask and the columns.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const CtrlConfig &c) {
  ScoreRules rules;
  rules.columns = shared[1], rules.causal = true, rules.prefix = shared[2];
  Value y = b.layerNorm(x, "layernorm1", layerEps);
  Value a = b.selfAttention(y, shared[0], c.heads, "multi_head_attention.Wq", "multi_head_attention.Wk",
                            "multi_head_attention.Wv", rules);
  x = b.add(b.linear(a, "multi_head_attention.dense", c.hidden), x);
  y = b.layerNorm(x, "layernorm2", layerEps);
  Value f = b.activate(b.linear(y, "ffn.0", c.inner), xf::Activation::Relu);
  return b.add(b.linear(f, "ffn.2", c.hidden), x);
}

llvm::Error buildCtrl(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<CtrlConfig> config = CtrlConfig::parse(document);
  if (!config)
    return config.takeError();
  const CtrlConfig &c = *config;

  Value x = embeddings(m, c);
  SmallVector<Value> layers =
      m.sharingLayers("ctrl_layer", m.layerPrefixes("h.", c.layers, "n_layer"), x, {m.mask(), m.columns(), m.prefix()},
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back() = m.layerNorm(layers.back(), "layernorm", c.eps);

  if (llvm::Error error = emitDecoderHead(m, hidden, options,
                                          {.embedding = "w.weight",
                                           .vocab = c.vocab,
                                           .tied = c.tied,
                                           .bias = "lm_head.bias",
                                           .classifier = "classifier",
                                           .paddingId = c.paddingId}))
    return error;
  return finishEncoder(m, x, layers, options, {"lm_head.", "classifier."});
}

constexpr Task tasks[] = {Task::Base, Task::CausalLm, Task::Embedding, Task::SequenceClassification};
constexpr ClassEnding ownClasses[] = {{"LMHeadModel", Task::CausalLm}};

} // namespace

const Family ctrlFamily = {.modelType = "ctrl",
                           .title = "CTRL, Keskar et al. 2019",
                           .basePrefix = "transformer.",
                           .classPrefix = "CTRL",
                           .tasks = tasks,
                           .build = buildCtrl,
                           .longestSequence = longestSequence,
                           .ownClasses = ownClasses,
                           .writingIds = WritingIds{}};

} // namespace lathe
