// A context: the threads, working memory, budget and times of one stream of runs.
#ifndef LATHE_RUNTIME_CORE_CONTEXT_H
#define LATHE_RUNTIME_CORE_CONTEXT_H

#include "runtime/core/Memory.h"
#include "runtime/core/Model.h"
#include "runtime/core/PagePool.h"
#include "runtime/core/Pool.h"

namespace lathe {

struct StepTime {
  int64_t calls;
  int64_t nanoseconds;
  int64_t busyNanoseconds; // of all threads together
};

} // namespace lathe

struct lathe_context {
  lathe_context(lathe_model *model, const lathe_context_options &options, const lathe_allocator &allocator)
      : model(model), allocator(allocator), threads(options.threads), maxTokens(options.max_tokens),
        parallelFor(options.parallel_for), parallelUser(options.parallel_user), trace(options.trace),
        traceUser(options.trace_user), memory(options.allocator ? &this->allocator : nullptr),
        joined(options.allocator ? &this->allocator : nullptr), images(options.allocator ? &this->allocator : nullptr),
        pool(this->allocator), pages(options.allocator ? &this->allocator : nullptr),
        sourcePages(options.allocator ? &this->allocator : nullptr) {
    if (const lathe_decoder *decoder = model->program->decoder) {
      pages.setPageBytes(decoder->page_bytes);
      sourcePages.setPageBytes(decoder->source_page_bytes);
    }
  }

  lathe_model *model;
  lathe_allocator allocator;
  int32_t threads;
  int64_t maxTokens;
  lathe_parallel_for parallelFor;
  void *parallelUser;
  lathe_trace trace;
  void *traceUser;
  lathe::WorkingMemory memory;
  lathe::WorkingMemory joined; // what texts and images become together; else nothing
  lathe::WorkingMemory images; // what images become patches in
  lathe::Pool pool;
  lathe::PagePool pages;
  lathe::PagePool sourcePages;         // of encoders' texts
  lathe_sequence *sequences = nullptr; // all there are, the newest first
  lathe::StepTime *times = nullptr;    // of all entries' steps, one entry after the other; null: not profiling
  std::atomic<bool> cancelled{false};
  std::atomic<bool> busy{false};
};

namespace lathe {

lathe_status createContext(lathe_model *model, const lathe_context_options *options, lathe_context *&context,
                           lathe_error *error);
void destroyContext(lathe_context *context);

/// Steps that ran, see lathe_api.profile.
size_t readProfile(const lathe_context &context, lathe_profile_step *steps, size_t capacity);

/// Runs all panels of a kernel on the context's threads or the app's, and waits; a cancelled context leaves some out.
/// `scratch` has `scratchBytes` for each thread.
void runPanels(lathe_context &context, lathe_kernel kernel, const uint64_t *args, int64_t panels,
               uint8_t *scratch = nullptr, int64_t scratchBytes = 0);

/// One call of a generated entry function.
struct Execution {
  lathe_context *context;
  const lathe_entry *entry;
  uint8_t *scratch; // of worker 0; one per thread follows
  int64_t scratchBytes;
};

/// Calls the entry's code with `frame`, whose launch and runtime fields it sets.
lathe_status execute(Execution &execution, lathe_frame &frame, lathe_error *error);

} // namespace lathe

#endif
