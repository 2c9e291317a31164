//===- Trace.h - what the steps of a run compute, kept and compared -----------===//
#ifndef LATHE_COMPILER_DRIVER_TRACE_H
#define LATHE_COMPILER_DRIVER_TRACE_H

#include "compiler/driver/TensorArrays.h"

#include <functional>

namespace lathe {

/// What a step computed: rows of numbers, in f32 whatever they were.
struct TracedValue {
  std::string step; ///< "bert_layer/attention"
  int64_t call = 0; ///< how many times the run had done this step before: the number of the layer, in a stack of them
  int64_t rows = 0, width = 0;
  std::vector<float> values;

  /// The function that the step is part of: the entry, or a kind of layer.
  llvm::StringRef function() const { return llvm::StringRef(step).split('/').first; }
};

/// Whether what a step computed is kept.
using TraceFilter = llvm::function_ref<bool(llvm::StringRef step)>;

/// Runs an entry (empty: the first) and gives its outputs and, in order, what the steps computed that `keep` lets by.
struct TracedRun {
  std::vector<FloatTensor> outputs;
  std::vector<TracedValue> steps;
};
llvm::Expected<TracedRun> traceModel(const LoadedModel &model, llvm::StringRef entry, const InputTensors &inputs,
                                     TraceFilter keep);

/// How far values are from a reference.
struct Distance {
  double largest = 0;  ///< max |a - b|
  double relative = 0; ///< max |a - b| / max(1, max |b|), infinite where one of them is no number
  double mean = 0;     ///< mean |a - b|
  double cosine = 1;   ///< of all of them as one vector; 1 where both are zeros
};

/// The distance of values that come in pieces.
class DistanceMeter {
public:
  void add(llvm::ArrayRef<float> values, llvm::ArrayRef<float> reference);
  Distance distance() const;

private:
  double largest = 0, scale = 1, sum = 0, dot = 0, square = 0, referenceSquare = 0, count = 0;
};

/// The first step, in the order of `a`, whose result in both is further apart than `tolerance`, relatively; of those
/// that both have with one shape.
struct Divergence {
  const TracedValue *step;
  Distance distance;
};
std::optional<Divergence> findDivergence(const TracedRun &a, const TracedRun &b, double tolerance);

} // namespace lathe

#endif
