// The caller's tokens in the form that generated code reads, and its outputs in the form that the caller reads. Padding
// and holes are dropped, sequences without a token too, so generated code sees only sequences that have one. Targets,
// of the second token axis, go with the sequence that they belong to, which may have none.
#ifndef LATHE_RUNTIME_API_PACKING_H
#define LATHE_RUNTIME_API_PACKING_H

#include "runtime/api/Request.h"
#include "runtime/core/FrameSize.h"

namespace lathe {

/// Of the tokens that the mask leaves. Computed before any memory is needed.
struct Counts {
  int64_t tokens = 0;
  int64_t sequences = 0;       // with at least one token
  int64_t longest = 0;         // tokens of the longest
  int64_t firstMaskedRow = -1; // the caller's first row that has tokens but none in column 0
  int64_t targets = 0, longestTargets = 0;
};

/// Reads the mask or the offsets, and checks them.
lathe_status checkTokens(const Request &request, lathe_error *error);
/// Behind that.
Counts countTokens(const Request &request);

/// Fails when B*L of a dense entry is beyond any memory.
lathe_status frameSize(const Request &request, const Counts &counts, FrameSize &size, lathe_error *error);

/// Where the caller has the token at (row, column).
int64_t callerIndex(const TokenAxis &axis, int64_t row, int64_t column);

/// Where each kept token of an axis came from.
struct TokenMap {
  int32_t *offsets; // [sequences + 1]: tokens of kept sequence k
  int64_t *rows;    // [sequences]: the caller's row of it
  int32_t *columns; // [tokens]: the token's column in that row
  int64_t sequences;
};

/// Fills `map`, whose arrays have room for what `counts` says.
void mapTokens(const Request &request, TokenMap &map);
/// Likewise of targets: the sequences that `tokens` has, in arrays of its own but for rows.
void mapTargets(const Request &request, const TokenMap &tokens, TokenMap &map);

/// Of what fillInput fills.
int64_t bytesPerToken(const lathe_entry_input &input);

/// Fills one input of the entry, `values`, for all tokens of its axis; `map` is that of the axis. Checks values against
/// the input's limit.
lathe_status fillInput(const Request &request, const TokenMap &map, const FrameSize &size,
                       const lathe_entry_input &input, void *values, lathe_error *error);

/// Moves an output's rows from where generated code wrote them to the caller's rows, and zeroes the others; `map` is
/// that of the output's axis. `from` and `to` may be the same array: rows only ever move back.
void spreadOutput(const Request &request, const TokenMap &map, const FrameSize &size, const lathe_entry_output &output,
                  const void *from, void *to);

} // namespace lathe

#endif
