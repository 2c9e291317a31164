//===- ScratchDirectory.cpp - files that go when a run ends ---------------------===//
#include "compiler/driver/ScratchDirectory.h"

#include "compiler/driver/StaleDirectories.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <stdlib.h>
#include <unistd.h>

namespace lathe {

llvm::Expected<ScratchDirectory> ScratchDirectory::create() {
  constexpr llvm::StringLiteral prefix = "lathe-bench-";
  llvm::SmallString<128> parent;
  llvm::sys::path::system_temp_directory(/*erasedOnReboot=*/true, parent);
  removeStaleDirectories(parent, prefix);
  std::string path = (parent + "/" + prefix + "XXXXXX").str();
  if (!mkdtemp(path.data()))
    return llvm::createStringError("cannot make a temporary directory in '" + parent +
                                   "': " + std::generic_category().message(errno));
  return ScratchDirectory(path, lockDirectory(path));
}

ScratchDirectory::~ScratchDirectory() {
  if (!path.empty())
    llvm::sys::fs::remove_directories(path);
  if (lock >= 0)
    close(lock);
}

} // namespace lathe
