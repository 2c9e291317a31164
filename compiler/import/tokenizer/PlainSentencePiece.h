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

/// What a class that numbers pieces in its own way makes texts into them with: by the vocabulary that it has made, and
/// its scores. `unknownId` counts in Unigram models, and bytes stand for what is unknown where it `fallsBack`.
Model modelOfPieces(const SentencePieceModel &model, const TokenizerSpec &spec, std::vector<double> scores,
                    uint32_t unknownId, bool fallsBack);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_PLAINSENTENCEPIECE_H
