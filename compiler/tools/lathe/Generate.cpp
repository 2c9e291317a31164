//===- Generate.cpp - lathe generate ------------------------------------------===//
//
// Texts that a model writes; of a masked language model, masks filled in (FillMasks.cpp).
//
//===----------------------------------------------------------------------===//
#include "compiler/tools/lathe/FillMasks.h"
#include "compiler/tools/lathe/Verbs.h"
#include "compiler/tools/lathe/WritingFlags.h"

#include "compiler/driver/JsonText.h"
#include "compiler/driver/Writing.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace lathe {

namespace {

struct Flags {
  std::string directory, assistant, inputs, outputs, forcedIds;
  std::optional<int64_t> threads;
  bool json = false, outputLogits = false;
  WritingFlags writing; // what a model's own options are replaced by
  LanguageChoice languages;

  bool usesFiles() const { return !inputs.empty() || !outputs.empty(); }
  /// Usage: what goes together.
  void check(const CommandLine &line) const;
  llvm::Error run(const CommandLine &line, llvm::StringRef writingOption) const;

private:
  llvm::Error write(const LoadedArtifact &loaded, const CommandLine &line) const;
  llvm::Error writeFile(const LoadedModel &model, const RunContext &context, WritingOptions &options) const;
  llvm::Error writeToTexts(const LoadedModel &model, const RunContext &context, WritingOptions &options,
                           const CommandLine &line) const;
};

/// The task and, of one that says what comes next, why the compiler made no decoder of the model.
std::string whyNotWriting(const Artifact &artifact) {
  std::string reason = "task " + quote(artifact.task);
  if (artifact.manifest().contains("fusions"))
    for (const nlohmann::json &fusion : artifact.manifest().at("fusions"))
      if (fusion.value("pass", "") == "DeriveDecode" && !fusion.value("made", true))
        reason += " of this model: " + printable(fusion.value("reason", ""));
  return reason;
}

/// A model that guesses for another.
struct Assistant {
  LoadedArtifact loaded;
  RunContext context;
  lathe_assistant given;

  static llvm::Expected<std::unique_ptr<Assistant>> load(llvm::StringRef directory, int64_t threads) {
    llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
    if (!loaded)
      return loaded.takeError();
    llvm::Expected<RunContext> context = loaded->model.createContext({.threads = threads});
    if (!context)
      return context.takeError();
    auto made = std::make_unique<Assistant>(Assistant{std::move(*loaded), std::move(*context), {}});
    made->given = {sizeof(lathe_assistant), &made->loaded.model.api(), made->context.get(), 0, 0, 0, 0};
    return made;
  }
  std::string summary() const {
    return llvm::formatv("the assistant guessed {0} tokens in {1} steps, {2} of them right ({3:P1})\n", given.guessed,
                         given.steps, given.accepted, given.guessed ? double(given.accepted) / given.guessed : 0.0);
  }
};

/// Prints a text as it is written, behind its prompt.
struct Printer {
  std::string prompt;
  static int32_t take(void *user, size_t, size_t, int32_t, const char *text, size_t length) {
    llvm::outs() << std::exchange(static_cast<Printer *>(user)->prompt, "") << llvm::StringRef(text, length);
    llvm::outs().flush();
    return llvm::outs().has_error();
  }
};

} // namespace

void Flags::check(const CommandLine &line) const {
  if (outputLogits != !forcedIds.empty())
    throw UsageError("--forced-ids and --output-logits go together");
  if (inputs.empty() != outputs.empty())
    throw UsageError("--inputs and --outputs go together");
  if (usesFiles() == !line.texts.empty())
    throw UsageError(usesFiles() ? "give either --text or --inputs, not both"
                                 : "generate needs --text S, or --inputs F --outputs F");
  if (usesFiles() && json)
    throw UsageError("--json goes with --text; --outputs takes tensors");
  if (languages.target && writing.forcedBosId)
    throw UsageError("give either --target-lang or --forced-bos-id, not both");
  if (usesFiles() && (languages.source || languages.target))
    throw UsageError("--source-lang and --target-lang go with --text; --inputs has tokens");
  if (!usesFiles() && outputLogits)
    throw UsageError("--forced-ids goes with --inputs and --outputs");
  if (assistant.empty() && writing.givesAssistance())
    throw UsageError("--num-assistant-tokens, --num-assistant-tokens-schedule and --assistant-confidence-threshold go "
                     "with --assistant");
  if (!assistant.empty() && outputLogits)
    throw UsageError("--assistant guesses what is written; --forced-ids says what that is");
}

/// `writingOption` is an option that only models that write have, or empty.
llvm::Error Flags::run(const CommandLine &line, llvm::StringRef writingOption) const {
  if (llvm::Error error = checkThreads(threads))
    return error;
  llvm::Expected<LoadedArtifact> loaded = LoadedArtifact::load(directory);
  if (!loaded)
    return loaded.takeError();
  const std::string &task = loaded->artifact.task;
  if (task == "masked-lm") {
    if (!writingOption.empty())
      return llvm::createStringError(writingOption + " is for models that write; this one fills in masks, and takes "
                                                     "--text, --pair, --top-k and --json");
    return fillMasksOf(*loaded, line.texts, writing.topK, json);
  }
  if (!loaded->artifact.manifest().contains("generation"))
    return llvm::createStringError("generate is not supported for " + whyNotWriting(loaded->artifact) +
                                   "; accepted are masked-lm, whose masks it fills in, seq2seq-lm, and causal-lm where "
                                   "each token sees those before it alone");
  return write(*loaded, line);
}

llvm::Error Flags::write(const LoadedArtifact &loaded, const CommandLine &line) const {
  if (const nlohmann::json &generation = loaded.artifact.manifest().at("generation");
      generation.contains("unsupported"))
    return llvm::createStringError("the model's generation_config.json says " +
                                   generation.at("unsupported").at(0).get<std::string>() +
                                   ", which is not supported yet");
  llvm::Expected<WritingOptions> options = WritingOptions::of(loaded.model);
  if (!options)
    return options.takeError();
  if (llvm::Error error = writing.apply(*options, line.stop, loaded.artifact.manifest().contains("tokenizer")))
    return error;
  llvm::Expected<RunContext> context = loaded.model.createContext({.threads = threads.value_or(0)});
  if (!context)
    return context.takeError();
  std::unique_ptr<Assistant> guessing;
  if (!assistant.empty()) {
    llvm::Expected<std::unique_ptr<Assistant>> made = Assistant::load(assistant, threads.value_or(0));
    if (!made)
      return made.takeError();
    guessing = std::move(*made);
    llvm::Expected<WritingOptions> own = WritingOptions::of(guessing->loaded.model);
    if (!own)
      return own.takeError();
    if (llvm::Error error = writing.applyToAssisted(*options, *own))
      return error;
    (*options)->assistant = &guessing->given;
  }
  if (llvm::Error error = usesFiles() ? writeFile(loaded.model, *context, *options)
                                      : writeToTexts(loaded.model, *context, *options, line))
    return error;
  if (guessing)
    llvm::errs() << guessing->summary();
  return llvm::Error::success();
}

llvm::Error Flags::writeFile(const LoadedModel &model, const RunContext &context, WritingOptions &options) const {
  llvm::Expected<InputTensors> tensors = InputTensors::read(inputs);
  if (!tensors)
    return tensors.takeError();
  llvm::Expected<PromptTokens> prompts = PromptTokens::of(*tensors, model);
  if (!prompts)
    return prompts.takeError();
  if (outputLogits) {
    llvm::Expected<InputTensors> forced = InputTensors::read(forcedIds);
    if (!forced)
      return forced.takeError();
    const InputTensors::Array *ids = forced->find("forced_ids");
    if (!ids && forced->arrays().size() == 1)
      ids = &forced->arrays().front();
    if (!ids)
      return llvm::createStringError(forcedIds + " has no tensor 'forced_ids' [prompts, steps]");
    llvm::Expected<FloatTensor> logits = forcedLogits(model, context, *prompts, options, *ids);
    if (!logits)
      return logits.takeError();
    std::vector<FloatTensor> results;
    results.push_back(std::move(*logits));
    return writeOutputs(outputs, results);
  }
  llvm::Expected<std::vector<WrittenText>> texts = writeTexts(model, context, *prompts, options);
  if (!texts)
    return texts.takeError();
  return sequencesOf(model, *prompts, *texts, options).write(outputs);
}

llvm::Error Flags::writeToTexts(const LoadedModel &model, const RunContext &context, WritingOptions &options,
                                const CommandLine &line) const {
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(model);
  llvm::Expected<std::optional<std::string>> language = languages.ofTemplate(*tokenizer);
  if (!language)
    return language.takeError();
  // What the tokenizer's files say that is written counts, as generate() of Transformers goes by
  // generation_config.json, only where that says nothing.
  if (!writing.forcedBosId && (languages.target || options->forced_bos_id < 0))
    options->forced_bos_id = languages.firstToken(*tokenizer).value_or(options->forced_bos_id);
  PromptTokens prompts;
  for (const TextArgument &text : line.texts) {
    llvm::Expected<TokenizedText> tokens =
        tokenizer->tokenize(text.text, text.pair, {.maxLength = 0, .language = *language});
    if (!tokens)
      return tokens.takeError();
    prompts.ids.push_back(tokens->ids);
  }
  // One text is printed as it comes.
  const bool streams =
      !json && prompts.ids.size() == 1 && options->num_return_sequences == 1 && options->num_beams == 1;
  Printer printer;
  if (streams) {
    llvm::Expected<std::string> prompt =
        tokenizer->decode(prompts.beginning(0, model, options), /*skipSpecialTokens=*/true);
    if (!prompt)
      return prompt.takeError();
    printer.prompt = *prompt;
    options->stream = Printer::take;
    options->stream_user = &printer;
  }
  const auto began = std::chrono::steady_clock::now();
  llvm::Expected<std::vector<WrittenText>> texts = writeTexts(model, context, prompts, options);
  if (!texts)
    return texts.takeError();
  if (streams)
    llvm::outs() << "\n";
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();

  Json array = Json::array();
  size_t written = 0;
  for (auto [index, text] : llvm::enumerate(*texts)) {
    std::vector<int32_t> ids = prompts.beginning(index / options->num_return_sequences, model, options);
    written += text.ids.size();
    llvm::append_range(ids, text.ids);
    llvm::Expected<std::string> decoded = tokenizer->decode(ids, /*skipSpecialTokens=*/true);
    if (!decoded)
      return decoded.takeError();
    if (!json && !streams)
      llvm::outs() << printable(*decoded) << "\n";
    array.push_back({{"text", *decoded}, {"ids", ids}, {"score", text.score}});
  }
  if (json)
    llvm::outs() << jsonText(array);
  else
    llvm::errs() << llvm::formatv("{0} tokens in {1:F2} s, {2:F1} each second\n", written, seconds, written / seconds);
  return llvm::Error::success();
}

void addGenerate(CLI::App &app, CommandLine &line) {
  CLI::App *verb =
      app.add_subcommand("generate", "Go on with texts, or fill in their [MASK]s, as the model has been trained to do");
  auto flags = std::make_shared<Flags>();
  verb->add_option("DIR", flags->directory, "An artifact")->required();
  declareText(*verb);
  verb->footer(verb->get_footer() +
               "\n  --stop S            end a text where S has come in it; may be given again, and "
               "is taken as it is;\n                      '' for none of the model's own");
  std::vector<CLI::Option *> writing;
  auto add = [&](const char *name, auto &value, const char *help) {
    writing.push_back(verb->add_option(name, value, help));
  };
  add("--assistant", flags->assistant,
      "An artifact of a smaller model with the same ids, which guesses tokens so that several are read at once");
  add("--inputs", flags->inputs,
      "Prompts: a safetensors file with input_ids, and attention_mask or cu_seqlens; prefix_lens, too");
  add("--outputs", flags->outputs, "Where 'sequences' are written, or 'logits'");
  llvm::append_range(writing, flags->writing.declare(*verb));
  add("--forced-ids", flags->forcedIds, "Go on with these, a safetensors file with forced_ids [prompts, steps]");
  writing.push_back(
      verb->add_flag("--output-logits", flags->outputLogits,
                     "With --forced-ids: write 'logits' [prompts, steps, vocab] of what comes before each"));
  add("--threads", flags->threads, "Default: as many as the process may run on");
  declareLanguages(*verb, flags->languages);
  for (const char *name : {"--source-lang", "--target-lang"})
    writing.push_back(verb->get_option(name));
  verb->add_option("--top-k", flags->writing.topK,
                   "Of draws: only the so many likeliest tokens. Of masks: list so many");
  verb->add_flag("--json", flags->json, "An object per text, as JSON");
  verb->callback([flags, writing, &line] {
    flags->check(line);
    std::string option = line.stop.empty() ? "" : "--stop";
    for (CLI::Option *each : writing)
      if (each->count() && option.empty())
        option = each->get_name();
    line.action = [flags, option, &line] { return flags->run(line, option); };
  });
}

} // namespace lathe
