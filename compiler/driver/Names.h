//===- Names.h - what a library may be called ---------------------------------===//
#ifndef LATHE_COMPILER_DRIVER_NAMES_H
#define LATHE_COMPILER_DRIVER_NAMES_H

#include "llvm/Support/Error.h"

#include <string>

namespace lathe {

/// The library name for a model's path: the last component in lower case, other characters as `_`, `m_` before a digit.
std::string defaultName(llvm::StringRef modelPath);
/// An error unless `name` is a C identifier of lower-case letters, digits and `_`.
llvm::Error checkName(llvm::StringRef name);

} // namespace lathe

#endif
