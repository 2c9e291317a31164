//===- DriftInputs.h - what a model is run on to see how far it drifts --------===//
#ifndef LATHE_COMPILER_DRIVER_DRIFTINPUTS_H
#define LATHE_COMPILER_DRIVER_DRIFTINPUTS_H

#include "compiler/driver/TensorArrays.h"

namespace lathe {

/// Batches, padded to their longest sequence.
struct DriftInputs {
  std::string description; ///< what they are, for people
  std::string hash;        ///< BLAKE3 of the ids, hexadecimal
  int64_t sequences = 0, tokens = 0;
  std::vector<InputTensors> batches;

  /// The inputs in a file, a safetensors file or a text a line, which the model's tokenizer takes apart; random ids
  /// where `calibrate` is empty.
  static llvm::Expected<DriftInputs> read(const std::string &calibrate, const LoadedArtifact &model);
};

} // namespace lathe

#endif
