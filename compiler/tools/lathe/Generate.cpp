//===- Generate.cpp - lathe generate ------------------------------------------===//
//
// Texts that a model writes; of a masked language model, masks filled in (FillMasks.cpp).
//
//===----------------------------------------------------------------------===//
#include "compiler/tools/lathe/FillMasks.h"
#include "compiler/tools/lathe/Verbs.h"

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
  std::string directory, inputs, outputs, forcedIds;
  std::optional<int64_t> threads, topK;
  bool json = false, outputLogits = false;
  // What a model's own options are replaced by.
  std::optional<int64_t> maxNewTokens, minNewTokens, numBeams, noRepeatNgramSize, forcedBosId, forcedEosId,
      numReturnSequences;
  std::optional<double> lengthPenalty, repetitionPenalty, presencePenalty, frequencyPenalty, temperature, topP, minP,
      typicalP;
  std::optional<std::string> earlyStopping, badWords;
  std::optional<uint64_t> seed;
  LanguageChoice languages;
  bool doSample = false;

  bool usesFiles() const { return !inputs.empty() || !outputs.empty(); }
  /// Usage: what goes together.
  void check(const CommandLine &line) const;
  llvm::Error run(const CommandLine &line, llvm::StringRef writingOption) const;

private:
  llvm::Error write(const LoadedArtifact &loaded, const CommandLine &line) const;
  llvm::Error writeFile(const LoadedModel &model, const RunContext &context, WritingOptions &options) const;
  llvm::Error writeToTexts(const LoadedModel &model, const RunContext &context, WritingOptions &options,
                           const CommandLine &line) const;
  llvm::Error apply(WritingOptions &options, llvm::ArrayRef<std::string> stop) const;
};

/// "1,2;3" as lists of ids.
llvm::Expected<std::vector<std::vector<int32_t>>> parseWords(llvm::StringRef text) {
  std::vector<std::vector<int32_t>> words;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ';');
  for (llvm::StringRef part : parts) {
    words.emplace_back();
    llvm::SmallVector<llvm::StringRef> ids;
    part.split(ids, ',');
    for (llvm::StringRef id : ids) {
      int32_t value;
      if (id.trim().getAsInteger(10, value) || value < 0)
        return llvm::createStringError("--bad-words: " + quote(id) +
                                       " is no id; accepted are ids with commas between those of a word, and "
                                       "semicolons between words: 1,2;3");
      words.back().push_back(value);
    }
  }
  return words;
}

/// The task and, of one that says what comes next, why the compiler made no decoder of the model.
std::string whyNotWriting(const Artifact &artifact) {
  std::string reason = "task " + quote(artifact.task);
  if (artifact.manifest().contains("fusions"))
    for (const nlohmann::json &fusion : artifact.manifest().at("fusions"))
      if (fusion.value("pass", "") == "DeriveDecode" && !fusion.value("made", true))
        reason += " of this model: " + printable(fusion.value("reason", ""));
  return reason;
}

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
  if (languages.target && forcedBosId)
    throw UsageError("give either --target-lang or --forced-bos-id, not both");
  if (usesFiles() && (languages.source || languages.target))
    throw UsageError("--source-lang and --target-lang go with --text; --inputs has tokens");
  if (!usesFiles() && outputLogits)
    throw UsageError("--forced-ids goes with --inputs and --outputs");
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
    return fillMasksOf(*loaded, line.texts, topK, json);
  }
  if (!loaded->artifact.manifest().contains("generation"))
    return llvm::createStringError("generate is not supported for " + whyNotWriting(loaded->artifact) +
                                   "; accepted are masked-lm, whose masks it fills in, seq2seq-lm, and causal-lm where "
                                   "each token sees those before it alone");
  return write(*loaded, line);
}

llvm::Error Flags::apply(WritingOptions &options, llvm::ArrayRef<std::string> stop) const {
  auto set = [](auto &option, const auto &given) {
    if (given)
      option = std::remove_reference_t<decltype(option)>(*given);
  };
  // What does not fit would be another number.
  for (auto [name, value] : {std::pair("--num-beams", numBeams),
                             {"--forced-bos-id", forcedBosId},
                             {"--forced-eos-id", forcedEosId},
                             {"--num-return-sequences", numReturnSequences}})
    if (value && (*value < 0 || *value > INT32_MAX))
      return llvm::createStringError(llvm::Twine(name) + " is " + llvm::Twine(*value) + "; accepted: 0 to 2147483647");
  set(options->max_new_tokens, maxNewTokens);
  set(options->min_new_tokens, minNewTokens);
  set(options->num_beams, numBeams);
  set(options->no_repeat_ngram_size, noRepeatNgramSize);
  set(options->forced_bos_id, forcedBosId);
  set(options->forced_eos_id, forcedEosId);
  set(options->num_return_sequences, numReturnSequences);
  set(options->length_penalty, lengthPenalty);
  set(options->repetition_penalty, repetitionPenalty);
  set(options->presence_penalty, presencePenalty);
  set(options->frequency_penalty, frequencyPenalty);
  set(options->temperature, temperature);
  set(options->top_k, topK);
  set(options->top_p, topP);
  set(options->min_p, minP);
  set(options->typical_p, typicalP);
  set(options->seed, seed);
  if (doSample)
    options->do_sample = 1;
  if (maxNewTokens && *maxNewTokens < 1)
    return llvm::createStringError("--max-new-tokens is " + llvm::Twine(*maxNewTokens) + "; accepted: 1 or more");
  if (earlyStopping) {
    if (!llvm::is_contained({"true", "false", "never"}, *earlyStopping))
      return llvm::createStringError("--early-stopping is " + quote(*earlyStopping) +
                                     "; accepted are true, false, never");
    options->early_stopping = *earlyStopping == "true"    ? LATHE_STOP_WHEN_ENOUGH
                              : *earlyStopping == "false" ? LATHE_STOP_BY_BEST
                                                          : LATHE_STOP_NEVER_EARLY;
  }
  if (badWords) {
    llvm::Expected<std::vector<std::vector<int32_t>>> words = parseWords(*badWords);
    if (!words)
      return words.takeError();
    options.setBadWords(std::move(*words));
  }
  if (!stop.empty())
    options.setStopStrings(stop.vec());
  return llvm::Error::success();
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
  if (llvm::Error error = apply(*options, line.stop))
    return error;
  llvm::Expected<RunContext> context = loaded.model.createContext({.threads = threads.value_or(0)});
  if (!context)
    return context.takeError();
  return usesFiles() ? writeFile(loaded.model, *context, *options)
                     : writeToTexts(loaded.model, *context, *options, line);
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
  if (!forcedBosId)
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
               "is taken as it is");
  std::vector<CLI::Option *> writing;
  auto add = [&](const char *name, auto &value, const char *help) {
    writing.push_back(verb->add_option(name, value, help));
  };
  add("--inputs", flags->inputs,
      "Prompts: a safetensors file with input_ids, and attention_mask or cu_seqlens; prefix_lens, too");
  add("--outputs", flags->outputs, "Where 'sequences' are written, or 'logits'");
  add("--max-new-tokens", flags->maxNewTokens, "Write at most so many tokens (default: the model's, else 20)");
  add("--min-new-tokens", flags->minNewTokens, "Do not end before so many");
  add("--num-beams", flags->numBeams, "Search with so many beams");
  add("--length-penalty", flags->lengthPenalty, "Of beams: scores are divided by the length to the power of this");
  add("--early-stopping", flags->earlyStopping, "Of beams: true, false or never, as Transformers has it");
  add("--num-return-sequences", flags->numReturnSequences, "Texts for each prompt, best first");
  add("--no-repeat-ngram-size", flags->noRepeatNgramSize, "No run of so many tokens comes twice");
  add("--repetition-penalty", flags->repetitionPenalty, "Divides logits of tokens that the text has");
  add("--presence-penalty", flags->presencePenalty, "Taken from logits of tokens that were written");
  add("--frequency-penalty", flags->frequencyPenalty, "The same for each time that they were");
  add("--bad-words", flags->badWords, "Ids that are never written: 1,2;3 for the word 1 2 and the word 3");
  add("--forced-bos-id", flags->forcedBosId, "The first token that is written behind a prompt of one");
  add("--forced-eos-id", flags->forcedEosId, "The last token at the greatest length");
  writing.push_back(verb->add_flag("--do-sample", flags->doSample, "Draw tokens"));
  add("--temperature", flags->temperature, "Of draws: logits are divided by this");
  add("--top-p", flags->topP, "Of draws: only the likeliest tokens that make up so much");
  add("--min-p", flags->minP, "Of draws: only tokens at least so likely as a share of the likeliest");
  add("--typical-p", flags->typicalP, "Of draws: only the most typical tokens that make up so much");
  add("--seed", flags->seed, "Of draws: the same seed gives the same text");
  add("--forced-ids", flags->forcedIds, "Go on with these, a safetensors file with forced_ids [prompts, steps]");
  writing.push_back(
      verb->add_flag("--output-logits", flags->outputLogits,
                     "With --forced-ids: write 'logits' [prompts, steps, vocab] of what comes before each"));
  add("--threads", flags->threads, "Default: as many as the process may run on");
  declareLanguages(*verb, flags->languages);
  for (const char *name : {"--source-lang", "--target-lang"})
    writing.push_back(verb->get_option(name));
  verb->add_option("--top-k", flags->topK, "Of draws: only the so many likeliest tokens. Of masks: list so many");
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
