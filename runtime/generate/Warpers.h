// Which tokens a draw may choose: temperature, top-k, top-p, min-p, typical sampling and cutoffs, in the order of
// Transformers.
#ifndef LATHE_RUNTIME_GENERATE_WARPERS_H
#define LATHE_RUNTIME_GENERATE_WARPERS_H

#include "runtime/generate/Scratch.h"

namespace lathe {

/// Changes a row of scores in place: divides it by the temperature, then sets what is not to be drawn to -infinity.
/// `maxima` has the row's blocks' maxima, before and after; the greatest must be finite. `sums`: [blocks], overwritten.
/// Of scores that are equal at the edge, top-k, typical sampling and cutoffs keep all, as Transformers does; the others
/// keep the lowest ids, where Transformers keeps what its sort happens to leave. Time grows with the vocabulary, and
/// with the number of tokens under consideration: nothing is sorted.
void warpScores(const lathe_generate_options &options, float *row, float *maxima, double *sums, Scratch &scratch);

} // namespace lathe

#endif
