// Many texts to encodings, on the context's threads.
#ifndef LATHE_RUNTIME_API_TOKENIZEBATCH_H
#define LATHE_RUNTIME_API_TOKENIZEBATCH_H

#include "runtime/core/Context.h"

namespace lathe {

/// Tokenizes `count` texts by the model's tokenizer, or a copy of it; `pairs` may be null, and so may each of it. The
/// context must be the caller's alone. On an error, which is that of the first text that has one, `failed` is its
/// number (`count`: cancelled), and nothing is left in `encodings`. They are released with the model's allocator.
lathe_status tokenizeBatch(lathe_context &context, const Tokenizer &tokenizer, const char *const *texts,
                           const char *const *pairs, size_t count, int64_t maxLength, lathe_truncation truncation,
                           lathe_encoding *encodings, size_t &failed, lathe_error *error);

} // namespace lathe

#endif
