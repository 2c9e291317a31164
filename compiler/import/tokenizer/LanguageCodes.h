// Translators: classes of tokenizers that name a language in what they put around texts, and the languages that they
// have where their files do not list them.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_LANGUAGECODES_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_LANGUAGECODES_H

#include "compiler/import/tokenizer/TokenizerSpec.h"

namespace lathe {

/// Where the language stands: before the text, behind what ends it, or there if legacy_behaviour is true.
enum class LanguagePlace { Before, Behind, BehindIfLegacy };

struct Translator {
  llvm::StringLiteral name;
  const char *codes;           // see codesOf; null: those that the vocabulary spells ">>xx<<"
  llvm::StringLiteral assumed; // what texts are in where no file says
  LanguagePlace place;
  bool numbersPieces; // a vocab.json numbers what SentencePiece cuts texts into
};

/// What the config's class is of these; null: no translator.
const Translator *findTranslator(const TokenizerConfig &config);

/// The codes of a class, in the order of their tokens; none where only the vocabulary has them.
std::vector<llvm::StringRef> codesOf(const Translator &kind, const TokenizerConfig &config);
/// The token that a class has for one of its codes.
std::string tokenOfCode(const Translator &kind, llvm::StringRef code);

/// vocab.json with the SentencePiece models beside it that cut texts into its tokens: of a class that numbersPieces.
llvm::Expected<TokenizerSpec> readPieceTranslator(const Translator &kind, llvm::StringRef path,
                                                  const TokenizerConfig &config);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_TOKENIZER_LANGUAGECODES_H
