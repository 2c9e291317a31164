// Text from an untrusted file, made fit for a message.
#ifndef LATHE_COMPILER_IMPORT_SAFETENSORS_QUOTE_H
#define LATHE_COMPILER_IMPORT_SAFETENSORS_QUOTE_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace lathe {

/// `text` in single quotes, control characters escaped and the middle left out where it is long: a name from a hostile
/// file may hold terminal commands or a hundred megabytes.
std::string quote(llvm::StringRef text);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_SAFETENSORS_QUOTE_H
