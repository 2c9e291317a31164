//===- Bench.h - timing contenders on the same inputs -------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_H
#define LATHE_COMPILER_DRIVER_BENCH_H

#include "compiler/driver/TensorArrays.h"

#include <chrono>

namespace lathe {

/// What is run: seeded random ids, valid for the model.
struct Workload {
  InputTensors inputs;          ///< without padding: as the artifact is timed
  InputTensors padded;          ///< the same for contenders that cannot leave padding out
  std::vector<int64_t> lengths; ///< of the sequences

  int64_t batch() const { return static_cast<int64_t>(lengths.size()); }
  int64_t longest() const;
  int64_t tokens() const;
};

/// Sequences of the given lengths with ids below `idLimit`. Where all are equal there is no padding, nor a mask.
Workload makeWorkload(llvm::ArrayRef<int64_t> lengths, int64_t idLimit);

/// Lengths as a file lists them, one a line. Errors name file and line.
llvm::Expected<std::vector<int64_t>> parseLengths(llvm::StringRef text, llvm::StringRef origin);

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

/// An artifact's entry in this process. Creating it checks that results are finite and the same in every run. Its
/// memory is counted from `residentBefore`, the process's before the library was loaded.
llvm::Expected<std::unique_ptr<Contender>> makeArtifactContender(const LoadedModel &model,
                                                                 const lathe_entry_info &entry, int64_t threads,
                                                                 const Workload &workload, double residentBefore);

struct Timing {
  double min, median, p99; ///< seconds
};
/// Of at least one time. A percentile is the smallest time that so many of the times do not exceed.
Timing summarize(std::vector<double> seconds);

/// Times contenders in turns, a short block of runs each, so that noise hits all alike; until each has been timed for
/// a second, and a few times at least.
llvm::Expected<std::vector<Timing>> timeInTurns(llvm::ArrayRef<Contender *> contenders);

/// Bytes of this process that are in memory.
double residentBytes();
/// CPUs that this process may run on.
int64_t availableThreads();
/// The CPU's name, as the operating system gives it.
std::string cpuName();

} // namespace lathe

#endif
