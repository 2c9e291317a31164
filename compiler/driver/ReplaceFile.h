//===- ReplaceFile.h - a file appears whole or not at all ---------------------===//
#ifndef LATHE_COMPILER_DRIVER_REPLACEFILE_H
#define LATHE_COMPILER_DRIVER_REPLACEFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace lathe {

/// Writes `contents` beside `path` and renames it into place; on an error what was there stays. What is there and is no
/// regular file, such as a directory or a device, is not replaced.
llvm::Error replaceFile(llvm::StringRef path, llvm::StringRef contents);

/// The error that replaceFile would give now: for a place that cannot be written to, before long work is done for it.
llvm::Error checkReplaceable(llvm::StringRef path);

} // namespace lathe

#endif
