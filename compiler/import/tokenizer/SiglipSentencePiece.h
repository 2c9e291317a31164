// SigLIP's tokenizer, which Transformers has in Python alone: SentencePiece's own library behind a few steps.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_SIGLIPSENTENCEPIECE_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_SIGLIPSENTENCEPIECE_H

#include "compiler/import/tokenizer/SentencePieceModel.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

inline constexpr llvm::StringLiteral siglipTokenizer = "SiglipTokenizer";

/// Text in lower case, without ASCII's punctuation and with single spaces, and what ends a text behind it. `path` is
/// named in errors.
llvm::Expected<TokenizerSpec> siglipSentencePiece(const SentencePieceModel &model, llvm::StringRef path,
                                                  const TokenizerConfig &config);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_SIGLIPSENTENCEPIECE_H
