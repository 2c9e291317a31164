//===- StaleDirectories.cpp - what killed runs left behind --------------------===//
#include "compiler/driver/StaleDirectories.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace lathe {

int lockDirectory(const std::string &directory) {
  int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

void removeStaleDirectories(llvm::StringRef parent, llvm::StringRef prefix) {
  std::error_code error;
  for (llvm::sys::fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    if (!llvm::sys::path::filename(entry->path()).starts_with(prefix))
      continue;
    int descriptor = lockDirectory(entry->path());
    if (descriptor < 0)
      continue;
    llvm::sys::fs::remove_directories(entry->path());
    close(descriptor);
  }
}

} // namespace lathe
