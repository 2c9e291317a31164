// The tests' own tools: that they notice what they are there to notice.
#include "tests/e2e/Lathe.h"

#include <cmath>
#include <csignal>

namespace lathe::test {
namespace {

TEST(Process, ReportsOutputAndExitCode) {
  const ProcessResult result = runProcess({"sh", "-c", "echo out; echo err >&2; exit 7"});
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.exitCode, 7);
  EXPECT_EQ(result.signal, 0);
  EXPECT_GT(result.peakKilobytes, 0);
}

TEST(Process, ReportsSignalsAndTimeouts) {
  const ProcessResult crashed = runProcess({"sh", "-c", "kill -SEGV $$"});
  EXPECT_EQ(crashed.exitCode, -1);
  EXPECT_EQ(crashed.signal, SIGSEGV);
  EXPECT_FALSE(crashed.timedOut);
  const ProcessResult hung = runProcess({"sleep", "60"}, {.timeoutSeconds = 0.1});
  EXPECT_TRUE(hung.timedOut);
  EXPECT_EQ(hung.signal, SIGKILL);
  EXPECT_LT(hung.seconds, 30);
}

TEST(Process, SetsItsSurroundings) {
  const ProcessOptions options = {.environment = {{"COLOUR", "green"}}, .workingDirectory = "/", .umask = 0077};
  EXPECT_EQ(runProcess({"sh", "-c", "echo $COLOUR; pwd; umask"}, options).out, "green\n/\n0077\n");
}

TEST(Process, LimitsFilesWithoutKilling) {
  const ScratchDirectory work;
  const ProcessOptions options = {.workingDirectory = work.path, .fileSizeLimit = 1000};
  const ProcessResult result = runProcess({"dd", "if=/dev/zero", "of=big", "bs=4096", "count=1"}, options);
  EXPECT_NE(result.exitCode, 0);
  EXPECT_EQ(result.signal, 0);
  EXPECT_LE(std::filesystem::file_size(work / "big"), 1000u);
}

TEST(Process, SaysWhatCannotBeStarted) {
  const ProcessResult result = runProcess({"/no/such/program"});
  EXPECT_EQ(result.exitCode, 127);
  EXPECT_NE(result.err.find("/no/such/program"), std::string::npos);
}

TEST(TensorFile, ReadsWhatItWrote) {
  const ScratchDirectory work;
  const Tensors tensors = {{"a", Tensor::of({2, 1}, std::vector<float>{1.5f, -2})},
                           {"b", Tensor::of({3}, std::vector<int32_t>{1, 2, 3})},
                           {"empty", Tensor::of({0, 4}, std::vector<int64_t>{})}};
  writeTensors(work / "x.safetensors", tensors);
  EXPECT_TRUE(readTensors(work / "x.safetensors") == tensors);
  EXPECT_EQ(tensors.at("b").slice(1, 3).integers(), (std::vector<int64_t>{2, 3}));
}

TEST(TensorFile, RefusesDamagedFiles) {
  const ScratchDirectory work;
  writeTensors(work / "x", {{"a", Tensor::of({2}, std::vector<float>{1, 2})}});
  const std::string bytes = readFile(work / "x");
  for (size_t length : {size_t{0}, size_t{7}, size_t{20}, bytes.size() - 1}) {
    writeFile(work / "x", bytes.substr(0, length));
    EXPECT_ANY_THROW(readTensors(work / "x")) << length << " bytes";
  }
}

TEST(RelativeError, IsScaledByLargeReferencesOnly) {
  const Tensor expected = Tensor::of({2}, std::vector<float>{10, 0});
  EXPECT_DOUBLE_EQ(relativeError(Tensor::of({2}, std::vector<float>{10, 1}), expected), 0.1);
  EXPECT_DOUBLE_EQ(relativeError(Tensor::of({1}, std::vector<float>{0.5}), Tensor::of({1}, std::vector<float>{0})),
                   0.5);
  EXPECT_EQ(relativeError(expected, expected), 0);
}

TEST(RelativeError, IsInfiniteForOtherShapesTypesAndNotNumbers) {
  const Tensor expected = Tensor::of({2}, std::vector<float>{1, 2});
  EXPECT_TRUE(std::isinf(relativeError(Tensor::of({1, 2}, std::vector<float>{1, 2}), expected)));
  EXPECT_TRUE(std::isinf(relativeError(Tensor::of({2}, std::vector<int32_t>{1, 2}), expected)));
  EXPECT_TRUE(std::isinf(relativeError(Tensor::of({2}, std::vector<float>{NAN, 2}), expected)));
}

} // namespace
} // namespace lathe::test
