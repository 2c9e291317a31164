//===- ReplaceFile.cpp - a file appears whole or not at all -------------------===//
#include "compiler/driver/ReplaceFile.h"

#include "compiler/driver/FileWriter.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Process.h"

using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;

namespace lathe {

static Error cannotWrite(StringRef path, const llvm::Twine &why) {
  return createStringError("cannot write " + quote(path) + ": " + why);
}

static std::string beside(StringRef path) {
  return (path + "." + llvm::Twine(llvm::sys::Process::getProcessId()) + ".tmp").str();
}

/// Leaves the file beside `path`.
static Error writeBeside(StringRef path, StringRef contents) {
  llvm::sys::fs::file_status status;
  if (!llvm::sys::fs::status(path, status) && status.type() != llvm::sys::fs::file_type::regular_file)
    return cannotWrite(path, "what is there is no regular file");
  FileWriter writer(beside(path));
  writer.write(contents);
  if (Error error = writer.close()) {
    llvm::sys::fs::remove(beside(path));
    return error;
  }
  return Error::success();
}

Error replaceFile(StringRef path, StringRef contents) {
  if (Error error = writeBeside(path, contents))
    return error;
  if (std::error_code error = llvm::sys::fs::rename(beside(path), path)) {
    llvm::sys::fs::remove(beside(path));
    return cannotWrite(path, error.message());
  }
  return Error::success();
}

Error checkReplaceable(StringRef path) {
  Error error = writeBeside(path, "");
  if (!error)
    llvm::sys::fs::remove(beside(path));
  return error;
}

} // namespace lathe
