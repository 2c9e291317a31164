//===- Albert.cpp - Lan et al. 2019 -------------------------------------------===//
//
// BERT with a narrow embedding and few layers that are used again and again: group i's inner layers are layers in their
// own right, applied one behind the other wherever the depth calls for group i. Hugging Face: models/albert.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family albertFamily;

namespace {

struct AlbertConfig {
  int64_t vocab, embedding, hidden, depth, groups, inner, heads, intermediate, positions, tokenTypes;
  const ActivationFunction *activation;
  double eps;
  bool tied; ///< the masked-LM decoder is the word embedding

  static llvm::Expected<AlbertConfig> parse(const JsonDocument &document);
};

llvm::Expected<AlbertConfig> AlbertConfig::parse(const JsonDocument &document) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28, maxLayers = 4096;
  JsonFields fields(document);
  AlbertConfig c;
  c.vocab = fields.getInt("vocab_size", 30000, 1, maxRows);
  c.embedding = fields.getInt("embedding_size", 128, 1, maxWidth);
  c.hidden = fields.getInt("hidden_size", 4096, 1, maxWidth);
  c.depth = fields.getInt("num_hidden_layers", 12, 1, maxLayers);
  c.groups = fields.getInt("num_hidden_groups", 1, 1, maxLayers);
  c.inner = fields.getInt("inner_group_num", 1, 1, maxLayers);
  c.heads = fields.getInt("num_attention_heads", 64, 1, maxWidth);
  c.intermediate = fields.getInt("intermediate_size", 16384, 1, maxWidth);
  c.positions = fields.getInt("max_position_embeddings", 512, 1, maxRows);
  c.tokenTypes = fields.getInt("type_vocab_size", 2, 1, maxRows);
  c.activation = &readActivation(fields, "hidden_act", "gelu_new");
  c.eps = fields.getFloat("layer_norm_eps", 1e-12, 0, 1);
  c.tied = fields.getBool("tie_word_embeddings", true);
  requireAbsolutePositions(fields);
  requireWholeHeads(fields, c.hidden, c.heads);
  if (c.depth * c.inner > maxLayers)
    fields.reject("num_hidden_layers", "found " + Twine(c.depth) + ", which with inner_group_num " + Twine(c.inner) +
                                           " makes more than " + Twine(maxLayers) + " layers");
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

Value albertLayer(BlockBuilder &b, Value x, Value mask, const AlbertConfig &c) {
  Value a = b.selfAttention(x, mask, c.heads, "attention.query", "attention.key", "attention.value");
  x = b.layerNorm(b.add(b.linear(a, "attention.dense", c.hidden), x), "attention.LayerNorm", c.eps);
  Value f = b.activate(b.linear(x, "ffn", c.intermediate), *c.activation);
  return b.layerNorm(b.add(b.linear(f, "ffn_output", c.hidden), x), "full_layer_layer_norm", c.eps);
}

/// Whose weights each layer has, first to last. The division is in floating point, as Transformers does it: where the
/// groups do not divide the depth, it says which of them are used once more.
std::vector<std::string> layerPrefixes(const AlbertConfig &c) {
  std::vector<std::string> prefixes;
  for (int64_t i = 0; i < c.depth; ++i) {
    int64_t group = int64_t(double(i) / (double(c.depth) / double(c.groups)));
    for (int64_t layer = 0; layer < c.inner; ++layer)
      prefixes.push_back(
          ("encoder.albert_layer_groups." + Twine(group) + ".albert_layers." + Twine(layer) + ".").str());
  }
  return prefixes;
}

/// The file and the config must agree about how many layers there are to share.
void checkGroups(ModelBuilder &m, const AlbertConfig &c) {
  const std::string groups = "encoder.albert_layer_groups.";
  m.rejectBeyond(groups, c.groups, "num_hidden_groups");
  for (int64_t group = 0; group < c.groups; ++group)
    m.rejectBeyond(groups + std::to_string(group) + ".albert_layers.", c.inner, "inner_group_num");
}

/// Its dense layer goes back to the embedding's width.
void emitMaskedLm(ModelBuilder &m, Value hidden, StringRef output, const AlbertConfig &c) {
  Value t = m.activate(m.linear(hidden, "predictions.dense", c.embedding), *c.activation);
  t = m.layerNorm(t, "predictions.LayerNorm", c.eps);
  emitVocabularyLogits(m, output, t, decoderOf("predictions"), c.vocab, c.tied);
}

llvm::Error buildAlbert(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<AlbertConfig> config = AlbertConfig::parse(document);
  if (!config)
    return config.takeError();
  const AlbertConfig &c = *config;

  Value x = bertEmbeddings(
      m,
      {.vocab = c.vocab, .embedding = c.embedding, .positions = c.positions, .tokenTypes = c.tokenTypes, .eps = c.eps});
  x = m.linear(x, "encoder.embedding_hidden_mapping_in", c.hidden);
  checkGroups(m, c);
  SmallVector<Value> layers =
      m.layers("albert_layer", layerPrefixes(c), x, m.mask(),
               [&](BlockBuilder &b, Value x, Value mask) { return albertLayer(b, x, mask, c); });
  Value hidden = layers.back();

  if (options.task == Task::MaskedLm) {
    emitMaskedLm(m, hidden, "logits", c);
  } else if (options.task == Task::Pretraining) {
    emitMaskedLm(m, hidden, "prediction_logits", c);
    m.output("sop_logits", m.linear(pooled(m, hidden, "pooler"), "sop_classifier.classifier", 2),
             {.firstColumn = FirstColumn::Error});
  } else {
    auto summary = [&] { return pooled(m, hidden, "pooler"); };
    if (llvm::Error error = emitHead(m, hidden, options, {.pooler = "pooler", .summary = summary, .choice = summary}))
      return error;
  }
  return finishEncoder(m, x, layers, options,
                       {"pooler.", "predictions.", "sop_classifier.", "classifier.", "qa_outputs."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::MaskedLm,
                          Task::Pretraining,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

} // namespace

const Family albertFamily = {.modelType = "albert",
                             .title = "ALBERT, Lan et al. 2019",
                             .basePrefix = "albert.",
                             .classPrefix = "Albert",
                             .tasks = tasks,
                             .build = buildAlbert};

} // namespace lathe
