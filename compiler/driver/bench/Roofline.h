//===- Roofline.h - how fast work can be done at best -------------------------===//
//
// Work takes at least as long as its arithmetic at the machine's peak, and at least as long as its bytes take to
// arrive. The longer of the two is its roofline; a fraction of the roofline is that time over the time that was taken.
//
// Bytes come from where they can lie. Of a whole run only the weights count, and they come from memory, as in a server
// that does other things between two runs: a model so small that caches hold its weights may exceed this. Of a step
// that is one of many in a run, weights come from the smallest level that holds the weights of the whole run, since
// that much is read before the same ones are read again; activations from the smallest level that holds the step's own,
// since the step before has just written them.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_ROOFLINE_H
#define LATHE_COMPILER_DRIVER_BENCH_ROOFLINE_H

#include "compiler/driver/bench/MachineProbe.h"
#include "compiler/driver/bench/Work.h"

namespace lathe {

/// What bytes are read from.
struct MemoryLevel {
  llvm::StringRef name;
  double capacity;       ///< bytes, of all threads together
  double bytesPerSecond; ///< read by all of them at the same time
};

class Roofline {
public:
  /// With the roofs that `threads` reach together. Levels that were not measured are left out.
  Roofline(const MachineRoofs &roofs, const CacheSizes &caches, int64_t threads);

  /// Operations in a second, of a precision's products; empty where the machine was not measured or has no such thing,
  /// as are all times below.
  std::optional<double> peak(Precision precision) const { return roofs.peak(precision); }
  /// From the second-level cache outwards; the last is memory. The first level is left out: what computes reads it more
  /// than once.
  llvm::ArrayRef<MemoryLevel> levels() const { return all; }
  /// The smallest level that holds so many bytes; null where none was measured.
  const MemoryLevel *levelFor(double bytes) const;

  /// Seconds of a whole run, at least, with all products in that precision.
  std::optional<double> ofRun(const Work &run, Precision precision) const;
  /// Seconds of one call of a step, at least, in a run that reads `runWeightBytes`.
  std::optional<double> ofStep(const StepWork &step, double runWeightBytes) const;

private:
  MachineRoofs roofs;
  llvm::SmallVector<MemoryLevel, 3> all;
};

} // namespace lathe

#endif
