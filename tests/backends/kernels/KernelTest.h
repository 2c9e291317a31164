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

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_KERNELTEST_H
