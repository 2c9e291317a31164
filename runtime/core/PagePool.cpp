#include "runtime/core/PagePool.h"

#include "runtime/core/Checked.h"
#include "runtime/core/Memory.h"

#include <new>
#include <string.h>
#include <sys/mman.h>

namespace lathe {

PagePool::~PagePool() {
  while (slabs) {
    Slab *slab = slabs;
    slabs = slab->next;
    if (allocator)
      allocator->release(allocator->user, slab, slab->bytes);
    else
      munmap(slab, slab->bytes);
  }
}

/// Has untouched pages, of which there are none.
bool PagePool::addSlab() {
  constexpr int64_t fewest = 4;
  const int64_t pages = allocator ? 1 : allocated < fewest ? fewest : allocated;
  const Checked bytes = Checked(pages) * blockBytes() + sizeof(Slab);
  if (!bytes.valid)
    return false;
  void *memory = allocator ? allocator->allocate(allocator->user, size_t(bytes.value)) : mapMemory(size_t(bytes.value));
  if (!memory)
    return false;
  slabs = new (memory) Slab{slabs, size_t(bytes.value)};
  untouched = reinterpret_cast<uint8_t *>(slabs + 1);
  untouchedPages = pages;
  allocated += pages;
  return true;
}

/// A page whose bytes are anything.
void *PagePool::take() {
  Header *header = unowned;
  if (header) {
    unowned = header->next;
  } else {
    if (!untouchedPages && !addSlab())
      return nullptr;
    header = reinterpret_cast<Header *>(untouched);
    untouched += blockBytes();
    --untouchedPages;
  }
  *header = {nullptr, 1};
  ++inUse;
  return header + 1;
}

void *PagePool::acquire() {
  void *page = take();
  if (page)
    memset(page, 0, size_t(pageBytes));
  return page;
}

void *PagePool::copy(const void *page) {
  void *copied = take();
  if (copied)
    memcpy(copied, page, size_t(pageBytes));
  return copied;
}

void PagePool::release(void *page) {
  Header *header = headerOf(page);
  if (--header->owners)
    return;
  header->next = unowned;
  unowned = header;
  --inUse;
}

} // namespace lathe
