//===- Work.h - what a run does, by the manifest's formulas -------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_WORK_H
#define LATHE_COMPILER_DRIVER_BENCH_WORK_H

#include "compiler/driver/Artifact.h"
#include "compiler/driver/bench/Precision.h"
#include "compiler/driver/bench/Workload.h"

namespace lathe {

/// The least that must be done, whoever does it: the operations of matrix products (a multiply-add counts two), the
/// bytes of weights, as they are stored, read once (of an embedding's table the rows that are looked up), and those of
/// activations read and written between one step and the next. Padding is not counted.
struct Work {
  double flops = 0, weightBytes = 0, activationBytes = 0;

  double bytes() const { return weightBytes + activationBytes; }
};

/// A step of a run: a kernel, launched once or, with other weights, for each layer.
struct StepWork {
  std::string name, kernel;
  int64_t calls; ///< in a run
  Work work;     ///< of one call
};

/// The steps of the artifact's first entry for this workload, in the order of the manifest. Where tokens are written,
/// those of the decoder's entries: it makes a pass over the prompts, and one for every token but the last; where an
/// encoder reads the prompts, that is a pass of its own, and the decoder makes one for every token. A step's `calls`
/// are those of all passes, its work their mean. Errors name the manifest's field that is not as compile writes it.
llvm::Expected<std::vector<StepWork>> readSteps(const Artifact &artifact, const Workload &workload);

/// The same, of the pass over the prompts alone.
llvm::Expected<std::vector<StepWork>> readPromptSteps(const Artifact &artifact, const Workload &workload);

/// What all steps do together.
Work sumOf(llvm::ArrayRef<StepWork> steps);

/// The precision that the manifest says the artifact computes in; the coarsest one where its parts have several. An
/// error where it says none that is known.
llvm::Expected<Precision> precisionOf(const Artifact &artifact);
/// The same work with the weights of `from` stored as `to` stores them. All of them: what is f32 in every precision,
/// such as biases, is less than a hundredth.
Work withWeightsIn(Precision to, Work work, Precision from);

} // namespace lathe

#endif
