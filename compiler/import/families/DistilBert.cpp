//===- DistilBert.cpp - Sanh et al. 2019 --------------------------------------===//
//
// BERT with half the layers, without token types and pooler, under names of its own. Hugging Face:
// models/distilbert/modeling_distilbert.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/Heads.h"

using namespace mlir;

namespace lathe {
extern const Family distilbertFamily;

namespace {

constexpr double eps = 1e-12; // not in the config

struct DistilBertConfig {
  int64_t vocab, positions, dim, layers, heads, inner;
  const ActivationFunction *activation;
  bool tied; ///< the masked-LM decoder is the word embedding

  static llvm::Expected<DistilBertConfig> parse(const JsonDocument &document);
};

llvm::Expected<DistilBertConfig> DistilBertConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  JsonFields fields(document);
  DistilBertConfig c;
  c.vocab = fields.getInt("vocab_size", 30522, 1, maxRows);
  c.positions = fields.getInt("max_position_embeddings", 512, 1, maxRows);
  c.dim = fields.getInt("dim", 768, 1, maxWidth);
  c.layers = fields.getInt("n_layers", 6, 1, 4096);
  c.heads = fields.getInt("n_heads", 12, 1, maxWidth);
  c.inner = fields.getInt("hidden_dim", 4 * 768, 1, maxWidth);
  c.activation = &readActivation(fields, "activation", "gelu");
  c.tied = fields.getBool("tie_word_embeddings", true);
  if (c.dim % std::max<int64_t>(c.heads, 1))
    fields.reject("dim", "found " + Twine(c.dim) + ", which is no multiple of n_heads " + Twine(c.heads));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

Value layer(BlockBuilder &b, Value x, Value mask, const DistilBertConfig &c) {
  Value a = b.selfAttention(x, mask, c.heads, "attention.q_lin", "attention.k_lin", "attention.v_lin");
  x = b.layerNorm(b.add(b.linear(a, "attention.out_lin", c.dim), x), "sa_layer_norm", eps);
  Value f = b.activate(b.linear(x, "ffn.lin1", c.inner), *c.activation);
  return b.layerNorm(b.add(b.linear(f, "ffn.lin2", c.dim), x), "output_layer_norm", eps);
}

llvm::Error buildDistilBert(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<DistilBertConfig> config = DistilBertConfig::parse(document);
  if (!config)
    return config.takeError();
  const DistilBertConfig &c = *config;

  Value word = m.lookup(m.inputIds(c.vocab), "embeddings.word_embeddings", c.vocab, c.dim);
  Value position = m.lookup(m.positionIds(c.positions), "embeddings.position_embeddings", c.positions, c.dim);
  Value x = m.layerNorm(m.add(word, position), "embeddings.LayerNorm", eps);
  SmallVector<Value> layers = m.layers("distilbert_layer", "transformer.layer.", c.layers, x, m.mask(),
                                       [&](BlockBuilder &b, Value x, Value mask) { return layer(b, x, mask, c); });
  Value hidden = layers.back();

  if (options.task == Task::MaskedLm) {
    Value t = m.activate(m.linear(hidden, "vocab_transform", c.dim), *c.activation);
    emitVocabularyLogits(m, "logits", m.layerNorm(t, "vocab_layer_norm", eps),
                         {.embedding = "embeddings.word_embeddings.weight",
                          .weight = "vocab_projector.weight",
                          .bias = "vocab_projector.bias",
                          .ownBias = "vocab_projector.bias"},
                         c.vocab, c.tied);
  } else {
    auto summary = [&] { return pooled(m, hidden, "pre_classifier", xf::Activation::Relu); };
    if (llvm::Error error = emitHead(m, hidden, options, {.summary = summary, .choice = summary}))
      return error;
  }
  return finishEncoder(m, x, layers, options, {"vocab_", "pre_classifier.", "classifier.", "qa_outputs."});
}

} // namespace

const Family distilbertFamily = {.modelType = "distilbert",
                                 .title = "DistilBERT, Sanh et al. 2019",
                                 .basePrefix = "distilbert.",
                                 .classPrefix = "DistilBert",
                                 .tasks = encoderTasks,
                                 .build = buildDistilBert};

} // namespace lathe
