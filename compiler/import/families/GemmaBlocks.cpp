//===- GemmaBlocks.cpp - what Gemma and its descendants share -----------------===//
#include "compiler/import/families/GemmaBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {

void defineGains(ModelBuilder &m, const LlamaConfig &c, ArrayRef<StringRef> layerNorms) {
  auto define = [&](const std::string &name, int64_t width) {
    std::vector<float> gain = m.valuesOf(name, {width});
    for (float &value : gain)
      value += 1;
    m.defineWeight(name, {width}, gain);
  };
  define("norm.weight", c.hidden);
  for (const std::string &prefix : m.layerPrefixes("layers.", c.layers))
    for (StringRef norm : layerNorms)
      define((prefix + norm + ".weight").str(), norm.starts_with("self_attn.") ? c.headDim : c.hidden);
}

void readAlternatingWindows(JsonFields &fields, LlamaConfig &c, int64_t every) {
  c.window = fields.getInt("sliding_window", 4096, 1, 1 << 28);
  for (int64_t layer = 0; layer < c.layers; ++layer)
    c.isLocal[layer] = (layer + 1) % every != 0;
  readLayerTypes(fields, c.isLocal);
}

Value doublyNormedLayer(BlockBuilder &b, Value x, const LayerInputs &inputs, const LlamaConfig &c) {
  Value a = llamaAttention(b, b.rmsNorm(x, "input_layernorm", c.eps), inputs, c);
  x = b.add(b.rmsNorm(a, "post_attention_layernorm", c.eps), x);
  Value f = gatedInnerLayer(b, b.rmsNorm(x, "pre_feedforward_layernorm", c.eps), c);
  return b.add(b.rmsNorm(f, "post_feedforward_layernorm", c.eps), x);
}

Value gemmaEmbeddings(ModelBuilder &m, const LlamaConfig &c) {
  return m.scale(llamaEmbeddings(m, c), m.roundedLike("embed_tokens.weight", std::sqrt(double(c.hidden))));
}

} // namespace lathe
