// What kernel tests share beyond the harness, which benchmarks use too.
#ifndef LATHE_TESTS_BACKENDS_KERNELS_KERNELTEST_H
#define LATHE_TESTS_BACKENDS_KERNELS_KERNELTEST_H

#include "Harness.h"
#include "Reference.h"
#include "Shapes.h"
#include <gtest/gtest.h>

namespace lathe::test {

/// Skipped, with the reason, where the CPU cannot run the kernels. Tests of a level beyond avx512 ask whyUnsupported
/// themselves.
class KernelTest : public testing::Test {
protected:
  void SetUp() override {
    if (std::string why = whyUnsupported(); !why.empty())
      GTEST_SKIP() << why;
  }
};

template <typename T> testing::AssertionResult sameBits(const Guarded<T> &a, const Guarded<T> &b) {
  if (!a.intact() || !b.intact())
    return testing::AssertionFailure() << "something was written before the buffer";
  if (a.size() != b.size() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) != 0)
    return testing::AssertionFailure() << "the bits differ";
  return testing::AssertionSuccess();
}

/// Rows of a product that are computed in batches of other sizes have the bits that they have in `all`, where they are
/// `ldy` apart and `width` long. `run(y, first, count)` computes some.
template <typename Run>
void expectSameBitsInAnyBatch(const Guarded<float> &all, int64_t rows, int64_t ldy, int64_t width, Run run) {
  const int64_t sizes[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 65}; // about those of tiles
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t count = std::min<int64_t>(sizes[row % std::size(sizes)], rows - row);
    Guarded<float> some((count - 1) * ldy + width);
    run(some, row, count);
    for (int64_t r = 0; r < count; ++r)
      ASSERT_EQ(std::memcmp(&some[r * ldy], &all[(row + r) * ldy], width * sizeof(float)), 0)
          << "row " << row + r << " in a batch of " << count;
  }
}

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_KERNELTEST_H
