// Encoders of models that write what another text asks for: each text is read once, and what the decoder's layers look
// up in it is kept with the sequences that are written from it.
#ifndef LATHE_RUNTIME_GENERATE_ENCODE_H
#define LATHE_RUNTIME_GENERATE_ENCODE_H

#include "runtime/core/Sequence.h"

namespace lathe {

/// Texts to be read, as cu_seqlens says; offsets and pointers have been checked. What `mask`, if not null, is 0 for is
/// padding: it is not read, but counts where positions are columns.
struct Sources {
  const int32_t *ids, *offsets;
  const uint8_t *mask;
  size_t count;
};

/// See lathe_api.encode. The context must be the caller's alone. Where it fails, there is no sequence.
lathe_status encodeSources(lathe_context &context, const Sources &sources, lathe_sequence **sequences,
                           lathe_error *error);

} // namespace lathe

#endif
