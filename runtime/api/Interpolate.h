// How much of each of `from` places along an axis one of `to` places is made of, as torch.nn.functional.interpolate has
// it where corners are not aligned.
#ifndef LATHE_RUNTIME_API_INTERPOLATE_H
#define LATHE_RUNTIME_API_INTERPOLATE_H

#include "lathe/program.h"

namespace lathe {

/// Writes `from` weights, which add up to 1, for place `at` of `to`. Without a way to resize both are the same number.
void interpolationWeights(lathe_resize resize, int64_t from, int64_t to, int64_t at, float *weights);

} // namespace lathe

#endif
