// A model that reads vectors of an image before each text (docs/formats/mmbt.md): the caller's inputs for both become
// one request, whose rows have the lead's columns first. Nothing behind this knows of two parts.
#ifndef LATHE_RUNTIME_API_JOINMODAL_H
#define LATHE_RUNTIME_API_JOINMODAL_H

#include "runtime/api/Request.h"
#include "runtime/core/Checked.h"

namespace lathe {

/// What a joined request points to.
struct JoinedInputs {
  lathe_tensor ids, mask, types, positions, offsets;
};

/// Rewrites the request; its numbers lie in the context's memory for them. Offsets and mask are checked before.
lathe_status joinModal(lathe_context &context, Request &request, JoinedInputs &joined, lathe_error *error);

/// Bytes that the above takes for so many tokens, lead and text, in so many sequences.
Checked joinedBytes(int64_t tokens, int64_t sequences);

} // namespace lathe

#endif
