// vocab.json and merges.txt, as GPT, GPT-2, RoBERTa, CTRL and CLIP were released: what they do not say is the tokenizer
// class's way.
#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/CtrlSymbols.h"
#include "compiler/import/tokenizer/LanguageCodes.h"
#include "compiler/import/tokenizer/LegacyTokens.h"
#include "compiler/import/tokenizer/TokenizerJson.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;

static constexpr const char *wordEnd = "</w>";

/// Lines "left right", behind a line that tells the version. `betweenNewlines`: the first line tells it whatever it is,
/// and what has no newline behind it is no line.
static llvm::Error readMerges(llvm::StringRef path, BpeModel &model, bool betweenNewlines) {
  if (!llvm::sys::fs::exists(path))
    return fileError(path, "not found; a vocab.json needs it beside");
  llvm::Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::StringRef text = file->text();
  if (text.size() > maxJsonBytes)
    return fileError(path, llvm::Twine(text.size()) + " bytes; merges may have " + llvm::Twine(maxJsonBytes));
  const auto *byte = reinterpret_cast<const llvm::UTF8 *>(text.data()), *begin = byte;
  if (!llvm::isLegalUTF8String(&byte, begin + text.size()))
    return fileError(path, "not UTF-8 at byte " + llvm::Twine(byte - begin));
  if (betweenNewlines)
    text = text.take_front(text.rfind('\n') + 1);
  for (size_t number = 1; !text.empty(); ++number) {
    llvm::StringRef line;
    std::tie(line, text) = text.split('\n');
    line.consume_back("\r");
    if ((betweenNewlines ? number == 1 : line.starts_with("#version")) || line.empty())
      continue;
    auto [left, right] = line.split(' ');
    if (left.empty() || right.empty() || right.contains(' '))
      return fileError(path, "line " + llvm::Twine(number) + " is " + quote(line) +
                                 "; accepted: two tokens with a space between");
    model.merges.push_back({left.str(), right.str()});
  }
  return llvm::Error::success();
}

/// Bytes as characters, words by GPT-2's pattern; RoBERTa adds its special tokens.
static llvm::Error finishByteLevel(TokenizerSpec &spec, llvm::StringRef path, const TokenizerConfig &config,
                                   bool isRoberta) {
  LegacyTokens added(spec, path);
  if (llvm::Error error = added.addById(config.byId))
    return error;
  const char *end = isRoberta ? "</s>" : "<|endoftext|>";
  AddedToken mask = tokenOr(config.mask, "<mask>");
  if (!config.mask)
    mask.stripsLeft = true; // as RobertaTokenizer makes it
  AddedToken classification = tokenOr(config.classification, "<s>"), separator = tokenOr(config.separator, end);
  const AddedToken beginning = tokenOr(config.beginning, isRoberta ? "<s>" : end);
  added.add(beginning);
  added.add(tokenOr(config.end, end));
  added.add(tokenOr(config.unknown, isRoberta ? "<unk>" : end));
  if (isRoberta || config.separator)
    added.add(separator);
  if (isRoberta || config.padding)
    added.add(tokenOr(config.padding, "<pad>"));
  if (isRoberta || config.classification)
    added.add(classification);
  if (isRoberta || config.mask)
    added.add(mask);
  for (const AddedToken &token : config.additional)
    added.add(token);
  if (llvm::Error error = added.check())
    return error;

  if (config.addsPrefixSpace.value_or(false))
    spec.preTokenizer.push_back(PrefixSpaceStep());
  spec.preTokenizer.push_back(SplitStep{{gpt2Pattern, false}, SplitBehavior::Isolated});
  spec.decoder = {ByteLevelDecoder()};
  spec.trimsOffsets = isRoberta;
  spec.trimsAfterPrefix = config.addsPrefixSpace.value_or(false);
  if (!isRoberta && config.addsBeginning.value_or(false)) { // OPT's
    const TemplateItem first = {int32_t(*spec.idOf(beginning.content)), 0};
    spec.single.insert(spec.single.begin(), first);
    spec.pair.insert(spec.pair.begin(), first);
  }
  if (isRoberta)
    spec.setRobertaTemplate({int32_t(*spec.idOf(classification.content)), int32_t(*spec.idOf(separator.content))});
  return llvm::Error::success();
}

/// CLIP's: bytes as characters of words in lower case, the last one of each with "</w>" behind it.
static llvm::Error finishClip(TokenizerSpec &spec, BpeModel &model, llvm::StringRef path,
                              const TokenizerConfig &config) {
  const AddedToken beginning = tokenOr(config.beginning, "<|startoftext|>"), end = tokenOr(config.end, "<|endoftext|>"),
                   unknown = tokenOr(config.unknown, "<|endoftext|>");
  model.wordEnd = wordEnd;
  if (spec.idOf(unknown.content)) // else what is unknown vanishes
    model.unknown = unknown.content;
  LegacyTokens added(spec, path);
  if (llvm::Error error = added.addById(config.byId))
    return error;
  for (const AddedToken &token : {beginning, end, unknown, tokenOr(config.padding, "<|endoftext|>")})
    added.add(token);
  for (const AddedToken &token : config.additional)
    added.add(token);
  if (llvm::Error error = added.check())
    return error;
  spec.normalizer = {ComposeStep{}, ReplaceStep{{"\\s+", false}, " "}, CharSteps{CharStep::Lowercase}};
  spec.preTokenizer = {SplitStep{{R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)", false},
                                 SplitBehavior::Removed,
                                 /*isInverted=*/true},
                       SplitStep{{gpt2Pattern, false}, SplitBehavior::Isolated}};
  spec.decoder = {ByteLevelDecoder()};
  spec.setRobertaTemplate({int32_t(*spec.idOf(beginning.content)), int32_t(*spec.idOf(end.content))});
  return llvm::Error::success();
}

/// The special tokens of GPT and CTRL: the vocabulary's for what is unknown, and what the files name.
static llvm::Error addNamedTokens(TokenizerSpec &spec, BpeModel &model, llvm::StringRef path,
                                  const TokenizerConfig &config) {
  AddedToken unknown = tokenOr(config.unknown, "<unk>");
  if (!spec.idOf(unknown.content)) // the model itself gives it out, so it cannot be added behind
    return fileError(path, "special token " + quote(unknown.content) + " is not among the " +
                               llvm::Twine(spec.vocabulary.size()) + " tokens");
  model.unknown = unknown.content;
  LegacyTokens added(spec, path);
  if (llvm::Error error = added.addById(config.byId))
    return error;
  added.add(unknown);
  for (const std::optional<AddedToken> &token :
       {config.beginning, config.end, config.separator, config.padding, config.classification, config.mask})
    if (token)
      added.add(*token);
  for (const AddedToken &token : config.additional)
    added.add(token);
  return added.check();
}

/// GPT's: BERT's words in lower case, the last symbol of each with "</w>" behind it.
static llvm::Error finishGpt(TokenizerSpec &spec, BpeModel &model, llvm::StringRef path,
                             const TokenizerConfig &config) {
  model.wordEnd = wordEnd;
  spec.normalizer = {bertNormalizer({})};
  spec.preTokenizer = {KindsStep{.splitsSpaces = true, .isolatesPunctuation = true}};
  spec.decoder = {BpeDecoder{wordEnd}};
  return addNamedTokens(spec, model, path, config);
}

/// CTRL's: words are what stands between whitespace, with a newline behind it.
static llvm::Error finishCtrl(TokenizerSpec &spec, BpeModel &model, llvm::StringRef path, llvm::StringRef mergesPath,
                              const TokenizerConfig &config) {
  model.wordEnd = wordEnd;
  model.mergesInRounds = true;
  if (llvm::Error error = addNamedTokens(spec, model, path, config))
    return error;
  for (const AddedToken &token : spec.added) {
    const bool isListed = llvm::any_of(config.additional, [&](auto &other) { return other.content == token.content; });
    if (!token.special || token.singleWord || (isListed && token.id >= spec.modelTokens))
      return llvm::make_error<UnsupportedTokenizer>(
          path, "the added token " + quote(token.content) +
                    " cuts texts in two when they are decoded, or is a single word; accepted with " +
                    config.tokenizerClass + " are special tokens that have a name or are in the vocabulary");
  }
  spec.preTokenizer = {SplitStep{{"\\S+\n?", false}, SplitBehavior::Removed, /*isInverted=*/true}};
  spec.decoder = {OpenEndsDecoder{ctrlMark}};
  return setCtrlSymbols(model, spec, mergesPath);
}

static llvm::Error unsupportedClass(llvm::StringRef path, const TokenizerConfig &config) {
  constexpr const char *accepted = "accepted are BartTokenizer, CLIPTokenizer, CTRLTokenizer, GPT2Tokenizer, "
                                   "M2M100Tokenizer, MarianTokenizer, OpenAIGPTTokenizer and RobertaTokenizer";
  std::string reason = "no file names the tokenizer's class; " + std::string(accepted) +
                       ", in tokenizer_config.json or by config.json's model_type";
  if (!config.tokenizerClass.empty())
    reason = "the tokenizer's class is " + quote(config.tokenizerClass) + " (" + config.classOrigin +
             "), which is not supported; " + accepted;
  return llvm::make_error<UnsupportedTokenizer>(path, reason);
}

llvm::Expected<TokenizerSpec> lathe::readVocabularyJson(llvm::StringRef path, const TokenizerConfig &config) {
  if (const Translator *translator = findTranslator(config); translator && translator->numbersPieces)
    return readPieceTranslator(*translator, path, config);
  const llvm::StringRef name = tokenizerClassOf(config);
  bool isRoberta = name == "RobertaTokenizer" || name == "LongformerTokenizer" || name == "BartTokenizer",
       isGpt = name == "OpenAIGPTTokenizer", isCtrl = name == "CTRLTokenizer", isClip = name == "CLIPTokenizer";
  if (!isRoberta && !isGpt && !isCtrl && !isClip && name != "GPT2Tokenizer")
    return unsupportedClass(path, config);
  llvm::Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  TokenizerJson json(config);
  TokenizerSpec &spec = json.spec;
  json.readVocabulary(JsonView(*document, json.problem));
  if (llvm::Error error = takeProblem(*document, json.problem))
    return error;

  BpeModel model;
  model.isByteLevel = !isGpt && !isCtrl;
  llvm::SmallString<128> mergesPath = llvm::sys::path::parent_path(path);
  llvm::sys::path::append(mergesPath, "merges.txt");
  if (llvm::Error error = readMerges(mergesPath, model, /*betweenNewlines=*/isCtrl))
    return error;
  if (std::optional<std::string> problem = isCtrl ? std::nullopt : findMergeProblem(model, spec))
    return fileError(mergesPath, *problem);
  spec.single = {{templateFirst, 0}};
  spec.pair = {{templateFirst, 0}, {templateSecond, 1}};
  if (llvm::Error error = isCtrl   ? finishCtrl(spec, model, path, mergesPath, config)
                          : isClip ? finishClip(spec, model, path, config)
                          : isGpt  ? finishGpt(spec, model, path, config)
                                   : finishByteLevel(spec, path, config, isRoberta))
    return error;
  spec.model = std::move(model);
  spec.truncatesLeft = config.truncatesLeft.value_or(false);
  return std::move(spec);
}
