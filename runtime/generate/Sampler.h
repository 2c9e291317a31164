// Draws of tokens. What is drawn is a function of the seed, the sequence's number and the step alone, so that a text
// does not depend on what else is written with it.
#ifndef LATHE_RUNTIME_GENERATE_SAMPLER_H
#define LATHE_RUNTIME_GENERATE_SAMPLER_H

#include "runtime/generate/Rows.h"
#include "runtime/generate/Select.h"

namespace lathe {

/// Which draw: `step` counts the tokens that a sequence has got so far.
struct DrawKey {
  uint64_t seed;
  uint64_t sequence;
  uint32_t step;
};

/// The `number`th of the uniform numbers of a step, in [0, 1), of 53 bits: philox({number, step, sequence}, seed).
double uniformNumber(const DrawKey &key, uint32_t number);

/// Rows of scores from which one set of tokens is drawn. A token's probability is the softmax, over all rows, of its
/// score plus its row's shift.
struct DrawnRows {
  const float *const *rows;
  const float *const *maxima; // of each row's blocks
  const float *shifts;
  int64_t n_rows;
  int64_t size;
  float peak;     // the greatest row[i] + shift, finite
  double *sums;   // [n_rows][blocks], overwritten
  double *totals; // [n_rows], overwritten
};

/// Draws n of the rows' tokens without replacement, each from what the earlier ones have left, into `drawn`: the index
/// is row * size + token, the score that with the shift. Should fewer have a probability, others follow, as they do
/// from torch.multinomial: those whose probability is too small for a float, then those with none, lowest index first.
/// n must be at most n_rows * size.
void drawTokens(const DrawnRows &from, const DrawKey &key, int64_t n, const RowLoops &loops, Candidate *drawn);

} // namespace lathe

#endif
