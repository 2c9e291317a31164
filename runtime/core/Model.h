// An opened model: checked weights, the ISA level, the tokenizer. Read-only once open, so any number of threads share
// it.
#ifndef LATHE_RUNTIME_CORE_MODEL_H
#define LATHE_RUNTIME_CORE_MODEL_H

#include "runtime/core/Cpu.h"
#include "runtime/core/Weights.h"
#include "runtime/tokenizer/Tokenizer.h"

struct lathe_model {
  const lathe_program *program;
  lathe_allocator allocator;
  lathe::Weights weights;
  int level;
  lathe::Tokenizer tokenizer; // meaningful if hasTokenizer()

  bool hasTokenizer() const { return weights.header().tokenizer_bytes != 0; }
};

namespace lathe {

/// What the machine and the environment say; a parameter so that tests can be any machine.
struct Host {
  CpuFacts cpu;
  const char *requestedLevel; // LATHE_ISA, or null
  bool (*requestTiles)();     // asked when the level would be amx
};

Host thisHost();

/// Opens `path`; null: the embedded weights, else NAME.weights beside the code.
lathe_status openFile(const lathe_program &program, const Host &host, const char *path,
                      const lathe_open_options *options, lathe_model *&model, lathe_error *error);

lathe_status openMemory(const lathe_program &program, const Host &host, const void *weights, size_t bytes,
                        const lathe_open_options *options, lathe_model *&model, lathe_error *error);

void closeModel(lathe_model *model);

/// The decoder of a model that writes; of another null, with the error set to LATHE_UNAVAILABLE.
const lathe_decoder *findDecoder(const lathe_model &model, lathe_error *error);

} // namespace lathe

#endif
