// Sine and cosine for filters of images. Not libm's: its bits depend on the machine's libc.
#ifndef LATHE_RUNTIME_VISION_SINE_H
#define LATHE_RUNTIME_VISION_SINE_H

#include <stdint.h>

namespace lathe {

constexpr double pi = 3.14159265358979323846;

/// sin(pi x) for |x| < 2^50, within 3e-16.
inline double sineOfPi(double x) {
  // x = n + r with |r| <= 1/2; both are exact. Each half turn changes the sign.
  const int64_t n = int64_t(x < 0 ? x - 0.5 : x + 0.5);
  const double r = pi * (x - double(n)), square = r * r;
  double series = 0; // Taylor's to r^21: what is left out is below 2e-17
  for (int term = 10; term > 0; --term)
    series = (1 + series) * (-square / double((2 * term) * (2 * term + 1)));
  const double sine = r + r * series;
  return n % 2 ? -sine : sine;
}

inline double cosineOfPi(double x) { return sineOfPi(x + 0.5); }

} // namespace lathe

#endif
