#include "runtime/core/Model.h"

#include "runtime/core/Memory.h"
#include "runtime/core/Options.h"
#include "runtime/core/Status.h"

#include <limits.h>
#include <new>
#include <stdlib.h>

namespace lathe {
namespace {

/// Levels at which every entry has code.
unsigned compiledLevels(const lathe_program &program) {
  unsigned levels = (1u << LATHE_ISA_LEVELS) - 1;
  for (int32_t e = 0; e < program.n_entries; ++e)
    for (int level = 0; level < LATHE_ISA_LEVELS; ++level)
      if (!program.entries[e].functions[level])
        levels &= ~(1u << level);
  return levels;
}

lathe_status chooseLevel(const lathe_program &program, Host host, int &level, lathe_error *error) {
  unsigned compiled = compiledLevels(program);
  lathe_status status = selectLevel(host.cpu, host.requestedLevel, compiled, level, error);
  if (status || level != LATHE_ISA_AMX || host.requestTiles())
    return status;
  host.cpu.tilesRefused = true;
  return selectLevel(host.cpu, host.requestedLevel, compiled, level, error);
}

/// Makes a model of weights that it owns from here on, on failure too.
lathe_status makeModel(const lathe_program &program, const Host &host, Weights weights, const char *source,
                       const lathe_open_options *given, lathe_model *&model, lathe_error *error) {
  lathe_open_options options;
  lathe_model made{};
  made.program = &program;
  made.weights = weights;
  lathe_status status = readOptions("lathe_open_options", given, options, error);
  if (!status)
    status = chooseAllocator(options.allocator, made.allocator, error);
  if (!status)
    status = checkWeights(program, weights, source, error);
  if (!status)
    status = chooseLevel(program, host, made.level, error);
  if (!status && made.hasTokenizer())
    status = openTokenizer(weights.tokenizer(), weights.header().tokenizer_bytes, made.tokenizer, error);
  if (!status) {
    if (void *memory = made.allocator.allocate(made.allocator.user, sizeof made))
      model = new (memory) lathe_model(made);
    else
      status = fail(error, LATHE_OUT_OF_MEMORY, "no memory for a model (%zu bytes)", sizeof made);
  }
  if (status)
    unmapWeights(weights);
  return status;
}

} // namespace

Host thisHost() { return {readCpu(), getenv("LATHE_ISA"), requestTiles}; }

lathe_status openFile(const lathe_program &program, const Host &host, const char *path,
                      const lathe_open_options *options, lathe_model *&model, lathe_error *error) {
  if (!path && program.embedded_weights)
    return makeModel(program, host, {program.embedded_weights, size_t(program.weights_bytes), false},
                     "the embedded weights", options, model, error);
  char beside[PATH_MAX];
  if (!path) {
    if (lathe_status status = findWeights(program.name, beside, sizeof beside, error))
      return status;
    path = beside;
  }
  Weights weights;
  if (lathe_status status = mapWeights(path, weights, error))
    return status;
  return makeModel(program, host, weights, path, options, model, error);
}

lathe_status openMemory(const lathe_program &program, const Host &host, const void *weights, size_t bytes,
                        const lathe_open_options *options, lathe_model *&model, lathe_error *error) {
  if (!weights)
    return fail(error, LATHE_INVALID_ARGUMENT, "open_memory: `weights` must not be NULL");
  if (reinterpret_cast<uintptr_t>(weights) % 64)
    return fail(error, LATHE_INVALID_ARGUMENT, "open_memory: weights at %p are not 64-byte aligned", weights);
  return makeModel(program, host, {static_cast<const uint8_t *>(weights), bytes, false}, "the weights in memory",
                   options, model, error);
}

void closeModel(lathe_model *model) {
  if (!model)
    return;
  unmapWeights(model->weights);
  lathe_allocator allocator = model->allocator;
  allocator.release(allocator.user, model, sizeof *model);
}

const lathe_decoder *findDecoder(const lathe_model &model, lathe_error *error) {
  if (!model.program->decoder)
    fail(error, LATHE_UNAVAILABLE, "%s does not write: it was compiled without a decoder", model.program->name);
  return model.program->decoder;
}

} // namespace lathe
