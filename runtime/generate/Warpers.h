// Which tokens a draw may choose: temperature, top-k, top-p, min-p and typical sampling, in the order of Transformers.
#ifndef LATHE_RUNTIME_GENERATE_WARPERS_H
#define LATHE_RUNTIME_GENERATE_WARPERS_H

#include "runtime/generate/Scratch.h"

namespace lathe {

/// Changes a row of scores in place: divides it by the temperature, then sets what is not to be drawn to -infinity.
/// `maxima` has the row's blocks' maxima, before and after; the greatest must be finite. `sums`: [blocks], overwritten.
/// Of equal scores those stay that Transformers keeps on the CPU: all at the edge of top-k and typical sampling, the
/// last ones of top-p, the first ones of min-p. Time grows with the vocabulary, and with the number of tokens under
/// consideration: nothing is sorted.
void warpScores(const lathe_generate_options &options, float *row, float *maxima, double *sums, Scratch &scratch);

} // namespace lathe

#endif
