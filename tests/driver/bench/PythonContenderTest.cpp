// The conversation with the Python process of `lathe bench --vs eager`, held with shell scripts in Python's place:
// sound answers, wrong ones, and death at every point. Against PyTorch itself, the bench compares results in every run.
#include "compiler/driver/bench/PythonContender.h"
#include "compiler/import/safetensors/SafetensorsWriter.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include <csignal>
#include <fstream>

namespace lathe::test {
namespace {

class EagerProcess : public testing::Test {
protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); } // as in lathe itself

  /// Starts a script with the arguments that Python would get: -c SCRIPT MODEL TASK THREADS WORK POOLINGS NORMALIZE.
  llvm::Expected<std::unique_ptr<Contender>> start(const std::string &script) {
    std::string path = (work / "python").string();
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms(0755));
    return makeEagerContender({work.path().string(), path, "base", 3}, workload);
  }

  TemporaryDirectory work;
  Workload workload = makeWorkload({2, 3}, 10);
};

TEST_F(EagerProcess, AnswersInTurns) {
  auto contender = llvm::cantFail(start("echo ready 0.5 4096; read n; echo 0.25 0.5; read n; echo $n"));
  EXPECT_EQ(contender->name(), "eager");
  EXPECT_EQ(contender->loadSeconds(), 0.5);
  EXPECT_EQ(llvm::cantFail(contender->residentBytes()), 4096);
  EXPECT_EQ(llvm::cantFail(contender->time(2)), (std::vector<double>{0.25, 0.5}));
  EXPECT_EQ(llvm::cantFail(contender->time(1)), (std::vector<double>{1}));
  expectError(contender->time(1), {"eager", "ended"});
}

TEST_F(EagerProcess, IsToldWhatToRun) {
  std::string log = (work / "log").string();
  auto contender = llvm::cantFail(start("echo $1 $3 $4 $5 \"[$7]\" $8 > " + log + "; cp $6/inputs.safetensors " +
                                        (work / "inputs").string() + "; echo ready 0 0; read n"));
  std::string line;
  std::getline(std::ifstream(log) >> std::ws, line);
  EXPECT_EQ(line, "-c " + work.path().string() + " base 3 [] 0");
  InputTensors inputs = llvm::cantFail(InputTensors::read((work / "inputs").string()));
  EXPECT_EQ(inputs.find("input_ids")->bytes, workload.padded.find("input_ids")->bytes);
  EXPECT_NE(inputs.find("attention_mask"), nullptr);
}

TEST_F(EagerProcess, GivesItsOutputs) {
  std::vector<float> values = {1, 2};
  std::string made = (work / "made").string();
  ASSERT_EQ(messageOf(writeSafetensors(
                made, {{"y", DType::F32, {2}, {reinterpret_cast<const uint8_t *>(values.data()), 8}}})),
            "");
  auto contender = llvm::cantFail(start("cp " + made + " $6/outputs.safetensors; echo ready 0 0; read n"));
  std::vector<FloatTensor> outputs = llvm::cantFail(contender->outputs());
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].values(), llvm::ArrayRef(values));
}

TEST_F(EagerProcess, WrongAnswersAreShown) {
  expectError(start("echo hello"), {"eager", "hello", "ready"});
  expectError(start("echo ready 1"), {"eager", "'1'", "2 numbers"});
  expectError(start("exit 3"), {"eager", "ended"});
  auto contender = llvm::cantFail(start("echo ready 0 0; read n; echo 1 2 3"));
  expectError(contender->time(2), {"1 2 3", "2 numbers"});
}

TEST_F(EagerProcess, MissingPythonIsNamed) {
  expectError(makeEagerContender({work.path().string(), "/no/such/python", "base", 1}, workload), {"/no/such/python"});
}

TEST_F(EagerProcess, LeavesNothingBehind) {
  std::string log = (work / "log").string();
  auto contender =
      llvm::cantFail(start("echo $$ > " + log + "; echo $6 >> " + log + "; echo ready 0 0; exec sleep 1000"));
  std::ifstream lines(log);
  pid_t process = 0;
  std::string directory;
  lines >> process >> directory;
  EXPECT_TRUE(std::filesystem::exists(directory + "/inputs.safetensors"));
  EXPECT_EQ(kill(process, 0), 0);
  contender.reset();
  EXPECT_FALSE(std::filesystem::exists(directory));
  EXPECT_EQ(kill(process, 0), -1) << "still running";
}

} // namespace
} // namespace lathe::test
