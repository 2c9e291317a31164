#include "runtime/api/TokenizeBatch.h"

#include "runtime/core/Status.h"

namespace lathe {
namespace {

/// What the threads share. Each text is one panel: threads take several at once, and steal from each other at the end.
struct Batch {
  const Tokenizer &tokenizer;
  const lathe_allocator &allocator;
  const char *const *texts, *const *pairs;
  int64_t maxLength;
  lathe_truncation truncation;
  lathe_encoding *encodings;
  std::atomic<size_t> firstFailed;

  lathe_status tokenizeOne(size_t i, lathe_error *error) {
    return tokenize(tokenizer, allocator, texts[i], pairs ? pairs[i] : nullptr, maxLength, truncation, &encodings[i],
                    error);
  }
  static void run(const uint64_t *args, int64_t begin, int64_t end, uint8_t *) {
    Batch &batch = *reinterpret_cast<Batch *>(args[0]);
    for (auto i = size_t(begin); i < size_t(end); ++i) {
      size_t first = batch.firstFailed.load(std::memory_order_relaxed);
      if (i > first || !batch.tokenizeOne(i, nullptr))
        continue;
      while (i < first && !batch.firstFailed.compare_exchange_weak(first, i))
        ;
    }
  }
};

} // namespace

lathe_status tokenizeBatch(lathe_context &context, const Tokenizer &tokenizer, const char *const *texts,
                           const char *const *pairs, size_t count, int64_t maxLength, lathe_truncation truncation,
                           lathe_encoding *encodings, size_t &failed, lathe_error *error) {
  for (size_t i = 0; i < count; ++i)
    encodings[i] = {};
  const lathe_allocator &allocator = context.model->allocator;
  Batch batch = {tokenizer, allocator, texts, pairs, maxLength, truncation, encodings, {count}};
  const uint64_t args[] = {reinterpret_cast<uint64_t>(&batch)};
  runPanels(context, Batch::run, args, int64_t(count));

  failed = batch.firstFailed.load(std::memory_order_relaxed);
  bool isCancelled = context.cancelled.exchange(false);
  if (failed == count && !isCancelled)
    return LATHE_OK;
  lathe_status status = LATHE_CANCELLED;
  if (failed == count)
    fail(error, status, "cancelled while texts were tokenized");
  else if (!(status = batch.tokenizeOne(failed, error))) // again, for its message
    status = fail(error, LATHE_OUT_OF_MEMORY, "no memory for its tokens");
  for (size_t i = 0; i < count; ++i)
    freeEncoding(allocator, &encodings[i]);
  return status;
}

} // namespace lathe
