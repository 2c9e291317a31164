// Numbers of a caller's arrays, which have types of the caller's choice and need not be aligned.
#ifndef LATHE_RUNTIME_API_CALLERSARRAYS_H
#define LATHE_RUNTIME_API_CALLERSARRAYS_H

#include "lathe/abi.h"

#include <string.h>

namespace lathe {

template <typename T> T load(const void *array, int64_t index) {
  T value;
  memcpy(&value, static_cast<const char *>(array) + index * int64_t(sizeof(T)), sizeof(T));
  return value;
}

inline int64_t integerAt(const lathe_tensor &tensor, int64_t index) {
  switch (tensor.dtype) {
  case LATHE_I64:
    return load<int64_t>(tensor.data, index);
  case LATHE_U8:
    return load<uint8_t>(tensor.data, index);
  default:
    return load<int32_t>(tensor.data, index);
  }
}

} // namespace lathe

#endif
