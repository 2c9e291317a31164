// What kernel tests share beyond the harness, which benchmarks use too.
#ifndef LATHE_TESTS_BACKENDS_KERNELS_KERNELTEST_H
#define LATHE_TESTS_BACKENDS_KERNELS_KERNELTEST_H

#include "Harness.h"
#include "Reference.h"
#include "Shapes.h"
#include <algorithm>
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

/// Of rows of a product, which lie in `all`, `run(y, ldy)` with best leaves the greatest of each 16 columns, as a
/// float, and the first column that it is in, and argmax_f32 the greatest of the row.
template <typename Run>
void expectGreatest(const Guarded<float> &all, int64_t rows, int64_t ldy, int64_t width, Run run) {
  const int64_t sixteens = (width + 15) / 16, ldbest = 2 * sixteens + 3;
  Guarded<float> best((rows - 1) * ldbest + 2 * sixteens), ofRows(2 * rows);
  run(best, ldbest);
  Kernel::get("argmax_f32", "{of_sixteens = true}")
      .run({best.data(), ldbest, ofRows.data(), 2, rows, sixteens}, /*panelsPerCall=*/1);
  for (int64_t row = 0; row < rows; ++row) {
    const float *numbers = &all[row * ldy];
    for (int64_t i = 0; i < sixteens; ++i) {
      const float *greatest = std::max_element(numbers + 16 * i, numbers + std::min(16 * i + 16, width));
      ASSERT_EQ(best[row * ldbest + i], *greatest) << "row " << row << ", columns from " << 16 * i;
      ASSERT_EQ(best[row * ldbest + sixteens + i], float(greatest - numbers)) << "row " << row;
    }
    const float *greatest = std::max_element(numbers, numbers + width);
    ASSERT_EQ(ofRows[2 * row], *greatest);
    ASSERT_EQ(ofRows[2 * row + 1], float(greatest - numbers));
  }
}

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_KERNELTEST_H
