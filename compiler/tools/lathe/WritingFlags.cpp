//===- WritingFlags.cpp - how lathe generate is told to write -----------------===//
#include "compiler/tools/lathe/WritingFlags.h"

#include "compiler/import/checkpoint/GenerationConfig.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/raw_ostream.h"

namespace lathe {

namespace {

/// What an option is set to that is to have none of what the model's file lists.
bool isNone(llvm::StringRef text) { return text.trim().empty(); }

/// "1,2"
llvm::Expected<std::vector<int32_t>> parseIds(llvm::StringRef flag, llvm::StringRef text, llvm::StringRef example) {
  std::vector<int32_t> list;
  llvm::SmallVector<llvm::StringRef> ids;
  text.split(ids, ',');
  for (llvm::StringRef id : ids) {
    int32_t value;
    if (id.trim().getAsInteger(10, value) || value < 0)
      return llvm::createStringError(flag + ": " + quote(id) + " is no id; accepted: " + example);
    list.push_back(value);
  }
  return list;
}

/// "1,2;3" as lists of ids.
llvm::Expected<std::vector<std::vector<int32_t>>> parseWords(llvm::StringRef text) {
  std::vector<std::vector<int32_t>> words;
  if (isNone(text))
    return words;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ';');
  for (llvm::StringRef part : parts) {
    llvm::Expected<std::vector<int32_t>> word =
        parseIds("--bad-words", part, "ids with commas between those of a word, and semicolons between words: 1,2;3");
    if (!word)
      return word.takeError();
    words.push_back(std::move(*word));
  }
  return words;
}

/// "1,2:0.5;3:-1"
llvm::Expected<std::vector<std::pair<std::vector<int32_t>, double>>> parseBiases(llvm::StringRef text) {
  constexpr llvm::StringLiteral example =
      "ids with commas between those of a run, a colon and its bias, and semicolons between runs: 1,2:0.5;3:-1";
  std::vector<std::pair<std::vector<int32_t>, double>> biases;
  if (isNone(text))
    return biases;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ';');
  for (llvm::StringRef part : parts) {
    const auto [run, number] = part.split(':');
    double bias;
    if (number.trim().getAsDouble(bias))
      return llvm::createStringError("--sequence-bias: " + quote(part) + " has no bias; accepted: " + example);
    llvm::Expected<std::vector<int32_t>> ids = parseIds("--sequence-bias", run, example);
    if (!ids)
      return ids.takeError();
    biases.emplace_back(std::move(*ids), bias);
  }
  return biases;
}

} // namespace

/// What the command line says, or of the model's own strings those that can be looked for.
static void applyStopStrings(WritingOptions &options, llvm::ArrayRef<std::string> stop, bool hasTokenizer) {
  if (!stop.empty())
    return options.setStopStrings(stop.size() == 1 && stop[0].empty() ? std::vector<std::string>() : stop.vec());
  if (!options->n_stop || hasTokenizer)
    return;
  llvm::errs() << "note: the model's stop strings are not looked for: the artifact has no tokenizer\n";
  options.setStopStrings({});
}

llvm::Error WritingFlags::apply(WritingOptions &options, llvm::ArrayRef<std::string> stop, bool hasTokenizer) const {
  auto set = [](auto &option, const auto &given) {
    if (given)
      option = std::remove_reference_t<decltype(option)>(*given);
  };
  // What does not fit would be another number.
  for (auto [name, value] : {std::pair("--num-beams", numBeams),
                             {"--num-return-sequences", numReturnSequences},
                             {"--num-beam-groups", numBeamGroups}})
    if (value && (*value < 0 || *value > INT32_MAX))
      return llvm::createStringError(llvm::Twine(name) + " is " + llvm::Twine(*value) + "; accepted: 0 to 2147483647");
  for (auto [name, value] : {std::pair("--forced-bos-id", forcedBosId), {"--forced-eos-id", forcedEosId}})
    if (value && (*value < -1 || *value > INT32_MAX))
      return llvm::createStringError(llvm::Twine(name) + " is " + llvm::Twine(*value) +
                                     "; accepted: -1 (none) to 2147483647");
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
  set(options->num_beam_groups, numBeamGroups);
  set(options->diversity_penalty, diversityPenalty);
  set(options->encoder_repetition_penalty, encoderRepetitionPenalty);
  set(options->encoder_no_repeat_ngram_size, encoderNoRepeatNgramSize);
  set(options->epsilon_cutoff, epsilonCutoff);
  set(options->eta_cutoff, etaCutoff);
  set(options->max_length, maxLength);
  set(options->min_length, minLength);
  if (maxLength && !maxNewTokens)
    options->max_new_tokens = 0;
  if (minLength && !minNewTokens)
    options->min_new_tokens = 0;
  set(options->do_sample, doSample);
  set(options->renormalize_logits, renormalizeLogits);
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
  applyStopStrings(options, stop, hasTokenizer);
  return applyLists(options);
}

llvm::Error WritingFlags::applyLists(WritingOptions &options) const {
  if (badWords) {
    llvm::Expected<std::vector<std::vector<int32_t>>> words = parseWords(*badWords);
    if (!words)
      return words.takeError();
    options.setBadWords(std::move(*words));
  }
  if (sequenceBias) {
    auto biases = parseBiases(*sequenceBias);
    if (!biases)
      return biases.takeError();
    options.setBiases(std::move(*biases));
  }
  for (const bool atBeginning : {false, true}) {
    const std::optional<std::string> &given = atBeginning ? beginSuppressTokens : suppressTokens;
    if (!given)
      continue;
    llvm::Expected<std::vector<int32_t>> ids =
        isNone(*given) ? std::vector<int32_t>()
                       : parseIds(atBeginning ? "--begin-suppress-tokens" : "--suppress-tokens", *given,
                                  "ids with commas between them: 1,2");
    if (!ids)
      return ids.takeError();
    options.setSuppressed(std::move(*ids), atBeginning);
  }
  if (decay) {
    const auto [start, factor] = llvm::StringRef(*decay).split(',');
    if (start.trim().getAsInteger(10, options->decay_start) || factor.trim().getAsDouble(options->decay_factor))
      return llvm::createStringError("--exponential-decay-length-penalty is " + quote(*decay) +
                                     "; accepted: START,FACTOR, such as 10,1.05");
  }
  return llvm::Error::success();
}

llvm::Error WritingFlags::applyToAssisted(WritingOptions &options, const WritingOptions &ofAssistant) const {
  options->num_assistant_tokens = numAssistantTokens.value_or(ofAssistant->num_assistant_tokens);
  options->assistant_confidence_threshold =
      assistantConfidenceThreshold.value_or(ofAssistant->assistant_confidence_threshold);
  options->num_assistant_tokens_schedule = ofAssistant->num_assistant_tokens_schedule;
  if (!numAssistantTokensSchedule)
    return llvm::Error::success();
  std::vector<llvm::StringRef> names;
  for (const auto &[name, schedule] : assistantSchedules) {
    if (name == *numAssistantTokensSchedule) {
      options->num_assistant_tokens_schedule = schedule;
      return llvm::Error::success();
    }
    names.push_back(name);
  }
  return llvm::createStringError("--num-assistant-tokens-schedule is " + quote(*numAssistantTokensSchedule) +
                                 "; accepted are " + listOf(names));
}

std::vector<CLI::Option *> WritingFlags::declare(CLI::App &verb) {
  std::vector<CLI::Option *> declared;
  auto add = [&](const char *name, auto &value, const char *help) {
    declared.push_back(verb.add_option(name, value, help));
  };
  add("--max-new-tokens", maxNewTokens, "Write at most so many tokens (default: the model's, else 20)");
  add("--min-new-tokens", minNewTokens, "Do not end before so many");
  add("--num-beams", numBeams, "Search with so many beams");
  add("--length-penalty", lengthPenalty, "Of beams: scores are divided by the length to the power of this");
  add("--early-stopping", earlyStopping, "Of beams: true, false or never, as Transformers has it");
  add("--num-return-sequences", numReturnSequences, "Texts for each prompt, best first");
  add("--num-beam-groups", numBeamGroups, "Of beams: search in so many groups, which --diversity-penalty holds apart");
  add("--diversity-penalty", diversityPenalty, "Of groups: taken from logits of tokens that earlier groups write here");
  declared.push_back(verb.add_flag("--renormalize-logits,!--no-renormalize-logits", renormalizeLogits,
                                   "Of beams: probabilities add up to 1 after all options, too"));
  add("--max-length", maxLength, "The same as --max-new-tokens, with the prompt");
  add("--min-length", minLength, "The same as --min-new-tokens, with the prompt");
  add("--exponential-decay-length-penalty", decay,
      "START,FACTOR: behind so many tokens, an end gets likelier by this factor with each");
  add("--no-repeat-ngram-size", noRepeatNgramSize, "No run of so many tokens comes twice");
  add("--repetition-penalty", repetitionPenalty, "Divides logits of tokens that the text has");
  add("--encoder-repetition-penalty", encoderRepetitionPenalty,
      "Makes tokens of what is read likelier, or below 1 less likely");
  add("--encoder-no-repeat-ngram-size", encoderNoRepeatNgramSize, "No run of so many tokens comes that is read");
  add("--presence-penalty", presencePenalty, "Taken from logits of tokens that were written");
  add("--frequency-penalty", frequencyPenalty, "The same for each time that they were");
  add("--bad-words", badWords,
      "Ids that are never written: 1,2;3 for the word 1 2 and the word 3; here and below, '' for none");
  add("--sequence-bias", sequenceBias,
      "Added to logits of what completes runs of ids: 1,2:0.5;3:-1 for the run 1 2 and the id 3");
  add("--suppress-tokens", suppressTokens, "Ids that are never written, forced ones included: 1,2");
  add("--begin-suppress-tokens", beginSuppressTokens, "Ids that are not written first: 1,2");
  add("--forced-bos-id", forcedBosId, "The first token that is written behind a prompt of one; -1: none");
  add("--forced-eos-id", forcedEosId, "The last token at the greatest length; -1: none");
  declared.push_back(verb.add_flag("--do-sample,!--no-do-sample", doSample, "Draw tokens, or the likeliest"));
  add("--temperature", temperature, "Of draws: logits are divided by this");
  add("--top-p", topP, "Of draws: only the likeliest tokens that make up so much");
  add("--min-p", minP, "Of draws: only tokens at least so likely as a share of the likeliest");
  add("--typical-p", typicalP, "Of draws: only the most typical tokens that make up so much");
  add("--epsilon-cutoff", epsilonCutoff, "Of draws: only tokens with such a probability at least");
  add("--eta-cutoff", etaCutoff, "Of draws: the same, or less where many tokens are likely");
  add("--num-assistant-tokens", numAssistantTokens,
      "With --assistant: guess so many tokens in a step (default: its own, else 20)");
  add("--num-assistant-tokens-schedule", numAssistantTokensSchedule,
      "With --assistant: constant, or heuristic or heuristic_transient: more where all guesses are right");
  add("--assistant-confidence-threshold", assistantConfidenceThreshold,
      "With --assistant: guess no further than a token less probable than this (default: its own, else 0.4)");
  add("--seed", seed, "Of draws: the same seed gives the same text");
  return declared;
}

} // namespace lathe
