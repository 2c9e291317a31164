//===- Vit.cpp - Dosovitskiy et al. 2021 --------------------------------------===//
//
// A pre-norm encoder of an image's patches behind a token of its own. Hugging Face: models/vit/modeling_vit.py.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/families/ImageBlocks.h"

using namespace mlir;

namespace lathe {
extern const Family vitFamily;

namespace {

llvm::Error buildVit(ModelBuilder &m, const JsonDocument &document, const HeadOptions &options) {
  JsonFields fields(document);
  VitConfig c = VitConfig::read(fields, {});
  c.queryValueBias = c.keyBias = fields.getBool("qkv_bias", true);
  c.image = readImage(fields, 16, /*lead=*/1);
  allowOtherSizes(c.image);
  if (llvm::Error error = fields.takeError())
    return error;

  Value x = imageEmbeddings(
      m, c.image, c.hidden,
      {.projection = "embeddings.patch_embeddings.projection",
       .lead = m.valuesOf("embeddings.cls_token", {1, 1, c.hidden}),
       .positions = m.valuesOf("embeddings.position_embeddings", {1, c.image.patches() + 1, c.hidden})});
  return emitVit(m, x, c, fields, options, [&](Value hidden) { emitImageClasses(m, m.firstToken(hidden), options); });
}

} // namespace

const Family vitFamily = {.modelType = "vit",
                          .title = "ViT, Dosovitskiy et al. 2021",
                          .basePrefix = "vit.",
                          .classPrefix = "ViT",
                          .tasks = imageTasks,
                          .build = buildVit,
                          .longestSequence = unlimitedPositions};

} // namespace lathe
