// A growing array over the caller's allocator. Running out of memory is remembered, not reported at each push: loops
// stay readable, and their caller asks `failed` once at the end.
#ifndef LATHE_RUNTIME_TOKENIZER_BUFFER_H
#define LATHE_RUNTIME_TOKENIZER_BUFFER_H

#include "lathe/abi.h"

#include <string.h>

namespace lathe {

/// T must be trivially copyable.
template <typename T> struct Buffer {
  const lathe_allocator &allocator;
  T *data = nullptr;
  size_t size = 0, capacity = 0;
  bool failed = false;

  explicit Buffer(const lathe_allocator &allocator) : allocator(allocator) {}
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer() {
    if (data)
      allocator.release(allocator.user, data, capacity * sizeof(T));
  }

  /// Makes room for `extra` more elements; false when there is no memory.
  bool reserve(size_t extra) {
    if (capacity - size >= extra)
      return true;
    size_t wanted = size + extra + size / 2 + 64;
    T *grown = static_cast<T *>(allocator.allocate(allocator.user, wanted * sizeof(T)));
    if (!grown) {
      failed = true;
      return false;
    }
    if (data) {
      memcpy(grown, data, size * sizeof(T));
      allocator.release(allocator.user, data, capacity * sizeof(T));
    }
    data = grown;
    capacity = wanted;
    return true;
  }
  void push(const T &element) {
    if (reserve(1))
      data[size++] = element;
  }
};

/// Exchanges what two buffers of one allocator hold.
template <typename T> void swapContents(Buffer<T> &a, Buffer<T> &b) {
  T *data = a.data;
  size_t size = a.size, capacity = a.capacity;
  a.data = b.data;
  a.size = b.size;
  a.capacity = b.capacity;
  b.data = data;
  b.size = size;
  b.capacity = capacity;
}

} // namespace lathe

#endif
