// What Transformers' classes put around texts themselves, whichever file the vocabulary is from: translators the token
// of a language, Llama's and Gemma's what begins and ends a text.
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/LanguageCodes.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

namespace {
/// A class whose template names a language.
struct Translator {
  llvm::StringLiteral name;
  const char *const *codes; // null: those that the vocabulary spells ">>xx<<"
  llvm::StringLiteral assumed;
  bool isBehind; // else the language comes before the text
};
} // namespace

static constexpr Translator translators[] = {{"MBartTokenizer", &mbartLanguages, "en_XX", true},
                                             {"MBart50Tokenizer", &mbart50Languages, "en_XX", false},
                                             {"NllbTokenizer", &nllbLanguages, "eng_Latn", false},
                                             {"M2M100Tokenizer", &m2m100Languages, "en", false},
                                             {"MarianTokenizer", nullptr, "", false}};

static llvm::Expected<int32_t> tokenAround(const TokenizerSpec &spec, llvm::StringRef token,
                                           const TokenizerConfig &config, llvm::StringRef path) {
  if (std::optional<uint32_t> id = spec.idOf(token))
    return int32_t(*id);
  return fileError(path, "special token " + quote(token) + ", which " + config.tokenizerClass +
                             " puts around texts, is not among the " + llvm::Twine(spec.vocabulary.size()) + " tokens");
}

/// The token that a class has for a code.
static std::string tokenOfCode(const Translator &kind, llvm::StringRef code) {
  if (kind.name == "M2M100Tokenizer")
    return ("__" + code + "__").str();
  return code.str();
}

static std::vector<Language> findLanguages(const Translator &kind, const TokenizerSpec &spec,
                                           const TokenizerConfig &config) {
  std::vector<Language> languages;
  auto add = [&](llvm::StringRef code, llvm::StringRef token) {
    bool isThere = llvm::any_of(languages, [&](const Language &language) { return language.code == code; });
    if (std::optional<uint32_t> id = spec.idOf(token); id && !isThere)
      languages.push_back({code.str(), *id});
  };
  if (!kind.codes) {
    for (llvm::StringRef token : spec.vocabulary)
      if (llvm::StringRef code = token; code.consume_front(">>") && code.consume_back("<<"))
        add(code, token);
    return languages;
  }
  const bool isWmt21 = config.languageCodes == "wmt21";
  for (llvm::StringRef code : llvm::split(isWmt21 ? wmt21Languages : *kind.codes, ' '))
    add(code, tokenOfCode(kind, code));
  return languages;
}

/// The language of this code; one that there is none of is an error that says which there are.
static llvm::Expected<uint32_t> findLanguage(const TokenizerSpec &spec, llvm::StringRef code, llvm::StringRef field,
                                             llvm::StringRef path) {
  std::string accepted;
  for (auto [index, language] : llvm::enumerate(spec.languages)) {
    if (language.code == code)
      return uint32_t(index);
    if (index < 8)
      accepted += (index ? ", " : "") + language.code;
  }
  if (spec.languages.size() > 8)
    accepted += " and " + std::to_string(spec.languages.size() - 8) + " more";
  return fileError(path, field + " is " + quote(code) + "; accepted are " +
                             (accepted.empty() ? "none: the vocabulary has no token of a language" : accepted));
}

static llvm::Error setLanguages(const Translator &kind, TokenizerSpec &spec, const TokenizerConfig &config,
                                llvm::StringRef path) {
  const llvm::StringRef ending = config.end ? llvm::StringRef(config.end->content) : "</s>";
  llvm::Expected<int32_t> end = tokenAround(spec, ending, config, path);
  if (!end)
    return end.takeError();
  const TemplateItem language = {templateLanguage, 0}, first = {templateFirst, 0}, second = {templateSecond, 0},
                     last = {*end, 0};
  if (kind.isBehind || config.hasLegacyBehaviour) {
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
static llvm::Error setEnds(TokenizerSpec &spec, const TokenizerConfig &config, bool isGemma, llvm::StringRef path) {
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
            ends(config.addsBeginning.value_or(true), config.beginning, isGemma ? "<bos>" : "<s>", spec.pair, typeId))
      return error;
    spec.pair.push_back({typeId ? templateSecond : templateFirst, typeId});
    if (llvm::Error error =
            ends(config.addsEnd.value_or(false), config.end, isGemma ? "<eos>" : "</s>", spec.pair, typeId))
      return error;
    if (!typeId)
      spec.single = spec.pair;
  }
  return llvm::Error::success();
}

llvm::Error lathe::setClassTemplate(TokenizerSpec &spec, const TokenizerConfig &config, llvm::StringRef path) {
  const llvm::StringRef name = tokenizerClassOf(config);
  const Translator *kind = llvm::find_if(translators, [&](const Translator &kind) { return kind.name == name; });
  const bool isTranslator = kind != std::end(translators), isGemma = name == "GemmaTokenizer";
  if (!isTranslator && !isGemma && name != "LlamaTokenizer")
    return llvm::Error::success();
  spec.trimsOffsets = false; // the template stands in the place of any other post-processor
  return isTranslator ? setLanguages(*kind, spec, config, path) : setEnds(spec, config, isGemma, path);
}
