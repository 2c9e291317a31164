// A SentencePiece model as that library itself uses it: its own normalizer, numbers and decoder, and no special tokens.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_PLAINSENTENCEPIECE_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_PLAINSENTENCEPIECE_H

#include "compiler/import/tokenizer/SentencePieceModel.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

llvm::Expected<TokenizerSpec> plainSentencePiece(const SentencePieceModel &model, llvm::StringRef path,
                                                 const TokenizerConfig &config);

/// Every way to make a token of two others, those of the highest score first, as Transformers orders them.
std::vector<std::pair<std::string, std::string>> mergesByScore(const std::vector<std::string> &vocabulary,
                                                               const llvm::StringMap<uint32_t> &ids,
                                                               const std::vector<double> &scores);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_PLAINSENTENCEPIECE_H
