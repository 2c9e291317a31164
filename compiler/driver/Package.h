//===- Package.h - the texts that let an app embed a library ------------------===//
#ifndef LATHE_COMPILER_DRIVER_PACKAGE_H
#define LATHE_COMPILER_DRIVER_PACKAGE_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace lathe {

/// NAME.h: the ABI, and an inline function per entry of its table.
std::string writeHeader(llvm::StringRef name);
/// NAMEConfig.cmake: targets NAME::NAME (shared) and NAME::static.
std::string writeCMakeConfig(llvm::StringRef name);
/// NAME.pc, relocatable.
std::string writePkgConfig(llvm::StringRef name);

} // namespace lathe

#endif
