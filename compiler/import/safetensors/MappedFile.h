// A file of a model directory, mapped read-only.
#ifndef LATHE_COMPILER_IMPORT_SAFETENSORS_MAPPEDFILE_H
#define LATHE_COMPILER_IMPORT_SAFETENSORS_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace lathe {

/// Owns the mapping; its bytes stay where they are when the object moves. Nothing is read until it is looked at, so
/// opening a 100 GB checkpoint costs no memory.
///
/// The file must not be truncated while it is mapped: the operating system then raises SIGBUS on the missing pages.
class MappedFile {
public:
  /// Maps a regular file. Directories, FIFOs, sockets and devices are errors (and opening one never blocks), and so is
  /// a git-lfs pointer, which any large file of a clone without git-lfs turns out to be.
  static llvm::Expected<MappedFile> open(llvm::StringRef path);

  MappedFile(MappedFile &&other) noexcept;
  MappedFile &operator=(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  ~MappedFile();

  llvm::StringRef path() const { return filePath; }
  llvm::ArrayRef<uint8_t> bytes() const { return contents; }
  llvm::StringRef text() const { return {reinterpret_cast<const char *>(contents.data()), contents.size()}; }

  /// Gives back the memory behind the pages that lie wholly inside `part`; a later access reads them again.
  void releasePages(llvm::ArrayRef<uint8_t> part) const;

private:
  MappedFile(llvm::StringRef path, llvm::ArrayRef<uint8_t> contents) : filePath(path), contents(contents) {}

  std::string filePath;
  llvm::ArrayRef<uint8_t> contents;
};

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_SAFETENSORS_MAPPEDFILE_H
