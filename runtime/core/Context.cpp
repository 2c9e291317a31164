#include "runtime/core/Context.h"

#include "runtime/core/Clock.h"
#include "runtime/core/FloatEnvironment.h"
#include "runtime/core/Options.h"
#include "runtime/core/Sequence.h"

#include <new>
#include <sched.h>

namespace lathe {
namespace {

constexpr int32_t maxThreads = 1024;
constexpr int64_t defaultMaxTokens = 32768;
// Token offsets are i32, and counts are rounded up to LATHE_ROW_QUANTUM.
constexpr int64_t largestMaxTokens = INT32_MAX - LATHE_ROW_QUANTUM;

/// CPUs in the affinity mask, which taskset and containers set; at least 1.
int32_t availableCpus() {
  unsigned long mask[1024] = {}; // 65536 CPUs, more than any kernel is built for
  if (sched_getaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t *>(mask)))
    return 1;
  int32_t count = 0;
  for (unsigned long word : mask)
    for (; word; word &= word - 1)
      ++count;
  return count < 1 ? 1 : count > maxThreads ? maxThreads : count;
}

/// Entries by number, those of the decoder last; null behind them.
const lathe_entry *entryAt(const lathe_program &program, int32_t index) {
  if (index < program.n_entries)
    return &program.entries[index];
  const lathe_decoder *decoder = program.decoder;
  return !decoder                         ? nullptr
         : index == program.n_entries     ? &decoder->decode
         : index == program.n_entries + 1 ? &decoder->logits
         : index == program.n_entries + 2 ? &decoder->best
         : index == program.n_entries + 3 ? decoder->source
                                          : nullptr;
}

/// Index of an entry's first step in lathe_context.times; for null, how many steps there are.
size_t firstStep(const lathe_program &program, const lathe_entry *entry) {
  size_t steps = 0;
  for (int32_t i = 0; const lathe_entry *e = entryAt(program, i); ++i) {
    if (e == entry)
      break;
    steps += size_t(e->n_steps);
  }
  return steps;
}

size_t timesBytes(const lathe_program &program) { return firstStep(program, nullptr) * sizeof(StepTime); }

/// Runs a job through the app's own threads. Whatever indices they leave out is done at the end by this one.
void runThroughHook(const lathe_context &context, Job &job) {
  auto body = [](void *data, int32_t index) {
    Job &shared = *static_cast<Job *>(data);
    FloatEnvironment environment; // the app's threads have the app's
    if (index >= 0 && index < shared.workers())
      shared.drain(index);
  };
  context.parallelFor(context.parallelUser, job.workers(), body, &job);
  job.drain(0);
}

int32_t workersFor(const lathe_context &context, int64_t panels) {
  return panels < context.threads ? int32_t(panels) : context.threads;
}

void runJob(lathe_context &context, Job &job) {
  if (job.workers() == 1)
    job.drain(0);
  else if (context.parallelFor)
    runThroughHook(context, job);
  else
    context.pool.run(job, context.threads);
}

void traceStep(const lathe_context &context, const lathe_step &step, const lathe_frame &frame, const uint64_t *args) {
  const lathe_step_result &result = step.result;
  if (!result.width)
    return;
  lathe_traced traced = {step.name,
                         lathe_dtype(result.dtype),
                         result.rows == LATHE_ROWS_SEQUENCES ? frame.batch
                         : result.rows == LATHE_ROWS_TARGETS ? frame.targets
                                                             : frame.tokens,
                         result.width,
                         result.stride,
                         reinterpret_cast<const void *>(args[result.slot])};
  context.trace(context.traceUser, &traced);
}

int32_t launch(const lathe_frame *frame, int32_t step, lathe_kernel kernel, const uint64_t *args, int64_t panels) {
  const Execution &execution = *static_cast<const Execution *>(frame->runtime);
  lathe_context &context = *execution.context;
  if (context.cancelled.load(std::memory_order_relaxed))
    return LATHE_CANCELLED;
  if (panels <= 0)
    return LATHE_OK; // and nothing to trace
  StepTime *time = nullptr;
  if (context.times && step >= 0 && step < execution.entry->n_steps)
    time = &context.times[firstStep(*context.model->program, execution.entry) + size_t(step)];
  int64_t begin = time ? now() : 0;
  std::atomic<int64_t> busy{0};

  Job job(kernel, args, panels, workersFor(context, panels), execution.scratch, execution.scratchBytes,
          &context.cancelled, time ? &busy : nullptr);
  runJob(context, job);

  if (time) {
    time->calls += 1;
    time->nanoseconds += now() - begin;
    time->busyNanoseconds += busy.load(std::memory_order_relaxed); // every worker has left the job
  }
  if (context.trace && step >= 0 && step < execution.entry->n_steps)
    traceStep(context, execution.entry->steps[step], *frame, args);
  return context.cancelled.load(std::memory_order_relaxed) ? LATHE_CANCELLED : LATHE_OK;
}

} // namespace

void runPanels(lathe_context &context, lathe_kernel kernel, const uint64_t *args, int64_t panels, uint8_t *scratch,
               int64_t scratchBytes) {
  if (panels <= 0)
    return;
  Job job(kernel, args, panels, workersFor(context, panels), scratch, scratchBytes, &context.cancelled);
  runJob(context, job);
}

lathe_status createContext(lathe_model *model, const lathe_context_options *given, lathe_context *&context,
                           lathe_error *error) {
  lathe_context_options options;
  lathe_allocator allocator;
  if (lathe_status status = readOptions("lathe_context_options", given, options, error))
    return status;
  if (lathe_status status = chooseAllocator(options.allocator, allocator, error))
    return status;
  if (options.threads < 0 || options.threads > maxThreads)
    return fail(error, LATHE_INVALID_ARGUMENT, "threads is %d; accepted: 0 (as many as the process may use) to %d",
                options.threads, maxThreads);
  if (options.max_tokens < 0 || options.max_tokens > largestMaxTokens)
    return fail(error, LATHE_INVALID_ARGUMENT, "max_tokens is %lld; accepted: 0 (%lld) to %lld",
                static_cast<long long>(options.max_tokens), static_cast<long long>(defaultMaxTokens),
                static_cast<long long>(largestMaxTokens));
  if (!options.threads)
    options.threads = availableCpus();
  if (!options.max_tokens)
    options.max_tokens = defaultMaxTokens;

  void *memory = allocator.allocate(allocator.user, sizeof(lathe_context));
  if (!memory)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for a context (%zu bytes)", sizeof(lathe_context));
  context = new (memory) lathe_context(model, options, allocator);
  size_t bytes = timesBytes(*model->program);
  if (options.profile && bytes) {
    context->times = static_cast<StepTime *>(allocator.allocate(allocator.user, bytes));
    if (!context->times) {
      destroyContext(context);
      context = nullptr;
      return fail(error, LATHE_OUT_OF_MEMORY, "no memory for the profile (%zu bytes)", bytes);
    }
    memset(context->times, 0, bytes);
  }
  return LATHE_OK;
}

void destroyContext(lathe_context *context) {
  if (!context)
    return;
  lathe_allocator allocator = context->allocator;
  while (context->sequences)
    destroySequence(context->sequences);
  if (context->times)
    allocator.release(allocator.user, context->times, timesBytes(*context->model->program));
  context->~lathe_context();
  allocator.release(allocator.user, context, sizeof *context);
}

size_t readProfile(const lathe_context &context, lathe_profile_step *steps, size_t capacity) {
  const lathe_program &program = *context.model->program;
  if (!context.times)
    return 0;
  size_t written = 0;
  const StepTime *time = context.times;
  for (int32_t e = 0; const lathe_entry *entry = entryAt(program, e); ++e)
    for (int32_t s = 0; s < entry->n_steps; ++s, ++time) {
      if (!time->calls)
        continue;
      const lathe_step &step = entry->steps[s];
      if (written < capacity)
        steps[written] = {step.name, step.kernel, time->calls, double(time->nanoseconds) * 1e-9,
                          double(time->busyNanoseconds) * 1e-9};
      ++written;
    }
  return written;
}

lathe_status execute(Execution &execution, lathe_frame &frame, lathe_error *error) {
  const lathe_context &context = *execution.context;
  frame.launch = launch;
  frame.runtime = &execution;
  int32_t status;
  {
    FloatEnvironment environment;
    status = execution.entry->functions[context.model->level](&frame);
  }
  if (status == LATHE_CANCELLED)
    return fail(error, LATHE_CANCELLED, "the run was cancelled; its outputs are unfinished");
  if (status)
    return fail(error, lathe_status(status), "entry %s failed with status %d", execution.entry->name, status);
  return LATHE_OK;
}

} // namespace lathe
