//===- Observed.h - linears whose inputs traces show --------------------------===//
#ifndef LATHE_PASSES_PRECISION_OBSERVED_H
#define LATHE_PASSES_PRECISION_OBSERVED_H

#include "llvm/ADT/StringRef.h"

namespace lathe {

/// Attribute of a linear whose input a step of its own shows to traces (pass ObserveFactors), and what that step is
/// called before the name of the linear's weight.
inline constexpr llvm::StringLiteral observedAttr = "xf.observed", observedStepPrefix = "input of ";

/// Module attribute: the range of what linears read, as {"encoder.layer.0.output.dense.weight" = [least, greatest]}, by
/// which pass FixRanges goes.
inline constexpr llvm::StringLiteral rangesAttr = "xf.ranges";

/// Module attribute, likewise: the mean square of each column of what a linear reads, by which pass WeighColumns goes.
inline constexpr llvm::StringLiteral importancesAttr = "xf.importances";

/// Attribute of a linear: the weight by which pass SmoothFactors smooths what it reads in bytes.
inline constexpr llvm::StringLiteral smoothingAttr = "xf.smoothed_by";

} // namespace lathe

#endif
