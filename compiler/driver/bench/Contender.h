//===- Contender.h - what lathe bench times -----------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_CONTENDER_H
#define LATHE_COMPILER_DRIVER_BENCH_CONTENDER_H

#include "compiler/driver/Artifact.h"

namespace lathe {

/// An implementation of a model, loaded and ready to run a workload.
class Contender {
public:
  virtual ~Contender() = default;
  virtual llvm::StringRef name() const = 0;
  /// Seconds of each of `count` runs, behind one that is not timed: it finds caches and threads as the last contender
  /// left them.
  virtual llvm::Expected<std::vector<double>> time(int64_t count) = 0;
  /// What it computes for the padded inputs.
  virtual llvm::Expected<std::vector<FloatTensor>> outputs() = 0;
  /// Memory that the contender takes, in bytes, as far as the operating system can tell.
  virtual llvm::Expected<double> residentBytes() = 0;
  virtual double loadSeconds() const = 0;
};

/// The largest difference of a contender's outputs from the reference's. Far beyond rounding, it computes something
/// else, and to compare times would be pointless: that is an error, as it is to have no output in common.
llvm::Expected<double> compareWith(Contender &reference, Contender &other);

} // namespace lathe

#endif
