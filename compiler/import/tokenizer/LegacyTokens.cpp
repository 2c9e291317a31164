#include "compiler/import/tokenizer/LegacyTokens.h"

#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"

using namespace lathe;

void LegacyTokens::add(AddedToken token) {
  if (!listed.insert(token.content).second)
    return;
  auto [place, isNew] = spec.ids.try_emplace(token.content, uint32_t(spec.vocabulary.size()));
  if (isNew)
    spec.vocabulary.push_back(token.content);
  token.id = place->second;
  spec.added.push_back(std::move(token));
}

void LegacyTokens::addOrChange(const AddedToken &token) {
  if (token.stripsLeft || token.stripsRight || token.singleWord)
    for (AddedToken &there : spec.added)
      if (there.content == token.content) {
        there.stripsLeft = token.stripsLeft;
        there.stripsRight = token.stripsRight;
        there.singleWord = token.singleWord;
        there.special |= token.special;
      }
  add(token);
}

llvm::Error LegacyTokens::addById(llvm::ArrayRef<AddedToken> tokens) {
  for (const AddedToken &token : tokens) {
    add(token);
    if (std::optional<uint32_t> id = spec.idOf(token.content); id != token.id)
      return fileError(path, "added_tokens_decoder of tokenizer_config.json gives " + quote(token.content) +
                                 " the id " + llvm::Twine(token.id) + "; in this vocabulary it has " +
                                 llvm::Twine(*id));
  }
  return llvm::Error::success();
}

void LegacyTokens::addPieces(const SentencePieceModel &model, llvm::ArrayRef<llvm::StringRef> alsoSpecial) {
  for (const SentencePiece &piece : model.pieces)
    if (piece.type == PieceType::Control || piece.type == PieceType::UserDefined) {
      AddedToken token;
      token.content = piece.text;
      token.special = piece.type == PieceType::Control || llvm::is_contained(alsoSpecial, piece.text);
      add(std::move(token));
    }
}

llvm::Error LegacyTokens::check() const {
  for (const AddedToken &token : spec.added)
    if (token.content.empty())
      return fileError(path, "a special token in tokenizer_config.json or special_tokens_map.json is empty");
  return llvm::Error::success();
}
