#include "compiler/driver/bench/Machine.h"

#include <gtest/gtest.h>

namespace lathe::test {
namespace {

TEST(Machine, IsKnown) {
  EXPECT_GT(residentBytes(), 1e5);
  EXPECT_GE(availableThreads(), 1);
  EXPECT_NE(cpuName(), "");
}

} // namespace
} // namespace lathe::test
