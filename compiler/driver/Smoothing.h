//===- Smoothing.h - channels evened out before they are bytes ----------------===//
//
// A row of activations in int8 has 255 steps between its ends, and a few channels of a norm's result are tens of times
// larger than the others, in every token: they leave the others few steps. SmoothQuant (Xiao et al. 2023,
// arXiv:2211.10438) divides channels by s[k] = max|x[k]|^a / max|w[k]|^(1-a) and multiplies the weights' columns with
// it. Here the strength a is searched, and what divides x is part of the kernel that makes x bytes.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_SMOOTHING_H
#define LATHE_COMPILER_DRIVER_SMOOTHING_H

#include "compiler/driver/Calibration.h"

namespace lathe {

/// What the linears have in common that read one value, in all layers that hand it on.
struct Smoothing {
  std::vector<std::string> linears; ///< by the full names of their weights
  double strength;                  ///< in (0, 1)
  double before, after;             ///< the part of the products' squares that is lost to rounding, as estimated
  std::vector<float> factors;       ///< what channels are multiplied with
};

/// Chooses for each value of which norms are the source, and declares what it is multiplied with where that pays: as a
/// weight, and as attribute `xf.smoothed_by` of the linears that read the value. Of a module at the end of stage graph.
std::vector<Smoothing> smoothFactors(mlir::ModuleOp module, const Calibration &calibration);

} // namespace lathe

#endif
