// What Transformers' classes put around texts themselves, whichever file the vocabulary is from: translators the token
// of a language, Llama's and Gemma's what begins and ends a text. What a class only says of files without a template
// stands where these are read: PEGASUS's end in ReadSentencePiece, OPT's beginning in ReadVocabularyJson.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/LanguageCodes.h"
#include "compiler/import/tokenizer/LlamaSentencePiece.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace lathe;

static llvm::Expected<int32_t> tokenAround(const TokenizerSpec &spec, llvm::StringRef token,
                                           const TokenizerConfig &config, llvm::StringRef path) {
  if (std::optional<uint32_t> id = spec.idOf(token))
    return int32_t(*id);
  return fileError(path, "special token " + quote(token) + ", which " + config.tokenizerClass +
                             " puts around texts, is not among the " + llvm::Twine(spec.vocabulary.size()) + " tokens");
}

/// "fra_Latn": a language and its script.
static bool isLanguageOfScript(llvm::StringRef token) {
  auto [language, script] = token.split('_');
  return language.size() == 3 && script.size() == 4 && llvm::all_of(language, llvm::isLower) &&
         llvm::isUpper(script.front()) && llvm::all_of(script.drop_front(), llvm::isLower);
}

static std::vector<Language> findLanguages(const Translator &kind, const TokenizerSpec &spec,
                                           const TokenizerConfig &config) {
  std::vector<Language> languages;
  llvm::StringSet<> known;
  auto add = [&](llvm::StringRef code, llvm::StringRef token) {
    if (std::optional<uint32_t> id = spec.idOf(token); id && known.insert(code).second)
      languages.push_back({code.str(), *id});
  };
  for (llvm::StringRef code : codesOf(kind, config))
    add(code, tokenOfCode(kind, code));
  if (!kind.codes)
    for (llvm::StringRef token : spec.vocabulary)
      if (llvm::StringRef code = token; code.consume_front(">>") && code.consume_back("<<"))
        add(code, token);
  if (kind.name == "NllbTokenizer") // which takes any token for a language's, so that more can be trained
    for (const AddedToken &token : spec.added)
      if (token.special && isLanguageOfScript(token.content))
        add(token.content, token.content);
  return languages;
}

/// The language of this code; one that there is none of is an error that says which there are.
static llvm::Expected<uint32_t> findLanguage(const TokenizerSpec &spec, llvm::StringRef code, llvm::StringRef field,
                                             llvm::StringRef path) {
  std::vector<llvm::StringRef> codes;
  for (auto [index, language] : llvm::enumerate(spec.languages)) {
    if (language.code == code)
      return uint32_t(index);
    codes.push_back(language.code);
  }
  return fileError(path, field + " is " + quote(code) + "; accepted are " +
                             (codes.empty() ? "none: the vocabulary has no token of a language" : listOf(codes)));
}

static llvm::Error setLanguages(const Translator &kind, TokenizerSpec &spec, const TokenizerConfig &config,
                                llvm::StringRef path) {
  const llvm::StringRef ending = config.end ? llvm::StringRef(config.end->content) : "</s>";
  llvm::Expected<int32_t> end = tokenAround(spec, ending, config, path);
  if (!end)
    return end.takeError();
  const TemplateItem language = {templateLanguage, 0}, first = {templateFirst, 0}, second = {templateSecond, 0},
                     last = {*end, 0};
  if (kind.place == LanguagePlace::Behind ||
      (kind.place == LanguagePlace::BehindIfLegacy && config.hasLegacyBehaviour)) {
    spec.single = {first, last, language};
    spec.pair = {first, second, last, language};
  } else {
    spec.single = {language, first, last};
    spec.pair = {language, first, second, last};
  }
  spec.languages = findLanguages(kind, spec, config);
  if (kind.codes) { // else the template names what is to be written, which only a caller knows
    llvm::Expected<uint32_t> source = findLanguage(
        spec, config.sourceLanguage.value_or(kind.assumed.str()),
        config.sourceLanguage ? "src_lang of tokenizer_config.json" : "src_lang, which no file gives,", path);
    if (!source)
      return source.takeError();
    spec.language = *source;
    if (config.targetLanguage) {
      llvm::Expected<uint32_t> target =
          findLanguage(spec, *config.targetLanguage, "tgt_lang of tokenizer_config.json", path);
      if (!target)
        return target.takeError();
      spec.targetLanguage = *target;
    }
  }
  return llvm::Error::success();
}

/// Llama's and Gemma's: what begins each text, and ends it.
static llvm::Error setEnds(const LlamaClass &kind, TokenizerSpec &spec, const TokenizerConfig &config,
                           llvm::StringRef path) {
  auto ends = [&](bool isAdded, const std::optional<AddedToken> &named, llvm::StringRef assumed,
                  std::vector<TemplateItem> &items, int32_t typeId) -> llvm::Error {
    if (!isAdded)
      return llvm::Error::success();
    llvm::Expected<int32_t> id = tokenAround(spec, named ? llvm::StringRef(named->content) : assumed, config, path);
    if (id)
      items.push_back({*id, typeId});
    return id.takeError();
  };
  spec.single.clear();
  spec.pair.clear();
  for (int32_t typeId : {0, 1}) {
    if (llvm::Error error =
            ends(config.addsBeginning.value_or(true), config.beginning, kind.beginning, spec.pair, typeId))
      return error;
    spec.pair.push_back({typeId ? templateSecond : templateFirst, typeId});
    if (llvm::Error error = ends(config.addsEnd.value_or(false), config.end, kind.end, spec.pair, typeId))
      return error;
    if (!typeId)
      spec.single = spec.pair;
  }
  return llvm::Error::success();
}

llvm::Error lathe::setClassTemplate(TokenizerSpec &spec, const TokenizerConfig &config, llvm::StringRef path) {
  const Translator *translator = findTranslator(config);
  const LlamaClass *llama = findLlamaClass(config);
  if (!translator && !llama)
    return llvm::Error::success();
  spec.trimsOffsets = false; // the template stands in the place of any other post-processor
  return translator ? setLanguages(*translator, spec, config, path) : setEnds(*llama, spec, config, path);
}
