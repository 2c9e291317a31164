// tokenizer_config.json and special_tokens_map.json: Transformers' settings around a tokenizer.
#include "compiler/import/tokenizer/JsonView.h"
#include "compiler/import/tokenizer/TokenizerSpec.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <cmath>

using namespace lathe;

CharSteps lathe::bertNormalizer(const BertNormalizerFlags &flags) {
  CharSteps steps;
  if (flags.cleanText)
    steps.push_back(CharStep::CleanText);
  if (flags.handleChineseChars)
    steps.push_back(CharStep::SpaceChinese);
  if (flags.stripAccents.value_or(flags.lowercase)) {
    steps.push_back(CharStep::Decompose);
    steps.push_back(CharStep::DropNonspacingMarks);
  }
  if (flags.lowercase)
    steps.push_back(CharStep::Lowercase);
  return steps;
}

/// A token as a string, or as an object with its flags. `special`: what its place in the file says it is.
static AddedToken readToken(JsonView view, bool special) {
  AddedToken token;
  token.special = special;
  if (view.isString()) {
    token.content = view.string();
    return token;
  }
  if (!view.isObject()) {
    view.reject("a token: a string, or an object with 'content'");
    return token;
  }
  token.content = view["content"].string();
  token.special |= view["special"].boolean(false);
  token.singleWord = view["single_word"].boolean(false);
  token.stripsLeft = view["lstrip"].boolean(false);
  token.stripsRight = view["rstrip"].boolean(false);
  token.normalized = view["normalized"].boolean(!token.special);
  return token;
}

static uint32_t readMaxLength(JsonView view) {
  if (view.isNull())
    return 0;
  double length = view.real();
  if (length >= 1e9) // Transformers writes 1e30 for "none"
    return 0;
  if (length < 1 || length != std::floor(length))
    view.reject("a whole number from 1");
  return uint32_t(std::max(length, 0.0));
}

static void readSpecialTokens(JsonView root, TokenizerConfig &config) {
  auto read = [&](const char *name, std::optional<AddedToken> &token) {
    if (JsonView view = root[name]; !view.isNull())
      token = readToken(view, /*special=*/true);
  };
  read("unk_token", config.unknown);
  read("sep_token", config.separator);
  read("cls_token", config.classification);
  read("pad_token", config.padding);
  read("mask_token", config.mask);
  read("mask_token_sent", config.maskSentence);
  if (JsonView view = root["mask_token_sent"]; !view.isAbsent())
    config.hasNoMaskSentence = view.isNull();
  read("bos_token", config.beginning);
  read("eos_token", config.end);
  JsonView additional = root["additional_special_tokens"];
  if (additional.isNull())
    return;
  config.additional.clear();
  for (const JsonView &token : additional.elements())
    config.additional.push_back(readToken(token, /*special=*/true));
}

static llvm::Error readConfigFile(llvm::StringRef path, TokenizerConfig &config) {
  llvm::Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  std::string problem;
  JsonView root(*document, problem);
  config.tokenizerClass = root["tokenizer_class"].string("");
  config.classOrigin = "tokenizer_config.json";
  config.modelMaxLength = readMaxLength(root["model_max_length"]);
  auto readFlag = [&](const char *name, auto &field) {
    if (JsonView flag = root[name]; !flag.isNull())
      field = flag.boolean();
  };
  auto readText = [&](const char *name, auto &field) {
    if (JsonView text = root[name]; !text.isNull())
      field = text.string();
  };
  readFlag("do_lower_case", config.lowercase);
  readFlag("tokenize_chinese_chars", config.handleChineseChars);
  if (JsonView flag = root["strip_accents"]; !flag.isAbsent())
    config.stripAccents = flag.isNull() ? std::nullopt : std::optional<bool>(flag.boolean());
  readFlag("add_prefix_space", config.addsPrefixSpace);
  readFlag("keep_accents", config.keepsAccents);
  readFlag("split_by_punct", config.splitsPunctuation);
  readFlag("legacy", config.isLegacy);
  if (JsonView number = root["extra_ids"]; !number.isNull())
    config.extraIds = number.number(100000);
  if (JsonView number = root["offset"]; !number.isNull())
    config.offset = number.number(100000);
  if (JsonView names = root["model_input_names"]; !names.isNull())
    config.givesTypes =
        llvm::any_of(names.elements(), [](const JsonView &name) { return name.string() == "token_type_ids"; });
  readFlag("add_bos_token", config.addsBeginning);
  readFlag("add_eos_token", config.addsEnd);
  readText("src_lang", config.sourceLanguage);
  readText("tgt_lang", config.targetLanguage);
  readText("language_codes", config.languageCodes);
  readFlag("legacy_behaviour", config.hasLegacyBehaviour);
  readFlag("separate_vocabs", config.hasSeparateVocabularies);
  if (JsonView side = root["truncation_side"]; !side.isNull()) {
    std::string name = side.string();
    if (name != "left" && name != "right")
      side.reject("'left' or 'right'");
    config.truncatesLeft = name == "left";
  }
  readSpecialTokens(root, config);
  if (JsonView decoder = root["added_tokens_decoder"]; !decoder.isNull()) {
    for (const auto &[key, view] : decoder.fields()) {
      AddedToken token = readToken(view, /*special=*/false);
      if (llvm::StringRef(key).getAsInteger(10, token.id))
        view.fail("must have an id as its key");
      config.byId.push_back(std::move(token));
    }
    std::sort(config.byId.begin(), config.byId.end(),
              [](const AddedToken &a, const AddedToken &b) { return a.id < b.id; });
  }
  return takeProblem(*document, problem);
}

/// The class that Transformers takes where tokenizer_config.json names none: config.json's, else that of the model's
/// type, of which only those matter here that are not BERT's.
static llvm::Error readModelConfig(llvm::StringRef path, TokenizerConfig &config) {
  llvm::Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  std::string type = fields.getOptionalString("model_type").value_or("");
  config.tokenizerClass = fields.getOptionalString("tokenizer_class").value_or("");
  config.classOrigin = "config.json";
  if (!config.tokenizerClass.empty())
    return fields.takeError();
  static constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral> classes[] = {
      {"albert", "AlbertTokenizer"},
      {"bart", "BartTokenizer"},
      {"big_bird", "BigBirdTokenizer"},
      {"camembert", "CamembertTokenizer"},
      {"clip", "CLIPTokenizer"},
      {"ctrl", "CTRLTokenizer"},
      {"deberta-v2", "DebertaV2Tokenizer"},
      {"gemma", "GemmaTokenizer"},
      {"gemma2", "GemmaTokenizer"},
      {"gemma3_text", "GemmaTokenizer"},
      {"gpt2", "GPT2Tokenizer"},
      {"gptj", "GPT2Tokenizer"},
      {"llama", "LlamaTokenizer"},
      {"m2m_100", "M2M100Tokenizer"},
      {"marian", "MarianTokenizer"},
      {"mbart", "MBartTokenizer"},
      {"mistral", "LlamaTokenizer"},
      {"mt5", "T5Tokenizer"},
      {"openai-gpt", "OpenAIGPTTokenizer"},
      {"opt", "GPT2Tokenizer"},
      {"pegasus", "PegasusTokenizer"},
      {"phi3", "LlamaTokenizer"},
      {"reformer", "ReformerTokenizer"},
      {"roberta", "RobertaTokenizer"},
      {"siglip", "SiglipTokenizer"},
      {"starcoder2", "GPT2Tokenizer"},
      {"t5", "T5Tokenizer"},
      {"umt5", "T5Tokenizer"},
      {"xlm-roberta", "XLMRobertaTokenizer"},
      {"xlnet", "XLNetTokenizer"}};
  for (auto [modelType, tokenizerClass] : classes)
    if (type == modelType) {
      config.tokenizerClass = tokenizerClass.str();
      config.classOrigin = ("of model_type '" + modelType + "'").str();
    }
  return fields.takeError();
}

llvm::Expected<TokenizerConfig> lathe::readTokenizerConfig(llvm::StringRef directory) {
  TokenizerConfig config;
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, "tokenizer_config.json");
  if (llvm::sys::fs::exists(path))
    if (llvm::Error error = readConfigFile(path, config))
      return error;
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, "config.json");
  if (config.tokenizerClass.empty() && llvm::sys::fs::exists(path))
    if (llvm::Error error = readModelConfig(path, config))
      return error;
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, "special_tokens_map.json");
  // Transformers reads the map only where the config does not list the tokens by id already.
  if (config.byId.empty() && llvm::sys::fs::exists(path)) {
    llvm::Expected<JsonDocument> document = JsonDocument::open(path);
    if (!document)
      return document.takeError();
    std::string problem;
    readSpecialTokens(JsonView(*document, problem), config);
    if (llvm::Error error = takeProblem(*document, problem))
      return error;
  }
  return config;
}
