//===- OutputDirectory.h - an artifact appears whole or not at all ------------===//
#ifndef LATHE_COMPILER_DRIVER_OUTPUTDIRECTORY_H
#define LATHE_COMPILER_DRIVER_OUTPUTDIRECTORY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace lathe {

/// A directory that is being made beside the one it will become. Files are written below `path()`; `publish` puts it in
/// place in one step, exchanging it with an artifact that is already there. Without `publish` it disappears, and after
/// a kill the next run for the same place removes it.
class OutputDirectory {
public:
  /// Refuses a destination that is neither absent, nor empty, nor an artifact: its files would be lost.
  static llvm::Expected<OutputDirectory> create(llvm::StringRef destination);

  OutputDirectory(OutputDirectory &&other)
      : destination(std::move(other.destination)), temporary(std::exchange(other.temporary, "")),
        lock(std::exchange(other.lock, -1)) {}
  OutputDirectory(const OutputDirectory &) = delete;
  ~OutputDirectory();

  llvm::StringRef path() const { return temporary; }
  std::string file(llvm::StringRef name) const { return temporary + "/" + name.str(); }
  llvm::Error publish();

private:
  OutputDirectory(std::string destination, std::string temporary, int lock)
      : destination(std::move(destination)), temporary(std::move(temporary)), lock(lock) {}

  std::string destination, temporary;
  int lock; ///< held on the temporary directory while this process lives
};

/// Whether a directory holds an artifact: a manifest that says so.
bool isArtifact(llvm::StringRef directory);

} // namespace lathe

#endif
