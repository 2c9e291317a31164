#include "runtime/generate/Numbers.h"

namespace lathe {
namespace {

constexpr double ln2High = 0x1.62e42fefap-1, ln2Low = 0x1.cf79abc9e3b398p-40; // products of the first with n are exact

double expOf(double x) {
  if (x > 709)
    return __builtin_inf();
  if (!(x > -708))
    return 0;
  const double shifted = x * 1.4426950408889634 + 0x1.8p52, n = shifted - 0x1.8p52;
  const double r = (x - n * ln2High) - n * ln2Low;
  double sum = 1;
  for (int i = 14; i > 0; --i) // Taylor's series by Horner's rule
    sum = 1 + sum * r / i;
  return bitsAs<double>(bitsAs<uint64_t>(sum) + (bitsAs<uint64_t>(shifted) << 52));
}

} // namespace

double logOf(double x) {
  // x = m * 2^exponent with m in [sqrt(1/2), sqrt(2)), and ln m by the series of the inverse hyperbolic tangent.
  constexpr uint64_t rootOfHalf = 0x3fe6a09e667f3bcd;
  const uint64_t bits = bitsAs<uint64_t>(x);
  const int64_t exponent = int64_t(bits - rootOfHalf) >> 52;
  const double m = bitsAs<double>(bits - (uint64_t(exponent) << 52));
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int i = 23; i > 0; i -= 2)
    sum = sum * square + 1.0 / i;
  return double(exponent) * ln2High + (2 * s * sum + double(exponent) * ln2Low);
}

double powerOf(double base, double exponent) { return expOf(exponent * logOf(base)); }

} // namespace lathe
