// One run of an entry, from the caller's tensors to the caller's tensors.
#ifndef LATHE_RUNTIME_API_RUN_H
#define LATHE_RUNTIME_API_RUN_H

#include "runtime/core/Context.h"

namespace lathe {

/// Runs `entry`. The context must be the caller's alone (see Exclusive).
lathe_status runEntry(lathe_context &context, const lathe_entry &entry, const lathe_tensor *inputs, size_t inputCount,
                      const lathe_tensor *outputs, size_t outputCount, lathe_error *error);

/// lathe_api.memory: what runEntry reserves when no output is asked for, which is when it needs most.
size_t runMemory(const lathe_context &context, const lathe_entry &entry, int64_t tokens, int64_t batch,
                 int64_t longest);

/// Holds a context for one call. A second thread, or a parallel_for that calls back, is refused rather than raced with.
class Exclusive {
public:
  explicit Exclusive(lathe_context &context)
      : context(context), entered(!context.busy.exchange(true, std::memory_order_acquire)) {}
  ~Exclusive() {
    if (entered)
      context.busy.store(false, std::memory_order_release);
  }
  Exclusive(const Exclusive &) = delete;
  Exclusive &operator=(const Exclusive &) = delete;

  lathe_status check(lathe_error *error) const;

private:
  lathe_context &context;
  bool entered;
};

} // namespace lathe

#endif
