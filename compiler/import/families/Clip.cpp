//===- Clip.cpp - Radford et al. 2021 -----------------------------------------===//
//
// A causal encoder of texts, whose vector is that of the token which ends a text, and a vision transformer, both
// projected to one space. Hugging Face: models/clip/modeling_clip.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/ClipBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family clipFamily, clipTextModelFamily, clipVisionModelFamily;

namespace {

constexpr int64_t maxWidth = 1 << 20;

struct ClipTextConfig {
  TextTowerConfig text;
  std::optional<int64_t> endId; ///< of texts; none: the greatest id
  int64_t projection;

  static ClipTextConfig read(JsonFields &fields) {
    ClipTextConfig c;
    c.text.tower = TowerConfig::read(
        fields, {.hidden = 512, .layers = 12, .heads = 8, .intermediate = 2048, .eps = 1e-5}, "quick_gelu");
    c.text.vocab = fields.getInt("vocab_size", 49408, 1, 1 << 28);
    c.text.positions = fields.getInt("max_position_embeddings", 77, 1, 1 << 28);
    c.text.causal = true;
    c.projection = fields.getInt("projection_dim", 512, 1, maxWidth);
    const int64_t endId = fields.getInt("eos_token_id", 49407, 0, 1 << 28);
    if (endId != 2) // which old files say whatever the tokenizer's is
      c.endId = endId;
    return c;
  }
};

struct ClipVisionConfig {
  TowerConfig tower;
  ImageForm image;
  int64_t projection;

  static ClipVisionConfig read(JsonFields &fields) {
    ClipVisionConfig c;
    c.tower = TowerConfig::read(fields, {.hidden = 768, .layers = 12, .heads = 12, .intermediate = 3072, .eps = 1e-5},
                                "quick_gelu");
    c.image = readImage(fields, 32, /*lead=*/1);
    c.projection = fields.getInt("projection_dim", 512, 1, maxWidth);
    return c;
  }
};

TowerResult buildText(ModelBuilder &m, const ClipTextConfig &c) {
  Tower tower = textTower(m, c.text);
  Value hidden = m.layerNorm(tower.last(), "text_model.final_layer_norm", c.text.tower.eps);
  return {tower, hidden, m.pool(hidden, xf::PoolMode::First, m.exceptFirst(c.endId))};
}

TowerResult buildVision(ModelBuilder &m, const ClipVisionConfig &c) {
  const int64_t hidden = c.tower.hidden;
  Value x = imageEmbeddings(
      m, c.image, hidden,
      {.projection = "vision_model.embeddings.patch_embedding",
       .biased = false,
       .lead = m.valuesOf("vision_model.embeddings.class_embedding", {hidden}),
       .positions = m.valuesOf("vision_model.embeddings.position_embedding.weight", {c.image.patches() + 1, hidden})});
  x = m.layerNorm(x, "vision_model.pre_layrnorm", c.tower.eps);
  Tower tower = visionTower(m, x, c.tower);
  Value pooled = m.layerNorm(m.firstToken(tower.last()), "vision_model.post_layernorm", c.tower.eps);
  return {tower, tower.last(), pooled};
}

Value project(ModelBuilder &m, Value pooled, StringRef projection, int64_t width) {
  return m.linear(pooled, projection, width, /*biased=*/false);
}

/// The outputs of a tower that is a model by itself. Of task projection there is the pooled vector as projected alone.
void emitTower(ModelBuilder &m, const TowerResult &result, const HeadOptions &options, StringRef embeds,
               StringRef projection, int64_t width) {
  if (options.task != Task::Projection)
    return lathe::emitTower(m, result);
  m.output("last_hidden_state", result.hidden);
  m.output(embeds, project(m, result.pooled, projection, width));
}

llvm::Error finish(ModelBuilder &m, const TowerResult &result, const HeadOptions &options,
                   ArrayRef<StringRef> otherHeads) {
  return finishEncoder(m, result.tower.embeddings, result.tower.layers, options, otherHeads);
}

llvm::Error buildClipText(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  const ClipTextConfig c = ClipTextConfig::read(fields);
  if (llvm::Error error = fields.takeError())
    return error;
  const TowerResult result = buildText(m, c);
  emitTower(m, result, options, "text_embeds", "text_projection", c.projection);
  return finish(m, result, options, {"text_projection."});
}

llvm::Error buildClipVision(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  ClipVisionConfig c = ClipVisionConfig::read(fields);
  allowOtherSizes(c.image);
  if (llvm::Error error = fields.takeError())
    return error;
  const TowerResult result = buildVision(m, c);
  emitTower(m, result, options, "image_embeds", "visual_projection", c.projection);
  return finish(m, result, options, {"visual_projection."});
}

constexpr Task towerTasks[] = {Task::Base, Task::Projection};

/// The mean of the patches, which are not normed.
llvm::Error classify(ModelBuilder &m, const ClipVisionConfig &c, const HeadOptions &options) {
  const TowerResult result = buildVision(m, c);
  emitImageClasses(m, m.pool(result.hidden, xf::PoolMode::Mean, m.leadMask()), options);
  return finish(m, result, options, {"text_model.", "text_projection.", "visual_projection.", "logit_scale"});
}

llvm::Error buildClip(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  ClipTextConfig text;
  ClipVisionConfig vision;
  readTower(fields, "text_config", [&](JsonFields &of) { text = ClipTextConfig::read(of); });
  readTower(fields, "vision_config", [&](JsonFields &of) { vision = ClipVisionConfig::read(of); });
  const int64_t width = fields.getInt("projection_dim", 512, 1, maxWidth);
  if (llvm::Error error = fields.takeError())
    return error;
  if (options.task == Task::ImageClassification)
    return classify(m, vision, options);
  allowOtherSizes(vision.image);
  auto textResult = [&] {
    TowerResult result = buildText(m, text);
    result.pooled = project(m, result.pooled, "text_projection", width);
    return result;
  };
  auto imageResult = [&] {
    TowerResult result = buildVision(m, vision);
    result.pooled = project(m, result.pooled, "visual_projection", width);
    return result;
  };
  m.expectUnused({"classifier."});
  return emitTwoTowers(m, options, xf::Fit::One, textResult, imageResult);
}

int64_t longestText(JsonFields &fields) { return fields.getInt("max_position_embeddings", 77, 1, 1 << 28); }
int64_t longestOfBoth(JsonFields &fields) { return longestOfTexts(fields, longestText); }

} // namespace

const Family clipFamily = {.modelType = "clip",
                           .title = "CLIP, Radford et al. 2021",
                           .basePrefix = "",
                           .classPrefix = "CLIP",
                           .tasks = twoTowersTasks,
                           .build = buildClip,
                           .longestSequence = longestOfBoth};

const Family clipTextModelFamily = {.modelType = "clip_text_model",
                                    .title = "CLIP's encoder of texts",
                                    .basePrefix = "",
                                    .classPrefix = "CLIPText",
                                    .tasks = towerTasks,
                                    .build = buildClipText,
                                    .longestSequence = longestText};

const Family clipVisionModelFamily = {.modelType = "clip_vision_model",
                                      .title = "CLIP's encoder of images",
                                      .basePrefix = "",
                                      .classPrefix = "CLIPVision",
                                      .tasks = towerTasks,
                                      .build = buildClipVision,
                                      .longestSequence = unlimitedPositions};

} // namespace lathe
