// What the options do to one sequence's scores before a token is chosen: penalties, bans and forced tokens.
// Transformers' logits processors, in its order.
#ifndef LATHE_RUNTIME_GENERATE_PROCESSORS_H
#define LATHE_RUNTIME_GENERATE_PROCESSORS_H

#include "runtime/generate/Scratch.h"

namespace lathe {

/// A sequence so far.
struct History {
  const int32_t *ids; // the prompt's first
  int64_t length;
  int64_t promptLength;
  const int32_t *source; // what is read: the prompt or, of models with an encoder, what that reads
  int64_t sourceLength;
  bool isFirst; // of a prompt's texts, or of the beams of a group
};

/// Changes a row of scores [vocabulary] in place: logits where one sequence is written, their logSoftmax in beam
/// search. `chosen` are the `n_chosen` tokens that earlier groups of beams have taken in this step. Options must have
/// passed checkGenerateOptions, and ids of the history be of the vocabulary. False if it has left the row as it was.
bool processScores(const lathe_generate_options &options, const History &history, const int32_t *chosen,
                   int64_t n_chosen, float *row, Scratch &scratch);

/// Whether the options leave it to logits alone which token comes next: the one with the greatest.
bool takesBest(const lathe_generate_options &options);

/// logits - log(sum of exp(logits)), in place. `maxima` has the row's blocks' maxima, before and after; the greatest of
/// them must be finite. `sums`: [blocks], overwritten.
void logSoftmax(float *row, int64_t size, float *maxima, double *sums, const RowLoops &loops);

/// The scores' probabilities, in place; otherwise the same.
void softmax(float *row, int64_t size, const float *maxima, double *sums, const RowLoops &loops);

} // namespace lathe

#endif
