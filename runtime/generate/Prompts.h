// What texts begin with: what a caller gives, and what decoders of models with an encoder begin with.
#ifndef LATHE_RUNTIME_GENERATE_PROMPTS_H
#define LATHE_RUNTIME_GENERATE_PROMPTS_H

#include "runtime/generate/Array.h"

namespace lathe {

/// Prompts, as cu_seqlens says; offsets and pointers have been checked. What `mask`, if not null, is 0 for is padding.
/// Of models with an encoder they are what that reads.
struct Prompts {
  const int32_t *ids, *offsets;
  const uint8_t *mask;
  size_t count;
};

/// Of a prompt's tokens, those in its prefix: so many columns from the first token on, or all that there are.
int64_t prefixOf(const Prompts &prompts, const lathe_generate_options &options, size_t index);

/// Refuses what cannot be gone on with, and options that do not fit.
lathe_status checkRequest(const lathe_context &context, const Prompts &prompts, const lathe_generate_options &options,
                          lathe_error *error);

/// What the decoder of a model with an encoder begins each text with.
class DecoderPrompts {
public:
  DecoderPrompts(const lathe_allocator &allocator, size_t count, const lathe_generate_options &options);
  bool hasMemory() const { return ids.data && offsets.data; }
  Prompts prompts() const { return {ids.data, offsets.data, nullptr, count}; }

private:
  bool startsAny(size_t n) const;

  const int32_t *const given, *const givenOffsets;
  const int32_t start;
  const size_t count;
  const bool prefix;
  Array<int32_t> ids, offsets;
};

} // namespace lathe

#endif
