//===- ClipBlocks.h - what CLIP and SigLIP share ------------------------------===//
//
// Two towers, one of texts and one of images, of the same layers. Each is a model by itself, too.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_CLIPBLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_CLIPBLOCKS_H

#include "compiler/import/families/ImageBlocks.h"

namespace lathe {

/// What both towers are made for together, and that of images with a head.
inline constexpr Task twoTowersTasks[] = {Task::Base, Task::ImageClassification};

/// The sizes of a tower, under the names that both kinds of config have for them.
struct TowerConfig {
  int64_t hidden, layers, heads, intermediate;
  const ActivationFunction *activation = nullptr;
  double eps;

  /// Fields that are absent are `defaults`'s, whose activation has the name `activation`.
  static TowerConfig read(JsonFields &fields, const TowerConfig &defaults, llvm::StringRef activation);
};

/// Reads the config of one tower of a config of both, "text_config" or "vision_config"; where "text_config_dict", as
/// old files have it, is an object, that counts.
void readTower(JsonFields &fields, llvm::StringRef name, llvm::function_ref<void(JsonFields &)> read);

/// The longest text that a config of both towers has positions for; 0 where images alone are read, to be classified.
int64_t longestOfTexts(JsonFields &fields, int64_t (*longestText)(JsonFields &));

/// What a tower's layers give.
struct Tower {
  mlir::Value embeddings;
  llvm::SmallVector<mlir::Value> layers; ///< every layer's result

  mlir::Value last() const { return layers.back(); }
};

/// Texts behind `text_model.embeddings`.
struct TextTowerConfig {
  TowerConfig tower;
  int64_t vocab, positions;
  bool causal;
};
Tower textTower(ModelBuilder &model, const TextTowerConfig &config);
/// The layers `vision_model.encoder` of images.
Tower visionTower(ModelBuilder &model, mlir::Value embeddings, const TowerConfig &config);

/// The feed-forward network `<name>.fc1` and `<name>.fc2`.
mlir::Value towerFeedForward(BlockBuilder &b, mlir::Value x, const TowerConfig &config, llvm::StringRef name);

/// One vector for each text or image, and what it was made of.
struct TowerResult {
  Tower tower;
  mlir::Value hidden; ///< of every token, as the tower's model gives it
  mlir::Value pooled; ///< null where there is none
};

/// The outputs of a tower that is a model by itself: last_hidden_state and, where there is one, pooler_output.
void emitTower(ModelBuilder &model, const TowerResult &result);

/// Both towers as two entries, "text" and "image", which give vectors of length 1, and their similarity: the
/// exponential of `logit_scale` times products and, where texts fit each for itself, plus `logit_bias`. Hidden states
/// and attentions are asked for under the names of Transformers' outputs in which they lie.
llvm::Error emitTwoTowers(ModelBuilder &model, const HeadOptions &options, xf::Fit fit,
                          llvm::function_ref<TowerResult()> text, llvm::function_ref<TowerResult()> image);

} // namespace lathe

#endif
