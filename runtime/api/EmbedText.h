// Texts to sentence embeddings: tokenize, pack as many as the budget takes, run, repeat.
#ifndef LATHE_RUNTIME_API_EMBEDTEXT_H
#define LATHE_RUNTIME_API_EMBEDTEXT_H

#include "runtime/core/Context.h"

namespace lathe {

/// The text of the prompt that the options ask for; null for none. Lives as long as they and the program do.
lathe_status choosePrompt(const lathe_program &program, const lathe_embed_options &options, const char *&prompt,
                          lathe_error *error);

/// lathe_api.embed_text behind a prompt, which may be null. The context must be the caller's alone.
lathe_status embedText(lathe_context &context, const char *prompt, const char *const *texts, size_t count,
                       float *embeddings, lathe_error *error);

} // namespace lathe

#endif
