// SentencePiece's `.model` files as Transformers makes tokenizers of them: each class numbers the pieces in its own way
// and adds its own special tokens. A model without a class is SentencePiece's alone (PlainSentencePiece.h).
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/LanguageCodes.h"
#include "compiler/import/tokenizer/LegacyTokens.h"
#include "compiler/import/tokenizer/LlamaSentencePiece.h"
#include "compiler/import/tokenizer/PlainSentencePiece.h"
#include "compiler/import/tokenizer/ReadCharsmap.h"
#include "compiler/import/tokenizer/SentencePieceModel.h"
#include "compiler/import/tokenizer/SiglipSentencePiece.h"
#include "compiler/import/tokenizer/UnicodeData.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"
#include "runtime/tokenizer/Utf8.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

namespace {
/// How pieces are numbered.
enum class Numbers { AsTheyAre, CommasLast, Fairseq, Mbart, Mbart50, Nllb, Camembert, Pegasus, WithExtraIds };
enum class Normal { Usual, Albert, Deberta };
enum class Template { None, Bert, Roberta, T5, Pegasus, XlNet };

/// Further ways of a class.
constexpr unsigned maskStripsLeft = 1, unknownIsNormalized = 2, lowersCase = 4, maskIsNormalized = 8;

/// What a tokenizer's class adds to a model.
struct SpmClass {
  llvm::StringLiteral name;
  Numbers numbers;
  Normal normal;
  Template form;
  const char *const *tokens; // beginning, end, unknown, separator, padding, classification, mask; null: it has none
  unsigned flags;
  bool has(unsigned flag) const { return flags & flag; }
};
} // namespace

static constexpr const char *const albertTokens[] = {"[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"};
static constexpr const char *const bigBirdTokens[] = {"<s>", "</s>", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]"};
static constexpr const char *const debertaTokens[] = {"[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
static constexpr const char *const pegasusTokens[] = {nullptr, "</s>", "<unk>", nullptr, "<pad>", nullptr, "<mask_2>"};
static constexpr const char *const reformerTokens[] = {nullptr, "</s>", "<unk>", nullptr, nullptr, nullptr, nullptr};
static constexpr const char *const robertaTokens[] = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"};
static constexpr const char *const t5Tokens[] = {nullptr, "</s>", "<unk>", nullptr, "<pad>", nullptr, nullptr};
static constexpr const char *const xlNetTokens[] = {"<s>", "</s>", "<unk>", "<sep>", "<pad>", "<cls>", "<mask>"};

// clang-format off: a table
static constexpr SpmClass classes[] = {
    {"AlbertTokenizer", Numbers::CommasLast, Normal::Albert, Template::Bert, albertTokens, maskStripsLeft | lowersCase},
    {"BigBirdTokenizer", Numbers::AsTheyAre, Normal::Usual, Template::Bert, bigBirdTokens, maskStripsLeft | unknownIsNormalized},
    {"CamembertTokenizer", Numbers::Camembert, Normal::Usual, Template::Roberta, robertaTokens, maskStripsLeft},
    {"DebertaV2Tokenizer", Numbers::AsTheyAre, Normal::Deberta, Template::Bert, debertaTokens, unknownIsNormalized},
    {"MBartTokenizer", Numbers::Mbart, Normal::Usual, Template::None, robertaTokens, maskStripsLeft},
    {"MBart50Tokenizer", Numbers::Mbart50, Normal::Usual, Template::None, robertaTokens, maskStripsLeft | maskIsNormalized},
    {"MT5Tokenizer", Numbers::WithExtraIds, Normal::Usual, Template::T5, t5Tokens, 0},
    {"NllbTokenizer", Numbers::Nllb, Normal::Usual, Template::None, robertaTokens, maskStripsLeft | maskIsNormalized},
    {"PegasusTokenizer", Numbers::Pegasus, Normal::Usual, Template::Pegasus, pegasusTokens, 0},
    {"ReformerTokenizer", Numbers::AsTheyAre, Normal::Usual, Template::None, reformerTokens, 0},
    {"T5Tokenizer", Numbers::WithExtraIds, Normal::Usual, Template::T5, t5Tokens, 0},
    {"XLMRobertaTokenizer", Numbers::Fairseq, Normal::Usual, Template::Roberta, robertaTokens, maskStripsLeft},
    {"XLNetTokenizer", Numbers::CommasLast, Normal::Albert, Template::XlNet, xlNetTokens, maskStripsLeft}};
// clang-format on

namespace {
/// A tokenizer of one class on its way.
class Converter {
public:
  Converter(const SpmClass &kind, const SentencePieceModel &model, llvm::StringRef path, const TokenizerConfig &config)
      : kind(kind), model(model), path(path), config(config) {}

  llvm::Expected<TokenizerSpec> convert();

private:
  void add(const std::string &text, double score) {
    spec.ids[text] = uint32_t(spec.vocabulary.size()); // of equal tokens the last counts
    spec.vocabulary.push_back(text);
    scores.push_back(score);
  }
  void addPieces(size_t first);
  void addFairseq();
  void addMasks();
  std::vector<std::string> usualTokens() const;
  std::vector<llvm::StringRef> codes() const {
    const Translator *translator = findTranslator(config);
    return translator ? codesOf(*translator, config) : std::vector<llvm::StringRef>();
  }
  void numberPieces();
  llvm::Error addTokens();
  llvm::Error setNormalizer();
  void setWords();
  llvm::Error setTemplates();

  const SpmClass &kind;
  const SentencePieceModel &model;
  llvm::StringRef path;
  const TokenizerConfig &config;
  TokenizerSpec spec;
  std::vector<double> scores;
  uint32_t unknownId = 0;
  const uint32_t offset = config.offset.value_or(103); // PEGASUS's
};
} // namespace

/// The piece would rather not be used: a number's digits and the comma behind them.
static bool isNumberWithComma(llvm::StringRef piece) {
  uint32_t codePoint;
  return piece.consume_back(",") && !piece.empty() && decodeUtf8Before(piece.begin(), piece.end(), codePoint) &&
         isDigit(codePoint);
}

void Converter::addPieces(size_t first) {
  for (const SentencePiece &piece : llvm::ArrayRef(model.pieces).drop_front(std::min(first, model.pieces.size()))) {
    bool isAvoided = kind.numbers == Numbers::CommasLast && isNumberWithComma(piece.text);
    add(piece.text, piece.score - (isAvoided ? 100.0 : 0.0));
  }
}

/// Fairseq's four come first, in place of the model's three.
void Converter::addFairseq() {
  for (const char *token : {"<s>", "<pad>", "</s>", "<unk>"})
    add(token, 0);
  addPieces(3);
  unknownId = 3;
}

/// PEGASUS's ids for masks, most of which were of use in training alone. The mask of words comes behind all pieces
/// where the offset leaves no place for it, or there is no mask of sentences; what is unknown has the id that it would
/// have with both.
void Converter::addMasks() {
  constexpr uint32_t maskId = 3;
  add(tokenOr(config.padding, "<pad>").content, 0);
  add(tokenOr(config.end, "</s>").content, 0);
  if (!config.hasNoMaskSentence) {
    add(tokenOr(config.maskSentence, "<mask_1>").content, 0);
    if (maskId < offset)
      add(tokenOr(config.mask, "<mask_2>").content, 0);
  }
  for (uint32_t i = 2; i < offset; ++i)
    add("<unk_" + std::to_string(i) + ">", -100);
}

void Converter::numberPieces() {
  unknownId = model.unknown;
  switch (kind.numbers) {
  case Numbers::Fairseq:
    addFairseq();
    add("<mask>", 0);
    break;
  case Numbers::Mbart:
  case Numbers::Mbart50:
    addFairseq();
    for (llvm::StringRef code : codes())
      add(code.str(), 0);
    add("<mask>", 0);
    break;
  case Numbers::Nllb:
    addFairseq();
    break;
  case Numbers::Pegasus:
    addMasks();
    addPieces(2);
    unknownId = model.unknown + offset;
    break;
  case Numbers::Camembert:
    for (const char *token : {"<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>"})
      add(token, 0);
    add("<unk>NOTUSED", -100);
    addPieces(1);
    add("<mask>", 0);
    unknownId = 3;
    break;
  case Numbers::WithExtraIds:
    addPieces(0);
    for (uint32_t i = config.extraIds.value_or(100); i--;)
      add("<extra_id_" + std::to_string(i) + ">", 0);
    break;
  case Numbers::AsTheyAre:
  case Numbers::CommasLast:
    addPieces(0);
    break;
  }
  spec.modelTokens = uint32_t(spec.vocabulary.size());
}

/// Control pieces and symbols of the user, then what the files and the class name.
llvm::Error Converter::addTokens() {
  LegacyTokens added(spec, path);
  added.addPieces(model);
  if (llvm::Error error = added.addById(config.byId))
    return error;
  const std::optional<AddedToken> *named[] = {&config.beginning, &config.end,     &config.unknown,
                                              &config.separator, &config.padding, &config.classification,
                                              &config.mask};
  for (auto [i, given] : llvm::enumerate(named)) {
    const char *assumed = kind.tokens[i];
    if (!*given && !assumed)
      continue;
    AddedToken token = tokenOr(*given, assumed ? assumed : "");
    if (!*given && given == &config.mask)
      token.stripsLeft = kind.has(maskStripsLeft);
    if (!*given && given == &config.mask)
      token.normalized = kind.has(maskIsNormalized);
    if (!*given && given == &config.unknown)
      token.normalized = kind.has(unknownIsNormalized);
    added.addOrChange(token);
  }
  // Those of mBART and PEGASUS are there whatever else is.
  const bool always =
      kind.numbers == Numbers::Mbart || kind.numbers == Numbers::Mbart50 || kind.numbers == Numbers::Pegasus;
  if (config.additional.empty() || always)
    for (const std::string &token : usualTokens())
      added.addOrChange(tokenOr(std::nullopt, token));
  for (const AddedToken &token : config.additional)
    added.addOrChange(token);
  return added.check();
}

/// The further special tokens of a class.
std::vector<std::string> Converter::usualTokens() const {
  std::vector<std::string> usual;
  for (llvm::StringRef code : codes())
    usual.push_back(code.str());
  if (kind.numbers == Numbers::Camembert)
    usual = {"<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"};
  else if (kind.form == Template::XlNet)
    usual = {"<eop>", "<eod>"};
  else if (kind.numbers == Numbers::Pegasus && !config.hasNoMaskSentence)
    usual = {tokenOr(config.maskSentence, "<mask_1>").content};
  for (uint32_t i = 2; kind.numbers == Numbers::Pegasus && i < offset; ++i)
    usual.push_back("<unk_" + std::to_string(i) + ">");
  for (uint32_t i = 0; kind.numbers == Numbers::WithExtraIds && i < config.extraIds.value_or(100); ++i)
    usual.push_back("<extra_id_" + std::to_string(i) + ">");
  return usual;
}

llvm::Error Converter::setNormalizer() {
  std::vector<NormalizerStep> &steps = spec.normalizer;
  bool lowers = config.lowercase.value_or(kind.has(lowersCase));
  auto lower = [&] {
    if (lowers)
      steps.push_back(CharSteps{CharStep::Lowercase});
  };
  if (kind.normal == Normal::Albert) {
    steps.push_back(ReplaceStep{{"``", true}, "\""});
    steps.push_back(ReplaceStep{{"''", true}, "\""});
    CharSteps chars;
    if (!config.keepsAccents.value_or(false))
      chars = {CharStep::DecomposeCompatibly, CharStep::DropCombiningMarks};
    if (lowers)
      chars.push_back(CharStep::Lowercase);
    if (!chars.empty())
      steps.push_back(chars);
  } else if (kind.normal == Normal::Deberta) {
    lower();
    steps.push_back(StripStep{true, true});
  }
  if (!model.normalizer.charsmap.empty()) {
    llvm::Expected<CharsmapStep> charsmap = readCharsmap(model.normalizer.charsmap, /*allKeys=*/false);
    if (!charsmap)
      return fileError(path, llvm::toString(charsmap.takeError()));
    steps.push_back(std::move(*charsmap));
  }
  if (kind.normal == Normal::Usual)
    steps.push_back(StripStep{false, true});
  steps.push_back(ReplaceStep{{" {2,}", false}, kind.normal == Normal::Usual ? spaceMark : " "});
  return llvm::Error::success();
}

void Converter::setWords() {
  PrependScheme scheme = PrependScheme::Always;
  if (kind.form == Template::T5)
    scheme = !config.addsPrefixSpace.value_or(true) ? PrependScheme::Never
             : config.isLegacy.value_or(true)       ? PrependScheme::Always
                                                    : PrependScheme::First;
  if (kind.normal == Normal::Deberta && config.splitsPunctuation.value_or(false))
    spec.preTokenizer.push_back(KindsStep{.isolatesPunctuation = true});
  if (kind.form == Template::Pegasus)
    spec.preTokenizer.push_back(SplitStep{{"\\s", false}, SplitBehavior::Removed});
  spec.preTokenizer.push_back(MetaspaceStep{spaceMark, scheme});
  spec.preTokenizer.push_back(SplitStep{{spaceMark, true}, SplitBehavior::WithNext});
  spec.decoder = {MetaspaceDecoder{spaceMark, scheme != PrependScheme::Never}};
}

llvm::Error Converter::setTemplates() {
  spec.single = {{templateFirst, 0}};
  spec.pair = {{templateFirst, 0}, {templateSecond, 0}};
  if (kind.form == Template::None)
    return llvm::Error::success();
  if (kind.form == Template::Pegasus) {
    const int32_t end = int32_t(*spec.idOf(tokenOr(config.end, "</s>").content));
    spec.single = {{templateFirst, 0}, {end, 0}};
    spec.pair = {{templateFirst, 0}, {templateSecond, 0}, {end, 0}};
    return llvm::Error::success();
  }
  bool isXlNet = kind.form == Template::XlNet, isBert = kind.form == Template::Bert;
  const char *cls = isBert ? "[CLS]" : isXlNet ? "<cls>" : kind.form == Template::T5 ? "</s>" : "<s>";
  const char *sep = isBert ? "[SEP]" : isXlNet ? "<sep>" : "</s>";
  for (const char *token : {cls, sep})
    if (!spec.idOf(token))
      return fileError(path, "special token " + quote(token) + ", which " + kind.name +
                                 " puts around texts, is not among the " + llvm::Twine(model.pieces.size()) +
                                 " pieces");
  std::pair<int32_t, int32_t> ids = {int32_t(*spec.idOf(cls)), int32_t(*spec.idOf(sep))};
  auto [clsId, sepId] = ids;
  if (isBert) {
    spec.setBertTemplate(ids);
  } else if (isXlNet) {
    spec.single = {{templateFirst, 0}, {sepId, 0}, {clsId, 2}};
    spec.pair = {{templateFirst, 0}, {sepId, 0}, {templateSecond, 1}, {sepId, 1}, {clsId, 2}};
  } else if (kind.form == Template::T5) {
    spec.single = {{templateFirst, 0}, {sepId, 0}};
    spec.pair = {{templateFirst, 0}, {sepId, 0}, {templateSecond, 0}, {sepId, 0}};
  } else {
    spec.setRobertaTemplate(ids);
  }
  return llvm::Error::success();
}

llvm::Expected<TokenizerSpec> Converter::convert() {
  numberPieces();
  if (unknownId >= spec.vocabulary.size()) // as PEGASUS numbers it without a mask of sentences
    return fileError(path, "what is unknown has the id " + llvm::Twine(unknownId) + " of " +
                               llvm::Twine(spec.vocabulary.size()));
  spec.model = modelOfPieces(model, spec, std::move(scores), unknownId, /*fallsBack=*/false);
  if (llvm::Error error = addTokens())
    return error;
  if (llvm::Error error = setNormalizer())
    return error;
  setWords();
  if (llvm::Error error = setTemplates())
    return error;
  spec.truncatesLeft = config.truncatesLeft.value_or(false);
  return std::move(spec);
}

llvm::Expected<TokenizerSpec> lathe::readSentencePiece(llvm::StringRef path, const TokenizerConfig &config) {
  const llvm::StringRef name = tokenizerClassOf(config);
  const SpmClass *kind = llvm::find_if(classes, [&](const SpmClass &kind) { return kind.name == name; });
  const LlamaClass *llama = findLlamaClass(config);
  const bool isSiglip = name == siglipTokenizer;
  if (!name.empty() && kind == std::end(classes) && !llama && !isSiglip) {
    std::string accepted = "GemmaTokenizer, LlamaTokenizer, SiglipTokenizer";
    for (const SpmClass &kind : classes)
      accepted += ", " + kind.name.str();
    return llvm::make_error<UnsupportedTokenizer>(
        path, "the tokenizer's class is " + quote(config.tokenizerClass) + " (" + config.classOrigin +
                  "), which is not supported; accepted are " + accepted + ", or none");
  }
  llvm::Expected<SentencePieceModel> model = readSentencePieceModel(path);
  if (!model)
    return model.takeError();
  if (name.empty())
    return plainSentencePiece(*model, path, config);
  if (model->kind != SentencePieceModel::Unigram && model->kind != SentencePieceModel::Bpe)
    return llvm::make_error<UnsupportedTokenizer>(path, "a model of characters or words, which " + name +
                                                            " does not take; accepted: Unigram or BPE");
  if (isSiglip)
    return siglipSentencePiece(*model, path, config);
  if (llama)
    return llamaSentencePiece(*llama, *model, path, config);
  return Converter(*kind, *model, path, config).convert();
}
