//===- Tokenize.cpp - lathe tokenize ------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/JsonText.h"
#include "compiler/driver/Texts.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace lathe {

namespace {
struct Flags {
  std::string directory, truncation = "longest_first";
  std::optional<std::string> ids;
  std::optional<int64_t> maxLength;
  LanguageChoice languages;
  bool skipSpecialTokens = false, json = false;

  llvm::Error run(const std::vector<TextArgument> &texts) const;

private:
  llvm::Expected<TokenizeOptions> options(const TextTokenizer &tokenizer) const;
  llvm::Error encode(const TextTokenizer &tokenizer, const std::vector<TextArgument> &texts) const;
  llvm::Error decode(const TextTokenizer &tokenizer) const;
};
} // namespace

llvm::Expected<TokenizeOptions> Flags::options(const TextTokenizer &tokenizer) const {
  constexpr std::pair<llvm::StringRef, lathe_truncation> names[] = {{"longest_first", LATHE_TRUNCATE_LONGEST_FIRST},
                                                                    {"only_first", LATHE_TRUNCATE_ONLY_FIRST},
                                                                    {"only_second", LATHE_TRUNCATE_ONLY_SECOND}};
  auto *found = llvm::find_if(names, [&](auto &name) { return name.first == truncation; });
  if (found == std::end(names))
    return llvm::createStringError("--truncation " + quote(truncation) +
                                   " is unknown; accepted are longest_first, only_first and only_second");
  if (maxLength && *maxLength < 0)
    return llvm::createStringError("--max-length is " + llvm::Twine(*maxLength) +
                                   "; accepted are 0 (do not truncate) and more");
  llvm::Expected<std::optional<std::string>> language = languages.ofTemplate(tokenizer);
  if (!language)
    return language.takeError();
  return TokenizeOptions{maxLength, found->second, *language};
}

static void printTable(llvm::raw_ostream &os, const TextArgument &text, const TokenizedText &tokens) {
  os << quote(text.text);
  if (text.pair)
    os << " and " << quote(*text.pair);
  os << ", " << tokens.ids.size() << " tokens\n      id  type  special  offsets     token\n";
  for (size_t index = 0; index < tokens.ids.size(); ++index) {
    std::string offsets = llvm::formatv("{0}-{1}", tokens.offsets[index].first, tokens.offsets[index].second);
    os << llvm::formatv("{0,8}  {1,4}  {2,7}  {3,-10}  {4}\n", tokens.ids[index], tokens.typeIds[index],
                        tokens.special[index] ? "yes" : "", offsets, printable(tokens.tokens[index].value_or("")));
  }
}

static Json toJson(const TokenizedText &tokens) {
  Json texts = Json::array(), offsets = Json::array();
  for (const std::optional<std::string> &token : tokens.tokens)
    texts.push_back(token ? Json(*token) : Json(nullptr));
  for (auto [begin, end] : tokens.offsets)
    offsets.push_back({begin, end});
  return {{"ids", tokens.ids},
          {"tokens", texts},
          {"offsets", offsets},
          {"type_ids", tokens.typeIds},
          {"attention_mask", std::vector<int>(tokens.ids.size(), 1)},
          {"special_tokens_mask", tokens.special}};
}

llvm::Error Flags::encode(const TextTokenizer &tokenizer, const std::vector<TextArgument> &texts) const {
  llvm::Expected<TokenizeOptions> settings = options(tokenizer);
  if (!settings)
    return settings.takeError();
  Json array = Json::array();
  std::string table;
  llvm::raw_string_ostream os(table);
  for (const TextArgument &text : texts) {
    llvm::Expected<TokenizedText> tokens = tokenizer.tokenize(text.text, text.pair, *settings);
    if (!tokens)
      return tokens.takeError();
    if (json)
      array.push_back(toJson(*tokens));
    else
      printTable(os, text, *tokens);
  }
  llvm::outs() << (json ? jsonText(array) : table);
  return llvm::Error::success();
}

llvm::Error Flags::decode(const TextTokenizer &tokenizer) const {
  std::vector<int32_t> numbers;
  if (!ids->empty())
    for (llvm::StringRef item : llvm::split(*ids, ',')) {
      int32_t number;
      if (item.trim().getAsInteger(10, number))
        return llvm::createStringError("--ids holds " + quote(item) +
                                       "; accepted are token ids, as in --ids 101,7592,102");
      numbers.push_back(number);
    }
  llvm::Expected<std::string> text = tokenizer.decode(numbers, skipSpecialTokens);
  if (!text)
    return text.takeError();
  llvm::outs() << (json ? jsonText(Json::array({{{"text", *text}}})) : *text + "\n");
  return llvm::Error::success();
}

llvm::Error Flags::run(const std::vector<TextArgument> &texts) const {
  auto work = [&](const TextTokenizer &tokenizer) { return ids ? decode(tokenizer) : encode(tokenizer, texts); };
  if (!looksLikeArtifact(directory)) {
    llvm::Expected<std::unique_ptr<TextTokenizer>> tokenizer = compileTextTokenizer(directory);
    return tokenizer ? work(**tokenizer) : tokenizer.takeError();
  }
  llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
  return loaded ? work(*tokenizerOf(loaded->model)) : loaded.takeError();
}

void addTokenize(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("tokenize", "Turn texts into token ids, or ids into text");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact, a model directory, or one with tokenizer files only")
      ->required();
  verb->add_option("--max-length", flags->maxLength,
                   "Most tokens of a text, special tokens included; 0: any number (default: the model's)");
  verb->add_option("--truncation", flags->truncation,
                   "What is cut off a pair: longest_first (default), only_first, only_second");
  verb->add_option("--ids", flags->ids, "Ids to turn into text: 1,2,3");
  verb->add_flag("--skip-special-tokens", flags->skipSpecialTokens, "With --ids: leave special tokens out");
  verb->add_flag("--json", flags->json, "An object per text, as JSON");
  declareLanguages(*verb, flags->languages);
  declareText(*verb);
  verb->callback([flags, verb, &line] {
    if (flags->ids.has_value() == !line.texts.empty())
      throw UsageError(flags->ids ? "give either --text or --ids, not both"
                                  : "tokenize needs --text S, or --ids 1,2,3");
    if (flags->ids ? verb->count("--max-length") || verb->count("--truncation") || verb->count("--source-lang") ||
                         verb->count("--target-lang")
                   : flags->skipSpecialTokens)
      throw UsageError("--max-length, --truncation, --source-lang and --target-lang go with --text, "
                       "--skip-special-tokens with --ids");
    line.action = [flags, &line] { return flags->run(line.texts); };
  });
}

} // namespace lathe
