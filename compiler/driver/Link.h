//===- Link.h - objects into a library, in process ----------------------------===//
#ifndef LATHE_COMPILER_DRIVER_LINK_H
#define LATHE_COMPILER_DRIVER_LINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace lathe {

/// The runtime's relocatable object, the stub of libc that libraries are linked against, and the text of lathe/abi.h:
/// all are inside this program, so that compiling needs no files beside it.
llvm::StringRef runtimeObject();
llvm::StringRef libcStub();
llvm::StringRef abiHeader();
/// The newest version of glibc's symbols that the runtime uses: what an artifact needs at least.
llvm::StringRef minimumGlibc();

/// Links object files into a shared library that exports lathe_<name> only and needs libc.so.6 only. Files beside
/// `output` may be made on the way and are removed.
llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects, llvm::StringRef name, llvm::StringRef output);

/// Makes an archive of one object, in which every symbol but lathe_<name> is local: any number of models can be linked
/// into one program.
llvm::Error linkArchive(llvm::ArrayRef<std::string> objects, llvm::StringRef name, llvm::StringRef output);

} // namespace lathe

#endif
