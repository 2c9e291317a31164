//===- StaleDirectories.h - what killed runs left behind ----------------------===//
//
// A run that works in a temporary directory holds the directory's lock, which goes with the process, however that ends.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_STALEDIRECTORIES_H
#define LATHE_COMPILER_DRIVER_STALEDIRECTORIES_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace lathe {

/// Opens a directory and takes its lock, until the descriptor is closed; -1 if another process holds it.
int lockDirectory(const std::string &directory);

/// Removes the directories in `parent` whose names begin with `prefix` and whose locks nobody holds.
void removeStaleDirectories(llvm::StringRef parent, llvm::StringRef prefix);

} // namespace lathe

#endif
