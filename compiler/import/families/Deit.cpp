//===- Deit.cpp - Touvron et al. 2021 -----------------------------------------===//
//
// ViT with a second token of its own, which a teacher's answers are learned from. Hugging Face:
// models/deit/modeling_deit.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/ImageBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family deitFamily;

namespace {

/// The vector of the second token: the last but the patches.
Value distillationToken(ModelBuilder &m, Value hidden) { return m.pool(hidden, xf::PoolMode::Last, m.patchMask()); }

/// One classifier, or with a teacher one for each of both tokens, whose answers count the same.
void emitClassifiers(ModelBuilder &m, Value hidden, const HeadOptions &options) {
  Value first = m.firstToken(hidden);
  if (m.hasWeight("classifier.weight") || !m.hasWeight("cls_classifier.weight"))
    return emitImageClasses(m, first, options);
  Value own = m.linear(first, "cls_classifier", options.labels),
        learned = m.linear(distillationToken(m, hidden), "distillation_classifier", options.labels);
  m.output("logits", m.scale(m.add(own, learned), 0.5));
  m.output("cls_logits", own);
  m.output("distillation_logits", learned);
}

llvm::Error buildDeit(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  VitConfig c = VitConfig::read(fields, {});
  c.queryValueBias = c.keyBias = fields.getBool("qkv_bias", true);
  c.image = readImage(fields, 16, /*lead=*/2);
  allowOtherSizes(c.image);
  if (llvm::Error error = fields.takeError())
    return error;

  std::vector<float> lead = m.valuesOf("embeddings.cls_token", {1, 1, c.hidden});
  llvm::append_range(lead, m.valuesOf("embeddings.distillation_token", {1, 1, c.hidden}));
  Value x = imageEmbeddings(
      m, c.image, c.hidden,
      {.projection = "embeddings.patch_embeddings.projection",
       .lead = std::move(lead),
       .positions = m.valuesOf("embeddings.position_embeddings", {1, c.image.patches() + 2, c.hidden})});
  return emitVit(m, x, c, fields, options, [&](Value hidden) { emitClassifiers(m, hidden, options); });
}

constexpr ClassEnding ownClasses[] = {{"ForImageClassification", Task::ImageClassification},
                                      {"ForImageClassificationWithTeacher", Task::ImageClassification}};

} // namespace

const Family deitFamily = {.modelType = "deit",
                           .title = "DeiT, Touvron et al. 2021",
                           .basePrefix = "deit.",
                           .classPrefix = "DeiT",
                           .tasks = imageTasks,
                           .build = buildDeit,
                           .longestSequence = unlimitedPositions,
                           .ownClasses = ownClasses};

} // namespace lathe
