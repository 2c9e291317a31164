#include "compiler/import/tokenizer/CompileTokenizer.h"

#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/LanguageCodes.h"
#include "compiler/import/tokenizer/SiglipSentencePiece.h"
#include "compiler/import/tokenizer/UnsupportedTokenizer.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace lathe;

char UnsupportedTokenizer::ID;

const char *const lathe::acceptedTokenizers =
    "tokenizer.json, WordPiece's vocab.txt, vocab.json with merges.txt, .spm or .model, SentencePiece's .model";

namespace {
/// A file that may hold a tokenizer, and what reads it; null: not covered. In order of preference.
struct Format {
  llvm::StringLiteral name;
  llvm::Expected<TokenizerSpec> (*read)(llvm::StringRef path, const TokenizerConfig &config);
};
} // namespace

static constexpr Format formats[] = {
    {"tokenizer.json", readTokenizerJson},  {"vocab.txt", readVocabularyText},
    {"vocab.json", readVocabularyJson},     {"spiece.model", readSentencePiece},
    {"spm.model", readSentencePiece},       {"sentencepiece.bpe.model", readSentencePiece},
    {"tokenizer.model", readSentencePiece}, {"merges.txt", nullptr}};

/// What `lathe inspect` calls a model.
static const char *kindOf(const Model &model) {
  static constexpr const char *names[] = {"wordpiece", "bpe", "unigram", "wordlevel"}; // in the order of Model
  return names[model.index()];
}

/// Whether a call of it in Transformers gives token types. Of classes that give none one alone goes with models that
/// have several, and with a template of several.
static bool givesTypes(const TokenizerConfig &config) {
  return config.givesTypes.value_or(tokenizerClassOf(config) != "BigBirdTokenizer");
}

llvm::Expected<std::optional<CompiledTokenizer>> lathe::compileTokenizer(llvm::StringRef directory,
                                                                         const TokenizerOptions &options) {
  llvm::Expected<TokenizerConfig> config = readTokenizerConfig(directory);
  if (!config)
    return config.takeError();
  const Translator *translator = findTranslator(*config);
  const Format *format = nullptr;
  llvm::SmallString<128> path, passedOver;
  for (const Format &candidate : formats) {
    path = directory;
    llvm::sys::path::append(path, candidate.name);
    if (!llvm::sys::fs::exists(path))
      continue;
    const bool isPassedOver = candidate.name == "tokenizer.json" && translator && translator->numbersPieces;
    if (isPassedOver) {
      passedOver = path;
      continue;
    }
    format = &candidate;
    break;
  }
  if (!format && !passedOver.empty())
    return llvm::make_error<UnsupportedTokenizer>(
        passedOver, config->tokenizerClass + " does not read it; accepted is a vocab.json with " +
                        (translator->codes ? "sentencepiece.bpe.model" : "source.spm and target.spm") + " beside");
  if (!format)
    return std::nullopt;
  if (!format->read)
    return llvm::make_error<UnsupportedTokenizer>(path, "this kind of tokenizer is not supported; accepted are " +
                                                            llvm::Twine(acceptedTokenizers));

  llvm::Expected<TokenizerSpec> spec = format->read(path, *config);
  if (!spec)
    return spec.takeError();
  if (llvm::Error error = setClassTemplate(*spec, *config, path))
    return error;
  if (!options.typesOfTemplate && !givesTypes(*config))
    for (std::vector<TemplateItem> *items : {&spec->single, &spec->pair})
      for (TemplateItem &item : *items)
        item.typeId = 0;
  spec->lowersFirst = options.lowerFirst;
  llvm::Expected<std::vector<uint8_t>> tables = writeTables(*spec, path);
  if (!tables)
    return tables.takeError();

  CompiledTokenizer result;
  result.tables = std::move(*tables);
  result.kind = kindOf(spec->model);
  result.file = llvm::sys::path::filename(path).str();
  result.vocabularySize = spec->givenTokens.value_or(uint32_t(spec->vocabulary.size()));
  result.truncationLength = spec->truncationLength;
  result.modelMaxLength = config->modelMaxLength;
  // A file need not name the special tokens that it has.
  auto idOf = [&](const std::optional<AddedToken> &named, std::initializer_list<llvm::StringRef> usual) {
    if (named)
      return int32_t(spec->idOf(named->content).value_or(-1));
    for (llvm::StringRef token : usual)
      if (std::optional<uint32_t> id = spec->idOf(token))
        return int32_t(*id);
    return -1;
  };
  result.unknownId = int32_t(spec->idOf(spec->unknown().value_or("")).value_or(-1));
  result.clsId = idOf(config->classification, {"[CLS]", "<s>"});
  result.sepId = idOf(config->separator, {"[SEP]", "</s>"});
  result.padId = tokenizerClassOf(*config) == siglipTokenizer ? idOf(config->padding, {"</s>"})
                                                              : idOf(config->padding, {"[PAD]", "<pad>"});
  result.maskId = idOf(config->mask, {"[MASK]", "<mask>"});
  return result;
}
