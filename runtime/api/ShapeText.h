// A tensor's shape for messages: "[2, 5]".
#ifndef LATHE_RUNTIME_API_SHAPETEXT_H
#define LATHE_RUNTIME_API_SHAPETEXT_H

#include "lathe/abi.h"

#include <stdio.h>

namespace lathe {

struct ShapeText {
  char text[160];
  explicit ShapeText(const lathe_tensor &tensor) {
    size_t length = size_t(snprintf(text, sizeof text, "["));
    for (int32_t i = 0; i < tensor.rank; ++i)
      length += size_t(snprintf(text + length, sizeof text - length, "%s%lld", i ? ", " : "",
                                static_cast<long long>(tensor.shape[i])));
    snprintf(text + length, sizeof text - length, "]");
  }
};

} // namespace lathe

#endif
