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

Value gemmaEmbeddings(ModelBuilder &m, const LlamaConfig &c) {
  return m.scale(llamaEmbeddings(m, c), m.roundedLike("embed_tokens.weight", std::sqrt(double(c.hidden))));
}

} // namespace lathe
