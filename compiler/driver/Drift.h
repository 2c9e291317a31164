//===- Drift.h - how far a precision takes a model from f32 -------------------===//
//
// The certificate of an artifact. Both precisions are compiled for level avx512, whatever the artifact is compiled for,
// and run on the same inputs in this process: so what it says depends on the model, the inputs and the precision alone.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_DRIFT_H
#define LATHE_COMPILER_DRIVER_DRIFT_H

#include "compiler/driver/Trace.h"

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

/// Compiles the model in a precision, for level avx512, to a directory that does not exist yet.
using ProbeCompiler = llvm::function_ref<llvm::Error(llvm::StringRef precision, const std::string &directory)>;

/// Measures how far a model's results in `precision` are from those in f32: on the inputs in the file `calibrate`, a
/// safetensors file or a text a line, or on random ids where that is empty. Fails where a compile does, where the
/// inputs do not fit the model, and on a CPU without AVX-512.
llvm::Expected<DriftReport> measureDrift(ProbeCompiler compile, llvm::StringRef precision,
                                         const std::string &calibrate);

} // namespace lathe

#endif
