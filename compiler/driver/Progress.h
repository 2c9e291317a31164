//===- Progress.h - what a person sees while a model compiles -----------------===//
#ifndef LATHE_COMPILER_DRIVER_PROGRESS_H
#define LATHE_COMPILER_DRIVER_PROGRESS_H

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <string>
#include <vector>

namespace lathe {

/// Prints a line per stage when it ends, with its time.
class Progress {
public:
  explicit Progress(llvm::raw_ostream &log) : log(log), began(Clock::now()), stageBegan(began) {}

  /// Ends a stage that began when the last one ended.
  void finish(llvm::StringRef stage, const llvm::Twine &what) {
    Clock::time_point now = Clock::now();
    log << llvm::formatv("  {0,-10} {1,7:F3} s  {2}\n", stage, seconds(stageBegan, now), what.str());
    log.flush();
    stageBegan = now;
  }
  double total() const { return seconds(began, Clock::now()); }

private:
  using Clock = std::chrono::steady_clock;
  static double seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  }
  llvm::raw_ostream &log;
  Clock::time_point began, stageBegan;
};

/// "90.9 MB", in powers of ten as disks and networks count.
inline std::string sizeText(uint64_t bytes) {
  if (bytes < 10'000)
    return std::to_string(bytes) + " bytes";
  if (bytes < 1'000'000)
    return llvm::formatv("{0:F1} KB", bytes / 1e3);
  return llvm::formatv("{0:F1} MB", bytes / 1e6);
}

} // namespace lathe

#endif
