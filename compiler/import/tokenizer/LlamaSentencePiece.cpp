#include "compiler/import/tokenizer/LlamaSentencePiece.h"

#include "compiler/import/tokenizer/LegacyTokens.h"
#include "compiler/import/tokenizer/PlainSentencePiece.h"

#include "llvm/ADT/STLExtras.h"

using namespace lathe;

bool lathe::isLlamaClass(llvm::StringRef tokenizerClass) {
  return tokenizerClass == "LlamaTokenizer" || tokenizerClass == "GemmaTokenizer";
}

namespace {
class LlamaConverter {
public:
  LlamaConverter(const SentencePieceModel &model, llvm::StringRef path, const TokenizerConfig &config)
      : model(model), path(path), config(config), isGemma(tokenizerClassOf(config) == "GemmaTokenizer") {}

  llvm::Expected<TokenizerSpec> convert();

private:
  void numberPieces();
  void setModel();
  llvm::Error addTokens();
  void setSpaces();

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
  auto rename = [&](uint32_t id, const std::string &text) {
    if (id < spec.vocabulary.size())
      spec.vocabulary[id] = text;
  };
  if (isGemma) {
    rename(0, tokenOr(config.padding, "<pad>").content);
    rename(1, tokenOr(config.end, "<eos>").content);
    rename(2, tokenOr(config.beginning, "<bos>").content);
    // Gemma's first models had no tab but as a byte.
    if (!llvm::is_contained(spec.vocabulary, "\t"))
      if (auto byte = llvm::find(spec.vocabulary, byteFallbackToken('\t')); byte != spec.vocabulary.end())
        *byte = "\t";
  } else {
    for (const AddedToken &token : config.byId)
      if (token.id < 3)
        rename(token.id, token.content);
  }
  for (auto [id, token] : llvm::enumerate(spec.vocabulary))
    spec.ids[token] = uint32_t(id); // of equal tokens the last counts
  spec.modelTokens = uint32_t(spec.vocabulary.size());
}

void LlamaConverter::setModel() {
  const uint32_t unknownId = isGemma ? 3 : 0;
  if (model.kind == SentencePieceModel::Unigram) {
    UnigramModel unigram;
    unigram.unknown = spec.vocabulary[unknownId];
    unigram.unknownId = unknownId;
    unigram.fallsBack = true;
    unigram.scores = std::move(scores);
    spec.model = std::move(unigram);
    return;
  }
  BpeModel bpe;
  bpe.unknown = model.pieces[model.unknown].text;
  bpe.fusesUnknown = bpe.fallsBack = true;
  bpe.merges = mergesByScore(spec.vocabulary, spec.ids, scores);
  spec.model = std::move(bpe);
}

/// Control pieces and symbols of the user, then what the files and the class name.
llvm::Error LlamaConverter::addTokens() {
  LegacyTokens added(spec, path);
  for (const SentencePiece &piece : model.pieces)
    if (piece.type == PieceType::Control || piece.type == PieceType::UserDefined) {
      AddedToken token;
      token.content = piece.text;
      token.special = piece.type == PieceType::Control ||
                      (isGemma && (piece.text == "<start_of_turn>" || piece.text == "<end_of_turn>"));
      added.add(token);
    }
  if (llvm::Error error = added.addById(config.byId))
    return error;
  added.addOrChange(tokenOr(config.beginning, isGemma ? "<bos>" : "<s>"));
  added.addOrChange(tokenOr(config.end, isGemma ? "<eos>" : "</s>"));
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
  numberPieces();
  setModel();
  if (llvm::Error error = addTokens())
    return error;
  setSpaces();
  spec.single = {{templateFirst, 0}};
  spec.pair = {{templateFirst, 0}, {templateSecond, 1}};
  spec.truncatesLeft = config.truncatesLeft.value_or(false);
  return std::move(spec);
}

llvm::Expected<TokenizerSpec> lathe::llamaSentencePiece(const SentencePieceModel &model, llvm::StringRef path,
                                                        const TokenizerConfig &config) {
  return LlamaConverter(model, path, config).convert();
}
