//===- GptNeoX.cpp - Black et al. 2022 ----------------------------------------===//
//
// A decoder whose attention and inner layer may read the same states, each through a norm of its own; positions rotate
// the first columns of each head. Hugging Face: models/gpt_neox/modeling_gpt_neox.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/LlamaBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family gptNeoXFamily;

namespace {

LlamaConfig defaults() {
  LlamaConfig c;
  c.vocab = 50432, c.hidden = 6144, c.inner = 24576, c.layers = 44, c.heads = 64, c.positions = 2048;
  c.activationName = "gelu";
  c.epsName = "layer_norm_eps", c.eps = 1e-5, c.centred = true;
  c.rotatedName = "rotary_pct", c.rotated = 0.25, c.thetaName = "rotary_emb_base";
  c.embeddingName = "embed_in", c.normName = "final_layer_norm", c.headName = "embed_out";
  c.tokenClassifierName = "classifier";
  return c;
}

int64_t longestSequence(JsonFields &fields) { return longestLlamaSequence(fields, defaults()); }

constexpr StringRef fused = "attention.query_key_value";

Value innerLayer(BlockBuilder &b, Value x, const LlamaConfig &c) {
  Value y = decoderNorm(b, x, "post_attention_layernorm", c);
  return b.linear(b.activate(b.linear(y, "mlp.dense_h_to_4h", c.inner), *c.activation), "mlp.dense_4h_to_h", c.hidden);
}

Value layer(BlockBuilder &b, Value x, const LayerInputs &inputs, const LlamaConfig &c, bool isParallel) {
  Value y = decoderNorm(b, x, "input_layernorm", c);
  SmallVector<Value> qkv = splitHeads(b, b.linear(y, fused, 3 * c.hidden, c.inputBias), c);
  Value a = rotaryAttention(b, qkv[0], qkv[1], qkv[2], "attention.dense", inputs, c);
  if (isParallel)
    return b.add(b.add(innerLayer(b, x, c), a), x);
  x = b.add(a, x);
  return b.add(innerLayer(b, x, c), x);
}

llvm::Error buildGptNeoX(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  LlamaConfig c = LlamaConfig::read(fields, defaults());
  c.inputBias = c.outputBias = fields.getBool("attention_bias", true);
  const bool isParallel = fields.getBool("use_parallel_residual", true);
  requireWholeHeads(fields, c.hidden, c.heads);
  if (llvm::Error error = fields.takeError())
    return error;
  sortFusedHeads(m, m.layerPrefixes(c.layersName, c.layers), fused, c.hidden, c.heads, c.inputBias);
  return buildLlamaDecoder(
      m, "gpt_neox", llamaEmbeddings(m, c), c, options,
      [&](BlockBuilder &b, Value x, const LayerInputs &inputs) { return layer(b, x, inputs, c, isParallel); });
}

/// Of attention's own mask and of rotations, which old files have.
constexpr StringRef buffers[] = {"attention.bias", "attention.masked_bias", "rotary_emb.inv_freq"};

} // namespace

const Family gptNeoXFamily = {.modelType = "gpt_neox",
                              .title = "GPT-NeoX, Black et al. 2022",
                              .basePrefix = "gpt_neox.",
                              .classPrefix = "GPTNeoX",
                              .tasks = llamaTasks,
                              .build = buildGptNeoX,
                              .longestSequence = longestSequence,
                              .buffers = buffers,
                              .writingIds = WritingIds{.eos = 2}};

} // namespace lathe
