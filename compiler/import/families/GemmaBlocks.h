//===- GemmaBlocks.h - what Gemma and its descendants share -------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_GEMMABLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_GEMMABLOCKS_H

#include "compiler/import/families/LlamaBlocks.h"

namespace lathe {

/// Gains are stored as what they have above one: defines those of the last norm and of these norms of each layer.
void defineGains(ModelBuilder &model, const LlamaConfig &config, llvm::ArrayRef<llvm::StringRef> layerNorms);
/// sliding_window, which local layers have: those that layer_types names or, without it, all but each `every`th.
void readAlternatingWindows(JsonFields &fields, LlamaConfig &config, int64_t every);
/// Llama's layer with norms behind its parts, too.
mlir::Value doublyNormedLayer(BlockBuilder &b, mlir::Value x, const LayerInputs &inputs, const LlamaConfig &config);
constexpr llvm::StringRef layerNormsOnBothSides[] = {"input_layernorm", "post_attention_layernorm",
                                                     "pre_feedforward_layernorm", "post_feedforward_layernorm"};
/// [batch, seq, hidden]: words times the root of their width, a number of the type that these are stored in.
mlir::Value gemmaEmbeddings(ModelBuilder &model, const LlamaConfig &config);

} // namespace lathe

#endif
