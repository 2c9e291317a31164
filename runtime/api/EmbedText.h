// Texts to sentence embeddings: tokenize, pack as many as the budget takes, run, repeat.
#ifndef LATHE_RUNTIME_API_EMBEDTEXT_H
#define LATHE_RUNTIME_API_EMBEDTEXT_H

#include "runtime/core/Context.h"

namespace lathe {

/// lathe_api.embed_text. The context must be the caller's alone.
lathe_status embedText(lathe_context &context, const char *const *texts, size_t count, float *embeddings,
                       lathe_error *error);

} // namespace lathe

#endif
