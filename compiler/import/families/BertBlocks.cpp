//===- BertBlocks.cpp - what BERT and its descendants share -------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {

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
  if (fields.getBool("is_decoder", false))
    fields.reject("is_decoder", "found true: an encoder as a decoder is not supported yet; accepted is false");
  if (defaults.splitsHidden)
    requireWholeHeads(fields, c.hidden, c.heads);
  return c;
}

Value bertEmbeddings(ModelBuilder &m, const BertConfig &c) {
  Value word = m.lookup(m.inputIds(c.vocab), "embeddings.word_embeddings", c.vocab, c.embedding);
  Value type = m.lookup(m.tokenTypeIds(c.tokenTypes), "embeddings.token_type_embeddings", c.tokenTypes, c.embedding);
  Value position =
      m.lookup(m.positionIds(c.positions, c.paddingId), "embeddings.position_embeddings", c.positions, c.embedding);
  return m.layerNorm(m.add(m.add(word, type), position), "embeddings.LayerNorm", c.eps);
}

static Value bertLayer(BlockBuilder &b, Value x, Value mask, const BertConfig &c) {
  Value a = b.selfAttention(x, mask, c.heads, "attention.self.query", "attention.self.key", "attention.self.value");
  x = b.layerNorm(b.add(b.linear(a, "attention.output.dense", c.hidden), x), "attention.output.LayerNorm", c.eps);
  Value f = b.activate(b.linear(x, "intermediate.dense", c.intermediate), *c.activation);
  return b.layerNorm(b.add(b.linear(f, "output.dense", c.hidden), x), "output.LayerNorm", c.eps);
}

SmallVector<Value> bertLayers(ModelBuilder &m, Value x, const BertConfig &c) {
  return m.layers("bert_layer", "encoder.layer.", c.layers, x, m.mask(),
                  [&](BlockBuilder &b, Value x, Value mask) { return bertLayer(b, x, mask, c); });
}

} // namespace lathe
