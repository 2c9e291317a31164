#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_LLAMASENTENCEPIECE_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_LLAMASENTENCEPIECE_H

#include "compiler/import/tokenizer/SentencePieceModel.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

/// Whether Transformers makes a tokenizer of this class as llamaSentencePiece does.
bool isLlamaClass(llvm::StringRef tokenizerClass);

/// The tokenizer that Transformers makes of a tokenizer.model for Llama, Mistral and Phi-3, or for Gemma: text is one
/// word in which spaces are marked, and what no piece spells becomes bytes. `path` is named in errors.
llvm::Expected<TokenizerSpec> llamaSentencePiece(const SentencePieceModel &model, llvm::StringRef path,
                                                 const TokenizerConfig &config);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_LLAMASENTENCEPIECE_H
