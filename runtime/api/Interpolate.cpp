#include "runtime/api/Interpolate.h"

#include <string.h>

namespace lathe {
namespace {

/// The cubic convolution kernel (Keys 1981) at a distance, 0 from 2 on; `a` is its slope at 1.
double cubic(double distance, double a) {
  const double x = distance < 0 ? -distance : distance;
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

int64_t floorOf(double x) {
  const int64_t whole = int64_t(x);
  return double(whole) > x ? whole - 1 : whole;
}

/// Four neighbours; those beyond either end count as the last place there.
void bicubic(int64_t from, double scale, int64_t at, float *weights) {
  constexpr double slope = -0.75;
  const double center = (double(at) + 0.5) * scale - 0.5;
  const int64_t first = floorOf(center) - 1;
  for (int64_t i = first; i < first + 4; ++i)
    weights[i < 0 ? 0 : i < from ? i : from - 1] += float(cubic(double(i) - center, slope));
}

/// As many neighbours as become one; there are none beyond the ends, and those there are add up to 1.
void antialiased(int64_t from, double scale, int64_t at, float *weights) {
  constexpr double slope = -0.5;
  const double stretch = scale > 1 ? scale : 1, reach = 2 * stretch, center = (double(at) + 0.5) * scale;
  int64_t first = int64_t(center - reach + 0.5), end = int64_t(center + reach + 0.5);
  first = center - reach + 0.5 < 0 ? 0 : first;
  end = end < from ? end : from;
  double sum = 0;
  for (int64_t i = first; i < end; ++i)
    sum += cubic((double(i) + 0.5 - center) / stretch, slope);
  for (int64_t i = first; i < end; ++i)
    weights[i] = float(cubic((double(i) + 0.5 - center) / stretch, slope) / sum);
}

} // namespace

void interpolationWeights(lathe_resize resize, int64_t from, int64_t to, int64_t at, float *weights) {
  memset(weights, 0, size_t(from) * sizeof(float));
  const double scale = double(from) / double(to);
  if (from == to)
    weights[at] = 1;
  else if (resize == LATHE_RESIZE_BICUBIC)
    bicubic(from, scale, at, weights);
  else
    antialiased(from, scale, at, weights);
}

} // namespace lathe
