//===- GemmaBlocks.h - what Gemma and its descendants share -------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_GEMMABLOCKS_H
#define LATHE_COMPILER_IMPORT_FAMILIES_GEMMABLOCKS_H

#include "compiler/import/families/LlamaBlocks.h"

namespace lathe {

/// Gains are stored as what they have above one: defines those of the last norm and of these norms of each layer.
void defineGains(ModelBuilder &model, const LlamaConfig &config, llvm::ArrayRef<llvm::StringRef> layerNorms);
/// [batch, seq, hidden]: words times the root of their width, a number of the type that these are stored in.
mlir::Value gemmaEmbeddings(ModelBuilder &model, const LlamaConfig &config);

} // namespace lathe

#endif
