//===- Mpnet.cpp - Song et al. 2020 -------------------------------------------===//
//
// BERT without token types, whose scores are biased by the distance of query and key, by one table for all layers;
// positions count the tokens that are no padding. Hugging Face: models/mpnet/modeling_mpnet.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/BertBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family mpnetFamily;

namespace {

// Of these the config says nothing that counts: the id is this whatever pad_token_id is, and so are the buckets, of
// which relative_attention_num_buckets only says how many the table has.
constexpr int64_t paddingId = 1, buckets = 32, furthest = 128;

Value layer(BlockBuilder &b, Value x, ArrayRef<Value> shared, const BertConfig &c) {
  const ScoreRules rules = {
      .columns = shared[1], .bias = shared[2], .buckets = b.buckets(xf::BucketScheme::TwoSided, buckets, furthest)};
  Value a = b.selfAttention(x, shared[0], c.heads, "attention.attn.q", "attention.attn.k", "attention.attn.v", rules);
  x = b.layerNorm(b.add(b.linear(a, "attention.attn.o", c.hidden), x), "attention.LayerNorm", c.eps);
  Value f = b.activate(b.linear(x, "intermediate.dense", c.intermediate), *c.activation);
  return b.layerNorm(b.add(b.linear(f, "output.dense", c.hidden), x), "output.LayerNorm", c.eps);
}

llvm::Error buildMpnet(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const BertConfig c = BertConfig::read(fields, {.vocab = 30527});
  requirePositionsBehind(fields, paddingId, c.positions);
  const int64_t tableRows = fields.getInt("relative_attention_num_buckets", buckets, buckets, 1 << 20);
  if (llvm::Error error = fields.takeError())
    return error;

  Value word = m.lookup(m.inputIds(c.vocab), "embeddings.word_embeddings", c.vocab, c.hidden);
  Value position =
      m.lookup(m.positionIds(c.positions, paddingId), "embeddings.position_embeddings", c.positions, c.hidden);
  Value x = m.layerNorm(m.add(word, position), "embeddings.LayerNorm", c.eps);
  const Value shared[] = {m.mask(), m.columns(), m.table("encoder.relative_attention_bias", tableRows, c.heads)};
  SmallVector<Value> layers =
      m.sharingLayers("mpnet_layer", m.layerPrefixes("encoder.layer.", c.layers), x, shared,
                      [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) { return layer(b, x, shared, c); });
  Value hidden = layers.back();

  if (llvm::Error error = emitRobertaHead(m, hidden, options, c))
    return error;
  return finishEncoder(m, x, layers, options, {"pooler.", "lm_head.", "classifier.", "qa_outputs."});
}

int64_t longestSequence(JsonFields &fields) { return positionsByColumn(fields) - paddingId - 1; }

} // namespace

const Family mpnetFamily = {.modelType = "mpnet",
                            .title = "MPNet, Song et al. 2020",
                            .basePrefix = "mpnet.",
                            .classPrefix = "MPNet",
                            .tasks = encoderTasks,
                            .build = buildMpnet,
                            .longestSequence = longestSequence};

} // namespace lathe
