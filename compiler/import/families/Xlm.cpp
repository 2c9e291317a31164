//===- Xlm.cpp - Lample and Conneau 2019 --------------------------------------===//
//
// A post-norm encoder whose words may have a language each. What others have as types of tokens are words here, added
// to the others. Hugging Face: models/xlm/modeling_xlm.py.
//
// Tokens under the mask are no keys, in the causal form as well, where Transformers leaves the mask out: results are
// the same where padding stands behind the text.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

using namespace mlir;

namespace lathe {
extern const Family xlmFamily;

namespace {

struct XlmConfig {
  int64_t vocab, positions, dim, layers, heads, languages, paddingId;
  bool gelu, causal, tied;
  double eps;
  const ActivationFunction *summaryActivation; ///< null: none

  static llvm::Expected<XlmConfig> parse(const JsonDocument &document, Task task);
};

llvm::Expected<XlmConfig> XlmConfig::parse(const JsonDocument &document, Task task) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  XlmConfig c;
  c.vocab = fields.getInt(fields.has("n_words") ? "n_words" : "vocab_size", 30145, 1, maxRows);
  c.positions = fields.getInt("max_position_embeddings", 512, 1, maxRows);
  c.dim = fields.getInt("emb_dim", 2048, 1, maxWidth);
  c.layers = fields.getInt("n_layers", 12, 1, 4096);
  c.heads = fields.getInt("n_heads", 16, 1, maxWidth);
  c.languages = fields.getInt("n_langs", 1, 1, maxRows);
  if (!fields.getBool("use_lang_emb", true))
    c.languages = 1;
  c.paddingId = fields.getInt("pad_index", 2, 0, maxRows);
  c.gelu = fields.getBool("gelu_activation", true);
  c.causal = fields.getBool("causal", false);
  c.tied = fields.getBool("tie_word_embeddings", true);
  c.eps = fields.getFloat("layer_norm_eps", 1e-12, 0, 1);
  if (fields.getBool("asm", false))
    fields.reject("asm", "found true: an adaptive softmax is not supported yet; accepted is false");
  if (!fields.getBool("is_encoder", true))
    fields.reject("is_encoder", "found false: Transformers has XLM as an encoder only; accepted is true");
  const bool sums = task == Task::SequenceClassification || task == Task::MultipleChoice;
  if (std::string type = fields.getString("summary_type", "first"); sums && type != "first")
    fields.reject("summary_type", "found \"" + type + "\", which reads padding in a batch; accepted is \"first\"");
  for (const char *name : {"summary_use_proj", "summary_proj_to_labels"})
    if (!fields.getBool(name, true) && sums)
      fields.reject(name, "found false: a summary that is no logits is not supported yet; accepted is true");
  const bool activates = fields.getOptionalString("summary_activation").has_value();
  c.summaryActivation = activates ? &readActivation(fields, "summary_activation", "") : nullptr;
  if (c.dim % std::max<int64_t>(c.heads, 1))
    fields.reject("emb_dim", "found " + Twine(c.dim) + ", which is no multiple of n_heads " + Twine(c.heads));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

Value embeddings(ModelBuilder &m, const XlmConfig &c) {
  Value x = m.add(m.lookup(m.inputIds(c.vocab), "embeddings", c.vocab, c.dim),
                  m.lookup(m.positionIds(c.positions), "position_embeddings", c.positions, c.dim));
  if (c.languages > 1)
    x = m.add(x, m.lookup(m.langsIfAny(c.languages), "lang_embeddings", c.languages, c.dim, /*orZeros=*/true));
  x = m.add(x, m.lookup(m.tokenTypeIdsIfAny(c.vocab), "embeddings", c.vocab, c.dim, /*orZeros=*/true));
  return m.layerNorm(x, "layer_norm_emb", c.eps);
}

/// A layer is given the mask, and the columns where it is causal.
Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const XlmConfig &c) {
  ScoreRules rules;
  if (c.causal)
    rules.columns = shared[1], rules.causal = true, rules.prefix = shared[2];
  Value a = b.selfAttention(x, shared[0], c.heads, "attentions.q_lin", "attentions.k_lin", "attentions.v_lin", rules);
  x = b.layerNorm(b.add(b.linear(a, "attentions.out_lin", c.dim), x), "layer_norm1", c.eps);
  Value f = b.activate(b.linear(x, "ffns.lin1", 4 * c.dim), c.gelu ? xf::Activation::Gelu : xf::Activation::Relu);
  return b.layerNorm(b.add(b.linear(f, "ffns.lin2", c.dim), x), "layer_norm2", c.eps);
}

/// Of a text, as many numbers as the config has labels.
Value summary(ModelBuilder &m, Value hidden, const HeadOptions &options, const XlmConfig &c) {
  Value logits = m.linear(m.firstToken(hidden), "sequence_summary.summary", options.labels);
  return c.summaryActivation ? m.activate(logits, *c.summaryActivation) : logits;
}

llvm::Error buildXlm(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<XlmConfig> config = XlmConfig::parse(document, options.task);
  if (!config)
    return config.takeError();
  const XlmConfig &c = *config;

  Value x = embeddings(m, c);
  m.countTokensWithoutMask(c.paddingId);
  SmallVector<Value> shared = {m.mask()};
  if (c.causal)
    shared.append({m.columns(), m.prefix()});
  SmallVector<Value> layers =
      m.sharingLayers("xlm_layer", m.layerPrefixes("layers.", c.layers), x, shared,
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back();

  switch (options.task) {
  case Task::MaskedLm:
  case Task::CausalLm:
    emitVocabularyLogits(m, "logits", hidden,
                         {.embedding = "embeddings.weight",
                          .weight = "pred_layer.proj.weight",
                          .bias = "pred_layer.proj.bias",
                          .ownBias = "pred_layer.proj.bias"},
                         c.vocab, c.tied);
    break;
  case Task::SequenceClassification:
    m.output("logits", summary(m, hidden, options, c), {.firstColumn = FirstColumn::Error});
    break;
  case Task::MultipleChoice:
    m.takeChoices();
    m.output("logits", m.linear(summary(m, hidden, options, c), "logits_proj", 1),
             {.firstColumn = FirstColumn::Error, .squeezed = true, .byChoice = true});
    break;
  default:
    if (llvm::Error error = emitHead(m, hidden, options, {}))
      return error;
  }
  return finishEncoder(m, x, layers, options,
                       {"pred_layer.", "sequence_summary.", "logits_proj.", "classifier.", "qa_outputs."});
}

/// Files name a layer's part before the layer: "attentions.3.q_lin.weight" is "layers.3.attentions.q_lin.weight".
std::string layerFirst(StringRef name) {
  auto [part, rest] = name.split('.');
  auto [layer, component] = rest.split('.');
  int64_t number;
  if (component.empty() || layer.getAsInteger(10, number))
    return name.str();
  return ("layers." + layer + "." + part + "." + component).str();
}

constexpr Task tasks[] = {Task::Base,
                          Task::MaskedLm,
                          Task::CausalLm,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

constexpr ClassEnding ownClasses[] = {{"WithLMHeadModel", Task::MaskedLm},
                                      {"ForQuestionAnsweringSimple", Task::QuestionAnswering}};

} // namespace

const Family xlmFamily = {.modelType = "xlm",
                          .title = "XLM, Lample and Conneau 2019",
                          .basePrefix = "transformer.",
                          .classPrefix = "XLM",
                          .tasks = tasks,
                          .build = buildXlm,
                          .ownClasses = ownClasses,
                          .renameWeight = layerFirst,
                          .writingIds = WritingIds{.pad = 2}};

} // namespace lathe
