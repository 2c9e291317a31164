// Arrays of a context's memory.
#ifndef LATHE_RUNTIME_GENERATE_ARRAY_H
#define LATHE_RUNTIME_GENERATE_ARRAY_H

#include "runtime/core/Status.h"

#include <string.h>

namespace lathe {

/// An array of a context's memory, filled with zeros.
template <typename T> class Array {
public:
  Array(const lathe_allocator &allocator, int64_t size)
      : allocator(allocator), size(size),
        data(static_cast<T *>(allocator.allocate(allocator.user, size_t(size ? size : 1) * sizeof(T)))) {
    if (data)
      memset(static_cast<void *>(data), 0, size_t(size) * sizeof(T));
  }
  ~Array() {
    if (data)
      allocator.release(allocator.user, static_cast<void *>(data), size_t(size ? size : 1) * sizeof(T));
  }
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;
  T &operator[](int64_t index) const { return data[index]; }

private:
  const lathe_allocator &allocator;
  const int64_t size;

public:
  T *const data; ///< null: there was no memory
};

inline lathe_status noMemoryForTexts(lathe_error *error) {
  return fail(error, LATHE_OUT_OF_MEMORY, "no memory for the texts that are to be written");
}

} // namespace lathe

#endif
