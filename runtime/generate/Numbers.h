// Exponentials and logarithms for choosing tokens. Not libm's: its bits depend on the machine's libc, and a loop that
// calls it is not vectorised.
#ifndef LATHE_RUNTIME_GENERATE_NUMBERS_H
#define LATHE_RUNTIME_GENERATE_NUMBERS_H

#include <stdint.h>

namespace lathe {

constexpr float infinity = __builtin_inff();

inline bool isFinite(double value) { return value > -__builtin_inf() && value < __builtin_inf(); }

template <typename To, typename From> inline To bitsAs(From value) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, value);
}

/// Below it floats begin to lose digits.
constexpr float leastExponent = -87;

/// e^x for x <= 0, within 2 units in the last place; 0 up to leastExponent. Without branches, so that loops of it are
/// vectorised, and with fused operations where the code is compiled for them: a third fewer.
__attribute__((always_inline)) inline float expOfNegative(float x) {
#pragma clang fp contract(on)
  const float clamped = x > leastExponent ? x : leastExponent;
  // Adding 1.5 * 2^23 rounds to an integer, which is then found in the lowest bits.
  const float shifted = clamped * 1.44269504f + 12582912.0f, n = shifted - 12582912.0f;
  // ln 2 in two parts; a product of n and the first, of 9 bits, is exact.
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float series = 1.0f / 5040; // Taylor's to r^7: with |r| <= ln 2 / 2 what is left out is below 1e-8
  series = series * r + 1.0f / 720;
  series = series * r + 1.0f / 120;
  series = series * r + 1.0f / 24;
  series = series * r + 1.0f / 6;
  series = series * r + 0.5f;
  series = series * (r * r) + r;
  series += 1.0f;
  const float scaled = bitsAs<float>(bitsAs<uint32_t>(series) + (bitsAs<uint32_t>(shifted) << 23));
  return x > leastExponent ? scaled : 0.0f;
}

/// The natural logarithm of a positive, finite, normal number.
double logOf(double x);

/// base to the power of `exponent`, for a base of at least 1; 0 or infinity where it is out of range.
double powerOf(double base, double exponent);

} // namespace lathe

#endif
