// Special tokens of a vocabulary that comes without a tokenizer.json, as Transformers adds them.
#ifndef LATHE_COMPILER_IMPORT_TOKENIZER_LEGACYTOKENS_H
#define LATHE_COMPILER_IMPORT_TOKENIZER_LEGACYTOKENS_H

#include "compiler/import/tokenizer/SentencePieceModel.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

#include "llvm/ADT/StringSet.h"

namespace lathe {

/// The token that a file named, else what its class assumes.
inline AddedToken tokenOr(const std::optional<AddedToken> &named, llvm::StringRef assumed) {
  if (named)
    return *named;
  AddedToken token;
  token.content = assumed.str();
  token.special = true;
  return token;
}

/// Makes tokens added ones, each once: where the vocabulary has it with that id, else as the next.
class LegacyTokens {
public:
  /// `path`: the vocabulary's, for errors.
  LegacyTokens(TokenizerSpec &spec, llvm::StringRef path) : spec(spec), path(path) {}

  void add(AddedToken token);
  /// A SentencePiece model's control pieces, which are special, and symbols of the user, which are where they are
  /// listed.
  void addPieces(const SentencePieceModel &model, llvm::ArrayRef<llvm::StringRef> alsoSpecial = {});
  /// The same, but that one which is there gets the flags of `token` if it has any.
  void addOrChange(const AddedToken &token);
  /// What added_tokens_decoder lists: every token must get the id that it says.
  llvm::Error addById(llvm::ArrayRef<AddedToken> tokens);
  /// An error when one is empty.
  llvm::Error check() const;

private:
  TokenizerSpec &spec;
  llvm::StringRef path;
  llvm::StringSet<> listed;
};

} // namespace lathe

#endif
