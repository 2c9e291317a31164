//===- RoofSampler.h - what the machine can do while contenders are timed -----===//
//
// A machine that is shared gives now more and now less, within seconds. What it could do while a contender ran is not
// what a probe found a minute before, so samples of it take turns with the contenders, and a fraction compares the
// median of a contender's times with the median of the samples: both met the same machine.
//
// A sample is what is done in a row, without choosing the best moments of it, since a contender cannot choose either.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_ROOFSAMPLER_H
#define LATHE_COMPILER_DRIVER_BENCH_ROOFSAMPLER_H

#include "compiler/driver/bench/MachineProbe.h"

#include <memory>
#include <vector>

namespace lathe {

class ProbeMemory;

/// The roofs that runs are compared with: operations (a multiply-add counts two) and bytes read from memory in a
/// second, by all threads together.
struct RoofSample {
  double fmaF32, readMemory;
  double dotBf16 = 0, dotInt8 = 0, amxBf16 = 0, amxInt8 = 0; ///< 0 where nobody asked for the unit
};
/// Which of them is the unit's.
double RoofSample::*sampleOf(Unit unit);

/// Takes samples with `threads` threads of its own, which are there only while one is taken: of FMAs of f32, of
/// `others`, which the machine must have, and of reading. Holds the memory that is read: so much that no cache has it.
class RoofSampler {
public:
  explicit RoofSampler(int threads, const std::vector<Unit> &others = {});
  ~RoofSampler();

  /// Adds a sample, in about a tenth of a second and half as much for each other unit. None is added without AVX-512,
  /// or without that memory.
  void take();
  const std::vector<RoofSample> &samples() const { return taken; }

private:
  int threads;
  std::vector<Unit> units;
  size_t bytesPerThread;
  std::unique_ptr<ProbeMemory> memory;
  std::vector<RoofSample> taken;
};

/// Least, median and most of the samples of one roof.
struct RoofSpread {
  double least, median, most;

  /// Whether they are so far apart that what is compared with them should be read with care.
  bool isWide() const;
};
/// Of at least one sample; the member says which roof.
RoofSpread spreadOf(const std::vector<RoofSample> &samples, double RoofSample::*roof);

} // namespace lathe

#endif
