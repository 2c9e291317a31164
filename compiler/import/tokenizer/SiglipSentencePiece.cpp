#include "compiler/import/tokenizer/SiglipSentencePiece.h"

#include "compiler/import/tokenizer/LegacyTokens.h"
#include "compiler/import/tokenizer/PlainSentencePiece.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

using namespace lathe;

/// A mark stands before the text and is none of its spaces, so that one at its beginning is a second mark. Behind it
/// the library normalizes what is left.
static void setText(TokenizerSpec &spec, bool lowers) {
  auto library = std::get<SentencePieceStep>(std::move(spec.normalizer.front()));
  library.flags = (library.flags & ~spmAddsMark) | spmIsOneOfSteps;
  spec.normalizer = {ReplaceStep{{spaceMark, true}, " "}, PrependStep{spaceMark, /*onlyFirst=*/true}};
  if (lowers)
    spec.normalizer.push_back(CharSteps{CharStep::Lowercase});
  spec.normalizer.push_back(ReplaceStep{{"[!-/:-@\\[-`{-~]", false}, ""});
  spec.normalizer.push_back(ReplaceStep{{"[\\s\x1c-\x1f]+", false}, " "});
  spec.normalizer.push_back(StripStep{true, true});
  spec.normalizer.push_back(std::move(library));
  spec.endsAtNext = false;
}

/// Those that the class names take the whitespace beside them.
static llvm::Error addTokens(TokenizerSpec &spec, llvm::StringRef path, const TokenizerConfig &config) {
  LegacyTokens added(spec, path);
  if (llvm::Error error = added.addById(config.byId))
    return error;
  for (AddedToken token :
       {tokenOr(config.end, "</s>"), tokenOr(config.unknown, "<unk>"), tokenOr(config.padding, "</s>")}) {
    token.stripsLeft = token.stripsRight = true;
    added.add(token);
  }
  for (const AddedToken &token : config.additional)
    added.add(token);
  return added.check();
}

llvm::Expected<TokenizerSpec> lathe::siglipSentencePiece(const SentencePieceModel &model, llvm::StringRef path,
                                                         const TokenizerConfig &config) {
  if (model.marksEnds)
    return llvm::make_error<UnsupportedTokenizer>(path, "a model that marks spaces behind words; accepted with " +
                                                            siglipTokenizer + " is one that marks them before words");
  llvm::Expected<TokenizerSpec> spec = plainSentencePiece(model, path, config);
  if (!spec)
    return spec.takeError();
  setText(*spec, config.lowercase.value_or(true));
  if (llvm::Error error = addTokens(*spec, path, config))
    return std::move(error);
  std::get<SentencePieceDecoder>(spec->decoder.front()).stripsSpaces = true;
  const TemplateItem end = {int32_t(*spec->idOf(tokenOr(config.end, "</s>").content)), 0};
  spec->single = {{templateFirst, 0}, end};
  spec->pair = {{templateFirst, 0}, end, {templateSecond, 0}, end};
  return spec;
}
