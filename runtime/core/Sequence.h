// What a context remembers of one text: its length, and the pages that hold keys and values of its tokens.
#ifndef LATHE_RUNTIME_CORE_SEQUENCE_H
#define LATHE_RUNTIME_CORE_SEQUENCE_H

#include "lathe/program.h"
#include "runtime/core/PagePool.h"
#include "runtime/core/Source.h"

struct lathe_sequence {
  lathe_context *context;
  void **table; // [capacity]; pages of tokens [0, length), and of those that are being added
  int64_t length, pages, capacity;
  int64_t prefix;                  // tokens that see each other in both directions
  lathe_sequence *previous, *next; // of the context's
  bool inUse;                      // by the run that is being made ready
  lathe::Source *source;           // of models with an encoder, else null
};

namespace lathe {

/// A sequence that has the first `length` tokens of `from`, whose pages it shares, and its source; of none without one.
lathe_status createSequence(lathe_context &context, const lathe_sequence *from, int64_t length,
                            lathe_sequence *&sequence, lathe_error *error);
/// One without tokens that goes on from what an encoder gave, of which it takes the caller's part.
lathe_status createSequence(lathe_context &context, Source *source, lathe_sequence *&sequence, lathe_error *error);
void destroySequence(lathe_sequence *sequence);

/// An error where the first `length` tokens of a sequence are a part of its prefix, which is nothing without the rest.
lathe_status checkWholePrefix(const lathe_sequence &sequence, int64_t length, lathe_error *error);

/// Forgets all tokens from `length` on.
void truncateSequence(lathe_sequence &sequence, int64_t length);

/// Has pages for `tokens` more, of which the first may stand in one that others share: then in a copy of it. Changes
/// nothing but that where it fails.
lathe_status reserveTokens(lathe_sequence &sequence, int64_t tokens, lathe_error *error);

} // namespace lathe

#endif
