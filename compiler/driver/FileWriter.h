//===- FileWriter.h - sequential output whose errors are kept -----------------===//
#ifndef LATHE_COMPILER_DRIVER_FILEWRITER_H
#define LATHE_COMPILER_DRIVER_FILEWRITER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <string>

namespace lathe {

/// Writes a file from start to end. The first failure (no space, no permission) is kept and returned by `close`, which
/// must be called; nothing here is fatal, as raw_fd_ostream's own handling is.
class FileWriter {
public:
  explicit FileWriter(llvm::StringRef path) : path(path), stream(path.str(), status) { stream.SetBufferSize(pieces); }
  ~FileWriter() { stream.clear_error(); }

  void write(llvm::ArrayRef<char> bytes) { stream.write(bytes.data(), bytes.size()); }
  void write(llvm::StringRef text) { stream << text; }
  llvm::raw_ostream &os() { return stream; }
  void zeros(uint64_t count) { stream.write_zeros(count); }
  uint64_t position() { return stream.tell(); }

  llvm::Error close() {
    if (!status) {
      stream.close();
      status = stream.error();
      stream.clear_error();
    }
    if (status)
      return llvm::createStringError("cannot write '" + path + "': " + status.message());
    return llvm::Error::success();
  }

private:
  /// Linux caches what is written at once in pages as large as the piece, up to 2 MB: those that the runtime maps best
  /// (runtime/core/Memory.h).
  static constexpr size_t pieces = 2 << 20;

  std::string path;
  std::error_code status;
  llvm::raw_fd_ostream stream;
};

/// A whole file at once.
inline llvm::Error writeFile(llvm::StringRef path, llvm::StringRef contents) {
  FileWriter writer(path);
  writer.write(contents);
  return writer.close();
}

} // namespace lathe

#endif
