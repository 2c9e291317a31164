//===- Generate.cpp - lathe generate ------------------------------------------===//
//
// Of a masked language model: masks filled in, the surest first. The contract's other options are declared, so that a
// mistyped one is a usage error; they are for models with a decoder, which it does not write with yet.
//
//===----------------------------------------------------------------------===//
#include "compiler/tools/lathe/Verbs.h"

#include "compiler/driver/JsonText.h"
#include "compiler/driver/results/MaskFilling.h"
#include "compiler/driver/results/TextResults.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace lathe {

namespace {

constexpr const char *decoderOptions[] = {"--inputs",
                                          "--outputs",
                                          "--max-new-tokens",
                                          "--min-new-tokens",
                                          "--num-beams",
                                          "--length-penalty",
                                          "--early-stopping",
                                          "--no-repeat-ngram-size",
                                          "--repetition-penalty",
                                          "--bad-words",
                                          "--forced-bos-id",
                                          "--forced-eos-id",
                                          "--num-return-sequences",
                                          "--temperature",
                                          "--top-p",
                                          "--min-p",
                                          "--typical-p",
                                          "--seed",
                                          "--stop",
                                          "--forced-ids"};
constexpr const char *decoderFlags[] = {"--do-sample", "--output-logits"};

struct Flags {
  std::string directory;
  std::optional<int64_t> topK;
  bool json = false;

  llvm::Error run(const std::vector<TextArgument> &texts) const;
};

/// `ids` of a vocabulary, with their probabilities.
std::string listed(const TextTokenizer &tokenizer, const FilledMask &mask) {
  std::string list;
  for (auto [id, probability] : mask.candidates)
    list += llvm::formatv("{0} {1} {2:F4}", list.empty() ? "" : ",",
                          printable(tokenizer.token(id).value_or("#" + std::to_string(id))), probability);
  return list;
}

Json described(const TextTokenizer &tokenizer, const FilledMask &mask) {
  Json candidates = Json::array();
  for (auto [id, probability] : mask.candidates)
    candidates.push_back({{"token", jsonToken(tokenizer.token(id))}, {"score", probability}});
  return {{"position", mask.position}, {"candidates", candidates}};
}

} // namespace

llvm::Error Flags::run(const std::vector<TextArgument> &texts) const {
  const int64_t count = topK.value_or(1);
  if (count < 1 || count > TextResults::mostCandidates)
    return llvm::createStringError("--top-k is " + llvm::Twine(count) + "; accepted are 1 to " +
                                   llvm::Twine(TextResults::mostCandidates));
  llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
  if (!loaded)
    return loaded.takeError();
  if (loaded->artifact.task != "masked-lm")
    return llvm::createStringError("generate is not supported yet for task " + quote(loaded->artifact.task) +
                                   "; accepted is masked-lm, whose masks it fills in");
  llvm::Expected<const lathe_entry_info *> entry = loaded->model.entry("");
  if (!entry)
    return entry.takeError();
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(loaded->model);
  std::vector<TokenizedText> tokenized;
  for (const TextArgument &text : texts) {
    llvm::Expected<TokenizedText> tokens = tokenizer->tokenize(text.text, text.pair, {});
    if (!tokens)
      return tokens.takeError();
    tokenized.push_back(std::move(*tokens));
  }
  llvm::Expected<RunContext> context = loaded->model.createContext({});
  if (!context)
    return context.takeError();
  llvm::Expected<std::vector<FilledText>> filled = fillMasks(*context, **entry, tokenized, count);
  if (!filled)
    return filled.takeError();

  Json array = Json::array();
  for (const FilledText &text : *filled) {
    llvm::Expected<std::string> decoded = tokenizer->decode(text.ids, /*skipSpecialTokens=*/true);
    if (!decoded)
      return decoded.takeError();
    Json object = {{"text", *decoded}, {"ids", text.ids}, {"score", text.score}};
    if (!json)
      llvm::outs() << printable(*decoded) << "\n";
    for (const FilledMask &mask : text.masks) {
      if (topK)
        object["masks"].push_back(described(*tokenizer, mask));
      if (topK && !json)
        llvm::outs() << "  " << mask.spelling << " at " << mask.position << ":" << listed(*tokenizer, mask) << "\n";
    }
    array.push_back(std::move(object));
  }
  if (json)
    llvm::outs() << jsonText(array);
  return llvm::Error::success();
}

void addGenerate(CLI::App &app, CommandLine &line) {
  CLI::App *verb = app.add_subcommand("generate", "Fill in the [MASK]s of texts, the surest first");
  auto flags = std::make_shared<Flags>();
  auto values = std::make_shared<std::vector<std::string>>();
  auto given = std::make_shared<bool>(false);
  verb->add_option("DIR", flags->directory, "An artifact")->required();
  declareText(*verb);
  verb->add_option("--top-k", flags->topK, "List so many tokens for each [MASK], in the order of filling in");
  verb->add_flag("--json", flags->json, "An object per text, as JSON");
  for (const char *option : decoderOptions)
    verb->add_option(option, *values, "Not supported yet")->allow_extra_args(false);
  for (const char *flag : decoderFlags)
    verb->add_flag(flag, *given, "Not supported yet");
  verb->callback([flags, values, given, verb, &line] {
    for (llvm::ArrayRef<const char *> options : {llvm::ArrayRef(decoderOptions), llvm::ArrayRef(decoderFlags)})
      for (const char *option : options)
        if (verb->count(option)) {
          line.action = [option] {
            return notBuiltYet(option, "--text, --pair, --top-k and --json, on a model that fills in masks");
          };
          return;
        }
    if (line.texts.empty())
      throw UsageError("generate needs --text S");
    line.action = [flags, &line] { return flags->run(line.texts); };
  });
}

} // namespace lathe
