// vocab.txt, one token a line, as BERT was released: what it does not say is BERT's way of doing it.
#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/LegacyTokens.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ConvertUTF.h"

using namespace lathe;

static constexpr size_t maxVocabularyBytes = maxJsonBytes;

/// Classes that read a vocab.txt as BERT's does and add BERT's special tokens. Others share the file name, not the
/// rules.
static bool isBertLike(llvm::StringRef tokenizerClass) {
  tokenizerClass.consume_back("Fast");
  return llvm::StringSwitch<bool>(tokenizerClass)
      .Cases({"", "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer"}, true)
      .Cases({"ConvBertTokenizer", "SqueezeBertTokenizer", "LayoutLMTokenizer", "LxmertTokenizer"}, true)
      .Cases({"RetriBertTokenizer", "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer"}, true)
      .Default(false);
}

/// Splits as Python's universal newlines do: at \n, \r\n and \r. A last line without an end counts, an empty one does
/// not.
static std::vector<std::string> splitLines(llvm::StringRef text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = text.find_first_of("\r\n");
    lines.push_back(text.substr(0, end).str());
    if (end == llvm::StringRef::npos)
      break;
    text = text.substr(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return lines;
}

llvm::Expected<TokenizerSpec> lathe::readVocabularyText(llvm::StringRef path, const TokenizerConfig &config) {
  if (!isBertLike(config.tokenizerClass))
    return llvm::make_error<UnsupportedTokenizer>(
        path, "the tokenizer's class is " + quote(config.tokenizerClass) + " (" + config.classOrigin +
                  "), which is not supported; accepted are BertTokenizer and classes that share its rules");
  llvm::Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::StringRef text = file->text();
  if (text.size() > maxVocabularyBytes)
    return fileError(path,
                     llvm::Twine(text.size()) + " bytes; a vocabulary may have " + llvm::Twine(maxVocabularyBytes));
  const auto *byte = reinterpret_cast<const llvm::UTF8 *>(text.data()), *begin = byte;
  if (!llvm::isLegalUTF8String(&byte, begin + text.size()))
    return fileError(path, "not UTF-8 at byte " + llvm::Twine(byte - begin));

  TokenizerSpec spec;
  spec.vocabulary = splitLines(text);
  if (spec.vocabulary.empty())
    return fileError(path, "no tokens; expected one a line");
  spec.modelTokens = uint32_t(spec.vocabulary.size());
  for (uint32_t id = 0; id < spec.modelTokens; ++id) {
    auto [place, isNew] = spec.ids.try_emplace(spec.vocabulary[id], id);
    if (!isNew)
      return fileError(path, "lines " + llvm::Twine(place->second + 1) + " and " + llvm::Twine(id + 1) + " both hold " +
                                 quote(spec.vocabulary[id]) + "; a token may stand there once");
  }
  auto missing = [&](const AddedToken &token) {
    return fileError(path, "special token " + quote(token.content) + " is not among the " +
                               llvm::Twine(spec.vocabulary.size()) + " tokens");
  };
  AddedToken unknown = tokenOr(config.unknown, "[UNK]"), separator = tokenOr(config.separator, "[SEP]"),
             padding = tokenOr(config.padding, "[PAD]"), classification = tokenOr(config.classification, "[CLS]"),
             mask = tokenOr(config.mask, "[MASK]");
  if (!spec.idOf(unknown.content)) // the model itself gives it out, so it cannot be added behind
    return missing(unknown);
  LegacyTokens added(spec, path);
  if (llvm::Error error = added.addById(config.byId))
    return error;
  for (const AddedToken &token : {classification, separator})
    if (!spec.idOf(token.content))
      return missing(token);
  added.add(unknown);
  added.add(separator);
  // A vocabulary without padding or mask is complete unless a file asks for them.
  if (config.padding || spec.idOf(padding.content))
    added.add(padding);
  added.add(classification);
  if (config.mask || spec.idOf(mask.content))
    added.add(mask);
  for (const AddedToken &token : config.additional)
    added.add(token);
  if (llvm::Error error = added.check())
    return error;

  spec.model = WordPieceModel{.unknown = unknown.content};
  BertNormalizerFlags flags;
  flags.handleChineseChars = config.handleChineseChars.value_or(true);
  flags.lowercase = config.lowercase.value_or(true);
  flags.stripAccents = config.stripAccents.value_or(std::nullopt);
  spec.normalizer = {bertNormalizer(flags)};
  spec.preTokenizer = {KindsStep{.splitsSpaces = true, .isolatesPunctuation = true}};
  spec.setBertTemplate({int32_t(*spec.idOf(classification.content)), int32_t(*spec.idOf(separator.content))});
  spec.truncatesLeft = config.truncatesLeft.value_or(false);
  return spec;
}
