// Size arithmetic that cannot wrap silently: every byte count that depends on a caller's shape or on a file goes
// through this. A sum that overflowed stays overflowed, so a formula is checked once, at its end.
#ifndef LATHE_RUNTIME_CORE_CHECKED_H
#define LATHE_RUNTIME_CORE_CHECKED_H

#include <stdint.h>

namespace lathe {

struct Checked {
  int64_t value = 0;
  bool valid = true;

  Checked() = default;
  Checked(int64_t v) : value(v), valid(v >= 0) {}

  friend Checked operator+(Checked a, Checked b) {
    Checked sum;
    sum.valid = !__builtin_add_overflow(a.value, b.value, &sum.value) && a.valid && b.valid;
    return sum;
  }
  friend Checked operator*(Checked a, Checked b) {
    Checked product;
    product.valid = !__builtin_mul_overflow(a.value, b.value, &product.value) && a.valid && b.valid;
    return product;
  }
  Checked &operator+=(Checked b) { return *this = *this + b; }

  /// Rounded up to a multiple of `quantum`, a power of two.
  Checked roundUp(int64_t quantum) const {
    Checked rounded = *this + Checked(quantum - 1);
    rounded.value &= ~(quantum - 1);
    return rounded;
  }
};

} // namespace lathe

#endif
