//===- PythonContender.h - frameworks, as lathe bench times them --------------===//
//
// Each framework is a short script in peers/, inside this program's executable. The scripts of a run share a directory:
// what they are told, the inputs, and what one makes for another, such as the ONNX file that two of them run.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_PYTHONCONTENDER_H
#define LATHE_COMPILER_DRIVER_BENCH_PYTHONCONTENDER_H

#include "compiler/driver/ScratchDirectory.h"
#include "compiler/driver/bench/Contender.h"
#include "compiler/driver/bench/Workload.h"

namespace lathe {

/// What the scripts are told: settings.json of their directory, with what a workload writes.
struct PeerSettings {
  std::string model;                 ///< the model directory that the artifact was compiled from
  std::string task;                  ///< the artifact's, as are
  std::vector<std::string> outputs;  ///< by name, and
  std::vector<std::string> poolings; ///< by name, with
  std::vector<std::string> modules;  ///< behind them, by class name
  int64_t threads = 1;
};

/// A directory with the scripts, the settings, and the padded inputs. Must outlive its contenders.
llvm::Expected<ScratchDirectory> makePeerDirectory(const PeerSettings &settings, const Workload &workload);

/// What a script can be asked for.
enum class PeerAbility { Runs, Writes, Both };

/// A contender that is a script.
struct PythonPeer {
  llvm::StringLiteral name;
  Precision precision;
  PeerAbility ability = PeerAbility::Runs;

  bool can(PeerAbility asked) const { return ability == PeerAbility::Both || ability == asked; }
};
llvm::ArrayRef<PythonPeer> pythonContenders();

/// Starts the script of one of these with that interpreter and waits until it is ready. What it says is in the
/// way, a missing package say, is the error. The process ends with the object.
llvm::Expected<std::unique_ptr<Contender>> makePythonContender(const PythonPeer &peer, llvm::StringRef python,
                                                               const ScratchDirectory &directory);

} // namespace lathe

#endif
