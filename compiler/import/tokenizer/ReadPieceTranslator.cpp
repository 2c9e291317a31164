// M2M-100's and Marian's files: SentencePiece cuts texts into pieces, and a vocab.json numbers them. The two need not
// have the same pieces, and Marian has one model to read with and another to write with, and perhaps two vocabularies.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/LanguageCodes.h"
#include "compiler/import/tokenizer/LegacyTokens.h"
#include "compiler/import/tokenizer/PlainSentencePiece.h"
#include "compiler/import/tokenizer/SentencePieceModel.h"
#include "compiler/import/tokenizer/TokenizerJson.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;

/// The path of another file beside the vocabulary.
static llvm::Expected<std::string> findBeside(llvm::StringRef path, llvm::StringRef name,
                                              const TokenizerConfig &config) {
  llvm::SmallString<128> place = llvm::sys::path::parent_path(path);
  llvm::sys::path::append(place, name);
  if (!llvm::sys::fs::exists(place))
    return fileError(place, "not found; a vocab.json of " + config.tokenizerClass + " needs it beside");
  return place.str().str();
}

static llvm::Expected<SentencePieceModel> readModelBeside(llvm::StringRef path, llvm::StringRef name,
                                                          const TokenizerConfig &config) {
  llvm::Expected<std::string> place = findBeside(path, name, config);
  if (!place)
    return place.takeError();
  return readSentencePieceModel(*place);
}

/// Tokens by id.
static llvm::Expected<std::vector<std::string>> readVocabulary(llvm::StringRef path, const TokenizerConfig &config) {
  llvm::Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  TokenizerJson json(config);
  json.readVocabulary(JsonView(*document, json.problem));
  if (llvm::Error error = takeProblem(*document, json.problem))
    return error;
  return std::move(json.spec.vocabulary);
}

/// The tokens that the model writes, of Marian's second vocabulary: added tokens of `read`, what the first one gives,
/// keep their ids, and ids that only the first one has are unknown.
static llvm::Expected<std::vector<std::string>> readWritten(llvm::StringRef path, const TokenizerConfig &config,
                                                            const TokenizerSpec &read, const std::string &unknown) {
  llvm::Expected<std::string> place = findBeside(path, "target_vocab.json", config);
  if (!place)
    return place.takeError();
  llvm::Expected<std::vector<std::string>> written = readVocabulary(*place, config);
  if (!written)
    return written.takeError();
  if (written->size() < read.vocabulary.size())
    written->resize(read.vocabulary.size(), unknown);
  for (const AddedToken &token : read.added)
    (*written)[token.id] = token.content;
  return written;
}

namespace {
/// A tokenizer whose pieces get the ids of a vocabulary.
class Renumbering {
public:
  /// `spec`: of the pieces. `vocabulary`: by id. `unknown`: its token for what is unknown.
  Renumbering(TokenizerSpec spec, std::vector<std::string> vocabulary, std::string unknown)
      : pieces(std::move(spec)), spec(pieces), unknown(std::move(unknown)) {
    this->spec.vocabulary = std::move(vocabulary);
    this->spec.ids.clear();
    for (auto [id, token] : llvm::enumerate(this->spec.vocabulary))
      this->spec.ids[token] = uint32_t(id);
  }

  TokenizerSpec &tokens() { return spec; }
  /// Once no more tokens are added: pieces that are no tokens get ids behind them, which no text is given.
  TokenizerSpec finish();

private:
  bool isPiece(llvm::StringRef token) const { return pieces.ids.contains(token); }
  void addLonelyPieces();

  const TokenizerSpec pieces;
  TokenizerSpec spec;
  std::string unknown;
};
} // namespace

void Renumbering::addLonelyPieces() {
  spec.givenTokens = uint32_t(spec.vocabulary.size());
  for (auto [index, piece] : llvm::enumerate(pieces.vocabulary))
    if (pieces.isMatched(uint32_t(index)) && !spec.ids.contains(piece)) {
      spec.ids[piece] = uint32_t(spec.vocabulary.size());
      spec.vocabulary.push_back(piece);
    }
  spec.modelTokens = uint32_t(spec.vocabulary.size());
}

TokenizerSpec Renumbering::finish() {
  addLonelyPieces();
  std::vector<double> scores;
  spec.isHidden.clear();
  auto *unigram = std::get_if<UnigramModel>(&spec.model);
  for (const std::string &token : spec.vocabulary) {
    std::optional<uint32_t> piece = pieces.idOf(token);
    spec.isHidden.push_back(!piece || !pieces.isMatched(*piece));
    if (unigram)
      scores.push_back(piece ? unigram->scores[*piece] : 0);
    if (spec.isHidden.back() && token != unknown && !token.empty())
      spec.otherTokens.push_back(token);
  }
  std::visit([&](auto &model) { model.unknown = unknown; }, spec.model);
  if (unigram) {
    unigram->unknownId = *spec.idOf(unknown);
    unigram->scores = std::move(scores);
  }
  llvm::erase_if(spec.userSymbols, [&](const std::string &symbol) { return !spec.ids.contains(symbol); });
  return std::move(spec);
}

/// How the pieces that a model writes become text.
static SentencePieceDecoder decoderOf(const SentencePieceModel &model, const TokenizerSpec &pieces,
                                      const std::vector<std::string> &tokens) {
  SentencePieceDecoder decoder = std::get<SentencePieceDecoder>(pieces.decoder.front());
  decoder.types.clear();
  for (const std::string &token : tokens) {
    std::optional<uint32_t> piece = pieces.idOf(token);
    decoder.types.push_back(uint8_t(piece ? model.pieces[*piece].type : PieceType::Normal));
  }
  decoder.stripsSpaces = true;
  return decoder;
}

/// ">>fr<<" before a text is one token, known or not.
static void addCodes(TokenizerSpec &spec, uint32_t unknown) {
  AddedToken any;
  any.content = ">>";
  any.id = unknown;
  any.atBegin = any.toCodeEnd = true;
  spec.added.push_back(any);
  for (auto [id, token] : llvm::enumerate(spec.vocabulary)) {
    llvm::StringRef code = token;
    if (!code.consume_front(">>") || !code.consume_back("<<") || code.contains("<<"))
      continue;
    AddedToken added;
    added.content = token;
    added.id = uint32_t(id);
    added.atBegin = true;
    spec.added.push_back(added);
  }
}

llvm::Expected<TokenizerSpec> lathe::readPieceTranslator(const Translator &kind, llvm::StringRef path,
                                                         const TokenizerConfig &config) {
  const bool isMarian = !kind.codes;
  if (!isMarian && config.languageCodes && *config.languageCodes != "m2m100" && *config.languageCodes != "wmt21")
    return fileError(path, "language_codes of tokenizer_config.json is " + quote(*config.languageCodes) +
                               "; accepted are m2m100 and wmt21");
  llvm::Expected<std::vector<std::string>> vocabulary = readVocabulary(path, config);
  if (!vocabulary)
    return vocabulary.takeError();
  const AddedToken unknown = tokenOr(config.unknown, "<unk>");
  if (!llvm::is_contained(*vocabulary, unknown.content)) // the model itself gives it out, so it cannot be added behind
    return fileError(path, "special token " + quote(unknown.content) + " is not among the " +
                               llvm::Twine(vocabulary->size()) + " tokens");

  llvm::Expected<SentencePieceModel> source =
      readModelBeside(path, isMarian ? "source.spm" : "sentencepiece.bpe.model", config);
  if (!source)
    return source.takeError();
  llvm::Expected<TokenizerSpec> pieces = plainSentencePiece(*source, path, config);
  if (!pieces)
    return pieces.takeError();
  Renumbering renumbering(*pieces, std::move(*vocabulary), unknown.content);
  TokenizerSpec &spec = renumbering.tokens();
  LegacyTokens added(spec, path);
  if (llvm::Error error = added.addById(config.byId))
    return error;
  if (!isMarian)
    added.add(tokenOr(config.beginning, "<s>"));
  added.add(tokenOr(config.end, "</s>"));
  added.add(unknown);
  if (!isMarian)
    added.add(tokenOr(config.separator, "</s>"));
  added.add(tokenOr(config.padding, "<pad>"));
  for (const AddedToken &token : config.additional)
    added.add(token);
  if (llvm::Error error = added.check())
    return error;
  if (isMarian && config.hasSeparateVocabularies) {
    llvm::Expected<std::vector<std::string>> tokens = readWritten(path, config, spec, unknown.content);
    if (!tokens)
      return tokens.takeError();
    spec.written = std::move(*tokens);
  }
  if (isMarian)
    addCodes(spec, *spec.idOf(unknown.content));
  else // languages that no file lists have tokens behind the vocabulary's all the same
    for (llvm::StringRef code : codesOf(kind, config))
      if (std::string token = tokenOfCode(kind, code); !spec.ids.contains(token)) {
        spec.ids[token] = uint32_t(spec.vocabulary.size());
        spec.vocabulary.push_back(token);
      }

  TokenizerSpec result = renumbering.finish();
  llvm::Expected<SentencePieceModel> target =
      isMarian ? readModelBeside(path, "target.spm", config) : std::move(source);
  if (!target)
    return target.takeError();
  llvm::Expected<TokenizerSpec> targetPieces = plainSentencePiece(*target, path, config);
  if (!targetPieces)
    return targetPieces.takeError();
  result.decoder = {decoderOf(*target, *targetPieces, result.written.empty() ? result.vocabulary : result.written)};
  return std::move(result);
}
