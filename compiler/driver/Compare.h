//===- Compare.h - how far two results are apart ------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_COMPARE_H
#define LATHE_COMPILER_DRIVER_COMPARE_H

#include "compiler/driver/Artifact.h"

namespace lathe {

/// What an output of two models has in common.
struct OutputDifference {
  std::string name;
  std::string mismatch;                   ///< not comparable, and why: absent on one side, or of another shape
  double largest = 0;                     ///< max |a - b|
  double relative = 0;                    ///< max |a - b| / max(1, max |b|); infinite where one of them is no number
  double overall = 0;                     ///< sqrt(sum (a - b)^2 / sum b^2); likewise
  llvm::SmallVector<int64_t, 3> position; ///< of the largest
  float a = 0, b = 0;                     ///< there
};

/// |a - b|. Equal infinities are no difference; what is not a number on one side is the largest there can be.
double distanceBetween(double a, double b);

/// Compares outputs by name, in the order in which a model computes them: hidden states by number first.
std::vector<OutputDifference> compareOutputs(llvm::ArrayRef<FloatTensor> a, llvm::ArrayRef<FloatTensor> b);

} // namespace lathe

#endif
