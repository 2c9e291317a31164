// The header of a safetensors file: eight bytes of length, that many bytes of JSON, then the tensors' data.
#ifndef LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSHEADER_H
#define LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSHEADER_H

#include "compiler/import/safetensors/DType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <map>
#include <string>
#include <vector>

namespace lathe {

/// A dense row-major tensor whose bytes, little-endian and not necessarily aligned, belong to somebody else.
struct TensorView {
  std::string name;
  DType dtype = DType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  llvm::ArrayRef<uint8_t> bytes;

  int64_t numElements() const { return static_cast<int64_t>(bytes.size()) * 8 / dtypeBits(dtype); }
};

/// A shape as messages show it: "[2, 384]".
std::string shapeText(llvm::ArrayRef<int64_t> shape);

struct SafetensorsContents {
  std::vector<TensorView> tensors; ///< sorted by name; bytes point into the file's
  std::map<std::string, std::string> metadata;
};

/// Limits that no real checkpoint comes near; they bound what a lying file can make us allocate.
constexpr uint64_t maxSafetensorsHeaderBytes = 100'000'000;
constexpr size_t maxSafetensorsTensors = 1'000'000;
constexpr size_t maxSafetensorsRank = 64;

/// Reads and validates the header of the whole file `bytes`. Afterwards every name is unique, every tensor's bytes lie
/// inside the file and are as many as its type and shape say, and the tensors cover the data without overlap or hole:
/// the format forbids both, so that nothing can hide in a file. Data may be unaligned. Errors begin with `origin`.
llvm::Expected<SafetensorsContents> parseSafetensors(llvm::ArrayRef<uint8_t> bytes, llvm::StringRef origin);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_SAFETENSORS_SAFETENSORSHEADER_H
