// What a library measured of its steps, beside what the manifest says of them.
#include "compiler/driver/bench/Profile.h"
#include "tests/driver/Errors.h"

namespace lathe::test {
namespace {

const std::vector<StepWork> steps = {{"a", "gemm", 1, {.flops = 1}},
                                     {"a", "copy", 1, {.flops = 2}},
                                     {"b", "gemm", 12, {.flops = 3}},
                                     {"a", "gemm", 1, {.flops = 4}}};

TEST(MatchSteps, FollowsTheOrderOfTheProgram) {
  std::vector<ProfiledStep> matched =
      llvm::cantFail(matchSteps({{"a", "gemm", 5, 1.5, 2.5}, {"b", "gemm", 60, 2, 3}, {"a", "gemm", 5, 1, 1}}, steps));
  ASSERT_EQ(matched.size(), 3u);
  EXPECT_EQ(matched[0].step.work.flops, 1);
  EXPECT_EQ(matched[1].step.work.flops, 3) << "a step that did not run is left out";
  EXPECT_EQ(matched[2].step.work.flops, 4) << "of the same name and kernel, the next";
  EXPECT_EQ(matched[0].calls, 5);
  EXPECT_EQ(matched[0].seconds, 1.5);
  EXPECT_EQ(matched[0].busySeconds, 2.5);
  std::vector<ProfiledStep> twice = llvm::cantFail(matchSteps({{"a", "gemm", 1, 1, 1}, {"a", "gemm", 1, 1, 1}}, steps));
  EXPECT_EQ(twice[1].step.work.flops, 4);
}

TEST(MatchSteps, RefusesWhatTheManifestDoesNotList) {
  expectError(matchSteps({{"c", "gemm", 1, 1, 1}}, steps), {"'c'", "manifest"});
  expectError(matchSteps({{"b", "gemm", 1, 1, 1}, {"a", "copy", 1, 1, 1}}, steps), {"'a'", "'copy'"});
}

TEST(Profile, IdleIsWhatThreadsDidNotSpendInKernels) {
  Profile profile = {{{steps[0], 1, 2.0, 3.0}, {steps[2], 1, 8.0, 16.0}}, 1, 2, 10.5};
  EXPECT_EQ(profile.stepSeconds(), 10);
  EXPECT_EQ(profile.idleShare(profile.steps[0]), 0.25);
  EXPECT_EQ(profile.idleShare(profile.steps[1]), 0);
  EXPECT_NEAR(profile.idleShare(), 0.05, 1e-12);
}

} // namespace
} // namespace lathe::test
