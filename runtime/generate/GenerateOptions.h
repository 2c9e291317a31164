// lathe_generate_options: Transformers' defaults, what is accepted, and what the options come to for one prompt.
#ifndef LATHE_RUNTIME_GENERATE_GENERATEOPTIONS_H
#define LATHE_RUNTIME_GENERATE_GENERATEOPTIONS_H

#include "lathe/abi.h"

namespace lathe {

/// Sets every member to what Transformers 4.55 takes where neither the caller nor the model says anything.
void generateDefaults(lathe_generate_options &options);

/// Refuses options that have no meaning, in themselves or for a model with this vocabulary and a prompt of so many
/// tokens. What Transformers does not read is not looked at: temperature, top_k and the like where nothing is drawn.
lathe_status checkGenerateOptions(const lathe_generate_options &options, int64_t vocabulary, int64_t promptLength,
                                  lathe_error *error);

/// Refuses a prompt that is empty or has an id outside the vocabulary.
lathe_status checkPrompt(const int32_t *prompt, int64_t length, int64_t vocabulary, lathe_error *error);

/// Both.
lathe_status checkWriting(const lathe_generate_options &options, const int32_t *prompt, int64_t length,
                          int64_t vocabulary, lathe_error *error);

/// Tokens that a text may have with its prompt, and must have before it may end.
int64_t greatestLength(const lathe_generate_options &options, int64_t promptLength);
int64_t leastLength(const lathe_generate_options &options, int64_t promptLength);

bool endsText(const lathe_generate_options &options, int32_t id);

/// pad_id, or what Transformers takes in its place; -1 if there is neither.
int32_t padding(const lathe_generate_options &options);

/// How many candidates beam search looks at for each beam: as many as may end, and one that does not.
int64_t candidatesPerBeam(const lathe_generate_options &options);

} // namespace lathe

#endif
