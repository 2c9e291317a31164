// One text, written token by token: greedily or by draws.
#ifndef LATHE_RUNTIME_GENERATE_CONTINUATION_H
#define LATHE_RUNTIME_GENERATE_CONTINUATION_H

#include "runtime/generate/Processors.h"

namespace lathe {

class Continuation {
public:
  Continuation(const lathe_allocator &allocator, Scratch &scratch) : allocator(allocator), scratch(scratch) {}
  ~Continuation() { release(); }
  Continuation(const Continuation &) = delete;
  Continuation &operator=(const Continuation &) = delete;

  /// Begins a text; options with num_beams 1. They, with what they point to, must live as long as this. `sequence` is
  /// the number that draws are made for: one for each of the texts that a prompt gets. All memory is taken here.
  lathe_status start(const int32_t *prompt, int64_t promptLength, const lathe_generate_options &options,
                     int64_t vocabulary, uint64_t sequence, lathe_error *error);

  /// Says that an encoder has read these, which must live as long as this; otherwise what is read is the prompt.
  void setSource(const int32_t *ids, int64_t n) { source = ids, n_source = n; }

  /// Whether the text has ended: by one of eos_ids, which is its last then, at its greatest length, or by an error.
  bool done() const { return ended; }
  /// The prompt's tokens, and those written.
  const int32_t *ids() const { return tokens; }
  int64_t length() const { return n_ids; }

  /// Chooses the next token by the logits [vocabulary], which may be overwritten.
  lathe_status advance(float *logits, lathe_error *error);
  /// Takes the token with the greatest logit, where takesBest(options): `best` is that logit, and the token.
  lathe_status advanceToBest(const float best[2], lathe_error *error);

  /// Guesses the token behind those already guessed, by another model's logits, in whose place every token's
  /// probability stands then; as many as roomForGuesses() says at most. After an error there is no guess more than
  /// before.
  lathe_status guess(float *logits, lathe_error *error);
  int64_t guesses() const { return n_guesses; }
  int64_t roomForGuesses() const { return greatest - n_ids - 1; }
  int32_t guessed(int64_t index) const { return tokens[n_ids + index]; }
  /// Chooses the next token, of which there is a guess: greedily as advance() does, otherwise so that it has the
  /// probabilities that draws of advance() have; then `probabilities` are those that guess() left in its row. Sets
  /// `accepted` if it is the guess; if not, there are no guesses any more.
  lathe_status verify(float *logits, const float *probabilities, bool &accepted, lathe_error *error);

private:
  void release();
  History history(int64_t guessed) const;
  lathe_status begin(lathe_error *error);
  lathe_status score(float *logits, int64_t guessed, float &peak, lathe_error *error);
  int32_t choose(const float *logits, int64_t guessed, uint64_t drawnFor, float peak);
  int32_t drawFromRest(const float *own, const float *guessed, double uniform);
  void take(int32_t token);
  lathe_status checkPeak(float peak, int64_t guessed, lathe_error *error) const;

  const lathe_allocator &allocator;
  Scratch &scratch;
  int32_t *tokens = nullptr;
  const int32_t *source = nullptr;
  int64_t n_source = 0;
  const lathe_generate_options *options = nullptr;
  uint64_t sequence = 0;
  int64_t promptLength = 0, n_ids = 0, greatest = 0;
  int64_t n_guesses = 0; // in `tokens`, behind n_ids
  bool ended = true;
};

} // namespace lathe

#endif
