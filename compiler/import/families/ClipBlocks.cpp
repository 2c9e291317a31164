//===- ClipBlocks.cpp - what CLIP and SigLIP share ----------------------------===//
#include "compiler/import/families/ClipBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {

constexpr int64_t maxWidth = 1 << 20;

TowerConfig TowerConfig::read(JsonFields &fields, const TowerConfig &defaults, StringRef activation) {
  TowerConfig c = defaults;
  c.hidden = fields.getInt("hidden_size", defaults.hidden, 1, maxWidth);
  c.layers = fields.getInt("num_hidden_layers", defaults.layers, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", defaults.heads, 1, maxWidth);
  c.intermediate = fields.getInt("intermediate_size", defaults.intermediate, 1, maxWidth);
  c.activation = &readActivation(fields, "hidden_act", activation);
  c.eps = fields.getFloat("layer_norm_eps", defaults.eps, 0, 1);
  requireWholeHeads(fields, c.hidden, c.heads);
  return c;
}

void readTower(JsonFields &fields, StringRef name, llvm::function_ref<void(JsonFields &)> read) {
  bool found = false;
  auto readOnce = [&](JsonFields &tower) { found = true, read(tower); };
  fields.readObject((name + "_dict").str(), readOnce);
  if (!found)
    fields.readObject(name, readOnce);
  if (found)
    return;
  const JsonDocument empty = llvm::cantFail(JsonDocument::parse("{}", name)); // all defaults
  JsonFields none(empty);
  read(none);
}

int64_t longestOfTexts(JsonFields &fields, int64_t (*longestText)(JsonFields &)) {
  const auto classes = fields.getOptionalStrings("architectures");
  if (classes && !classes->empty() && StringRef(classes->front()).ends_with("ForImageClassification"))
    return 0;
  int64_t longest = 0;
  readTower(fields, "text_config", [&](JsonFields &text) { longest = longestText(text); });
  return longest;
}

//===----------------------------------------------------------------------===//
// Towers
//===----------------------------------------------------------------------===//

Value towerFeedForward(BlockBuilder &b, Value x, const TowerConfig &c, StringRef name) {
  x = b.activate(b.linear(x, (name + ".fc1").str(), c.intermediate), *c.activation);
  return b.linear(x, (name + ".fc2").str(), c.hidden);
}

static Value towerLayer(BlockBuilder &b, Value x, Value mask, const TowerConfig &c, const ScoreRules &rules) {
  Value a = b.selfAttention(b.layerNorm(x, "layer_norm1", c.eps), mask, c.heads, "self_attn.q_proj", "self_attn.k_proj",
                            "self_attn.v_proj", rules);
  x = b.add(b.linear(a, "self_attn.out_proj", c.hidden), x);
  return b.add(towerFeedForward(b, b.layerNorm(x, "layer_norm2", c.eps), c, "mlp"), x);
}

Tower textTower(ModelBuilder &m, const TextTowerConfig &c) {
  Tower tower;
  tower.embeddings = m.add(
      m.lookup(m.inputIds(c.vocab), "text_model.embeddings.token_embedding", c.vocab, c.tower.hidden),
      m.lookup(m.positionIds(c.positions), "text_model.embeddings.position_embedding", c.positions, c.tower.hidden));
  SmallVector<Value> shared = {m.mask()};
  if (c.causal)
    shared.push_back(m.columns());
  tower.layers = m.sharingLayers("text_layer", m.layerPrefixes("text_model.encoder.layers.", c.tower.layers),
                                 tower.embeddings, shared, [&](BlockBuilder &b, Value x, ArrayRef<Value> shared) {
                                   ScoreRules rules;
                                   if (c.causal)
                                     rules.columns = shared[1], rules.causal = true;
                                   return towerLayer(b, x, shared[0], c.tower, rules);
                                 });
  return tower;
}

Tower visionTower(ModelBuilder &m, Value embeddings, const TowerConfig &c) {
  return {embeddings, m.layers("vision_layer", "vision_model.encoder.layers.", c.layers, embeddings, m.mask(),
                               [&](BlockBuilder &b, Value x, Value mask) { return towerLayer(b, x, mask, c, {}); })};
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

void emitTower(ModelBuilder &m, const TowerResult &result) {
  m.output("last_hidden_state", result.hidden);
  if (result.pooled)
    m.output("pooler_output", result.pooled);
}

llvm::Error emitTwoTowers(ModelBuilder &m, const HeadOptions &options, xf::Fit fit,
                          llvm::function_ref<TowerResult()> text, llvm::function_ref<TowerResult()> image) {
  struct Side {
    StringRef entry, embeds, states;
    llvm::function_ref<TowerResult()> build;
  };
  for (const Side &side : {Side{"text", "text_embeds", "text_model_output.", text},
                           Side{"image", "image_embeds", "vision_model_output.", image}}) {
    m.beginEntry(side.entry);
    const TowerResult result = side.build();
    m.output(side.embeds, m.normalize(result.pooled, 1e-12));
    if (llvm::Error error = finishEncoder(m, result.tower.embeddings, result.tower.layers, options, {}, side.states))
      return error;
  }
  const bool hasBias = fit == xf::Fit::Each;
  // Stored as [] by CLIP and as [1] by SigLIP.
  const SmallVector<int64_t> shape(hasBias ? 1 : 0, 1);
  const double scale = std::exp(double(m.valuesOf("logit_scale", shape).front())),
               bias = hasBias ? m.valuesOf("logit_bias", shape).front() : 0;
  m.compare("text", "image", scale, bias, fit);
  return llvm::Error::success();
}

} // namespace lathe
