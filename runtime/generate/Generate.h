// Writing: the loop around a model's steps and the choice of tokens.
#ifndef LATHE_RUNTIME_GENERATE_GENERATE_H
#define LATHE_RUNTIME_GENERATE_GENERATE_H

#include "runtime/generate/Prompts.h"

namespace lathe {

/// See lathe_api.generate. The context must be the caller's alone. Where it fails, no result is left to be freed.
lathe_status generateTexts(lathe_context &context, const Prompts &prompts, const lathe_generate_options &options,
                           lathe_generated *results, lathe_error *error);

void freeGenerated(const lathe_allocator &allocator, lathe_generated *text);

} // namespace lathe

#endif
