#include "runtime/core/Source.h"

#include "runtime/core/Context.h"
#include "runtime/core/Status.h"

namespace lathe {
namespace {

size_t tableBytes(int64_t pages) { return size_t(pages) * sizeof(void *); }

} // namespace

lathe_status createSource(lathe_context &context, int64_t tokens, Source *&source, lathe_error *error) {
  const lathe_allocator &allocator = context.allocator;
  const int64_t pages = (tokens + LATHE_PAGE_TOKENS - 1) / LATHE_PAGE_TOKENS;
  auto *made = static_cast<Source *>(allocator.allocate(allocator.user, sizeof(Source)));
  auto **table = static_cast<void **>(made ? allocator.allocate(allocator.user, tableBytes(pages)) : nullptr);
  bool complete = table;
  if (table) {
    *made = {&context, table, 0, tokens, 1};
    while (made->pages < pages && (table[made->pages] = context.sourcePages.acquire()))
      ++made->pages;
    complete = made->pages == pages;
    if (!complete) { // the table is given back as large as it is
      while (made->pages)
        context.sourcePages.release(table[--made->pages]);
      allocator.release(allocator.user, static_cast<void *>(table), tableBytes(pages));
    }
  }
  if (!complete) {
    if (made)
      allocator.release(allocator.user, made, sizeof *made);
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for what the encoder gives for %lld tokens",
                static_cast<long long>(tokens));
  }
  source = made;
  return LATHE_OK;
}

void releaseSource(Source *source) {
  if (!source || --source->owners)
    return;
  const lathe_allocator &allocator = source->context->allocator;
  for (int64_t page = 0; page < source->pages; ++page)
    source->context->sourcePages.release(source->table[page]);
  allocator.release(allocator.user, static_cast<void *>(source->table), tableBytes(source->pages));
  allocator.release(allocator.user, source, sizeof *source);
}

} // namespace lathe
