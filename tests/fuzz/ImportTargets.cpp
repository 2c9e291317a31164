#include "tests/fuzz/ImportTargets.h"
#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/checkpoint/WeightValues.h"
#include "compiler/import/safetensors/SafetensorsHeader.h"
#include <cstdio>
#include <cstdlib>

using namespace lathe;
using llvm::Error;

static void require(bool holds, const char *promise) {
  if (holds)
    return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

static void requireMessage(Error error) {
  require(!llvm::toString(std::move(error)).empty(), "an error has a message");
}

bool lathe::test::fuzzSafetensors(llvm::ArrayRef<uint8_t> bytes) {
  auto contents = parseSafetensors(bytes, "fuzz");
  if (!contents) {
    requireMessage(contents.takeError());
    return false;
  }
  uint64_t covered = 0;
  for (const TensorView &tensor : contents->tensors) {
    require(tensorBytes(tensor.dtype, tensor.shape) == tensor.bytes.size(), "bytes are as many as type and shape say");
    require(tensor.bytes.begin() >= bytes.begin() && tensor.bytes.end() <= bytes.end(), "bytes lie inside the file");
    covered += tensor.bytes.size();
    llvm::consumeError(checkFinite(tensor, "fuzz"));
    if (isWeightType(tensor.dtype)) {
      std::vector<float> widened(tensor.numElements());
      widenToF32(tensor, 0, widened);
    }
  }
  require(covered < bytes.size(), "tensors share no bytes"); // the header takes some
  return true;
}

bool lathe::test::fuzzJson(llvm::StringRef text) {
  auto document = JsonDocument::parse(text, "fuzz");
  if (!document) {
    requireMessage(document.takeError());
    return false;
  }
  JsonFields fields(*document);
  for (llvm::StringRef name : fields.names()) {
    int64_t integer = fields.getInt(name, 3, 1, 100);
    require(integer >= 1 && integer <= 100, "an integer is in its range or the fallback");
    double number = fields.getFloat(name, 0.5, 0, 1);
    require(number >= 0 && number <= 1, "a number is in its range or the fallback");
    fields.getString(name, "");
    fields.getBool(name, false);
    fields.getOptionalStrings(name);
    fields.readObject(name, [](JsonFields &inner) { inner.names(); });
  }
  llvm::consumeError(fields.takeError());
  return true;
}
