//===- Siglip.cpp - Zhai et al. 2023 ------------------------------------------===//
//
// An encoder of texts, whose vector is that of the row's last token, and one of images, whose patches one query of the
// model's own sums up; a text fits an image or does not, whatever others there are. Hugging Face:
// models/siglip/modeling_siglip.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/ClipBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family siglipFamily, siglipTextModelFamily, siglipVisionModelFamily;

namespace {

constexpr int64_t maxWidth = 1 << 20;
constexpr TowerConfig defaults = {.hidden = 768, .layers = 12, .heads = 12, .intermediate = 3072, .eps = 1e-6};

struct SiglipTextConfig {
  TextTowerConfig text;
  int64_t projection;

  static SiglipTextConfig read(JsonFields &fields) {
    SiglipTextConfig c;
    c.text.tower = TowerConfig::read(fields, defaults, "gelu_pytorch_tanh");
    c.text.vocab = fields.getInt("vocab_size", 32000, 1, 1 << 28);
    c.text.positions = fields.getInt("max_position_embeddings", 64, 1, 1 << 28);
    c.text.causal = false;
    c.projection = fields.getOptionalInt("projection_size", 1, maxWidth).value_or(c.text.tower.hidden);
    return c;
  }
};

struct SiglipVisionConfig {
  TowerConfig tower;
  ImageForm image;
  bool hasHead;

  static SiglipVisionConfig read(JsonFields &fields) {
    SiglipVisionConfig c;
    c.tower = TowerConfig::read(fields, defaults, "gelu_pytorch_tanh");
    c.image = readImage(fields, 16, /*lead=*/0);
    allowOtherSizes(c.image);
    c.hasHead = fields.getBool("vision_use_head", true);
    return c;
  }
};

TowerResult buildText(ModelBuilder &m, const SiglipTextConfig &c) {
  Tower tower = textTower(m, c.text);
  Value hidden = m.layerNorm(tower.last(), "text_model.final_layer_norm", c.text.tower.eps);
  Value last = m.pool(hidden, xf::PoolMode::Last, m.exceptLast(/*paddingId=*/-1));
  return {tower, hidden, m.linear(last, "text_model.head", c.projection)};
}

/// Has the module know the three parts of the head's `in_proj` by names of their own, and the query that the probe
/// becomes, which is the same for every image, as the row of a table.
void defineProbe(ModelBuilder &m, const TowerConfig &c) {
  const std::vector<float> probe = m.valuesOf("vision_model.head.probe", {1, 1, c.hidden}),
                           weights = m.valuesOf("vision_model.head.attention.in_proj_weight", {3 * c.hidden, c.hidden}),
                           biases = m.valuesOf("vision_model.head.attention.in_proj_bias", {3 * c.hidden});
  std::vector<float> query;
  for (int64_t row = 0; row < c.hidden; ++row) {
    double sum = biases[row];
    for (int64_t column = 0; column < c.hidden; ++column)
      sum += double(weights[row * c.hidden + column]) * probe[column];
    query.push_back(float(sum));
  }
  m.defineWeight("vision_model.head.query.weight", {1, c.hidden}, query);
  for (auto [part, name] : {std::pair(1, "key"), {2, "value"}}) {
    const std::string linear = std::string("vision_model.head.attention.") + name;
    m.defineWeight(linear + ".weight", {c.hidden, c.hidden},
                   ArrayRef(weights).slice(part * c.hidden * c.hidden, c.hidden * c.hidden));
    m.defineWeight(linear + ".bias", {c.hidden}, ArrayRef(biases).slice(part * c.hidden, c.hidden));
  }
}

/// One vector for each image. Every token asks what the probe does, and the first one's answer counts: the others take
/// the time of an attention without its projections, in a model of many layers.
Value pooledByProbe(ModelBuilder &m, Value hidden, const TowerConfig &c) {
  defineProbe(m, c);
  Value query = m.lookup(m.leadIds(), "vision_model.head.query", 1, c.hidden); // of patches alone, whose ids are 0
  Value key = m.linear(hidden, "vision_model.head.attention.key", c.hidden),
        value = m.linear(hidden, "vision_model.head.attention.value", c.hidden);
  Value answer = m.firstToken(m.attention(query, key, value, m.mask(), c.heads));
  Value x = m.linear(answer, "vision_model.head.attention.out_proj", c.hidden);
  return m.add(towerFeedForward(m, m.layerNorm(x, "vision_model.head.layernorm", c.eps), c, "vision_model.head.mlp"),
               x);
}

TowerResult buildVision(ModelBuilder &m, const SiglipVisionConfig &c, bool pools) {
  const int64_t width = c.tower.hidden;
  Value x = imageEmbeddings(
      m, c.image, width,
      {.projection = "vision_model.embeddings.patch_embedding",
       .lead = {},
       .positions = m.valuesOf("vision_model.embeddings.position_embedding.weight", {c.image.patches(), width})});
  Tower tower = visionTower(m, x, c.tower);
  Value hidden = m.layerNorm(tower.last(), "vision_model.post_layernorm", c.tower.eps);
  return {tower, hidden, pools && c.hasHead ? pooledByProbe(m, hidden, c.tower) : Value()};
}

llvm::Error finish(ModelBuilder &m, const TowerResult &result, const HeadOptions &options,
                   ArrayRef<StringRef> otherHeads) {
  return finishEncoder(m, result.tower.embeddings, result.tower.layers, options, otherHeads);
}

llvm::Error buildSiglipText(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const SiglipTextConfig c = SiglipTextConfig::read(fields);
  if (llvm::Error error = fields.takeError())
    return error;
  const TowerResult result = buildText(m, c);
  emitTower(m, result);
  return finish(m, result, options, {});
}

llvm::Error buildSiglipVision(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const SiglipVisionConfig c = SiglipVisionConfig::read(fields);
  if (llvm::Error error = fields.takeError())
    return error;
  const TowerResult result = buildVision(m, c, /*pools=*/true);
  emitTower(m, result);
  return finish(m, result, options, {"vision_model.head."});
}

/// The mean of all tokens.
llvm::Error classify(ModelBuilder &m, const SiglipVisionConfig &c, const HeadOptions &options) {
  const TowerResult result = buildVision(m, c, /*pools=*/false);
  emitImageClasses(m, m.pool(result.hidden, xf::PoolMode::Mean), options);
  return finish(m, result, options, {"text_model.", "vision_model.head.", "logit_scale", "logit_bias"});
}

llvm::Error buildSiglip(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  SiglipTextConfig text;
  SiglipVisionConfig vision;
  readTower(fields, "text_config", [&](JsonFields &of) { text = SiglipTextConfig::read(of); });
  readTower(fields, "vision_config", [&](JsonFields &of) {
    vision = SiglipVisionConfig::read(of);
    if (options.task == Task::Base && !vision.hasHead)
      of.reject("vision_use_head", "found false, so an image has no vector to compare; accepted is true");
    if (options.task == Task::Base && vision.tower.hidden != text.projection)
      of.reject("hidden_size", "found " + Twine(vision.tower.hidden) + ", but texts become vectors of " +
                                   Twine(text.projection) + "; accepted is the same");
  });
  if (llvm::Error error = fields.takeError())
    return error;
  if (options.task == Task::ImageClassification)
    return classify(m, vision, options);
  m.expectUnused({"classifier."});
  return emitTwoTowers(
      m, options, xf::Fit::Each, [&] { return buildText(m, text); },
      [&] { return buildVision(m, vision, /*pools=*/true); });
}

int64_t longestText(JsonFields &fields) { return fields.getInt("max_position_embeddings", 64, 1, 1 << 28); }
int64_t longestOfBoth(JsonFields &fields) { return longestOfTexts(fields, longestText); }

constexpr Task towerTasks[] = {Task::Base};

} // namespace

const Family siglipFamily = {.modelType = "siglip",
                             .title = "SigLIP, Zhai et al. 2023",
                             .basePrefix = "",
                             .classPrefix = "Siglip",
                             .tasks = twoTowersTasks,
                             .build = buildSiglip,
                             .longestSequence = longestOfBoth,
                             .fillsTexts = true};

const Family siglipTextModelFamily = {.modelType = "siglip_text_model",
                                      .title = "SigLIP's encoder of texts",
                                      .basePrefix = "",
                                      .classPrefix = "SiglipText",
                                      .tasks = towerTasks,
                                      .build = buildSiglipText,
                                      .longestSequence = longestText,
                                      .fillsTexts = true};

const Family siglipVisionModelFamily = {.modelType = "siglip_vision_model",
                                        .title = "SigLIP's encoder of images",
                                        .basePrefix = "",
                                        .classPrefix = "SiglipVision",
                                        .tasks = towerTasks,
                                        .build = buildSiglipVision,
                                        .longestSequence = unlimitedPositions};

} // namespace lathe
