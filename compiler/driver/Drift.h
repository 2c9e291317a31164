//===- Drift.h - how far a precision takes a model from f32 -------------------===//
//
// The certificate of an artifact. Both forms of the model are compiled for level avx512 (Probes.h), whatever the
// artifact is compiled for, and run on the same inputs in this process: so what it says depends on the model, the
// inputs and the precision alone.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_DRIFT_H
#define LATHE_COMPILER_DRIVER_DRIFT_H

#include "compiler/driver/DriftInputs.h"
#include "compiler/driver/Trace.h"

#include "llvm/ADT/StringMap.h"

namespace lathe {

struct DriftReport {
  /// An output, or what a layer gives ("bert_layer 3").
  struct Line {
    std::string name;
    Distance distance;
  };
  std::string inputs;     ///< what they are, for people
  std::string inputsHash; ///< BLAKE3 of the ids, hexadecimal
  int64_t sequences = 0, tokens = 0;
  std::vector<Line> layers, outputs; ///< layers in the order of the run

  /// The largest relative distance of an output: what --max-drift bounds.
  double drift() const;
};

/// The last step of each kind of layer, by the layer's function: the step's result is the layer's.
llvm::StringMap<std::string> lastStepsOfLayers(const Artifact &artifact);

/// Measures how far a model's results are from those of the same model in f32; with `throughCache` logits that a
/// decoder computes from what it keeps, too.
llvm::Expected<DriftReport> measureDrift(const LoadedArtifact &reference, const LoadedArtifact &probe,
                                         const DriftInputs &inputs, bool throughCache);

} // namespace lathe

#endif
