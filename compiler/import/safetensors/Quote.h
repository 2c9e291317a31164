// Text from an untrusted file, made fit for a message.
#ifndef LATHE_COMPILER_IMPORT_SAFETENSORS_QUOTE_H
#define LATHE_COMPILER_IMPORT_SAFETENSORS_QUOTE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace lathe {

/// Control characters escaped and the middle left out where it is long: a name from a hostile file may hold terminal
/// commands or a hundred megabytes.
std::string printable(llvm::StringRef text);

/// The same in single quotes.
std::string quote(llvm::StringRef text);

/// The first eight of some names, with commas between, and how many more there are.
std::string listOf(llvm::ArrayRef<llvm::StringRef> names);

/// What nlohmann's parser says of bad JSON, without the number it gives the kind of error.
std::string jsonErrorText(llvm::StringRef what);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_SAFETENSORS_QUOTE_H
