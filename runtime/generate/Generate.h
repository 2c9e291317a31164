// Writing: the loop around a model's steps and the choice of tokens.
#ifndef LATHE_RUNTIME_GENERATE_GENERATE_H
#define LATHE_RUNTIME_GENERATE_GENERATE_H

#include "lathe/abi.h"

namespace lathe {

/// Prompts, as cu_seqlens says; offsets and pointers have been checked. What `mask`, if not null, is 0 for is padding.
/// Of models with an encoder they are what that reads.
struct Prompts {
  const int32_t *ids, *offsets;
  const uint8_t *mask;
  size_t count;
};

/// See lathe_api.generate. The context must be the caller's alone. Where it fails, no result is left to be freed.
lathe_status generateTexts(lathe_context &context, const Prompts &prompts, const lathe_generate_options &options,
                           lathe_generated *results, lathe_error *error);

void freeGenerated(const lathe_allocator &allocator, lathe_generated *text);

} // namespace lathe

#endif
