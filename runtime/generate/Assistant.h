// Guesses of another model, which reads what is written through its own library's lathe_api.
#ifndef LATHE_RUNTIME_GENERATE_ASSISTANT_H
#define LATHE_RUNTIME_GENERATE_ASSISTANT_H

#include "runtime/generate/Array.h"
#include "runtime/generate/Continuation.h"
#include "runtime/generate/Prompts.h"
#include "runtime/tokenizer/Buffer.h"

namespace lathe {

/// Refuses an assistant that cannot assist a model of this vocabulary, and options that it has no part in.
lathe_status checkAssistant(const lathe_generate_options &options, int64_t vocabulary, lathe_error *error);

/// What the assistant does for one text.
class Assistant {
public:
  /// Of the options there is an assistant. It reads at most `most` tokens in a step, or as
  /// many as its own budget allows.
  Assistant(const lathe_allocator &allocator, const lathe_generate_options &options, int64_t vocabulary, int64_t most);
  ~Assistant();
  Assistant(const Assistant &) = delete;
  Assistant &operator=(const Assistant &) = delete;

  /// The text begins with `tokens`, of which the first `seenFromAll` see each other. With an encoder, the assistant's
  /// own one reads text `index` of `sources`.
  lathe_status begin(const int32_t *tokens, int64_t count, int64_t seenFromAll, const Prompts *sources, size_t index,
                     lathe_error *error);
  /// Guesses what follows the text, of which `promptLength` tokens are the prompt with its padding: as many tokens as
  /// its schedule says, at most `most`, and none behind one that ends texts or that it is not confident of, nor where
  /// it has no place left, or no token that could be guessed.
  lathe_status guess(Continuation &text, int64_t promptLength, int64_t most, lathe_error *error);
  /// The probabilities that a guess was drawn with; null where nothing is drawn.
  const float *probabilities(int64_t guess) const {
    return options.do_sample ? rows.data + guess * vocabulary : nullptr;
  }
  /// So many of the guesses were right; the text, with the model's own next token, has as many tokens as `length` says.
  lathe_status learn(int64_t accepted, int64_t length, lathe_error *error);

private:
  lathe_status read(const int32_t *ids, int64_t count, float *logits, lathe_error *error);
  lathe_status failed(lathe_status status, const lathe_error &own, lathe_error *error) const;

  const lathe_generate_options &options;
  lathe_assistant &assistant;
  const int64_t vocabulary;
  int64_t mostTokens; // in a step
  double tokens;      // guesses in a step
  lathe_sequence *sequence = nullptr;
  const int32_t *prompt = nullptr;
  int64_t promptTokens = 0, prefix = 0, n_guesses = 0;
  bool isOver = false; // the text is longer than it can read
  Buffer<float> rows;  // of each guess that is drawn, else of the last
};

} // namespace lathe

#endif
