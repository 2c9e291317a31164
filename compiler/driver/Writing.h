//===- Writing.h - texts that a model goes on with ----------------------------===//
#ifndef LATHE_COMPILER_DRIVER_WRITING_H
#define LATHE_COMPILER_DRIVER_WRITING_H

#include "compiler/driver/TensorArrays.h"

namespace lathe {

/// How to write: the model's own options, and what a caller sets instead.
class WritingOptions {
public:
  static llvm::Expected<WritingOptions> of(const LoadedModel &model);
  WritingOptions(WritingOptions &&) = default;
  WritingOptions &operator=(WritingOptions &&) = default;

  lathe_generate_options &operator*() { return *options; }
  lathe_generate_options *operator->() { return options.get(); }
  const lathe_generate_options *operator->() const { return options.get(); }
  void setBadWords(std::vector<std::vector<int32_t>> words);
  void setBiases(std::vector<std::pair<std::vector<int32_t>, double>> given);
  void setSuppressed(std::vector<int32_t> ids, bool atBeginning);
  void setStopStrings(std::vector<std::string> strings);

private:
  WritingOptions() = default;

  std::unique_ptr<lathe_generate_options> options;
  std::vector<std::vector<int32_t>> badWords;
  std::vector<lathe_ids> badWordViews;
  std::vector<std::pair<std::vector<int32_t>, double>> biases;
  std::vector<lathe_sequence_bias> biasViews;
  std::vector<int32_t> suppressed, suppressedFirst;
  std::vector<std::string> stopStrings;
  std::vector<const char *> stopViews;
};

/// Whether texts are written from what an encoder has read.
bool hasEncoder(const LoadedModel &model);

/// What is to be gone on with, or read by an encoder: the tokens of each text.
struct PromptTokens {
  std::vector<std::vector<int32_t>> ids;
  std::vector<std::vector<uint8_t>> masks = {}; ///< 0 for padding; none where nothing is
  std::vector<int32_t> prefixes = {};           ///< columns that see each other in both directions; none where none do
  /// What a decoder begins with that writes from what an encoder has read; none: the model's own beginning.
  std::vector<std::vector<int32_t>> decoderIds = {};

  /// Without padding.
  std::vector<std::vector<int32_t>> tokens() const;
  /// Of these, how many are in a prompt's prefix.
  int64_t prefixTokens(size_t prompt) const;
  /// What the text for a prompt begins with: the prompt, or what the decoder does.
  std::vector<int32_t> beginning(size_t prompt, const LoadedModel &model, const WritingOptions &options) const;
  /// Of input_ids with an optional attention_mask, or with cu_seqlens; and of prefix_lens or, with an encoder,
  /// decoder_input_ids.
  static llvm::Expected<PromptTokens> of(const InputTensors &inputs, const LoadedModel &model);
};

struct WrittenText {
  std::vector<int32_t> ids; ///< what follows the prompt
  double score;
};

/// num_return_sequences for each prompt, one prompt behind the other.
llvm::Expected<std::vector<WrittenText>> writeTexts(const LoadedModel &model, const RunContext &context,
                                                    const PromptTokens &prompts, const WritingOptions &options);

/// "sequences" [prompts * num_return_sequences, longest]: what each text begins with, padding included, and what
/// follows that, filled up with pad_id. Of beam search "sequences_scores", too.
InputTensors sequencesOf(const LoadedModel &model, const PromptTokens &prompts, llvm::ArrayRef<WrittenText> texts,
                         const WritingOptions &options);

/// Logits [prompts, steps, vocab] of what comes before each of `forced` [prompts, steps], which follow what texts begin
/// with: one token at a time.
llvm::Expected<FloatTensor> forcedLogits(const LoadedModel &model, const RunContext &context,
                                         const PromptTokens &prompts, const WritingOptions &options,
                                         const InputTensors::Array &forced);

/// Logits [tokens, vocab] behind each token that a batch of inputs has, computed from keys and values in pages; an
/// encoder reads the same ids as its decoder.
llvm::Expected<FloatTensor> cachedLogits(const LoadedModel &model, const InputTensors &batch);

} // namespace lathe

#endif
