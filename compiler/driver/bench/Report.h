//===- Report.h - what lathe bench found, for people and for scripts ----------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_REPORT_H
#define LATHE_COMPILER_DRIVER_BENCH_REPORT_H

#include "compiler/driver/bench/Timing.h"
#include "lathe/abi.h"

#include "llvm/Support/raw_ostream.h"

#include <nlohmann/json_fwd.hpp>

namespace lathe {

/// A line of the result.
struct Row {
  std::string contender;
  Timing timing;
  double residentBytes, loadSeconds;
  std::optional<double> maxAbsDiff; ///< from the artifact
};

/// What all lines have in common.
struct Setting {
  std::string cpu, isa;
  int64_t threads, batch, seq, tokens;
  double flops;

  double tokensPerSecond(const Row &row) const { return tokens / row.timing.median; }
  double gflops(const Row &row) const { return flops / row.timing.median * 1e-9; }
};

/// The stable JSON; with a "profile" where there are steps.
nlohmann::ordered_json toJson(const Setting &setting, llvm::ArrayRef<Row> rows,
                              llvm::ArrayRef<lathe_profile_step> steps);

/// The table, the artifact's row first.
void print(llvm::raw_ostream &os, const Setting &setting, llvm::ArrayRef<Row> rows);
/// The steps with their shares of the time.
void print(llvm::raw_ostream &os, llvm::ArrayRef<lathe_profile_step> steps);

} // namespace lathe

#endif
