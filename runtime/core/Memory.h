// Where the runtime's memory comes from: the caller's allocator, the C library, or pages of the operating system.
#ifndef LATHE_RUNTIME_CORE_MEMORY_H
#define LATHE_RUNTIME_CORE_MEMORY_H

#include "lathe/abi.h"

namespace lathe {

/// The C library's aligned_alloc and free.
extern const lathe_allocator heapAllocator;

/// The caller's allocator, or the heap when there is none. Either function missing is an error.
lathe_status chooseAllocator(const lathe_allocator *given, lathe_allocator &chosen, lathe_error *error);

/// Asks for 2 MB pages where the kernel has them to give, for a mapping of several; without them, nothing changes.
/// Walks of page tables are a part of streaming weights: 16 tokens of BERT-base take 7.4 ms with huge pages, 8.0
/// without. A file gets them, shared between processes as ever, if it was written or is read anew in pieces of their
/// size.
void preferHugePages(void *memory, size_t bytes);

/// Pages of the operating system, huge ones if it has them, which it hands out as they are touched; null where there
/// are none. Given back by munmap.
void *mapMemory(size_t bytes);

/// Working memory that grows to the largest size asked for and keeps it. Contents do not survive growth.
/// From the caller's allocator if there is one; else pages, which the kernel hands out as they are touched, so that
/// resident memory follows what runs have used.
class WorkingMemory {
public:
  explicit WorkingMemory(const lathe_allocator *allocator) : allocator(allocator) {}
  ~WorkingMemory();
  WorkingMemory(const WorkingMemory &) = delete;
  WorkingMemory &operator=(const WorkingMemory &) = delete;

  /// At least `bytes`, 64-byte aligned, or null. The memory stays this object's.
  uint8_t *reserve(size_t bytes);

private:
  void release();

  const lathe_allocator *allocator;
  void *memory = nullptr;
  size_t capacity = 0;
};

} // namespace lathe

#endif
