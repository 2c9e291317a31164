#include "compiler/import/checkpoint/WeightValues.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>

using namespace lathe;
using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::formatv;
using llvm::MutableArrayRef;
using llvm::StringRef;

bool lathe::isWeightType(DType dtype) {
  return dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F64;
}

/// Reads an element that need not be aligned.
template <typename T> static T load(const uint8_t *address) {
  T value;
  std::memcpy(&value, address, sizeof value);
  return value;
}

namespace {

/// IEEE formats by their bits. An element is NaN or infinite exactly when all its exponent bits are ones, and then
/// adding `lowestExponentBit` to the exponent carries into the sign's place. The sum never carries further, so one
/// 64-bit addition tests every element of a word.
struct FloatBits {
  unsigned bits;
  uint64_t exponent;
  uint64_t lowestExponentBit() const { return exponent & -exponent; }
  uint64_t sign() const { return uint64_t(1) << (bits - 1); }
  /// The pattern in every lane of a word.
  uint64_t splat(uint64_t pattern) const {
    for (unsigned width = bits; width < 64; width *= 2)
      pattern |= pattern << width;
    return pattern;
  }
};

} // namespace

static FloatBits floatBits(DType dtype) {
  switch (dtype) {
  case DType::F16:
    return {16, 0x7c00};
  case DType::BF16:
    return {16, 0x7f80};
  case DType::F32:
    return {32, 0x7f800000};
  default:
    return {64, 0x7ff0000000000000};
  }
}

/// Whether a block of at most blockBytes bytes has an element whose exponent is all ones. Branch-free inside, so it
/// runs as fast as memory delivers.
static bool hasNonFinite(ArrayRef<uint8_t> block, const FloatBits &format) {
  uint64_t exponent = format.splat(format.exponent), one = format.splat(format.lowestExponentBit());
  uint64_t sign = format.splat(format.sign()), carried = 0;
  size_t offset = 0;
  for (; offset + 8 <= block.size(); offset += 8)
    carried |= (load<uint64_t>(block.data() + offset) & exponent) + one;
  uint64_t rest = 0; // zeros are finite
  if (offset < block.size())
    std::memcpy(&rest, block.data() + offset, block.size() - offset);
  carried |= (rest & exponent) + one;
  return (carried & sign) != 0;
}

/// The doubles that round to an infinite f32 begin half a step above the largest finite one.
static bool hasBeyondF32(ArrayRef<uint8_t> block) {
  bool beyond = false;
  for (size_t offset = 0; offset < block.size(); offset += sizeof(double))
    beyond |= !(std::fabs(load<double>(block.data() + offset)) < 0x1.ffffffp127);
  return beyond;
}

/// Widened, where F64 beyond the range of f32 keeps its value.
static double element(const TensorView &tensor, int64_t index) {
  if (tensor.dtype == DType::F64)
    return load<double>(tensor.bytes.data() + index * sizeof(double));
  float value;
  widenToF32(tensor, index, value);
  return value;
}

Error lathe::checkFinite(const TensorView &tensor, StringRef origin, FiniteRule rule) {
  if (!isWeightType(tensor.dtype))
    return Error::success();
  FloatBits format = floatBits(tensor.dtype);
  constexpr size_t blockBytes = 1 << 14; // its second reading, if there is one, comes from the cache
  for (size_t start = 0; start < tensor.bytes.size(); start += blockBytes) {
    ArrayRef<uint8_t> block = tensor.bytes.slice(start, std::min(blockBytes, tensor.bytes.size() - start));
    bool suspicious = tensor.dtype == DType::F64 ? hasBeyondF32(block) : hasNonFinite(block, format);
    if (!suspicious)
      continue;
    int64_t elementBytes = format.bits / 8, first = start / elementBytes;
    for (int64_t index = first, end = first + block.size() / elementBytes; index < end; ++index) {
      double value = element(tensor, index);
      bool allowed = std::isinf(value) ? rule == FiniteRule::InfinityAllowed : std::fabs(value) < 0x1.ffffffp127;
      if (!allowed)
        return createStringError(formatv("'{0}': tensor {1} of shape {2} holds {3} at index {4}; accepted: finite f32 "
                                         "values",
                                         origin, quote(tensor.name), shapeText(tensor.shape),
                                         std::isnan(value)   ? "NaN"
                                         : std::isinf(value) ? "an infinity"
                                                             : "a value beyond f32's range",
                                         index));
    }
  }
  return Error::success();
}

/// Moves exponent and fraction to their places in an f32, which divides the value by 2^112, also where it is subnormal;
/// the multiplication undoes that exactly. Infinity and NaN come out finite, so their exponent is set.
static float widenHalf(uint16_t half) {
  float magnitude = llvm::bit_cast<float>(uint32_t(half & 0x7fff) << 13) * 0x1p112f;
  uint32_t bits = llvm::bit_cast<uint32_t>(magnitude) | uint32_t(half & 0x8000) << 16;
  return llvm::bit_cast<float>((half & 0x7c00) == 0x7c00 ? bits | 0x7f800000 : bits);
}

static float widenBFloat(uint16_t bits) { return llvm::bit_cast<float>(uint32_t(bits) << 16); }

template <typename Stored, typename Convert>
static void widenEach(const uint8_t *stored, MutableArrayRef<float> out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = convert(load<Stored>(stored + i * sizeof(Stored)));
}

void lathe::widenToF32(const TensorView &tensor, int64_t first, MutableArrayRef<float> out) {
  assert(isWeightType(tensor.dtype) && "only floating-point weights are widened");
  assert(first >= 0 && first + static_cast<int64_t>(out.size()) <= tensor.numElements() && "beyond the tensor");
  const uint8_t *stored = tensor.bytes.data() + first * (dtypeBits(tensor.dtype) / 8);
  switch (tensor.dtype) {
  case DType::F16:
    return widenEach<uint16_t>(stored, out, widenHalf);
  case DType::BF16:
    return widenEach<uint16_t>(stored, out, widenBFloat);
  case DType::F64:
    return widenEach<double>(stored, out, [](double value) { return static_cast<float>(value); });
  default:
    if (!out.empty())
      std::memcpy(out.data(), stored, out.size() * sizeof(float));
  }
}
