// Texts to encodings as lathe_api takes them: options are read, and a tokenizer is set to the language asked for.
#ifndef LATHE_RUNTIME_API_TOKENIZETEXT_H
#define LATHE_RUNTIME_API_TOKENIZETEXT_H

#include "runtime/core/Context.h"

namespace lathe {

/// Refuses a model that is null or has no tokenizer; `function` is named in the error.
lathe_status checkTokenizer(const lathe_model *model, const char *function, lathe_error *error);

/// See lathe_api.tokenize.
lathe_status tokenizeText(const lathe_model *model, const char *text, const char *pair,
                          const lathe_tokenize_options *options, lathe_encoding *encoding, lathe_error *error);

/// See lathe_api.tokenize_batch.
lathe_status tokenizeTexts(lathe_context *context, const char *const *texts, const char *const *pairs, size_t count,
                           const lathe_tokenize_options *options, lathe_encoding *encodings, lathe_error *error);

/// See lathe_api.tokenize_windows.
lathe_status tokenizeInWindows(const lathe_model *model, const char *text, const char *pair,
                               const lathe_tokenize_options *options, int64_t stride, lathe_encoding *windows,
                               size_t capacity, size_t *count, lathe_error *error);

} // namespace lathe

#endif
