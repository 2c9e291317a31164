//===- MobileBert.cpp - Sun et al. 2020 ---------------------------------------===//
//
// BERT in a narrow width, to and from which each layer goes through bottlenecks; words are seen with their neighbours,
// feed-forward networks are stacked, and norms may be no more than a scale and a shift. Hugging Face:
// models/mobilebert/modeling_mobilebert.py.
//
// A neighbour is whatever id stands there, padding too: a text has other results behind padding than alone, unless the
// padding id's embedding is zeros, as it is where training began.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family mobilebertFamily;

namespace {

struct MobileBertConfig {
  BertConfig bert;
  int64_t width, feedForwards;
  bool trigrams, bottleneck, bottleneckAttention, sharedBottleneck, isNorm;

  static llvm::Expected<MobileBertConfig> parse(const JsonDocument &document);
};

llvm::Expected<MobileBertConfig> MobileBertConfig::parse(const JsonDocument &document) {
  JsonFields fields(document);
  MobileBertConfig c;
  c.bert = BertConfig::read(fields, {.embedding = 128,
                                     .hidden = 512,
                                     .layers = 24,
                                     .heads = 4,
                                     .intermediate = 512,
                                     .activationName = "relu",
                                     .splitsHidden = false});
  c.bottleneck = fields.getBool("use_bottleneck", true);
  c.width = c.bottleneck ? fields.getInt("intra_bottleneck_size", 128, 1, 1 << 20) : c.bert.hidden;
  c.feedForwards = fields.getInt("num_feedforward_networks", 4, 1, 4096);
  c.trigrams = fields.getBool("trigram_input", true);
  c.bottleneckAttention = fields.getBool("use_bottleneck_attention", false);
  c.sharedBottleneck = fields.getBool("key_query_shared_bottleneck", true);
  c.isNorm = fields.getChoice<bool>("normalization_type", "no_norm", {{"no_norm", false}, {"layer_norm", true}});
  if (!fields.getBool("classifier_activation", true))
    fields.reject("classifier_activation", "found false: a pooler without a layer is not supported yet; accepted is "
                                           "true");
  if (c.width % std::max<int64_t>(c.bert.heads, 1))
    fields.reject("num_attention_heads",
                  "found " + Twine(c.bert.heads) + ", which do not divide a width of " + Twine(c.width));
  if (c.bert.embedding > c.bert.hidden)
    fields.reject("embedding_size",
                  "found " + Twine(c.bert.embedding) + ", which is more than hidden_size " + Twine(c.bert.hidden));
  if (llvm::Error error = fields.takeError())
    return error;
  return c;
}

/// Some of Transformers' norms take the config's epsilon and some their class's.
constexpr double classEps = 1e-5;

Value norm(BlockBuilder &b, Value x, StringRef name, const MobileBertConfig &c, double eps) {
  return c.isNorm ? b.layerNorm(x, name, eps) : b.scaleAndShift(x, name);
}

Value embeddings(ModelBuilder &m, const MobileBertConfig &c) {
  const BertConfig &bert = c.bert;
  auto words = [&](Value ids, bool orZeros) {
    return m.lookup(ids, "embeddings.word_embeddings", bert.vocab, bert.embedding, orZeros);
  };
  Value x = words(m.inputIds(bert.vocab), false);
  if (c.trigrams)
    x = m.join({words(m.nextIds(bert.vocab), true), x, words(m.previousIds(bert.vocab), true)});
  if (c.trigrams || bert.embedding != bert.hidden)
    x = m.linear(x, "embeddings.embedding_transformation", bert.hidden);
  Value position =
      m.lookup(m.positionIds(bert.positions), "embeddings.position_embeddings", bert.positions, bert.hidden);
  Value type =
      m.lookup(m.tokenTypeIds(bert.tokenTypes), "embeddings.token_type_embeddings", bert.tokenTypes, bert.hidden);
  return norm(m, m.add(m.add(x, position), type), "embeddings.LayerNorm", c, classEps);
}

Value layer(BlockBuilder &b, Value x, Value mask, const MobileBertConfig &c) {
  const BertConfig &bert = c.bert;
  auto narrowed = [&](const char *name) {
    return norm(b, b.linear(x, (Twine(name) + ".dense").str(), c.width), (Twine(name) + ".LayerNorm").str(), c,
                bert.eps);
  };
  auto inner = [&](Value x, const std::string &prefix) {
    return b.activate(b.linear(x, prefix + "intermediate.dense", bert.intermediate), *bert.activation);
  };
  Value query = x, value = x, input = x; // the key is computed from what the query is
  if (c.bottleneck) {
    input = narrowed("bottleneck.input");
    if (c.bottleneckAttention)
      query = value = input;
    else if (c.sharedBottleneck)
      query = narrowed("bottleneck.attention");
  }
  Value q = b.linear(query, "attention.self.query", c.width), k = b.linear(query, "attention.self.key", c.width);
  Value a = b.attention(q, k, b.linear(value, "attention.self.value", c.width), mask, bert.heads);
  a = norm(b, b.add(b.linear(a, "attention.output.dense", c.width), input), "attention.output.LayerNorm", c, bert.eps);
  for (int64_t i = 0; i + 1 < c.feedForwards; ++i) {
    const std::string prefix = "ffn." + std::to_string(i) + ".";
    a = norm(b, b.add(b.linear(inner(a, prefix), prefix + "output.dense", c.width), a), prefix + "output.LayerNorm", c,
             bert.eps);
  }
  Value y = norm(b, b.add(b.linear(inner(a, ""), "output.dense", c.width), a), "output.LayerNorm", c, classEps);
  if (!c.bottleneck)
    return y;
  return norm(b, b.add(b.linear(y, "output.bottleneck.dense", bert.hidden), x), "output.bottleneck.LayerNorm", c,
              bert.eps);
}

/// The decoder is the word embedding for as many columns as that has, and for the others a table of its own, which
/// files hold the other way round.
void emitMaskedLm(ModelBuilder &m, Value hidden, StringRef output, const MobileBertConfig &c) {
  const BertConfig &bert = c.bert;
  if (bert.hidden == bert.embedding)
    return emitBertWords(m, hidden, output, bert);
  Value t = m.activate(m.linear(hidden, "cls.predictions.transform.dense", bert.hidden), *bert.activation);
  t = m.layerNorm(t, "cls.predictions.transform.LayerNorm", bert.eps);
  SmallVector<Value> parts = m.split(t, {bert.embedding, bert.hidden - bert.embedding});
  m.output(output, m.add(vocabularyLogits(m, parts[0], decoderOf("cls.predictions"), bert.vocab, bert.tied),
                         m.transposedLinear(parts[1], "cls.predictions.dense.weight", "", bert.vocab)));
}

llvm::Error buildMobileBert(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  llvm::Expected<MobileBertConfig> config = MobileBertConfig::parse(document);
  if (!config)
    return config.takeError();
  const MobileBertConfig &c = *config;

  Value x = embeddings(m, c);
  SmallVector<Value> layers = m.layers("mobilebert_layer", "encoder.layer.", c.bert.layers, x, m.mask(),
                                       [&](BlockBuilder &b, Value x, Value mask) { return layer(b, x, mask, c); });
  Value hidden = layers.back();

  auto words = [&](StringRef output) { emitMaskedLm(m, hidden, output, c); };
  if (llvm::Error error = emitBertHead(m, hidden, options, words))
    return error;
  return finishEncoder(m, x, layers, options, {"pooler.", "cls.", "classifier.", "qa_outputs."});
}

constexpr Task tasks[] = {Task::Base,
                          Task::MaskedLm,
                          Task::NextSentence,
                          Task::Pretraining,
                          Task::Embedding,
                          Task::SequenceClassification,
                          Task::TokenClassification,
                          Task::QuestionAnswering,
                          Task::MultipleChoice};

} // namespace

const Family mobilebertFamily = {.modelType = "mobilebert",
                                 .title = "MobileBERT, Sun et al. 2020",
                                 .basePrefix = "mobilebert.",
                                 .classPrefix = "MobileBert",
                                 .tasks = tasks,
                                 .build = buildMobileBert};

} // namespace lathe
