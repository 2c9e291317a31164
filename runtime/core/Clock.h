// Time for profiles.
#ifndef LATHE_RUNTIME_CORE_CLOCK_H
#define LATHE_RUNTIME_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

namespace lathe {

/// Nanoseconds, never going back, the same for all threads.
inline int64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

} // namespace lathe

#endif
