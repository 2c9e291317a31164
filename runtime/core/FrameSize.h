// How large a run is, and what its formulas come to.
#ifndef LATHE_RUNTIME_CORE_FRAMESIZE_H
#define LATHE_RUNTIME_CORE_FRAMESIZE_H

#include "lathe/program.h"
#include "runtime/core/Checked.h"

namespace lathe {

/// What lathe_frame says of the run.
struct FrameSize {
  int64_t tokens, batch, longest;
};

/// What every array in working memory begins at a multiple of.
inline constexpr int64_t cacheLine = 64;

inline Checked evaluate(const lathe_size_formula &formula, const FrameSize &size) {
  Checked tokens = Checked(size.tokens).roundUp(LATHE_ROW_QUANTUM);
  Checked batch = Checked(size.batch).roundUp(LATHE_ROW_QUANTUM);
  Checked longest = Checked(size.longest).roundUp(LATHE_ROW_QUANTUM);
  Checked bytes = Checked(formula.fixed) + Checked(formula.per_token) * tokens;
  bytes += Checked(formula.per_sequence) * batch + Checked(formula.per_longest) * longest;
  if (formula.per_score) // the square may overflow where nothing depends on it
    bytes += Checked(formula.per_score) * batch * longest * longest;
  return bytes.roundUp(cacheLine);
}

} // namespace lathe

#endif
