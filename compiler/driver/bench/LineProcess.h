//===- LineProcess.h - a child process that is spoken to line by line ---------===//
#ifndef LATHE_COMPILER_DRIVER_BENCH_LINEPROCESS_H
#define LATHE_COMPILER_DRIVER_BENCH_LINEPROCESS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <sys/types.h>

namespace lathe {

/// A program whose stdin and stdout are pipes to this process; its stderr is this one's. Killed, if it still runs, when
/// the object ends.
class LineProcess {
public:
  /// `name` is what errors call it.
  explicit LineProcess(llvm::StringRef name) : name(name) {}
  LineProcess(const LineProcess &) = delete;
  ~LineProcess();

  /// Starts `command`, whose first word is looked for in PATH.
  llvm::Error start(llvm::ArrayRef<std::string> command);
  llvm::Error writeLine(llvm::StringRef line);
  /// Waits for a line at most that long.
  llvm::Expected<std::string> readLine(int seconds);

private:
  llvm::Error hasEnded() const;

  std::string name;
  pid_t child = -1;
  int toChild = -1, fromChild = -1;
  std::string buffered;
};

} // namespace lathe

#endif
