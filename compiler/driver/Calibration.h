//===- Calibration.h - what a model's linears read ----------------------------===//
//
// Statistics of the inputs of every linear over the inputs that --calibrate names, in f32: what choosing scales needs
// to know of activations. They are gathered by running the model compiled with PipelineOptions::observe, whose steps
// "FUNCTION/input of WEIGHT" show a trace what each linear reads.
//
//   llvm::Expected<Calibration> calibration = Calibration::gather(observed, inputs, prefixesOfCalls(module));
//   if (const FactorStatistics *x = calibration->find("encoder.layer.0.intermediate.dense.weight"))
//     importance = x->meanSquare(k);
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_CALIBRATION_H
#define LATHE_COMPILER_DRIVER_CALIBRATION_H

#include "compiler/driver/DriftInputs.h"
#include "passes/precision/LinearWeights.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"

namespace lathe {

/// An interval of numbers that has 0 in it.
struct NumberRange {
  float least = 0, greatest = 0;
  bool operator==(const NumberRange &) const = default;
};

/// The numbers that a linear reads: rows [rows][K].
class FactorStatistics {
public:
  explicit FactorStatistics(int64_t channels) : largestOf(channels), squareOf(channels), counts(bucketCount) {}

  void add(llvm::ArrayRef<float> row);

  uint64_t rows() const { return rowCount; }
  int64_t channels() const { return int64_t(largestOf.size()); }
  /// Of the numbers in an input channel: the largest in magnitude, and the mean of their squares.
  float largest(int64_t channel) const { return largestOf[channel]; }
  double meanSquare(int64_t channel) const { return rowCount ? squareOf[channel] / double(rowCount) : 0; }
  /// Of all numbers, and 0.
  NumberRange range() const { return all; }
  /// Some of the rows, [n][K] with n up to 64, evenly spread.
  llvm::ArrayRef<float> sample() const { return sampled; }

  /// The mean of squared distances of all numbers from what they become in 255 steps over a range: the nearest step,
  /// beyond the range its end.
  double errorOf(NumberRange quantized) const { return errorOf(quantized, numbers()); }
  /// The range within range() for which errorOf is least, of those that cut off each end by a multiple of 1/64.
  NumberRange bestRange() const;

private:
  /// Numbers that were met, and how often.
  using Numbers = std::vector<std::pair<double, double>>;
  Numbers numbers() const;
  static double errorOf(NumberRange quantized, const Numbers &numbers);

  /// Numbers are counted by their upper half, as a bf16: to a part in 256 of what they are.
  static constexpr size_t bucketCount = size_t(1) << 16;

  uint64_t rowCount = 0;
  NumberRange all;
  std::vector<float> largestOf;
  std::vector<double> squareOf; ///< sums
  std::vector<uint64_t> counts; ///< by bucket
  static constexpr size_t mostSampled = 64;
  uint64_t sampledEvery = 1; ///< rows
  std::vector<float> sampled;
};

class Calibration {
public:
  /// By weight, in the order of a run.
  using Linears = llvm::MapVector<std::string, FactorStatistics, std::map<std::string, unsigned>>;
  Calibration(std::string inputs, Linears statistics)
      : description(std::move(inputs)), statistics(std::move(statistics)) {}

  /// Runs an observed f32 model on all inputs. The same on every machine and with any number of threads.
  static llvm::Expected<Calibration> gather(const LoadedArtifact &observed, const DriftInputs &inputs,
                                            const LayerPrefixes &prefixes);

  /// Of what the linear with that weight reads, or null. A weight is named as in the checkpoint; one that is joined of
  /// several, as of query, key and value, by the first of them. Layers that share a weight are counted together.
  const FactorStatistics *find(llvm::StringRef weight) const;
  const Linears &linears() const { return statistics; }
  /// The inputs, as DriftInputs names them.
  const std::string &inputs() const { return description; }

private:
  std::string description;
  Linears statistics;
};

} // namespace lathe

#endif
