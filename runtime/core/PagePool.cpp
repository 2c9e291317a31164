#include "runtime/core/PagePool.h"

#include <string.h>

namespace lathe {

PagePool::~PagePool() {
  while (unowned) {
    Header *header = unowned;
    unowned = header->next;
    allocator.release(allocator.user, header, blockBytes());
  }
}

/// A page whose bytes are anything.
void *PagePool::take() {
  Header *header = unowned;
  if (header)
    unowned = header->next;
  else
    header = static_cast<Header *>(allocator.allocate(allocator.user, blockBytes()));
  if (!header)
    return nullptr;
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
