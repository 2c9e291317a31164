// Pages of a cache: blocks of memory of one size, each with as many owners as share it.
#ifndef LATHE_RUNTIME_CORE_PAGEPOOL_H
#define LATHE_RUNTIME_CORE_PAGEPOOL_H

#include "lathe/abi.h"

namespace lathe {

class PagePool {
public:
  explicit PagePool(const lathe_allocator &allocator) : allocator(allocator) {}
  /// Gives back all pages, of which none may have an owner.
  ~PagePool();
  PagePool(const PagePool &) = delete;
  PagePool &operator=(const PagePool &) = delete;

  /// Once, before the first page.
  void setPageBytes(int64_t bytes) { pageBytes = bytes; }

  /// A page of zeros, 64-byte aligned, with one owner; null where there is no memory.
  void *acquire();
  /// A page with the same bytes, likewise.
  void *copy(const void *page);
  /// One more owner, and one less. A page without an owner waits for the next that acquires one.
  void share(void *page) { ++headerOf(page)->owners; }
  void release(void *page);
  bool isShared(const void *page) const { return headerOf(const_cast<void *>(page))->owners > 1; }

  /// Of pages that have owners.
  int64_t bytesInUse() const { return inUse * pageBytes; }

private:
  /// Stands in front of every page.
  struct alignas(64) Header {
    Header *next; ///< of pages without an owner
    int64_t owners;
  };
  static Header *headerOf(void *page) { return static_cast<Header *>(page) - 1; }
  size_t blockBytes() const { return sizeof(Header) + size_t(pageBytes); }
  void *take();

  const lathe_allocator &allocator;
  int64_t pageBytes = 0, inUse = 0;
  Header *unowned = nullptr;
};

} // namespace lathe

#endif
