//===- Generation.cpp - a model that writes, as lathe bench times it ----------===//
#include "compiler/driver/bench/Generation.h"

using llvm::createStringError;
using llvm::Expected;

namespace lathe {

/// Leaves nothing of what a model's own options ask for but its ids.
static void makePlain(lathe_generate_options &options, int64_t beams) {
  options.do_sample = 0;
  options.num_beams = static_cast<int32_t>(beams);
  options.num_beam_groups = options.num_return_sequences = 1;
  options.diversity_penalty = 0;
  options.length_penalty = options.repetition_penalty = 1;
  options.early_stopping = LATHE_STOP_BY_BEST;
  options.presence_penalty = options.frequency_penalty = 0;
  options.no_repeat_ngram_size = 0;
  options.n_bad_words = options.n_eos_ids = options.n_stop = 0;
  options.forced_bos_id = options.forced_eos_id = -1;
}

Expected<GenerationRun> GenerationRun::create(const LoadedModel &model, const Workload &workload) {
  Expected<PromptTokens> prompts = PromptTokens::of(workload.inputs, model);
  if (!prompts)
    return prompts.takeError();
  Expected<WritingOptions> options = WritingOptions::of(model);
  if (!options)
    return options.takeError();
  makePlain(**options, workload.generation->beams);
  return GenerationRun(model, *workload.generation, std::move(*prompts), std::move(*options));
}

RunOptions GenerationRun::contextOptions(int64_t threads) const {
  const int64_t batch = prompts.ids.size(), longest = prompts.ids.front().size();
  return {.threads = threads, .maxTokens = batch * std::max(longest, what.beams)};
}

Expected<std::vector<std::vector<int32_t>>> GenerationRun::write(const RunContext &context, int64_t newTokens) {
  options->max_new_tokens = options->min_new_tokens = newTokens;
  Expected<std::vector<WrittenText>> texts = writeTexts(*model, context, prompts, options);
  if (!texts)
    return texts.takeError();
  std::vector<std::vector<int32_t>> written;
  for (WrittenText &text : *texts) {
    if (int64_t(text.ids.size()) != newTokens) {
      const size_t begins = prompts.beginning(0, *model, options).size();
      return createStringError("behind " + llvm::Twine(begins) + " tokens that a text begins with the model has " +
                               "positions to write " + llvm::Twine(text.ids.size()) +
                               "; accepted by --new-tokens is no more");
    }
    written.push_back(std::move(text.ids));
  }
  return written;
}

Expected<FloatTensor> GenerationRun::logits(const RunContext &context) const {
  const int64_t batch = prompts.ids.size();
  InputTensors forced; // one that nobody looks at: logits are of what comes before it
  forced.add("forced_ids", {batch, 1}, std::vector<int32_t>(batch, 0));
  Expected<FloatTensor> logits = forcedLogits(*model, context, prompts, options, forced.arrays().front());
  if (logits)
    logits->shape = {batch, logits->shape.back()};
  return logits;
}

} // namespace lathe
