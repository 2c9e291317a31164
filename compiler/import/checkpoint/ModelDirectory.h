// What a path given as MODEL is, and the files inside it.
#ifndef LATHE_COMPILER_IMPORT_CHECKPOINT_MODELDIRECTORY_H
#define LATHE_COMPILER_IMPORT_CHECKPOINT_MODELDIRECTORY_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace lathe {

/// Success if `path` is a directory with a config.json; otherwise an error that says what it is instead.
llvm::Error checkModelDirectory(llvm::StringRef path);

/// `directory`/`name` without checks, for names of our own.
std::string joinPath(llvm::StringRef directory, llvm::StringRef name);

/// Whether the directory has an entry of that name, as far as can be seen: a link that leads nowhere and a directory
/// that may not be searched count, so that opening the entry says what is wrong instead of its being taken as absent.
bool hasEntry(llvm::StringRef directory, llvm::StringRef name);

/// Whether a path read from a model's file stays inside the model's directory by its text: relative, without `..`, and
/// without NUL. (Links may lead out: that is how download caches are built.)
bool staysInside(llvm::StringRef relative);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_CHECKPOINT_MODELDIRECTORY_H
