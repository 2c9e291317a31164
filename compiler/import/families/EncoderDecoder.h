//===- EncoderDecoder.h - what stands behind an encoder and a decoder, by task --===//
//
// The decoder's tokens are the entry's second token axis, the targets. A layer of the decoder attends to its own tokens
// and then to what the encoder gave.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_IMPORT_FAMILIES_ENCODERDECODER_H
#define LATHE_COMPILER_IMPORT_FAMILIES_ENCODERDECODER_H

#include "compiler/import/families/Heads.h"

namespace lathe {

/// A stack of layers: what it begins with, and every layer's result.
struct LayerStack {
  mlir::Value embeddings;
  llvm::SmallVector<mlir::Value> layers;

  mlir::Value last() const { return layers.back(); }
};

/// What heads are made of where families differ.
struct EncoderDecoderParts {
  LayerStack encoder, decoder;
  /// [batch, target_seq, vocab]
  llvm::function_ref<mlir::Value()> logits;
  /// The linear layers of the head that classifies texts by the target in the column of the last such id.
  llvm::StringRef classifierDense = "classification_head.dense", classifier = "classification_head.out_proj";
  int64_t endId;
};

/// Declares the outputs of a task, under Hugging Face's names, with `encoder_last_hidden_state` beside each, and hidden
/// states of both stacks when asked for. Weights of other heads are told by how their names begin.
llvm::Error emitEncoderDecoder(ModelBuilder &model, const EncoderDecoderParts &parts, const HeadOptions &options,
                               llvm::ArrayRef<llvm::StringRef> otherHeads);

/// The first of these weights that the checkpoint has: words that encoder and decoder share lie under any of their
/// names.
llvm::StringRef firstOf(ModelBuilder &model, llvm::ArrayRef<llvm::StringRef> weights);

} // namespace lathe

#endif
