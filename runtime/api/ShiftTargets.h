// decoder_input_ids where the caller leaves them out: input_ids, each a column further right (lathe_shift).
#ifndef LATHE_RUNTIME_API_SHIFTTARGETS_H
#define LATHE_RUNTIME_API_SHIFTTARGETS_H

#include "runtime/api/Request.h"
#include "runtime/core/Checked.h"

struct lathe_context;

namespace lathe {

/// Bytes that the shifted ids of so many tokens take.
Checked shiftedBytes(int64_t tokens);

/// Fills request.targets.ids, which then is `shifted`, in memory of the context's that lasts until its next run. Tokens
/// of the first axis have been checked.
lathe_status shiftTargets(lathe_context &context, Request &request, lathe_tensor &shifted, lathe_error *error);

} // namespace lathe

#endif
