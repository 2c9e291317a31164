// Which pixels of a line of an image make each of a longer or shorter one, and by what weights: bit for bit Pillow's,
// whose results hang on how each weight is rounded.
#ifndef LATHE_RUNTIME_VISION_RESAMPLE_H
#define LATHE_RUNTIME_VISION_RESAMPLE_H

#include "lathe/program.h"

namespace lathe {

/// A line of `in` pixels that becomes one of `out`, of which `count` are wanted, from pixel `begin` on. Those outside
/// of it are black.
struct ResampledLine {
  lathe_resample filter;
  int64_t in, out;
  int64_t begin, count;
};

/// The most pixels that count for one of the result; at least 1, at most `in`.
int64_t tapsOf(const ResampledLine &line);

/// For each pixel of the result the number of the first that counts, `taps` of them, and their weights with 22 bits
/// behind the point; all taps lie within the line. `exact` is room for `taps` numbers.
void tabulate(const ResampledLine &line, int64_t taps, int32_t *first, int32_t *weights, double *exact);

} // namespace lathe

#endif
