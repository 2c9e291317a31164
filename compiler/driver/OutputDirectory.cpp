//===- OutputDirectory.cpp - an artifact appears whole or not at all ----------===//
#include "compiler/driver/OutputDirectory.h"

#include "compiler/driver/StaleDirectories.h"
#include "compiler/import/checkpoint/Json.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe {

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static llvm::Error systemError(const llvm::Twine &what, int code = errno) {
  return llvm::createStringError(what + ": " + std::generic_category().message(code));
}

bool isArtifact(llvm::StringRef directory) {
  llvm::Expected<JsonDocument> manifest = JsonDocument::open((directory + "/manifest.json").str());
  if (!manifest) {
    llvm::consumeError(manifest.takeError());
    return false;
  }
  JsonFields fields(*manifest);
  bool found = fields.has("lathe_version");
  llvm::consumeError(fields.takeError());
  return found;
}

static bool isEmptyDirectory(llvm::StringRef directory) {
  std::error_code error;
  fs::directory_iterator begin(directory, error), end;
  return !error && begin == end;
}

/// Names of temporary directories for a destination begin with this.
static std::string temporaryPrefix(llvm::StringRef destination) {
  return "." + path::filename(destination).str() + ".lathe-";
}

llvm::Expected<OutputDirectory> OutputDirectory::create(llvm::StringRef given) {
  llvm::SmallString<128> destination(given);
  if (std::error_code error = fs::make_absolute(destination))
    return llvm::createStringError("cannot use '" + given + "' as output: " + error.message());
  path::remove_dots(destination, /*remove_dot_dot=*/true);
  while (destination.size() > 1 && path::is_separator(destination.back()))
    destination.pop_back();
  fs::file_status status;
  if (!fs::status(destination, status)) {
    if (!fs::is_directory(status))
      return llvm::createStringError("'" + given + "' exists and is no directory; give another -o");
    if (!isEmptyDirectory(destination) && !isArtifact(destination))
      return llvm::createStringError(
          "'" + given +
          "' exists and is no Lathe artifact (it has no manifest.json that says so); its files "
          "would be lost. Give another -o, or remove it");
  }
  llvm::StringRef parent = path::parent_path(destination);
  if (parent.empty() || path::filename(destination).empty())
    return llvm::createStringError("'" + given + "' cannot be an output directory");
  if (std::error_code error = fs::create_directories(parent))
    return llvm::createStringError("cannot create '" + parent + "': " + error.message());
  std::string prefix = temporaryPrefix(destination);
  removeStaleDirectories(parent, prefix);
  std::string temporary = (parent + "/" + prefix + "XXXXXX").str();
  if (!mkdtemp(temporary.data()))
    return systemError("cannot create a directory in '" + parent + "'");
  mode_t mask = umask(0); // mkdtemp makes it private; an artifact is as readable as anything the user makes
  umask(mask);
  chmod(temporary.c_str(), 0777 & ~mask);
  int lock = lockDirectory(temporary);
  return OutputDirectory(destination.str().str(), temporary, lock);
}

OutputDirectory::~OutputDirectory() {
  if (!temporary.empty())
    fs::remove_directories(temporary);
  if (lock >= 0)
    close(lock);
}

llvm::Error OutputDirectory::publish() {
  const char *from = temporary.c_str(), *to = destination.c_str();
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
    temporary.clear();
    return llvm::Error::success();
  }
  if (errno == EEXIST && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0)
    return llvm::Error::success(); // `temporary` is the old artifact now, and disappears
  if (errno == EINVAL || errno == ENOSYS) {
    // A file system that cannot exchange: for a moment there is no artifact, but never half of one.
    std::string old = temporary + ".old";
    bool existed = rename(to, old.c_str()) == 0;
    if (rename(from, to) == 0) {
      temporary.clear();
      if (existed)
        fs::remove_directories(old);
      return llvm::Error::success();
    }
    int failure = errno;
    if (existed)
      rename(old.c_str(), to);
    errno = failure;
  }
  return systemError("cannot put the artifact at '" + destination + "'");
}

} // namespace lathe
