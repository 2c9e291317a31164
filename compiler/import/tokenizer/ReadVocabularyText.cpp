// vocab.txt, one token a line, as BERT was released: what it does not say is BERT's way of doing it.
#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/ADT/StringSet.h"
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

namespace {
/// Makes tokens added ones, each once: where the vocabulary has it with that id, else as the next.
struct AddedTokens {
  TokenizerSpec &spec;
  llvm::StringSet<> listed;

  void add(AddedToken token) {
    if (!listed.insert(token.content).second)
      return;
    auto [place, isNew] = spec.ids.try_emplace(token.content, uint32_t(spec.vocabulary.size()));
    if (isNew)
      spec.vocabulary.push_back(token.content);
    token.id = place->second;
    spec.added.push_back(std::move(token));
  }
};
} // namespace

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
  if (!spec.idOf(config.unknown.content)) // the model itself gives it out, so it cannot be added behind
    return missing(config.unknown);
  AddedTokens added = {spec, {}};
  for (const AddedToken &token : config.byId) {
    added.add(token);
    if (std::optional<uint32_t> id = spec.idOf(token.content); id != token.id)
      return fileError(path, "added_tokens_decoder of tokenizer_config.json gives " + quote(token.content) +
                                 " the id " + llvm::Twine(token.id) + "; in this vocabulary it has " +
                                 llvm::Twine(*id));
  }
  for (const AddedToken &token : {config.classification, config.separator})
    if (!spec.idOf(token.content))
      return missing(token);
  added.add(config.unknown);
  added.add(config.separator);
  // A vocabulary without padding or mask is complete unless a file asks for them.
  if (config.namesPadding || spec.idOf(config.padding.content))
    added.add(config.padding);
  added.add(config.classification);
  if (config.namesMask || spec.idOf(config.mask.content))
    added.add(config.mask);
  for (const AddedToken &token : config.additional)
    added.add(token);
  for (const AddedToken &token : spec.added)
    if (token.content.empty())
      return fileError(path, "a special token in tokenizer_config.json or special_tokens_map.json is empty");

  spec.unknown = config.unknown.content;
  BertNormalizerFlags flags;
  flags.handleChineseChars = config.handleChineseChars.value_or(true);
  flags.lowercase = config.lowercase.value_or(true);
  flags.stripAccents = config.stripAccents.value_or(std::nullopt);
  spec.normalizer = bertNormalizer(flags);
  spec.preTokenizer = {.splitsSpaces = true, .isolatesPunctuation = true};
  int32_t cls = int32_t(*spec.idOf(config.classification.content)), sep = int32_t(*spec.idOf(config.separator.content));
  spec.single = {{cls, 0}, {templateFirst, 0}, {sep, 0}};
  spec.pair = {{cls, 0}, {templateFirst, 0}, {sep, 0}, {templateSecond, 1}, {sep, 1}};
  spec.truncatesLeft = config.truncatesLeft.value_or(false);
  return spec;
}
