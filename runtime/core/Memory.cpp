#include "runtime/core/Memory.h"

#include "runtime/core/Status.h"

#include <stdlib.h>
#include <sys/mman.h>

namespace lathe {
namespace {

constexpr size_t alignment = 64;

void *allocateFromHeap(void *, size_t bytes) {
  if (bytes > SIZE_MAX - alignment)
    return nullptr;
  return aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1)); // its size must be a multiple
}

void releaseToHeap(void *, void *memory, size_t) { free(memory); }

} // namespace

const lathe_allocator heapAllocator = {allocateFromHeap, releaseToHeap, nullptr};

lathe_status chooseAllocator(const lathe_allocator *given, lathe_allocator &chosen, lathe_error *error) {
  chosen = given ? *given : heapAllocator;
  if (!chosen.allocate || !chosen.release)
    return fail(error, LATHE_INVALID_ARGUMENT, "the allocator has no %s function; it needs allocate and release",
                chosen.allocate ? "release" : "allocate");
  return LATHE_OK;
}

void preferHugePages(void *memory, size_t bytes) {
  constexpr size_t hugePage = 2 << 20;
  if (bytes >= 2 * hugePage) // less cannot be worth the page that rounding may add
    madvise(memory, bytes, MADV_HUGEPAGE);
}

void *mapMemory(size_t bytes) {
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return nullptr;
  preferHugePages(memory, bytes);
  return memory;
}

WorkingMemory::~WorkingMemory() { release(); }

void WorkingMemory::release() {
  if (!memory)
    return;
  if (allocator)
    allocator->release(allocator->user, memory, capacity);
  else
    munmap(memory, capacity);
  memory = nullptr;
  capacity = 0;
}

uint8_t *WorkingMemory::reserve(size_t bytes) {
  if (bytes <= capacity)
    return static_cast<uint8_t *>(memory);
  // A quarter more than asked for, so that slowly growing runs do not move every time. Untouched pages cost nothing;
  // from a caller's allocator they would, so there it is exact.
  constexpr size_t page = 4096;
  if (bytes > SIZE_MAX / 2)
    return nullptr;
  if (allocator) {
    release();
    memory = allocator->allocate(allocator->user, bytes);
    capacity = memory ? bytes : 0;
  } else {
    size_t wanted = (bytes + bytes / 4 + page - 1) & ~(page - 1);
    // mremap moves page tables, not bytes, and keeps the pages already touched.
    void *grown = memory ? mremap(memory, capacity, wanted, MREMAP_MAYMOVE) : mapMemory(wanted);
    if (!grown || grown == MAP_FAILED)
      return nullptr; // what was there before is still valid, and still ours
    memory = grown;
    capacity = wanted;
    preferHugePages(memory, capacity);
  }
  return static_cast<uint8_t *>(memory);
}

} // namespace lathe
