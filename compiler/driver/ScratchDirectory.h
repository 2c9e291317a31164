//===- ScratchDirectory.h - files that go when a run ends -----------------------===//
#ifndef LATHE_COMPILER_DRIVER_SCRATCHDIRECTORY_H
#define LATHE_COMPILER_DRIVER_SCRATCHDIRECTORY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>

namespace lathe {

/// A new directory among the system's temporary ones, which goes with the object; after a kill, when the next is made:
/// exported models are large.
class ScratchDirectory {
public:
  static llvm::Expected<ScratchDirectory> create();
  ScratchDirectory(ScratchDirectory &&other) noexcept
      : path(std::exchange(other.path, "")), lock(std::exchange(other.lock, -1)) {}
  ScratchDirectory(const ScratchDirectory &) = delete;
  ~ScratchDirectory();

  std::string file(llvm::StringRef name) const { return path + "/" + name.str(); }

private:
  ScratchDirectory(std::string path, int lock) : path(std::move(path)), lock(lock) {}

  std::string path;
  int lock; ///< held on the directory while this process lives
};

} // namespace lathe

#endif
