#include "backends/cpu/emit/ObjectCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cstdlib>

namespace lathe {

ObjectCache ObjectCache::ofUser() {
  const char *directory = std::getenv("LATHE_OBJECT_CACHE");
  return ObjectCache(directory ? directory : "");
}

std::string ObjectCache::keyOf(const llvm::Module &module, const TargetDescription &target) const {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  stream << LLVM_VERSION_STRING << '\0' << LATHE_EMITTER << '\0' << target.features << '\0';
  llvm::WriteBitcodeToFile(module, stream);
  auto digest = llvm::BLAKE3::hash<32>(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()));
  return llvm::toHex(digest, /*LowerCase=*/true);
}

/// Named as LLVM names its own, which are what pruneCache removes.
std::string ObjectCache::pathOf(llvm::StringRef key) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, "llvmcache-" + key);
  return path.str().str();
}

std::optional<llvm::SmallVector<char, 0>> ObjectCache::find(llvm::StringRef key) const {
  // Marked as used: pruning goes by the time of the last access, which a file system need not note by itself.
  auto file = llvm::sys::fs::openNativeFileForRead(pathOf(key), llvm::sys::fs::OF_UpdateAtime);
  if (!file) {
    llvm::consumeError(file.takeError());
    return std::nullopt;
  }
  llvm::SmallVector<char, 0> bytes;
  llvm::Error error = llvm::sys::fs::readNativeFileToEOF(*file, bytes);
  llvm::sys::fs::closeFile(*file);
  if (error) {
    llvm::consumeError(std::move(error));
    return std::nullopt;
  }
  return bytes;
}

void ObjectCache::keep(llvm::StringRef key, llvm::ArrayRef<char> object) const {
  if (llvm::sys::fs::create_directories(directory))
    return;
  auto file = llvm::sys::fs::TempFile::create(pathOf("%%%%%%%%.part"));
  if (!file)
    return llvm::consumeError(file.takeError());
  llvm::raw_fd_ostream stream(file->FD, /*shouldClose=*/false);
  stream.write(object.data(), object.size());
  stream.flush();
  const bool failed = stream.has_error();
  stream.clear_error();
  llvm::consumeError(failed ? file->discard() : file->keep(pathOf(key)));
  llvm::CachePruningPolicy policy;
  policy.MaxSizeBytes = 1 << 30;
  llvm::pruneCache(directory, policy);
}

} // namespace lathe
