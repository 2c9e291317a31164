// The libFuzzer program of the importer (the `fuzz` preset): the first byte chooses the kind of file.
#include "tests/fuzz/ImportTargets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  llvm::ArrayRef<uint8_t> bytes(data + 1, size - 1);
  if (data[0] & 1)
    lathe::test::fuzzSafetensors(bytes);
  else
    lathe::test::fuzzJson({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  return 0;
}
