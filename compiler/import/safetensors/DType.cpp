#include "compiler/import/safetensors/DType.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using llvm::StringRef;

namespace {
struct DTypeInfo {
  StringRef name;
  unsigned bits;
};

// In the order of the enum.
constexpr DTypeInfo dtypes[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
};
static_assert(std::size(dtypes) == static_cast<size_t>(DType::U64) + 1, "one row per enumerator");
} // namespace

StringRef lathe::dtypeName(DType dtype) { return dtypes[static_cast<size_t>(dtype)].name; }

unsigned lathe::dtypeBits(DType dtype) { return dtypes[static_cast<size_t>(dtype)].bits; }

std::optional<DType> lathe::parseDType(StringRef name) {
  for (size_t i = 0; i < std::size(dtypes); ++i)
    if (dtypes[i].name == name)
      return static_cast<DType>(i);
  return std::nullopt;
}

std::optional<uint64_t> lathe::tensorBytes(DType dtype, llvm::ArrayRef<int64_t> shape) {
  int64_t bits = dtypeBits(dtype);
  for (int64_t dim : shape)
    if (dim < 0 || llvm::MulOverflow(bits, dim, bits))
      return std::nullopt;
  if (bits % 8 != 0)
    return std::nullopt;
  return static_cast<uint64_t>(bits / 8);
}
