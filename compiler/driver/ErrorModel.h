//===- ErrorModel.h - what each part of a model gets wrong in a precision -----===//
//
// The units of a model (PrecisionPlan.h) hand rows of f32 from one to the next. A run of the model in a precision shows
// what each unit gave; the f32 model, given the same value where the unit begins, what it should have given. The
// difference is the unit's error in that precision. Added to what that unit gives in a run of the f32 model, it reaches
// the outputs as it does where that unit alone has the precision; and the errors of several units, added in one run,
// show what a plan does without compiling it: nearly, for errors are taken as they are in a model whose other units
// err, too.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_ERRORMODEL_H
#define LATHE_COMPILER_DRIVER_ERRORMODEL_H

#include "compiler/driver/DriftInputs.h"
#include "compiler/driver/Trace.h"
#include "passes/precision/PrecisionPlan.h"

namespace lathe {

class ErrorModel {
public:
  /// Of a model in f32, whose `units` are in the order of a run. Runs it on as many of the inputs' batches as leave
  /// what is kept of them, by so many precisions, within half a gigabyte; on one at least.
  static llvm::Expected<ErrorModel> create(const LoadedArtifact &reference, llvm::ArrayRef<std::string> units,
                                           const DriftInputs &inputs, size_t precisions);

  /// Measures every unit's error in a precision: two runs of each batch.
  llvm::Error addPrecision(llvm::StringRef precision, const LoadedArtifact &probe);

  /// The drift that a plan would have on these batches: a run of each. Its precisions must have been added.
  llvm::Expected<double> estimate(const PrecisionPlan &plan) const;

private:
  using Values = std::vector<float>;
  /// What all units give in a run: all but the head by their boundaries, the head by the outputs.
  struct Errors {
    std::vector<Values> states, outputs;
  };
  /// Sees, and may change, what a unit hands on.
  using Visitor = llvm::function_ref<void(size_t unit, const lathe_traced &value)>;

  ErrorModel(const LoadedArtifact &reference) : reference(reference) {}
  llvm::Error findBoundaries(llvm::ArrayRef<std::string> units, const InputTensors &batch);
  llvm::Expected<std::vector<FloatTensor>> run(const LoadedModel &model, const InputTensors &batch,
                                               Visitor visit) const;

  const LoadedArtifact &reference;
  std::vector<std::string> handing; ///< units that hand a value on
  /// By step and call, the unit that ends there: its place in `handing`.
  std::map<std::pair<std::string, int64_t>, size_t> boundaries;
  llvm::ArrayRef<InputTensors> batches;
  std::vector<std::vector<FloatTensor>> expected;          ///< the f32 model's outputs, by batch
  std::map<std::string, std::vector<Errors>> ofPrecisions; ///< by precision, then batch
};

} // namespace lathe

#endif
