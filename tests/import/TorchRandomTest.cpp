// Numbers as torch.randn of torch 2.13.0 gives them: few, a block, a block and some, in which the last 16 are drawn
// anew.
#include "compiler/import/TorchRandom.h"

#include <gtest/gtest.h>

using namespace lathe;

namespace {

/// What numbers `first` and those behind it are.
void expectDrawn(int64_t seed, int64_t count, size_t first, const std::vector<float> &expected) {
  const std::vector<float> drawn = torchRandn(seed, count);
  ASSERT_EQ(drawn.size(), size_t(count));
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(drawn[first + i], expected[i], 2e-6) << "number " << first + i << " of " << count;
}

TEST(TorchRandom, FewAreDrawnOneByOne) {
  expectDrawn(5, 7, 0,
              {-0.486780763f, -0.603821576f, -0.55809623f, 0.667524278f, -0.197415099f, 1.94278347f, -1.40170205f});
  EXPECT_TRUE(torchRandn(5, 0).empty());
}

TEST(TorchRandom, ABlockIsDrawnAtOnce) {
  expectDrawn(5, 16, 0,
              {1.84232986f, 0.518887162f, -1.71192133f, -1.7013793f, 2.01941943f, -0.268614441f, -0.130717501f,
               -1.43741381f, 0.39076823f, -0.0189677607f, -1.35268736f, -0.730817795f, 0.987922251f, -0.419407934f,
               -0.584895849f, -0.782335103f});
}

TEST(TorchRandom, TheLastOnesAreDrawnAnew) {
  expectDrawn(-3, 21, 0, {-0.312222302f, -0.496578783f, 0.111823097f, 1.677742f, -0.865749776f, 1.52893245f});
  expectDrawn(0, 37, 30,
              {-1.46889389f, -1.58668876f, 1.20322371f, 0.0845346972f, -1.2001394f, -0.00478573795f, -0.518074811f});
}

} // namespace
