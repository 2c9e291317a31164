//===- ImageBlocks.cpp - what models of images share --------------------------===//
#include "compiler/import/families/ImageBlocks.h"

#include <cmath>

using namespace mlir;

namespace lathe {

constexpr int64_t maxWidth = 1 << 20;

/// A size of rows and columns: two numbers, or one for both.
static std::pair<int64_t, int64_t> readSize(JsonFields &fields, StringRef name, int64_t fallback) {
  const std::vector<int64_t> sizes = fields.getIntOrInts(name, 1, 1 << 16);
  if (sizes.size() > 2)
    fields.reject(name,
                  "found " + Twine(sizes.size()) + " numbers; accepted are one, or one for rows and one for columns");
  return sizes.empty() ? std::pair(fallback, fallback) : std::pair(sizes.front(), sizes.back());
}

ImageForm readImage(JsonFields &fields, int64_t defaultPatchSize, int64_t lead) {
  ImageForm image = {.lead = lead};
  image.channels = fields.getInt("num_channels", 3, 1, 1024);
  std::tie(image.height, image.width) = readSize(fields, "image_size", 224);
  std::tie(image.patchHeight, image.patchWidth) = readSize(fields, "patch_size", defaultPatchSize);
  if (image.height < image.patchHeight || image.width < image.patchWidth) {
    fields.reject("image_size", "found " + Twine(image.height) + " x " + Twine(image.width) +
                                    "; accepted is at least a patch, " + Twine(image.patchHeight) + " x " +
                                    Twine(image.patchWidth));
    image.patchHeight = image.patchWidth = 1;
  }
  image.gridHeight = image.height / image.patchHeight;
  image.gridWidth = image.width / image.patchWidth;
  return image;
}

void allowOtherSizes(ImageForm &image) {
  if (image.patchHeight == image.patchWidth && image.gridHeight == image.gridWidth)
    image.resize = xf::Resize::Bicubic;
}

void requireOtherSizes(JsonFields &fields, ImageForm &image, xf::Resize resize) {
  const int64_t patches = image.gridHeight * image.gridWidth, side = std::lround(std::sqrt(double(patches)));
  if (image.patchHeight == image.patchWidth && side * side == patches) {
    image.gridHeight = image.gridWidth = side;
    image.resize = resize;
  } else if (image.height != image.width) {
    fields.reject("image_size", "found " + Twine(image.height) + " x " + Twine(image.width) + ", which is " +
                                    Twine(patches) + " patches of " + Twine(image.patchHeight) + " x " +
                                    Twine(image.patchWidth) +
                                    "; this class takes positions of images that are not square from a square grid, so "
                                    "accepted are square patches whose number is a square");
  }
}

Value imageEmbeddings(ModelBuilder &m, const ImageForm &image, int64_t hidden, ImageTables tables) {
  const std::string projection = tables.projection.str();
  const bool looksUpBias = tables.biased && image.lead; // which the tokens before patches do not have
  Value x = m.patchLinear(image, projection, hidden, tables.biased && !looksUpBias);
  const int64_t grid = image.gridHeight * image.gridWidth;
  std::vector<float> &lead = tables.lead;
  for (int64_t i = 0, placed = int64_t(tables.positions.size()) - grid * hidden; i < placed; ++i)
    lead[i] += tables.positions[i];
  if (image.lead) {
    std::vector<float> bias(hidden);
    if (looksUpBias)
      bias = m.valuesOf(projection + ".bias", {hidden});
    llvm::append_range(lead, bias);
    m.defineWeight("lead_tokens.weight", {image.lead + 1, hidden}, lead);
    x = m.add(x, m.lookup(m.leadIds(), "lead_tokens", image.lead + 1, hidden));
  }
  if (tables.positions.empty())
    return x;
  m.defineWeight("position_grid.weight", {grid, hidden}, ArrayRef(tables.positions).take_back(grid * hidden));
  return m.add(x, m.blend(m.gridRows(image), m.gridColumns(image), "position_grid", hidden));
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

VitConfig VitConfig::read(JsonFields &fields, const VitConfig &defaults) {
  VitConfig c = defaults;
  c.hidden = fields.getInt("hidden_size", defaults.hidden, 1, maxWidth);
  c.layers = fields.getInt("num_hidden_layers", defaults.layers, 1, 4096);
  c.heads = fields.getInt("num_attention_heads", defaults.heads, 1, maxWidth);
  if (defaults.intermediate)
    c.intermediate = fields.getInt("intermediate_size", defaults.intermediate, 1, maxWidth);
  c.activation = &readActivation(fields, "hidden_act", "gelu");
  c.eps = fields.getFloat("layer_norm_eps", defaults.eps, 0, 1);
  requireWholeHeads(fields, c.hidden, c.heads);
  return c;
}

Value vitAttention(BlockBuilder &b, Value x, Value mask, const VitConfig &c, const ScoreRules &rules) {
  Value q = b.linear(x, "attention.attention.query", c.hidden, c.queryValueBias),
        k = b.linear(x, "attention.attention.key", c.hidden, c.keyBias),
        v = b.linear(x, "attention.attention.value", c.hidden, c.queryValueBias);
  return b.linear(b.attention(q, k, v, mask, c.heads, rules), "attention.output.dense", c.hidden);
}

Value vitFeedForward(BlockBuilder &b, Value x, const VitConfig &c) {
  return b.linear(b.activate(b.linear(x, "intermediate.dense", c.intermediate), *c.activation), "output.dense",
                  c.hidden);
}

static Value vitLayer(BlockBuilder &b, Value x, Value mask, const VitConfig &c) {
  x = b.add(vitAttention(b, b.layerNorm(x, "layernorm_before", c.eps), mask, c), x);
  return b.add(vitFeedForward(b, b.layerNorm(x, "layernorm_after", c.eps), c), x);
}

void emitImageClasses(ModelBuilder &m, Value summary, const HeadOptions &options) {
  m.output("logits", m.linear(summary, "classifier", options.labels));
}

llvm::Error emitVit(ModelBuilder &m, Value embeddings, const VitConfig &c, JsonFields &fields,
                    const HeadOptions &options, llvm::function_ref<void(Value)> emitClassifiers) {
  const int64_t pooled = fields.getOptionalInt("pooler_output_size", 0, maxWidth).value_or(0);
  const ActivationFunction &poolerActivation = readActivation(fields, "pooler_act", "tanh");
  if (llvm::Error error = fields.takeError())
    return error;

  SmallVector<Value> layers = m.layers("vit_layer", "encoder.layer.", c.layers, embeddings, m.mask(),
                                       [&](BlockBuilder &b, Value x, Value mask) { return vitLayer(b, x, mask, c); });
  Value hidden = m.layerNorm(layers.back(), "layernorm", c.eps);
  if (options.task == Task::ImageClassification) {
    emitClassifiers(hidden);
  } else {
    m.output("last_hidden_state", hidden);
    if (m.hasWeight("pooler.dense.weight"))
      m.output("pooler_output", m.activate(m.linear(m.firstToken(hidden), "pooler.dense", pooled ? pooled : c.hidden),
                                           poolerActivation));
  }
  return finishEncoder(
      m, embeddings, layers, options,
      {"pooler.", "classifier.", "cls_classifier.", "distillation_classifier.", "embeddings.mask_token", "decoder."});
}

} // namespace lathe
