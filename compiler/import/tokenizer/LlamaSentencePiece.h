// Llama's tokenizers, and Gemma's, which are much the same.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_LLAMASENTENCEPIECE_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_LLAMASENTENCEPIECE_H

#include "compiler/import/tokenizer/SentencePieceModel.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

/// What the classes differ in.
struct LlamaClass {
  llvm::StringLiteral name, beginning, end;
  uint32_t unknownId;
  bool isGemma;
};
/// The config's class if llamaSentencePiece makes tokenizers of it, else null.
const LlamaClass *findLlamaClass(const TokenizerConfig &config);

/// The tokenizer that Transformers makes of a tokenizer.model for Llama, Mistral and Phi-3, or for Gemma: text is one
/// word in which spaces are marked, and what no piece spells becomes bytes. `path` is named in errors.
llvm::Expected<TokenizerSpec> llamaSentencePiece(const LlamaClass &kind, const SentencePieceModel &model,
                                                 llvm::StringRef path, const TokenizerConfig &config);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_LLAMASENTENCEPIECE_H
