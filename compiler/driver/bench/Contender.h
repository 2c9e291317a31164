//===- Contender.h - what lathe bench times -----------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_CONTENDER_H
#define LATHE_COMPILER_DRIVER_BENCH_CONTENDER_H

#include "compiler/driver/Artifact.h"
#include "compiler/driver/bench/Precision.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace lathe {

/// What takes turns at being timed.
class Runner {
public:
  virtual ~Runner() = default;
  /// Seconds of each of `count` runs, behind one that is not timed: it finds caches and threads as the last runner left
  /// them.
  virtual llvm::Expected<std::vector<double>> time(int64_t count) = 0;
};

/// Times `run` as Runner::time says.
llvm::Expected<std::vector<double>> timeRuns(int64_t count, llvm::function_ref<llvm::Error()> run);

/// An implementation of a model, loaded and ready to run a workload.
class Contender : public Runner {
public:
  virtual llvm::StringRef name() const = 0;
  virtual Precision precision() const = 0;
  /// What it computes for the padded inputs; of one that writes, the logits of what comes behind each prompt.
  virtual llvm::Expected<std::vector<FloatTensor>> outputs() = 0;
  /// Of one that writes: the tokens behind each prompt.
  virtual llvm::Expected<std::vector<std::vector<int32_t>>> written() {
    return llvm::createStringError(name() + " writes no tokens");
  }
  /// Of one that writes: as `time`, of runs that write one token behind each prompt.
  virtual llvm::Expected<std::vector<double>> timeFirst(int64_t count) {
    return llvm::createStringError(name() + " writes no tokens");
  }
  /// Bytes in memory once it is ready: of its process, or by which it made this process grow.
  virtual double residentBytes() const = 0;
  /// From files on disk to ready to run.
  virtual double loadSeconds() const = 0;
};

/// The largest difference of each contender's outputs from those of the first, the artifact; and of the artifact's from
/// the reference's, which is `eager` where it takes part and else the second contender. Nothing for an artifact alone.
/// Far beyond rounding, a contender computes something else, and to compare times would be pointless: that is an error,
/// as it is to have no output in common. Two in f32 may differ, where they differ most, by 1e-3 of the largest value.
/// With a coarser one, what the difference is as a whole counts, root mean square over root mean square: up to 0.1 for
/// bf16, 0.4 for int8 and 0.6 for int4; measured were 0.005 to 0.03, and 0.02 to 0.1, and two different models are
/// about 1.4 apart.
llvm::Expected<std::vector<std::optional<double>>> compareContenders(llvm::ArrayRef<Contender *> contenders);

} // namespace lathe

#endif
