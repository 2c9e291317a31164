#include "runtime/generate/Continuation.h"

#include "runtime/core/Status.h"
#include "runtime/generate/GenerateOptions.h"
#include "runtime/generate/Processors.h"
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

lathe_status Continuation::advance(float *logits, lathe_error *error) {
  if (ended)
    return fail(error, LATHE_INVALID_ARGUMENT, "the text has ended: it takes no more logits");
  ended = true; // unless all goes well
  const int64_t vocabulary = scratch.vocabulary;
  float *maxima = scratch.maxima;
  if (!scratch.loops.maxima(logits, vocabulary, maxima))
    return fail(error, LATHE_INVALID_ARGUMENT, "token %lld: the model's logits are not all numbers",
                static_cast<long long>(n_ids));
  if (processScores(*options, {tokens, n_ids, promptLength}, nullptr, 0, logits, scratch))
    scratch.loops.maxima(logits, vocabulary, maxima);
  float peak = peakOf(maxima, scratch.blocks());
  if (!isFinite(peak))
    return fail(error, LATHE_INVALID_ARGUMENT, "token %lld: %s", static_cast<long long>(n_ids),
                peak > 0 ? "the model's logits have no greatest finite one"
                         : "neither the model nor the options leave a token that could be written");
  int64_t token;
  if (options->do_sample) {
    warpScores(*options, logits, maxima, scratch.sums, scratch);
    peak = peakOf(maxima, scratch.blocks());
    const float *row = logits, *blockMaxima = maxima;
    const float shift = 0;
    Candidate drawn;
    drawTokens({&row, &blockMaxima, &shift, 1, vocabulary, peak, scratch.sums, scratch.totals},
               {options->seed, sequence, uint32_t(n_ids - promptLength)}, 1, scratch.loops, &drawn);
    token = drawn.index;
  } else {
    token = firstPeak(logits, vocabulary, maxima, peak);
  }
  tokens[n_ids++] = int32_t(token);
  ended = n_ids == greatest || endsText(*options, int32_t(token));
  return LATHE_OK;
}

} // namespace lathe
