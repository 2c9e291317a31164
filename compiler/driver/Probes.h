//===- Probes.h - a model compiled aside, to be run while it compiles ---------===//
#ifndef LATHE_COMPILER_DRIVER_PROBES_H
#define LATHE_COMPILER_DRIVER_PROBES_H

#include "compiler/driver/Drift.h"
#include "compiler/driver/ScratchDirectory.h"
#include "passes/precision/PrecisionPlan.h"

#include <functional>

namespace lathe {

/// Compiles the model by a plan, for level avx512, to a directory that does not exist yet.
using ProbeCompiler = std::function<llvm::Error(const PrecisionPlan &plan, const std::string &directory)>;

/// A model by several plans, each compiled when it is first asked for and loaded into this process, in a scratch
/// directory: a probe takes as much of it as its weights.
class Probes {
public:
  /// Compiles the model in f32, with which others are compared, and reads inputs as DriftInputs does. Fails where that
  /// does, and on a CPU without AVX-512.
  static llvm::Expected<std::unique_ptr<Probes>> create(ProbeCompiler compile, const std::string &calibrate);

  const LoadedArtifact &reference() const { return *built.front().probe; }
  const DriftInputs &inputs() const { return driftInputs; }
  llvm::Expected<const LoadedArtifact *> get(const PrecisionPlan &plan);
  /// How far a plan takes the model from f32.
  llvm::Expected<DriftReport> measure(const PrecisionPlan &plan);
  /// Gives back what a probe takes; it would be compiled again. Not f32's.
  void forget(const PrecisionPlan &plan);

private:
  Probes(ProbeCompiler compile, ScratchDirectory scratch) : compile(std::move(compile)), scratch(std::move(scratch)) {}

  struct Built {
    PrecisionPlan plan;
    std::string directory;
    std::unique_ptr<LoadedArtifact> probe;
  };
  ProbeCompiler compile;
  ScratchDirectory scratch;
  std::vector<Built> built; ///< f32's first
  unsigned compiles = 0;
  DriftInputs driftInputs;
};

} // namespace lathe

#endif
