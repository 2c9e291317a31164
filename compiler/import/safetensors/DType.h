// Element types of tensors in files, under the names the safetensors format gives them.
#ifndef LATHE_COMPILER_IMPORT_SAFETENSORS_DTYPE_H
#define LATHE_COMPILER_IMPORT_SAFETENSORS_DTYPE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace lathe {

/// Every type the format knows. Reading a file accepts all of them; what a weight or an input may be is its user's
/// decision, who can then name the tensor.
enum class DType : uint8_t {
  Bool,
  F4,
  F6E2M3,
  F6E3M2,
  U8,
  I8,
  F8E5M2,
  F8E4M3,
  F8E8M0,
  F8E4M3Fnuz,
  F8E5M2Fnuz,
  I16,
  U16,
  F16,
  BF16,
  I32,
  U32,
  F32,
  C64,
  F64,
  I64,
  U64,
};

/// The name in files: "F32", "BF16", ...
llvm::StringRef dtypeName(DType dtype);

/// Bits per element. Elements of fewer than 8 bits are packed without gaps.
unsigned dtypeBits(DType dtype);

/// The type of that name; none if the format has no such type.
std::optional<DType> parseDType(llvm::StringRef name);

/// Bytes of a dense tensor; none if the count overflows 63 bits, a dimension is negative, or sub-byte elements do not
/// fill their last byte.
std::optional<uint64_t> tensorBytes(DType dtype, llvm::ArrayRef<int64_t> shape);

} // namespace lathe

#endif // LATHE_COMPILER_IMPORT_SAFETENSORS_DTYPE_H
