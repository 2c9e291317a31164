// The texts of one prompt, and what the model keeps of each: beams, or texts that are written side by side.
#ifndef LATHE_RUNTIME_GENERATE_PROMPTTEXTS_H
#define LATHE_RUNTIME_GENERATE_PROMPTTEXTS_H

#include "runtime/generate/Array.h"
#include "runtime/generate/Assistant.h"
#include "runtime/generate/Beams.h"
#include "runtime/generate/Continuation.h"
#include "runtime/generate/Prompts.h"
#include "runtime/generate/Stepper.h"
#include "runtime/generate/StopStrings.h"
#include "runtime/generate/TextStream.h"

namespace lathe {

/// What every prompt's texts are written with.
struct Shared {
  lathe_context &context;
  const lathe_generate_options &options;
  Scratch &scratch;
  StopStrings &stop;
  int64_t vocabulary;
  const Prompts *sources; // what an encoder reads; null without one
  bool onlyBest;          // what takesBest(options) says
};

/// One text that is written token by token, greedily or by draws.
struct Text {
  explicit Text(Shared &shared);

  Continuation continuation;
  TextStream stream;
  bool isStopped = false;
};

/// The texts of one prompt.
class PromptTexts {
public:
  /// `tokens` are those of the prompt that the model reads, the first `prefix` of them in both directions.
  PromptTexts(Shared &shared, const int32_t *prompt, int64_t length, const int32_t *tokens, int64_t tokenCount,
              int64_t prefix, size_t number);
  ~PromptTexts();

  /// The texts go on from `begun`, which these take, or else from nothing.
  lathe_status start(lathe_sequence *begun, lathe_error *error);
  /// Rows of logits that the next advance() wants; 0 when all texts have ended. Lists what they follow.
  int64_t listItems(Item *items);
  /// Rows are of a Stepper with the same `onlyBest`.
  lathe_status advance(float *rows, lathe_error *error);
  /// Once started, writes the one text to its end, in steps that also read what the options' assistant guesses.
  lathe_status writeAssisted(lathe_error *error);
  lathe_status take(lathe_generated *results, lathe_error *error) const;

private:
  lathe_status startTexts(lathe_error *error);
  lathe_status readUnwritten(int64_t guesses, float *logits, lathe_error *error);
  lathe_status acceptGuesses(Assistant &assistant, int64_t guesses, float *logits, lathe_error *error);
  lathe_status follow(lathe_error *error);
  lathe_status advanceText(int64_t index, float *row, lathe_error *error);
  lathe_status tellOf(int64_t index, lathe_error *error);
  lathe_status say(Text &text, int64_t index, int32_t id, lathe_error *error);
  int64_t rowWidth() const { return shared.onlyBest ? 2 : shared.vocabulary; }
  bool isLive(int64_t index) const { return !texts[index].continuation.done() && !texts[index].isStopped; }

  Shared &shared;
  const int32_t *const prompt; // which counts in lengths and penalties with its padding
  const int64_t length;
  const int32_t *const tokens;
  const int64_t tokenCount, prefix;
  const size_t number;
  const lathe_generate_options options;
  const bool isSearch;
  const int64_t width;
  bool begun = false;
  BeamSearch search;
  Array<Text> texts;
  Array<lathe_sequence *> sequences, former; // of beams and texts by number; null: not live
};

} // namespace lathe

#endif
