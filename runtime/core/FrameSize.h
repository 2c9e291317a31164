// How large a run is, and what its formulas come to.
#ifndef LATHE_RUNTIME_CORE_FRAMESIZE_H
#define LATHE_RUNTIME_CORE_FRAMESIZE_H

#include "lathe/program.h"
#include "runtime/core/Checked.h"

namespace lathe {

/// What lathe_frame says of the run.
struct FrameSize {
  int64_t tokens, batch, longest;
  int64_t targets = 0, longestTargets = 0; // of the second token axis
};

/// What every array in working memory begins at a multiple of.
inline constexpr int64_t cacheLine = 64;

inline Checked evaluate(const lathe_size_formula &formula, const FrameSize &size) {
  Checked tokens = Checked(size.tokens).roundUp(LATHE_ROW_QUANTUM);
  Checked batch = Checked(size.batch).roundUp(LATHE_ROW_QUANTUM);
  Checked longest = Checked(size.longest).roundUp(LATHE_ROW_QUANTUM);
  Checked targets = Checked(size.targets).roundUp(LATHE_ROW_QUANTUM);
  Checked longestTargets = Checked(size.longestTargets).roundUp(LATHE_ROW_QUANTUM);
  Checked bytes = Checked(formula.fixed) + Checked(formula.per_token) * tokens;
  bytes += Checked(formula.per_sequence) * batch + Checked(formula.per_target) * targets;
  bytes += Checked(formula.per_longest) * (size.longest < size.longestTargets ? longestTargets : longest);
  if (formula.per_score) // the square may overflow where nothing depends on it
    bytes += Checked(formula.per_score) * batch * longest * longest;
  if (formula.per_target_score)
    bytes += Checked(formula.per_target_score) * batch * longestTargets * longestTargets;
  if (formula.per_cross_score)
    bytes += Checked(formula.per_cross_score) * batch * longestTargets * longest;
  return bytes.roundUp(cacheLine);
}

} // namespace lathe

#endif
