#include "runtime/generate/Continuation.h"

#include "runtime/core/Status.h"
#include "runtime/generate/GenerateOptions.h"
#include "runtime/generate/Sampler.h"
#include "runtime/generate/Warpers.h"

#include <string.h>

namespace lathe {

void Continuation::release() {
  if (tokens)
    allocator.release(allocator.user, tokens, size_t(greatest) * sizeof *tokens);
  tokens = nullptr;
  n_ids = 0;
  ended = true;
}

lathe_status Continuation::start(const int32_t *prompt, int64_t length, const lathe_generate_options &given,
                                 int64_t vocabulary, uint64_t number, lathe_error *error) {
  release();
  if (lathe_status status = checkWriting(given, prompt, length, vocabulary, error))
    return status;
  if (given.num_beams != 1)
    return fail(error, LATHE_INVALID_ARGUMENT, "num_beams is %d; without beam search it is 1", given.num_beams);
  options = &given;
  sequence = number;
  promptLength = length;
  greatest = greatestLength(given, length);
  if (scratch.reserve(vocabulary, 1))
    tokens = static_cast<int32_t *>(allocator.allocate(allocator.user, size_t(greatest) * sizeof *tokens));
  if (!tokens)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for a text of up to %lld tokens",
                static_cast<long long>(greatest));
  memcpy(tokens, prompt, size_t(length) * sizeof *prompt);
  n_ids = length;
  ended = false;
  return LATHE_OK;
}

History Continuation::history(int64_t guessed) const {
  const bool isFirst = sequence % uint64_t(options->num_return_sequences) == 0;
  return {tokens, n_ids + guessed, promptLength, source ? source : tokens, source ? n_source : promptLength, isFirst};
}

/// Makes logits of what follows so many guesses into the scores that a token is chosen by, the greatest of which is
/// `peak`; scratch.maxima are of these.
lathe_status Continuation::score(float *logits, int64_t guessed, float &peak, lathe_error *error) {
  const int64_t vocabulary = scratch.vocabulary;
  float *maxima = scratch.maxima;
  const long long place = n_ids + guessed;
  if (!scratch.loops.maxima(logits, vocabulary, maxima))
    return fail(error, LATHE_INVALID_ARGUMENT, "token %lld: the model's logits are not all numbers", place);
  if (processScores(*options, history(guessed), nullptr, 0, logits, scratch))
    scratch.loops.maxima(logits, vocabulary, maxima);
  peak = peakOf(maxima, scratch.blocks());
  if (lathe_status status = checkPeak(peak, guessed, error))
    return status;
  if (options->do_sample) {
    warpScores(*options, logits, maxima, scratch.sums, scratch);
    peak = peakOf(maxima, scratch.blocks());
  }
  return LATHE_OK;
}

lathe_status Continuation::checkPeak(float peak, int64_t guessed, lathe_error *error) const {
  if (isFinite(peak))
    return LATHE_OK;
  return fail(error, LATHE_INVALID_ARGUMENT, "token %lld: %s", static_cast<long long>(n_ids + guessed),
              peak > 0 ? "the model's logits have no greatest finite one"
                       : "neither the model nor the options leave a token that could be written");
}

/// The token with the greatest score, or one that is drawn under the number `drawnFor`.
int32_t Continuation::choose(const float *scores, int64_t guessed, uint64_t drawnFor, float peak) {
  if (!options->do_sample)
    return int32_t(firstPeak(scores, scratch.vocabulary, scratch.maxima, peak));
  const float *maxima = scratch.maxima;
  const float shift = 0;
  Candidate drawn;
  drawTokens({&scores, &maxima, &shift, 1, scratch.vocabulary, peak, scratch.sums, scratch.totals},
             {options->seed, drawnFor, uint32_t(n_ids + guessed - promptLength)}, 1, scratch.loops, &drawn);
  return int32_t(drawn.index);
}

void Continuation::take(int32_t token) {
  n_guesses = n_guesses && tokens[n_ids] == token ? n_guesses - 1 : 0;
  tokens[n_ids++] = token;
  ended = n_ids == greatest || endsText(*options, token);
}

/// A token is about to be chosen.
lathe_status Continuation::begin(lathe_error *error) {
  if (ended)
    return fail(error, LATHE_INVALID_ARGUMENT, "the text has ended: it takes no more logits");
  ended = true; // unless all goes well
  return LATHE_OK;
}

lathe_status Continuation::advance(float *logits, lathe_error *error) {
  if (lathe_status status = begin(error))
    return status;
  float peak;
  if (lathe_status status = score(logits, 0, peak, error))
    return status;
  take(choose(logits, 0, sequence, peak));
  return LATHE_OK;
}

lathe_status Continuation::advanceToBest(const float best[2], lathe_error *error) {
  if (lathe_status status = begin(error))
    return status;
  if (lathe_status status = checkPeak(best[0], 0, error))
    return status;
  take(int32_t(best[1]));
  return LATHE_OK;
}

lathe_status Continuation::guess(float *logits, lathe_error *error) {
  float peak;
  if (lathe_status status = score(logits, n_guesses, peak, error))
    return status;
  // Under another number, so that whether a guess is accepted does not depend on how it was drawn.
  tokens[n_ids + n_guesses] = choose(logits, n_guesses, ~sequence, peak);
  softmax(logits, scratch.vocabulary, scratch.maxima, scratch.sums, scratch.loops);
  ++n_guesses;
  return LATHE_OK;
}

lathe_status Continuation::verify(float *logits, const float *probabilities, bool &accepted, lathe_error *error) {
  if (!ended && !n_guesses)
    return fail(error, LATHE_INVALID_ARGUMENT, "there is no guess that could be verified");
  if (lathe_status status = begin(error))
    return status;
  float peak;
  if (lathe_status status = score(logits, 0, peak, error))
    return status;
  const int32_t guess = tokens[n_ids];
  int32_t token;
  if (!options->do_sample) {
    token = choose(logits, 0, sequence, peak);
    accepted = token == guess;
  } else {
    softmax(logits, scratch.vocabulary, scratch.maxima, scratch.sums, scratch.loops);
    const DrawKey key = {options->seed, sequence, uint32_t(n_ids - promptLength)};
    accepted = uniformNumber(key, 1) * double(probabilities[guess]) < double(logits[guess]);
    token = accepted ? guess : drawFromRest(logits, probabilities, uniformNumber(key, 0));
  }
  if (!accepted)
    n_guesses = 0;
  take(token);
  return LATHE_OK;
}

/// Draws from what a token's probability is above that with which it is guessed; where rounding leaves nothing of that,
/// from its probability.
int32_t Continuation::drawFromRest(const float *own, const float *guessed, double uniform) {
  const auto above = [&](int64_t i) { return own[i] > guessed[i] ? double(own[i] - guessed[i]) : 0; };
  double rest = 0, all = 0;
  for (int64_t i = 0; i < scratch.vocabulary; ++i) {
    rest += above(i);
    all += double(own[i]);
  }
  double target = uniform * (rest > 0 ? rest : all);
  int32_t last = 0; // that can be drawn
  for (int64_t i = 0; i < scratch.vocabulary && target >= 0; ++i)
    if (const double weight = rest > 0 ? above(i) : double(own[i]); weight > 0) {
      target -= weight;
      last = int32_t(i);
    }
  return last;
}

} // namespace lathe
