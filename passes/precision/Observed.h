//===- Observed.h - linears whose inputs traces show --------------------------===//
#ifndef LATHE_PASSES_PRECISION_OBSERVED_H
#define LATHE_PASSES_PRECISION_OBSERVED_H

#include "llvm/ADT/StringRef.h"

namespace lathe {

/// Attribute of a linear whose input a step of its own shows to traces (pass ObserveFactors), and what that step is
/// called before the name of the linear's weight.
inline constexpr llvm::StringLiteral observedAttr = "xf.observed", observedStepPrefix = "input of ";

} // namespace lathe

#endif
