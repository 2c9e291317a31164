#include "compiler/import/safetensors/MappedFile.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace lathe;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;

static Error failure(StringRef path, int code) {
  std::error_code error(code, std::generic_category());
  return createStringError(error, formatv("cannot read '{0}': {1}", path, error.message()));
}

static Error checkRegular(StringRef path, const struct stat &status) {
  if (S_ISREG(status.st_mode))
    return Error::success();
  StringRef kind = S_ISDIR(status.st_mode)    ? "a directory"
                   : S_ISFIFO(status.st_mode) ? "a FIFO"
                   : S_ISSOCK(status.st_mode) ? "a socket"
                                              : "a device";
  return createStringError(formatv("cannot read '{0}': it is {1}; expected a regular file", path, kind));
}

Expected<MappedFile> MappedFile::open(StringRef path) {
  // An embedded NUL would make the operating system open another file than the one named.
  if (path.contains('\0'))
    return createStringError("cannot read a file whose name contains a NUL byte");
  std::string name = path.str();
  // O_NONBLOCK: opening a FIFO without a writer would otherwise wait for one.
  int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return failure(path, errno);
  llvm::scope_exit close([&] { ::close(file); });
  struct stat status;
  if (::fstat(file, &status) != 0)
    return failure(path, errno);
  if (Error error = checkRegular(path, status))
    return error;

  size_t size = status.st_size;
  if (size == 0)
    return MappedFile(path, {}); // an empty range cannot be mapped
  void *address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  if (address == MAP_FAILED)
    return failure(path, errno);
  MappedFile mapped(path, {static_cast<const uint8_t *>(address), size});
  if (mapped.text().starts_with("version https://git-lfs.github.com/spec/"))
    return createStringError(formatv("'{0}' is a git-lfs pointer, not the file itself; fetch the file with `git lfs "
                                     "pull` in its directory",
                                     path));
  return mapped;
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : filePath(std::move(other.filePath)), contents(std::exchange(other.contents, {})) {}

MappedFile &MappedFile::operator=(MappedFile &&other) noexcept {
  std::swap(filePath, other.filePath);
  std::swap(contents, other.contents);
  return *this;
}

MappedFile::~MappedFile() {
  if (!contents.empty())
    ::munmap(const_cast<uint8_t *>(contents.data()), contents.size());
}

void MappedFile::releasePages(ArrayRef<uint8_t> part) const {
  assert((part.empty() || (part.begin() >= contents.begin() && part.end() <= contents.end())) &&
         "only bytes of this file can be released");
  uintptr_t page = ::sysconf(_SC_PAGESIZE);
  uintptr_t begin = llvm::alignTo(reinterpret_cast<uintptr_t>(part.begin()), page);
  uintptr_t end = llvm::alignDown(reinterpret_cast<uintptr_t>(part.end()), page);
  if (begin < end) // advice: nothing depends on its being taken
    ::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
