// One step of writing: new tokens of some sequences through the model, and logits of what may follow them.
#ifndef LATHE_RUNTIME_GENERATE_DECODE_H
#define LATHE_RUNTIME_GENERATE_DECODE_H

#include "runtime/core/Sequence.h"

namespace lathe {

/// See lathe_api.decode.
struct DecodeStep {
  lathe_sequence *const *sequences;
  size_t count;
  const int32_t *ids, *offsets; ///< [tokens], and [count + 1] as cu_seqlens
  const int32_t *logitRows;     ///< of tokens, by index
  size_t logitRowCount;
  float *logits;         ///< [logitRowCount, vocab]
  float *best = nullptr; ///< or, of each of these rows, [logitRowCount, 2]: the greatest logit and its id
};

/// The context must be the caller's alone.
lathe_status decodeStep(lathe_context &context, const DecodeStep &step, lathe_error *error);

/// Ids that the model knows, and so the width of logits.
int64_t vocabularyOf(const lathe_decoder &decoder);
/// Tokens that a sequence may have: positions of the model, or as many as there can be.
int64_t placesOf(const lathe_decoder &decoder);

} // namespace lathe

#endif
