// The emulation of AMX against what Intel's manual says of tdpbf16ps and tdpbusd; AmxTest holds it against the
// instructions themselves.
#include "EmulateAmx.h"
#include "KernelTest.h"

using namespace lathe::test;

namespace {

/// One product of tiles whose first row has such words, of pairs, and whose columns have ones there.
struct TileProduct {
  std::vector<float> sums = std::vector<float>(256);
  std::vector<uint16_t> a = std::vector<uint16_t>(512), b = std::vector<uint16_t>(512);

  void setPair(int64_t k, float first, float second, float factor = 1) {
    a[2 * k] = toBf16(first), a[2 * k + 1] = toBf16(second);
    for (int64_t column = 0; column < 16; ++column)
      b[(k * 16 + column) * 2] = b[(k * 16 + column) * 2 + 1] = toBf16(factor);
  }
  float result(float before = 0) {
    sums[0] = before;
    emulateTileProduct(sums.data(), a.data(), b.data(), 16);
    return sums[0];
  }
};

class EmulationTest : public testing::Test {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(Target::emulatedAmx()); !why.empty())
      GTEST_SKIP() << why;
  }
};

TEST_F(EmulationTest, FirstAndSecondElementsOfPairsAddUpApartAndThenToTheSum) {
  const float large = std::ldexp(1.0f, 24); // to which 1 cannot be added
  TileProduct product;
  product.setPair(0, large, -large);
  product.setPair(1, 1, 0);
  EXPECT_EQ(product.result(), 0.0f) << "in the order of k it would be 1";
  EXPECT_EQ(product.result(1), 1.0f) << "the sum comes last, else it would be lost, too";
}

TEST_F(EmulationTest, EveryRowMeetsEveryColumn) {
  Gaussian random(21);
  TileProduct product;
  std::vector<float> a = random.vector(512), b = random.vector(512), before = random.vector(256);
  std::transform(a.begin(), a.end(), product.a.begin(), toBf16);
  std::transform(b.begin(), b.end(), product.b.begin(), toBf16);
  constexpr int64_t rows = 11; // the others stay as they are
  product.sums = before;
  emulateTileProduct(product.sums.data(), product.a.data(), product.b.data(), rows);
  for (int64_t row = 0; row < 16; ++row)
    for (int64_t column = 0; column < 16; ++column) {
      double expected = before[row * 16 + column];
      for (int64_t k = 0; row < rows && k < 32; ++k)
        expected +=
            double(fromBf16(product.a[row * 32 + k])) * double(fromBf16(product.b[(k / 2 * 16 + column) * 2 + k % 2]));
      ASSERT_NEAR(product.sums[row * 16 + column], expected, 1e-4) << row << ", " << column;
    }
}

TEST_F(EmulationTest, DenormalsAreZeroWhateverTheCallerHasSet) {
  const float smallest = std::bit_cast<float>(0x00800000u), denormal = std::bit_cast<float>(0x00010000u);
  TileProduct product;
  product.setPair(0, smallest, 0);
  EXPECT_EQ(product.result(), smallest);
  EXPECT_EQ(product.result(denormal), smallest) << "as a sum";
  product.setPair(0, denormal, 0, std::ldexp(1.0f, 100));
  EXPECT_EQ(product.result(), 0.0f) << "as a factor";
  product.setPair(0, std::ldexp(1.0f, -70), 0, std::ldexp(1.0f, -60));
  EXPECT_EQ(product.result(), 0.0f) << "as a result";
}

TEST_F(EmulationTest, BytesAddUpExactlyWithoutSaturation) {
  Gaussian random(23);
  std::vector<uint8_t> a(1024, 255);
  std::vector<int8_t> b(1024);
  for (int64_t i = 0; i < 1024; ++i)
    b[i] = i / 4 % 16 == 3 ? -128 : static_cast<int8_t>(random.below(256) - 128); // column 3 is the lowest there is
  std::vector<int32_t> sums(256, 5);
  emulateTileProductOfBytes(sums.data(), a.data(), b.data(), 16);
  for (int64_t column = 0; column < 16; ++column) {
    int32_t expected = 5;
    for (int64_t k = 0; k < 16; ++k)
      for (int64_t i = 0; i < 4; ++i)
        expected += 255 * b[(k * 16 + column) * 4 + i];
    for (int64_t row = 0; row < 16; ++row)
      ASSERT_EQ(sums[row * 16 + column], expected) << row << ", " << column;
  }
}

} // namespace
