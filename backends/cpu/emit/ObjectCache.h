// Objects kept on disk by what they are made of, so that what was generated once need not be generated again.
//
//   ObjectCache cache = ObjectCache::ofUser();   // in $LATHE_OBJECT_CACHE; where that is not set, keeps nothing
//   emitObject(module, {.cache = &cache});
#ifndef LATHE_BACKENDS_CPU_EMIT_OBJECTCACHE_H
#define LATHE_BACKENDS_CPU_EMIT_OBJECTCACHE_H

#include "backends/cpu/emit/TargetDescription.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace llvm {
class Module;
} // namespace llvm

namespace lathe {

/// A directory of objects, which programs may share. It keeps to a gigabyte: what was not asked for longest goes first.
/// What cannot be read or kept is generated: a cache has no errors.
class ObjectCache {
public:
  static ObjectCache ofUser();
  /// An empty name: keeps nothing.
  explicit ObjectCache(std::string directory) : directory(std::move(directory)) {}

  /// What an object is kept by: the module before it is optimised, the target, and what makes the one from the other.
  std::string keyOf(const llvm::Module &module, const TargetDescription &target) const;
  std::optional<llvm::SmallVector<char, 0>> find(llvm::StringRef key) const;
  void keep(llvm::StringRef key, llvm::ArrayRef<char> object) const;

  explicit operator bool() const { return !directory.empty(); }

private:
  std::string pathOf(llvm::StringRef key) const;

  std::string directory;
};

} // namespace lathe
#endif // LATHE_BACKENDS_CPU_EMIT_OBJECTCACHE_H
