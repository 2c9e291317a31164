// Texts and images at once: two entries run one after the other, and how alike what they give is.
#ifndef LATHE_RUNTIME_API_SIMILARITY_H
#define LATHE_RUNTIME_API_SIMILARITY_H

#include "runtime/core/Context.h"

namespace lathe {

/// The program's, if a caller means it by the name of an entry (null: the first); else null.
const lathe_similarity *findSimilarity(const lathe_program &program, const char *name);

/// lathe_api.infer and lathe_api.run of it. Of texts and images, one may be left out if no output needs it. The context
/// must be the caller's alone (see Exclusive).
lathe_status inferSimilarity(const lathe_program &program, const lathe_tensor *inputs, size_t inputCount,
                             lathe_tensor *outputs, size_t outputCount, lathe_error *error);
lathe_status runSimilarity(lathe_context &context, const lathe_tensor *inputs, size_t inputCount,
                           const lathe_tensor *outputs, size_t outputCount, lathe_error *error);

/// lathe_api.memory: of so many tokens and sequences on either side.
size_t similarityMemory(const lathe_context &context, int64_t tokens, int64_t batch, int64_t longest);

} // namespace lathe

#endif
