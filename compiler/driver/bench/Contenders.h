//===- Contenders.h - whom lathe bench lets an artifact run against -----------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_CONTENDERS_H
#define LATHE_COMPILER_DRIVER_BENCH_CONTENDERS_H

#include "compiler/driver/bench/PythonContender.h"

#include "llvm/Support/raw_ostream.h"

namespace lathe {

/// The names of a --vs list, in its order; none of an empty one. An unknown name, and one given twice, is an error that
/// says what is accepted; so is one that cannot do what it is asked for.
llvm::Expected<std::vector<std::string>> parseContenders(llvm::StringRef list, PeerAbility asked = PeerAbility::Runs);

struct ContenderOptions {
  std::string model;  ///< the model directory that the artifact was compiled from
  std::string python; ///< an interpreter with the packages that the contenders need
  int64_t threads;
};

/// Contenders that are ready to run what an artifact runs.
class Contenders {
public:
  /// Starts those of `names`, one after the other, with a line on `log` for each: some take a minute.
  static llvm::Expected<Contenders> start(llvm::ArrayRef<std::string> names, const Artifact &artifact,
                                          const lathe_entry_info &entry, const ContenderOptions &options,
                                          const Workload &workload, llvm::raw_ostream &log);

  llvm::ArrayRef<std::unique_ptr<Contender>> all() const { return contenders; }

private:
  std::optional<ScratchDirectory> scripts; // outlives those who work in it
  std::vector<std::unique_ptr<Contender>> contenders;
};

} // namespace lathe

#endif
