//===- Report.h - what lathe bench found, for people and for scripts ----------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_REPORT_H
#define LATHE_COMPILER_DRIVER_BENCH_REPORT_H

#include "compiler/driver/bench/Profile.h"
#include "compiler/driver/bench/RoofSampler.h"
#include "compiler/driver/bench/Roofline.h"
#include "compiler/driver/bench/Timing.h"

#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json_fwd.hpp>

namespace lathe {

/// A line of the result.
struct Row {
  std::string contender;
  Timing timing;
  double residentBytes, loadSeconds;
  std::optional<double> maxAbsDiff; ///< see compareContenders
  Precision precision = Precision::F32;
  std::optional<Timing> first = {}; ///< where several tokens are written: of runs that write one
};

/// What all lines have in common where tokens are written.
struct Written : Generation {
  Work prompt; ///< of the pass over the prompts; the rest of a run's are passes over single tokens
};

/// What all lines have in common.
struct Setting {
  std::string cpu, isa;
  int64_t threads, batch, seq;
  int64_t tokens; ///< that a run takes or, where it writes, those written
  Work work;      ///< of a run of the artifact
  CacheSizes caches;
  MachineRoofs probed;                  ///< before the times were taken
  std::vector<RoofSample> samples;      ///< while they were
  Precision precision = Precision::F32; ///< the artifact's
  std::optional<Written> written = {};

  /// Bytes of weights that are read before the same ones are read again: in the larger of both kinds of pass.
  double weightBytesOfPass() const {
    return written ? std::max(written->prompt.weightBytes,
                              (work.weightBytes - written->prompt.weightBytes) / double(written->newTokens))
                   : work.weightBytes;
  }
  /// Of a run in a precision: the same for every contender of that precision, whatever it computes besides.
  Work workIn(Precision other) const { return withWeightsIn(other, work, precision); }

  /// What was probed, with medians of the samples in place of what they are of.
  MachineRoofs roofs() const;
  Roofline roofline() const { return Roofline(roofs(), caches, threads); }
};

/// The rates of a line, from its median, by the bytes and with the peak of its own precision. Empty where the machine
/// was not measured.
struct Rates {
  double tokensPerSecond, flopsPerSecond, weightBytesPerSecond;
  std::optional<double> ofPeak, ofBandwidth, ofRoofline;
  std::optional<double> stepSeconds = {}; ///< of each token behind the first, where several are written
};
Rates ratesOf(const Setting &setting, const Row &row);

/// The stable JSON; with a "profile" where there is one.
nlohmann::ordered_json toJson(const Setting &setting, llvm::ArrayRef<Row> rows, const Profile *profile);

/// The table, the artifact's row first.
void print(llvm::raw_ostream &os, const Setting &setting, llvm::ArrayRef<Row> rows);
/// The steps with their shares of the time.
void print(llvm::raw_ostream &os, const Setting &setting, const Profile &profile);

} // namespace lathe

#endif
