//===- Plot.h - a roofline picture --------------------------------------------===//
//
//   GFLOP/s │      ___________ f32 peak      How fast each kernel of a profile runs (circles, larger with its share of
//           │  L2 / L3 / memory / ◇ lathe    the time) and each contender as a whole (diamonds), under what the machine
//           │    /    /    ● gemm            can do: its peak, and for work that reads more bytes than that takes
//           └──────────────────── FLOP/byte  arithmetic, each memory level.
//
// Kernels without products have no place on the right; on the left, under the same roofs, they are shown by the bytes
// that they move.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PLOT_H
#define LATHE_COMPILER_DRIVER_BENCH_PLOT_H

#include "compiler/driver/bench/Report.h"

namespace lathe {

/// All calls of one kernel, whatever step they are of.
struct KernelPoint {
  std::string kernel;
  std::vector<std::string> steps;
  double seconds = 0, share = 0, rooflineSeconds = 0;
  Work work;
};

/// The profile by kernel, the slowest first.
std::vector<KernelPoint> mergeByKernel(const Setting &setting, const Profile &profile);

/// The picture as SVG, readable on light and dark ground. An error where the machine was not measured.
llvm::Expected<std::string> drawRoofline(llvm::StringRef title, const Setting &setting, llvm::ArrayRef<Row> rows,
                                         const Profile &profile);

} // namespace lathe

#endif
