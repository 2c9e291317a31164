#include "runtime/core/Sequence.h"

#include "runtime/core/Context.h"
#include "runtime/core/Status.h"

namespace lathe {
namespace {

int64_t pagesOf(int64_t tokens) { return (tokens + LATHE_PAGE_TOKENS - 1) / LATHE_PAGE_TOKENS; }

lathe_status noMemory(lathe_error *error, int64_t tokens) {
  return fail(error, LATHE_OUT_OF_MEMORY, "no memory for the cache of a sequence of %lld tokens",
              static_cast<long long>(tokens));
}

void releaseTable(lathe_sequence &sequence) {
  const lathe_allocator &allocator = sequence.context->allocator;
  allocator.release(allocator.user, static_cast<void *>(sequence.table), size_t(sequence.capacity) * sizeof(void *));
}

/// Room for so many addresses.
bool growTable(lathe_sequence &sequence, int64_t pages) {
  if (pages <= sequence.capacity)
    return true;
  const lathe_allocator &allocator = sequence.context->allocator;
  int64_t capacity = sequence.capacity ? 2 * sequence.capacity : 8;
  capacity = capacity < pages ? pages : capacity;
  void **table = static_cast<void **>(allocator.allocate(allocator.user, size_t(capacity) * sizeof(void *)));
  if (!table)
    return false;
  if (sequence.table) {
    for (int64_t i = 0; i < sequence.pages; ++i)
      table[i] = sequence.table[i];
    releaseTable(sequence);
  }
  sequence.table = table;
  sequence.capacity = capacity;
  return true;
}

/// One of the context's, without pages; null where there is no memory.
lathe_sequence *makeSequence(lathe_context &context, int64_t length) {
  auto *made =
      static_cast<lathe_sequence *>(context.allocator.allocate(context.allocator.user, sizeof(lathe_sequence)));
  if (!made)
    return nullptr;
  *made = {&context, nullptr, length, 0, 0, 0, nullptr, context.sequences, false, nullptr};
  if (context.sequences)
    context.sequences->previous = made;
  context.sequences = made;
  return made;
}

void releasePages(lathe_sequence &sequence, int64_t kept) {
  while (sequence.pages > kept)
    sequence.context->pages.release(sequence.table[--sequence.pages]);
}

} // namespace

lathe_status createSequence(lathe_context &context, const lathe_sequence *from, int64_t length,
                            lathe_sequence *&sequence, lathe_error *error) {
  if (!findDecoder(*context.model, error))
    return LATHE_UNAVAILABLE;
  if (!from && context.model->program->decoder->source)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "%s writes from what its encoder has read; encode begins sequences, others begin with one of them",
                context.model->program->name);
  const int64_t most = from ? from->length : 0;
  if (from && from->context != &context)
    return fail(error, LATHE_INVALID_ARGUMENT, "the sequence to begin with is of another context");
  if (length < 0 || length > most)
    return fail(error, LATHE_INVALID_ARGUMENT, "length is %lld; accepted: 0 to %lld, the tokens of `from`",
                static_cast<long long>(length), static_cast<long long>(most));
  if (from)
    if (lathe_status status = checkWholePrefix(*from, length, error))
      return status;
  lathe_sequence *made = makeSequence(context, length);
  if (!made)
    return noMemory(error, length);
  made->prefix = length ? from->prefix : 0;
  if (from && from->source) {
    made->source = from->source;
    ++made->source->owners;
  }
  if (!growTable(*made, pagesOf(length))) {
    destroySequence(made);
    return noMemory(error, length);
  }
  for (; made->pages < pagesOf(length); ++made->pages) {
    made->table[made->pages] = from->table[made->pages];
    context.pages.share(made->table[made->pages]);
  }
  sequence = made;
  return LATHE_OK;
}

lathe_status createSequence(lathe_context &context, Source *source, lathe_sequence *&sequence, lathe_error *error) {
  lathe_sequence *made = makeSequence(context, 0);
  if (!made)
    return noMemory(error, 0);
  made->source = source;
  sequence = made;
  return LATHE_OK;
}

void destroySequence(lathe_sequence *sequence) {
  if (!sequence)
    return;
  releasePages(*sequence, 0);
  releaseSource(sequence->source);
  (sequence->previous ? sequence->previous->next : sequence->context->sequences) = sequence->next;
  if (sequence->next)
    sequence->next->previous = sequence->previous;
  const lathe_allocator &allocator = sequence->context->allocator;
  if (sequence->table)
    releaseTable(*sequence);
  allocator.release(allocator.user, sequence, sizeof *sequence);
}

lathe_status checkWholePrefix(const lathe_sequence &sequence, int64_t length, lathe_error *error) {
  if (!length || length >= sequence.prefix)
    return LATHE_OK;
  return fail(error, LATHE_INVALID_ARGUMENT,
              "%lld tokens are a part of the sequence's prefix; accepted: 0, or its %lld tokens and more",
              static_cast<long long>(length), static_cast<long long>(sequence.prefix));
}

void truncateSequence(lathe_sequence &sequence, int64_t length) {
  sequence.length = length;
  releasePages(sequence, pagesOf(length));
}

lathe_status reserveTokens(lathe_sequence &sequence, int64_t tokens, lathe_error *error) {
  PagePool &pool = sequence.context->pages;
  const int64_t wanted = pagesOf(sequence.length + tokens), last = sequence.length / LATHE_PAGE_TOKENS;
  if (!growTable(sequence, wanted))
    return noMemory(error, sequence.length + tokens);
  if (tokens && last < sequence.pages && pool.isShared(sequence.table[last])) {
    void *own = pool.copy(sequence.table[last]);
    if (!own)
      return noMemory(error, sequence.length + tokens);
    pool.release(sequence.table[last]);
    sequence.table[last] = own;
  }
  while (sequence.pages < wanted) {
    void *page = pool.acquire();
    if (!page) {
      releasePages(sequence, pagesOf(sequence.length));
      return noMemory(error, sequence.length + tokens);
    }
    sequence.table[sequence.pages++] = page;
  }
  return LATHE_OK;
}

} // namespace lathe
