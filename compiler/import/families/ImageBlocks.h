//===- ImageBlocks.h - what models of images share ----------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_IMAGEBLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_IMAGEBLOCKS_H

#include "compiler/import/families/Heads.h"

namespace lathe {

/// What models of images are made for.
inline constexpr Task imageTasks[] = {Task::Base, Task::ImageClassification};

/// Reads num_channels, image_size and patch_size, of which the latter may be a number or two, rows first. Images are of
/// that size, with a position for each patch.
ImageForm readImage(JsonFields &fields, int64_t defaultPatchSize, int64_t lead);
/// Has images of all sizes accepted where Transformers interpolates positions when asked to: it takes these for a
/// square grid of square patches, so where they are none nothing changes.
void allowOtherSizes(ImageForm &image);
/// The same where Transformers always interpolates them; notes an error where it then fails.
void requireOtherSizes(JsonFields &fields, ImageForm &image, xf::Resize resize = xf::Resize::Bicubic);

/// The numbers of what images become tokens with. There are positions for patches, behind those of the first tokens of
/// the lead, or none at all.
struct ImageTables {
  llvm::StringRef projection; ///< the convolution
  bool biased = true;         ///< whether that has a bias
  std::vector<float> lead;    ///< [lead, hidden]: the tokens before patches
  std::vector<float> positions = {};
};
/// [batch, seq, hidden]: the projection of each patch, with its position, behind the lead's tokens.
mlir::Value imageEmbeddings(ModelBuilder &model, const ImageForm &image, int64_t hidden, ImageTables tables);

/// What the layers of ViT and its descendants have in common.
struct VitConfig {
  ImageForm image;
  int64_t hidden = 768, layers = 12, heads = 12, intermediate = 3072;
  const ActivationFunction *activation = nullptr;
  double eps = 1e-12;
  bool queryValueBias = true, keyBias = true;

  /// Reads the fields that all of them have, under defaults that are `defaults`'s; intermediate_size only where it has
  /// one.
  static VitConfig read(JsonFields &fields, const VitConfig &defaults);
};

/// Self-attention with its output's projection, under `attention.`.
mlir::Value vitAttention(BlockBuilder &b, mlir::Value x, mlir::Value mask, const VitConfig &c,
                         const ScoreRules &rules = {});
/// The feed-forward network `intermediate` and `output`.
mlir::Value vitFeedForward(BlockBuilder &b, mlir::Value x, const VitConfig &c);

/// ViT and DeiT behind their embeddings: layers, heads and outputs. `emitClassifiers` declares those of
/// image-classification.
llvm::Error emitVit(ModelBuilder &model, mlir::Value embeddings, const VitConfig &config, JsonFields &fields,
                    const HeadOptions &options, llvm::function_ref<void(mlir::Value hidden)> emitClassifiers);

/// Declares the logits of `classifier` on a vector for each image.
void emitImageClasses(ModelBuilder &model, mlir::Value summary, const HeadOptions &options);

} // namespace lathe

#endif
