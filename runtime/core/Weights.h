// The weights file: found, mapped and checked, never copied or hashed.
#ifndef LATHE_RUNTIME_CORE_WEIGHTS_H
#define LATHE_RUNTIME_CORE_WEIGHTS_H

#include "lathe/program.h"

namespace lathe {

/// A weights file in memory. After checkWeights has accepted it, both sections lie inside.
struct Weights {
  const uint8_t *data = nullptr;
  size_t bytes = 0;
  bool mapped = false; // ours to unmap

  const lathe_weights_header &header() const { return *reinterpret_cast<const lathe_weights_header *>(data); }
  const uint8_t *tensors() const { return data + header().tensors_offset; }
  const uint8_t *tokenizer() const { return data + header().tokenizer_offset; }
};

/// Accepts only a file that was written for `program`: its build id, its size and sections inside it. `source` names it
/// in messages. Weight values are not looked at: kernels read them at offsets fixed when the code was made, all of
/// which lie inside a file of this size.
lathe_status checkWeights(const lathe_program &program, const Weights &weights, const char *source, lathe_error *error);

/// Maps the file at `path` read-only and shared, so that all processes use the same pages.
lathe_status mapWeights(const char *path, Weights &weights, lathe_error *error);

void unmapWeights(Weights &weights);

/// Writes the path of NAME.weights in the folder of the file that holds this code: the shared library, or the
/// executable it is linked into.
lathe_status findWeights(const char *name, char *path, size_t capacity, lathe_error *error);

} // namespace lathe

#endif
