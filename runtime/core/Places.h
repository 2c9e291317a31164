// Arrays in working memory, one behind the other.
#ifndef LATHE_RUNTIME_CORE_PLACES_H
#define LATHE_RUNTIME_CORE_PLACES_H

#include "runtime/core/FrameSize.h"

namespace lathe {

struct Places {
  Checked total = 0;

  /// Where the next array begins.
  int64_t place(Checked bytes) {
    const int64_t offset = total.value;
    total += bytes.roundUp(cacheLine);
    return offset;
  }
};

} // namespace lathe

#endif
