//===- LlamaBlocks.cpp - what Llama and its descendants share -----------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {

//===----------------------------------------------------------------------===//
// Configs
//===----------------------------------------------------------------------===//

/// A field that may be null, which means `ofNull`; an absent one means `absent`, of which 0 is null.
static int64_t readSize(JsonFields &fields, StringRef name, int64_t min, int64_t absent, int64_t ofNull) {
  std::optional<int64_t> value = fields.getOptionalInt(name, min, 1 << 20);
  if (!value && !fields.has(name) && absent)
    value = absent;
  return value.value_or(ofNull);
}

static RopeShape ropeOf(const LlamaConfig &defaults) {
  return {.positions = defaults.positions,
          .thetaName = defaults.thetaName,
          .theta = defaults.theta,
          .trained = defaults.trained,
          .isPhis = defaults.isPhis};
}

int64_t longestLlamaSequence(JsonFields &fields, const LlamaConfig &defaults) {
  return longestRotated(fields, ropeOf(defaults));
}

LlamaConfig LlamaConfig::read(JsonFields &fields, const LlamaConfig &defaults) {
  constexpr int64_t maxWidth = 1 << 20, maxRows = 1 << 28;
  LlamaConfig c = defaults;
  c.vocab = fields.getInt("vocab_size", defaults.vocab, 1, maxRows);
  c.hidden = fields.getInt("hidden_size", defaults.hidden, 1, maxWidth);
  c.inner = fields.getInt("intermediate_size", defaults.inner, 1, maxWidth);
  c.layers = fields.getInt("num_hidden_layers", defaults.layers, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", defaults.heads, 1, maxWidth);
  c.positions = longestLlamaSequence(fields, defaults);
  c.activation = &readActivation(fields, defaults.activationField, defaults.activationName);
  c.eps = fields.getFloat(defaults.epsName, defaults.eps, 0, 1);
  c.tied = fields.getBool("tie_word_embeddings", defaults.tied);
  if (fields.has("pad_token_id"))
    c.paddingId = fields.getOptionalInt("pad_token_id", 0, maxRows);
  c.headDim = readSize(fields, "head_dim", 2, defaults.headDim, 0);
  if (!c.headDim) {
    requireWholeHeads(fields, c.hidden, c.heads);
    c.headDim = c.hidden / c.heads;
  }
  c.keyHeads = readSize(fields, "num_key_value_heads", 1, defaults.keyHeads, c.heads);
  if (c.heads % std::max<int64_t>(c.keyHeads, 1))
    fields.reject("num_key_value_heads",
                  "found " + Twine(c.keyHeads) + ", which does not divide num_attention_heads " + Twine(c.heads));
  if (!defaults.rotatedName.empty())
    c.rotated = fields.getFloat(defaults.rotatedName, defaults.rotated, 0, 1);
  RopeShape shape = ropeOf(defaults);
  shape.width = int64_t(double(c.headDim) * c.rotated);
  if (shape.width % 2 || !shape.width)
    fields.reject(defaults.rotatedName.empty() ? "head_dim" : defaults.rotatedName,
                  "rotates " + Twine(shape.width) + " of a head's " + Twine(c.headDim) +
                      " columns; accepted are even numbers of them, as rotations need pairs");
  shape.positions = fields.getInt("max_position_embeddings", defaults.positions, 1, maxRows);
  c.rope = readRope(fields, shape);
  c.isLocal.assign(c.layers, false);
  return c;
}

void readWindow(JsonFields &fields, LlamaConfig &c, std::optional<int64_t> absent) {
  c.window = fields.has("sliding_window") ? fields.getOptionalInt("sliding_window", 1, 1 << 28) : absent;
  c.isLocal.assign(c.layers, c.window.has_value());
}

void readWindowBehind(JsonFields &fields, LlamaConfig &c) {
  const bool uses = fields.getBool("use_sliding_window", false);
  readWindow(fields, c, 4096);
  if (!uses)
    c.window.reset();
  const int64_t first = fields.getInt("max_window_layers", 28, 0, 1 << 28);
  for (int64_t layer = 0; layer < c.layers; ++layer)
    c.isLocal[layer] = c.window && layer >= first;
  readLayerTypes(fields, c.isLocal);
  if (!c.window && llvm::is_contained(c.isLocal, true))
    fields.reject("layer_types", "found \"sliding_attention\" without a window; accepted is full_attention unless "
                                 "use_sliding_window is true and sliding_window a number");
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

Value decoderNorm(BlockBuilder &b, Value x, StringRef name, const LlamaConfig &c) {
  return c.centred ? b.layerNorm(x, name, c.eps) : b.rmsNorm(x, name, c.eps);
}

void sortFusedHeads(ModelBuilder &m, ArrayRef<std::string> prefixes, StringRef name, int64_t hidden, int64_t heads,
                    bool biased) {
  const int64_t headDim = hidden / heads;
  std::vector<int64_t> order;
  for (int64_t part = 0; part < 3; ++part)
    for (int64_t row = 0; row < hidden; ++row)
      order.push_back((row / headDim * 3 + part) * headDim + row % headDim);
  for (const std::string &prefix : prefixes) {
    m.reorderRows((prefix + name + ".weight").str(), {3 * hidden, hidden}, order);
    if (biased)
      m.reorderRows((prefix + name + ".bias").str(), {3 * hidden}, order);
  }
}

SmallVector<Value> splitHeads(BlockBuilder &b, Value qkv, const LlamaConfig &c) {
  return b.split(qkv, {c.heads * c.headDim, c.keyHeads * c.headDim, c.keyHeads * c.headDim});
}

Value rotaryAttention(BlockBuilder &b, Value q, Value k, Value v, StringRef output, const LayerInputs &inputs,
                      const LlamaConfig &c) {
  ScoreRules rules;
  rules.columns = inputs.columns, rules.causal = true, rules.prefix = inputs.prefix, rules.reach = inputs.reach;
  rules.scale = c.scale, rules.cap = c.cap;
  Value a = b.attention(b.rotate(q, inputs.angles, c.heads), b.rotate(k, inputs.angles, c.keyHeads), v, inputs.mask,
                        c.heads, rules);
  return b.linear(a, output, c.hidden, c.outputBias);
}

Value llamaAttention(BlockBuilder &b, Value x, const LayerInputs &inputs, const LlamaConfig &c) {
  auto project = [&](StringRef name, int64_t heads) { return b.linear(x, name, heads * c.headDim, c.inputBias); };
  Value q = project("self_attn.q_proj", c.heads), k = project("self_attn.k_proj", c.keyHeads);
  if (c.normsHeads) {
    q = b.headNorm(q, "self_attn.q_norm", c.heads, c.eps);
    k = b.headNorm(k, "self_attn.k_norm", c.keyHeads, c.eps);
  }
  return rotaryAttention(b, q, k, project("self_attn.v_proj", c.keyHeads), "self_attn.o_proj", inputs, c);
}

Value gatedInnerLayer(BlockBuilder &b, Value x, const LlamaConfig &c) {
  Value gate = b.activate(b.linear(x, "mlp.gate_proj", c.inner, c.innerBias), *c.activation);
  Value gated = b.combine(xf::CombineKind::Mul, gate, b.linear(x, "mlp.up_proj", c.inner, c.innerBias));
  return b.linear(gated, "mlp.down_proj", c.hidden, c.innerBias);
}

Value llamaLayer(BlockBuilder &b, Value x, const LayerInputs &inputs, const LlamaConfig &c) {
  x = b.add(llamaAttention(b, decoderNorm(b, x, "input_layernorm", c), inputs, c), x);
  return b.add(gatedInnerLayer(b, decoderNorm(b, x, "post_attention_layernorm", c), c), x);
}

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// Every layer's result. Layers of one kind, with a window or without, share a function.
static SmallVector<Value> decoderLayers(ModelBuilder &m, StringRef name, Value x, const LlamaConfig &c,
                                        DecoderLayer layer) {
  Value positions = m.positionIds(c.positions), angles = m.angles(positions, "rope", c.rope.frequencies, c.rope.factor);
  const SmallVector<Value> global = {m.mask(), m.columns(), m.prefix(), angles};
  SmallVector<Value> shared[] = {global, global}; // the local's last
  if (c.localRope)
    shared[true].back() = m.angles(positions, "rope.local", c.localRope->frequencies, c.localRope->factor);
  std::optional<ModelBuilder::LayerKind> kinds[2];
  SmallVector<Value> results;
  for (auto [index, prefix] : llvm::enumerate(m.layerPrefixes(c.layersName, c.layers, c.layersField))) {
    const bool isLocal = c.isLocal[index];
    std::optional<ModelBuilder::LayerKind> &kind = kinds[isLocal];
    if (!kind)
      kind = m.layerKind((name + (isLocal ? "_local_layer" : "_layer")).str(), prefix, x, shared[isLocal],
                         [&](BlockBuilder &b, Value x, ArrayRef<Value> given) {
                           LayerInputs inputs = {
                               .mask = given[0], .columns = given[1], .prefix = given[2], .angles = given[3]};
                           if (isLocal)
                             inputs.reach = *c.window - 1;
                           return layer(b, x, inputs);
                         });
    results.push_back(x = m.layer(*kind, prefix, x, shared[isLocal]));
  }
  return results;
}

llvm::Error buildLlamaDecoder(ModelBuilder &m, StringRef name, Value x, const LlamaConfig &c,
                              const HeadOptions &options, DecoderLayer layer) {
  SmallVector<Value> layers = decoderLayers(m, name, x, c, layer);
  Value hidden = layers.back() = decoderNorm(m, layers.back(), c.normName, c);
  const std::string prefix = (c.headName + ".").str();
  const std::string embedding = (c.embeddingName + ".weight").str(), head = (c.headName + ".weight").str();
  const std::string bias = c.headBias ? (c.headName + ".bias").str() : "";

  if (llvm::Error error = emitDecoderHead(m, hidden, options,
                                          {.embedding = embedding,
                                           .vocab = c.vocab,
                                           .tied = c.tied,
                                           .head = head,
                                           .bias = bias,
                                           .tokenClassifier = c.tokenClassifierName,
                                           .paddingId = c.paddingId,
                                           .logitCap = c.logitCap}))
    return error;
  return finishEncoder(m, x, layers, options, {prefix, "score.", "qa_outputs.", "classifier."});
}

Value llamaEmbeddings(ModelBuilder &m, const LlamaConfig &c) {
  return m.lookup(m.inputIds(c.vocab), c.embeddingName, c.vocab, c.hidden);
}

llvm::Error buildLlamaModel(ModelBuilder &m, StringRef name, const LlamaConfig &c, const HeadOptions &options) {
  return buildLlamaDecoder(
      m, name, llamaEmbeddings(m, c), c, options,
      [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return llamaLayer(b, x, inputs, c); });
}

std::string nameBehindTransformer(StringRef name) {
  name.consume_front("transformer.");
  return name.str();
}

} // namespace lathe
