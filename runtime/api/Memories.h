// Rows that tokens attend to besides each other: what each layer was given of the tokens before them. The second token
// axis of an entry with memories has of each sequence these rows, as many of every one, and then its tokens; its
// columns are counted from the first of these rows.
#ifndef LATHE_RUNTIME_API_MEMORIES_H
#define LATHE_RUNTIME_API_MEMORIES_H

#include "runtime/api/Packing.h"

namespace lathe {

/// The N of "mems.N"; -1 of other names.
int64_t memoryNumber(const lathe_tensor &tensor);

/// Checks all "mems.N", which are there together or not at all, and says how large the second axis is.
lathe_status readMemoryShapes(Request &request, lathe_error *error);

/// Whether an output has rows of the second axis, as the caller's "mems.N" have them.
bool isOfMemories(const Request &request, const lathe_entry_output &output);
/// How many rows of each sequence such an output has.
int64_t keptRows(const Request &request);

/// As mapTargets.
void mapMemories(const Request &request, const TokenMap &tokens, TokenMap &map);
/// As fillInput, of an input of the second axis.
void fillMemories(const Request &request, const TokenMap &map, const FrameSize &size, const lathe_entry_input &input,
                  void *values);
/// As spreadOutput; `from` and `to` are different arrays.
void spreadMemories(const Request &request, const TokenMap &map, const FrameSize &size,
                    const lathe_entry_output &output, const void *from, void *to);

} // namespace lathe

#endif
