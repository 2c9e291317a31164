// Pages of a cache: blocks of memory of one size, each with as many owners as share it.
#ifndef LATHE_RUNTIME_CORE_PAGEPOOL_H
#define LATHE_RUNTIME_CORE_PAGEPOOL_H

#include "lathe/abi.h"

namespace lathe {

class PagePool {
public:
  /// With the caller's allocator, if there is one, each page is allocated for itself; else pages come out of mappings
  /// that double what there is, whose memory follows use. GPT-2's 16 tokens are 1.2 MB, read in pieces of a few KB:
  /// in huge pages of the system, 16 texts in int8 take 7.2 ms a token each, without them 8.4.
  explicit PagePool(const lathe_allocator *allocator) : allocator(allocator) {}
  /// Gives back all memory; no page may have an owner.
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
  /// Memory as it was allocated: this, and pages with their headers behind it.
  struct alignas(64) Slab {
    Slab *next;
    size_t bytes;
  };
  static Header *headerOf(void *page) { return static_cast<Header *>(page) - 1; }
  int64_t blockBytes() const { return int64_t(sizeof(Header)) + pageBytes; }
  bool addSlab();
  void *take();

  const lathe_allocator *allocator;
  int64_t pageBytes = 0, inUse = 0, allocated = 0; ///< the latter in pages
  Header *unowned = nullptr;
  Slab *slabs = nullptr;
  uint8_t *untouched = nullptr; ///< of the first slab, pages that nobody has had
  int64_t untouchedPages = 0;
};

} // namespace lathe

#endif
