//===- BertBlocks.cpp - what BERT and its descendants share -------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {

/// See docs/formats/linear-attention.md.
static void readAttentionType(JsonFields &fields, BertConfig &c) {
  if (!c.mayBeLinear)
    return fields.reject("attention_type", "found \"" + fields.getString("attention_type") +
                                               "\": linear attention is not supported yet for this family");
  constexpr std::pair<StringRef, xf::FeatureMap> types[] = {{"linear", xf::FeatureMap::Elu},
                                                            {"performer", xf::FeatureMap::Exp}};
  c.featureMap = fields.getChoice<xf::FeatureMap>("attention_type", std::nullopt, types);
  if (c.featureMap == xf::FeatureMap::Exp)
    c.randomFeatures = fields.getInt("num_random_features", std::nullopt, 1, 4096);
}

BertConfig BertConfig::read(JsonFields &fields, const BertConfig &defaults) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  BertConfig c = defaults;
  c.vocab = fields.getInt("vocab_size", defaults.vocab, 1, maxRows);
  c.hidden = fields.getInt("hidden_size", defaults.hidden, 1, maxWidth);
  c.embedding = defaults.embedding ? fields.getInt("embedding_size", defaults.embedding, 1, maxWidth) : c.hidden;
  c.layers = fields.getInt("num_hidden_layers", defaults.layers, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", defaults.heads, 1, maxWidth);
  c.intermediate = fields.getInt("intermediate_size", defaults.intermediate, 1, maxWidth);
  c.positions = fields.getInt("max_position_embeddings", defaults.positions, 1, maxRows);
  c.tokenTypes = fields.getInt("type_vocab_size", defaults.tokenTypes, defaults.minTokenTypes, maxRows);
  c.activation = &readActivation(fields, "hidden_act", defaults.activationName);
  c.eps = fields.getFloat("layer_norm_eps", defaults.eps, 0, 1);
  c.tied = fields.getBool("tie_word_embeddings", true);
  if (defaults.paddingId) {
    c.paddingId = fields.getInt("pad_token_id", *defaults.paddingId, 0, maxRows);
    requirePositionsBehind(fields, *c.paddingId, c.positions);
  }
  requireAbsolutePositions(fields);
  c.causal = fields.getBool("is_decoder", false);
  if (c.causal && !defaults.mayDecode)
    fields.reject("is_decoder", "found true: this family as a decoder is not supported yet; accepted is false");
  if (c.causal && fields.getBool("add_cross_attention", false))
    fields.reject("add_cross_attention", "found true: a decoder that reads an encoder's states is not supported yet; "
                                         "accepted is false");
  if (defaults.splitsHidden)
    requireWholeHeads(fields, c.hidden, c.heads);
  if (!defaults.hasOwnTypes && fields.getOptionalString("attention_type"))
    readAttentionType(fields, c);
  return c;
}

Value addTypeAndPosition(ModelBuilder &m, Value x, const BertConfig &c) {
  Value type = m.lookup(m.tokenTypeIds(c.tokenTypes), "embeddings.token_type_embeddings", c.tokenTypes, c.embedding);
  Value position =
      m.lookup(m.positionIds(c.positions, c.paddingId), "embeddings.position_embeddings", c.positions, c.embedding);
  return m.add(m.add(x, type), position);
}

Value bertEmbeddings(ModelBuilder &m, const BertConfig &c) {
  Value word = m.lookup(m.inputIds(c.vocab), "embeddings.word_embeddings", c.vocab, c.embedding);
  return m.layerNorm(addTypeAndPosition(m, word, c), "embeddings.LayerNorm", c.eps);
}

Value behindAttention(BlockBuilder &b, Value x, Value a, const BertConfig &c) {
  x = b.layerNorm(b.add(b.linear(a, "attention.output.dense", c.hidden), x), "attention.output.LayerNorm", c.eps);
  Value f = b.activate(b.linear(x, "intermediate.dense", c.intermediate), *c.activation);
  return b.layerNorm(b.add(b.linear(f, "output.dense", c.hidden), x), "output.LayerNorm", c.eps);
}

static Value linearAttention(BlockBuilder &b, Value x, Value mask, const BertConfig &c) {
  Value q = b.linear(x, "attention.self.query", c.hidden), k = b.linear(x, "attention.self.key", c.hidden);
  Value v = b.linear(x, "attention.self.value", c.hidden);
  if (c.featureMap == xf::FeatureMap::Exp)
    std::tie(q, k) = b.randomFeatures(q, k, "attention.self.projection_matrix", c.heads, c.randomFeatures);
  return b.linearAttention(*c.featureMap, q, k, v, mask, c.heads, c.causal);
}

/// A layer is given the mask and, where it is causal, the columns and where prefixes end.
static Value bertLayer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const BertConfig &c) {
  ScoreRules rules;
  if (shared.size() > 1)
    rules.columns = shared[1], rules.causal = true, rules.prefix = shared[2];
  Value a = c.featureMap ? linearAttention(b, x, shared[0], c)
                         : b.selfAttention(x, shared[0], c.heads, "attention.self.query", "attention.self.key",
                                           "attention.self.value", rules);
  return behindAttention(b, x, a, c);
}

SmallVector<Value> bertLayers(ModelBuilder &m, Value x, const BertConfig &c) {
  SmallVector<Value> shared = {m.mask()};
  if (c.causal && !c.featureMap)
    shared.append({m.columns(), m.prefix()});
  return m.sharingLayers("bert_layer", m.layerPrefixes("encoder.layer.", c.layers), x, shared,
                         [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return bertLayer(b, x, shared, c); });
}

void emitBertWords(ModelBuilder &m, Value hidden, StringRef output, const BertConfig &c) {
  Value t = m.activate(m.linear(hidden, "cls.predictions.transform.dense", c.hidden), *c.activation);
  t = m.layerNorm(t, "cls.predictions.transform.LayerNorm", c.eps);
  emitVocabularyLogits(m, output, t, decoderOf("cls.predictions"), c.vocab, c.tied);
}

static void emitNextSentence(ModelBuilder &m, Value hidden, StringRef pooler, StringRef output) {
  m.output(output, m.linear(pooled(m, hidden, pooler), "cls.seq_relationship", 2), {.firstColumn = FirstColumn::Error});
}

llvm::Error emitBertHead(ModelBuilder &m, Value hidden, const HeadOptions &options,
                         llvm::function_ref<void(StringRef)> emitWords, StringRef pooler) {
  switch (options.task) {
  case Task::MaskedLm:
  case Task::CausalLm:
    emitWords("logits");
    return llvm::Error::success();
  case Task::NextSentence:
    emitNextSentence(m, hidden, pooler, "logits");
    return llvm::Error::success();
  case Task::Pretraining:
    emitWords("prediction_logits");
    emitNextSentence(m, hidden, pooler, "seq_relationship_logits");
    return llvm::Error::success();
  default:
    auto summary = [&] { return pooled(m, hidden, pooler); };
    return emitHead(m, hidden, options, {.pooler = pooler, .summary = summary, .choice = summary});
  }
}

int64_t positionsBehindPadding(JsonFields &fields) {
  return positionsByColumn(fields) - fields.getInt("pad_token_id", 1, 0, 1 << 28) - 1;
}

llvm::Error emitRobertaHead(ModelBuilder &m, Value hidden, const HeadOptions &options, const BertConfig &c) {
  if (options.task == Task::MaskedLm || options.task == Task::CausalLm) {
    Value t = m.activate(m.linear(hidden, "lm_head.dense", c.hidden), xf::Activation::Gelu);
    emitVocabularyLogits(m, "logits", m.layerNorm(t, "lm_head.layer_norm", c.eps), decoderOf("lm_head"), c.vocab,
                         c.tied);
    return llvm::Error::success();
  }
  auto summary = [&] { return pooled(m, hidden, "classifier.dense"); };
  auto choice = [&] { return pooled(m, hidden, "pooler.dense"); };
  return emitHead(
      m, hidden, options,
      {.pooler = "pooler.dense", .summary = summary, .classifier = "classifier.out_proj", .choice = choice});
}

} // namespace lathe
