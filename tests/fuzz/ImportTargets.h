// What the fuzzers of the importer do with bytes: the seeded test and the libFuzzer program share these.
#ifndef LATHE_TESTS_FUZZ_IMPORTTARGETS_H
#define LATHE_TESTS_FUZZ_IMPORTTARGETS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace lathe::test {

/// Each reads the bytes as one kind of file, looks at everything in it, and says whether it was accepted. A promise of
/// the reader that does not hold ends the process with a message, as a crash would.
bool fuzzSafetensors(llvm::ArrayRef<uint8_t> bytes);
bool fuzzJson(llvm::StringRef text);

} // namespace lathe::test

#endif // LATHE_TESTS_FUZZ_IMPORTTARGETS_H
