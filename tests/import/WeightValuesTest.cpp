// Finite or not, and widened to f32: compared with the compiler's own conversions and with plain loops.
#include "compiler/import/checkpoint/WeightValues.h"
#include "tests/support/Tensors.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>

using namespace lathe;
using lathe::test::Random;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan32 = std::numeric_limits<float>::quiet_NaN();

/// A tensor of these values that begins at an odd address.
template <typename T> class Unaligned {
public:
  Unaligned(DType dtype, const std::vector<T> &values) : storage(values.size() * sizeof(T) + 1) {
    if (!values.empty())
      std::memcpy(storage.data() + 1, values.data(), values.size() * sizeof(T));
    tensor.name = "w";
    tensor.dtype = dtype;
    tensor.shape = {static_cast<int64_t>(values.size())};
    tensor.bytes = llvm::ArrayRef(storage).drop_front();
  }
  TensorView tensor;

private:
  std::vector<uint8_t> storage;
};

static uint32_t bitsOf(float value) { return llvm::bit_cast<uint32_t>(value); }

static std::vector<float> widened(const TensorView &tensor) {
  std::vector<float> out(tensor.numElements());
  widenToF32(tensor, 0, out);
  return out;
}

static std::vector<uint16_t> allSixteenBits() {
  std::vector<uint16_t> all(1 << 16);
  for (size_t i = 0; i < all.size(); ++i)
    all[i] = static_cast<uint16_t>(i);
  return all;
}

TEST(WidenToF32, EveryHalf) {
  std::vector<float> out = widened(Unaligned(DType::F16, allSixteenBits()).tensor);
  for (uint32_t i = 0; i < out.size(); ++i) {
    _Float16 half;
    uint16_t bits = static_cast<uint16_t>(i);
    std::memcpy(&half, &bits, sizeof half);
    float expected = static_cast<float>(half);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(out[i])) << i;
    else
      EXPECT_EQ(bitsOf(out[i]), bitsOf(expected)) << i;
  }
}

TEST(WidenToF32, EveryBFloat) {
  std::vector<float> out = widened(Unaligned(DType::BF16, allSixteenBits()).tensor);
  for (uint32_t i = 0; i < out.size(); ++i)
    EXPECT_EQ(bitsOf(out[i]), i << 16);
}

TEST(WidenToF32, DoublesAreRoundedToNearest) {
  std::vector<double> values = {0.1, -1e-300, 1 + 0x1p-24, 1 + 0x1.8p-24, 0x1.fffffefp127};
  EXPECT_EQ(widened(Unaligned(DType::F64, values).tensor),
            (std::vector<float>{0.1f, -0.0f, 1, 1 + 0x1p-23f, std::numeric_limits<float>::max()}));
}

TEST(WidenToF32, Ranges) {
  Unaligned<float> floats(DType::F32, {0, 1, 2, 3, 4});
  std::vector<float> out(2);
  widenToF32(floats.tensor, 3, out);
  EXPECT_EQ(out, (std::vector<float>{3, 4}));
  widenToF32(floats.tensor, 5, {});
  EXPECT_EQ(widened(Unaligned<float>(DType::F32, {}).tensor), std::vector<float>{});
}

static std::string finiteError(const TensorView &tensor, FiniteRule rule = FiniteRule::AllFinite) {
  return llvm::toString(checkFinite(tensor, "m", rule));
}

TEST(CheckFinite, EverySixteenBitPattern) {
  for (DType dtype : {DType::F16, DType::BF16})
    for (uint32_t i = 0; i < 1 << 16; ++i) {
      Unaligned<uint16_t> one(dtype, {static_cast<uint16_t>(i)});
      EXPECT_EQ(finiteError(one.tensor).empty(), std::isfinite(widened(one.tensor)[0])) << i;
    }
}

TEST(CheckFinite, ExtremesOfF32AreFinite) {
  float smallest = std::numeric_limits<float>::denorm_min(), largest = std::numeric_limits<float>::max();
  EXPECT_EQ(finiteError(Unaligned<float>(DType::F32, {0, -0.0f, smallest, -smallest, largest, -largest}).tensor), "");
  EXPECT_EQ(finiteError(Unaligned<float>(DType::F32, {}).tensor), "");
  EXPECT_NE(finiteError(Unaligned<float>(DType::F32, {-nan32}).tensor), "");
}

/// Wherever the bad element is, and whatever the length: blocks, words and their remainders all look.
TEST(CheckFinite, NamesTheFirstBadIndex) {
  Random random(7);
  for (size_t count : {1, 2, 3, 4095, 4096, 4097, 10'001}) {
    std::vector<float> values = lathe::test::randomNormal(random, count);
    for (int round = 0; round < 20; ++round) {
      std::vector<float> spoiled = values;
      int64_t at = random.integer(0, count - 1);
      spoiled[at] = round % 2 ? infinity : nan32;
      spoiled.back() = nan32;
      std::string message = finiteError(Unaligned(DType::F32, spoiled).tensor);
      EXPECT_NE(message.find(" at index " + std::to_string(at) + ";"), std::string::npos) << message;
    }
  }
}

TEST(CheckFinite, DoublesMustFitF32) {
  EXPECT_EQ(finiteError(Unaligned<double>(DType::F64, {1e-300, -3.4e38, 0x1.fffffefp127}).tensor), "");
  EXPECT_EQ(finiteError(Unaligned<double>(DType::F64, {0, 0x1.ffffffp127}).tensor),
            "'m': tensor 'w' of shape [2] holds a value beyond f32's range at index 1; accepted: finite f32 values");
  EXPECT_NE(finiteError(Unaligned<double>(DType::F64, {std::nan("")}).tensor).find("NaN"), std::string::npos);
}

TEST(CheckFinite, InfinitiesWhereAllowed) {
  Unaligned<float> mask(DType::F32, {0, -infinity, infinity});
  EXPECT_EQ(finiteError(mask.tensor, FiniteRule::InfinityAllowed), "");
  EXPECT_EQ(finiteError(mask.tensor),
            "'m': tensor 'w' of shape [3] holds an infinity at index 1; accepted: finite f32 values");
  Unaligned<float> broken(DType::F32, {-infinity, nan32});
  EXPECT_NE(finiteError(broken.tensor, FiniteRule::InfinityAllowed).find("NaN at index 1"), std::string::npos);
}

TEST(CheckFinite, IntegersHoldNothingToCheck) {
  EXPECT_EQ(finiteError(Unaligned<int32_t>(DType::I32, {-1, 0x7fffffff}).tensor), "");
  EXPECT_FALSE(isWeightType(DType::I32));
  EXPECT_TRUE(isWeightType(DType::BF16));
}
