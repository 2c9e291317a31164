// Generated code runs with one MXCSR whatever the app has set: round to nearest, no traps, denormals as zero. The
// caller's value is back when the scope ends.
#ifndef LATHE_RUNTIME_CORE_FLOATENVIRONMENT_H
#define LATHE_RUNTIME_CORE_FLOATENVIRONMENT_H

#include <xmmintrin.h>

namespace lathe {

class FloatEnvironment {
public:
  FloatEnvironment() : saved(_mm_getcsr()) { _mm_setcsr(ours); }
  ~FloatEnvironment() { _mm_setcsr(saved); }
  FloatEnvironment(const FloatEnvironment &) = delete;
  FloatEnvironment &operator=(const FloatEnvironment &) = delete;

private:
  // Exceptions masked (0x1f80), flush to zero (0x8000), denormals are zero (0x0040); rounding bits 0: to nearest.
  static constexpr unsigned ours = 0x9fc0;
  unsigned saved;
};

} // namespace lathe

#endif
