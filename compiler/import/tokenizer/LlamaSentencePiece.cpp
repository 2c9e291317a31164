#include "compiler/import/tokenizer/LlamaSentencePiece.h"

#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/LegacyTokens.h"
#include "compiler/import/tokenizer/PlainSentencePiece.h"

#include "llvm/ADT/STLExtras.h"

using namespace lathe;

static constexpr LlamaClass classes[] = {{"LlamaTokenizer", "<s>", "</s>", 0, false},
                                         {"GemmaTokenizer", "<bos>", "<eos>", 3, true}};

const LlamaClass *lathe::findLlamaClass(const TokenizerConfig &config) {
  const llvm::StringRef name = tokenizerClassOf(config);
  const LlamaClass *kind = llvm::find_if(classes, [&](const LlamaClass &kind) { return kind.name == name; });
  return kind == std::end(classes) ? nullptr : kind;
}

namespace {
class LlamaConverter {
public:
  LlamaConverter(const LlamaClass &kind, const SentencePieceModel &model, llvm::StringRef path,
                 const TokenizerConfig &config)
      : kind(kind), model(model), path(path), config(config), isGemma(kind.isGemma) {}

  llvm::Expected<TokenizerSpec> convert();

private:
  void numberPieces();
  llvm::Error addTokens();
  void setSpaces();

  const LlamaClass &kind;
  const SentencePieceModel &model;
  llvm::StringRef path;
  const TokenizerConfig &config;
  const bool isGemma;
  TokenizerSpec spec;
  std::vector<double> scores;
};
} // namespace

/// The first three are the class's, whatever the model calls them.
void LlamaConverter::numberPieces() {
  for (const SentencePiece &piece : model.pieces) {
    spec.vocabulary.push_back(piece.text);
    scores.push_back(spec.vocabulary.size() > 3 ? piece.score : 0);
  }
  if (isGemma) {
    spec.vocabulary[0] = tokenOr(config.padding, "<pad>").content;
    spec.vocabulary[1] = tokenOr(config.end, kind.end.str()).content;
    spec.vocabulary[2] = tokenOr(config.beginning, kind.beginning.str()).content;
    // Gemma's first models had no tab but as a byte.
    if (!llvm::is_contained(spec.vocabulary, "\t"))
      if (auto byte = llvm::find(spec.vocabulary, byteFallbackToken('\t')); byte != spec.vocabulary.end())
        *byte = "\t";
  } else {
    for (const AddedToken &token : config.byId)
      if (token.id < 3)
        spec.vocabulary[token.id] = token.content;
  }
  for (auto [id, token] : llvm::enumerate(spec.vocabulary))
    spec.ids[token] = uint32_t(id); // of equal tokens the last counts
  spec.modelTokens = uint32_t(spec.vocabulary.size());
}

/// Control pieces and symbols of the user, then what the files and the class name.
llvm::Error LlamaConverter::addTokens() {
  LegacyTokens added(spec, path);
  static constexpr llvm::StringRef turns[] = {"<start_of_turn>", "<end_of_turn>"};
  added.addPieces(model, isGemma ? llvm::ArrayRef(turns) : llvm::ArrayRef<llvm::StringRef>());
  if (llvm::Error error = added.addById(config.byId))
    return error;
  added.addOrChange(tokenOr(config.beginning, kind.beginning.str()));
  added.addOrChange(tokenOr(config.end, kind.end.str()));
  added.addOrChange(tokenOr(config.unknown, "<unk>"));
  if (isGemma || config.padding)
    added.addOrChange(tokenOr(config.padding, "<pad>"));
  for (const AddedToken &token : config.additional)
    added.addOrChange(token);
  return added.check();
}

/// Llama's text gets a space before it, in the new way only at its beginning; Gemma's gets none.
void LlamaConverter::setSpaces() {
  const bool addsSpace = !isGemma && config.addsPrefixSpace.value_or(true);
  if (isGemma || config.isLegacy.value_or(true)) {
    if (addsSpace)
      spec.normalizer.push_back(PrependStep{spaceMark});
    spec.normalizer.push_back(ReplaceStep{{" ", true}, spaceMark});
  } else {
    spec.preTokenizer.push_back(MetaspaceStep{spaceMark, addsSpace ? PrependScheme::First : PrependScheme::Never});
  }
  if (isGemma)
    spec.preTokenizer.push_back(SplitStep{{" ", true}, SplitBehavior::WithPrevious});
  spec.decoder = {ReplaceDecoder{spaceMark, " "}, ByteFallbackDecoder{}, FuseDecoder{}};
  if (addsSpace)
    spec.decoder.push_back(StripDecoder{" ", 1, 0});
}

llvm::Expected<TokenizerSpec> LlamaConverter::convert() {
  constexpr size_t ownPieces = 4; // that the classes have tokens or ids of their own for
  if (model.pieces.size() < ownPieces)
    return fileError(path, llvm::Twine(model.pieces.size()) + " pieces; of " + kind.name +
                               " accepted: " + llvm::Twine(ownPieces) + " and more");
  numberPieces();
  // Unknown is what the class takes for it, whatever the model does.
  spec.model = modelOfPieces(model, spec, std::move(scores), kind.unknownId, /*fallsBack=*/true);
  if (llvm::Error error = addTokens())
    return error;
  setSpaces();
  spec.single = {{templateFirst, 0}};
  spec.pair = {{templateFirst, 0}, {templateSecond, 1}};
  spec.truncatesLeft = config.truncatesLeft.value_or(false);
  return std::move(spec);
}

llvm::Expected<TokenizerSpec> lathe::llamaSentencePiece(const LlamaClass &kind, const SentencePieceModel &model,
                                                        llvm::StringRef path, const TokenizerConfig &config) {
  return LlamaConverter(kind, model, path, config).convert();
}
