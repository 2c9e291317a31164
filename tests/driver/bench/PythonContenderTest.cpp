// The conversation with the processes that run frameworks, held with shell scripts in Python's place: sound answers,
// wrong ones, and death at every point. Against PyTorch itself, the bench compares results in every run.
#include "compiler/driver/bench/PythonContender.h"
#include "compiler/driver/bench/LineProcess.h"
#include "compiler/import/safetensors/SafetensorsWriter.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

namespace lathe::test {
namespace {

using Json = nlohmann::json;

const PythonPeer &peerNamed(llvm::StringRef name) {
  return *llvm::find_if(pythonContenders(), [&](const PythonPeer &peer) { return peer.name == name; });
}

class PythonContenderTest : public testing::Test {
protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN); // as in lathe itself
    std::ofstream(work / "config.json") << "{}";
    settings.model = work.path().string();
    settings.task = "base";
    directory.emplace(llvm::cantFail(makePeerDirectory(settings, workload)));
  }

  /// Starts a script with the argument that Python would get: the path of the contender's own script.
  llvm::Expected<std::unique_ptr<Contender>> start(const std::string &script, const char *name = "eager") {
    std::string path = (work / "python").string();
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms(0755));
    return makePythonContender(peerNamed(name), path, *directory);
  }

  TemporaryDirectory work;
  Workload workload = makeWorkload({2, 3}, 10);
  PeerSettings settings;
  std::optional<ScratchDirectory> directory;
};

TEST_F(PythonContenderTest, AnswersInTurns) {
  auto contender = llvm::cantFail(start("echo ready 0.5 4096; read n; echo 0.25 0.5; read n; echo $n"));
  EXPECT_EQ(contender->name(), "eager");
  EXPECT_EQ(contender->loadSeconds(), 0.5);
  EXPECT_EQ(contender->residentBytes(), 4096);
  EXPECT_EQ(llvm::cantFail(contender->time(2)), (std::vector<double>{0.25, 0.5}));
  EXPECT_EQ(llvm::cantFail(contender->time(1)), (std::vector<double>{1}));
  expectError(contender->time(1), {"eager", "ended"});
}

TEST_F(PythonContenderTest, EachRunsItsScript) {
  for (const auto &[name, precision, ability] : pythonContenders()) {
    std::string log = (work / "log").string();
    auto contender =
        llvm::cantFail(start("echo $# $1 > " + log + "; test -f $1 && echo ready 0 0; read n", name.str().c_str()));
    EXPECT_EQ(contender->name(), name);
    EXPECT_EQ(contender->precision(), precision);
    std::string words;
    std::getline(std::ifstream(log) >> std::ws, words);
    std::string script = "peer_" + name.str() + ".py";
    llvm::replace(script, '-', '_');
    EXPECT_EQ(words, "1 " + directory->file(script));
  }
}

TEST_F(PythonContenderTest, IsToldWhatToRun) {
  settings = {settings.model, "embedding", {"sentence_embedding"}, {"cls", "mean"}, {"Normalize"}, 3};
  ScratchDirectory told = llvm::cantFail(makePeerDirectory(settings, workload));
  EXPECT_EQ(Json::parse(std::ifstream(told.file("settings.json"))), Json({{"model", settings.model},
                                                                          {"task", "embedding"},
                                                                          {"outputs", {"sentence_embedding"}},
                                                                          {"pooling", {"cls", "mean"}},
                                                                          {"modules", {"Normalize"}},
                                                                          {"threads", 3}}));
  InputTensors inputs = llvm::cantFail(InputTensors::read(told.file("inputs.safetensors")));
  EXPECT_EQ(inputs.find("input_ids")->bytes, workload.padded.find("input_ids")->bytes);
  EXPECT_NE(inputs.find("attention_mask"), nullptr);
}

TEST_F(PythonContenderTest, IsToldWhatToWrite) {
  workload.generation = {5, 2};
  ScratchDirectory told = llvm::cantFail(makePeerDirectory(settings, workload));
  EXPECT_EQ(Json::parse(std::ifstream(told.file("settings.json")))["generation"],
            Json({{"new_tokens", 5}, {"beams", 2}}));
}

TEST_F(PythonContenderTest, GivesWhatItWrites) {
  InputTensors made, flat;
  const std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6};
  made.add("written", {2, 3}, ids);
  flat.add("written", {6}, ids);
  auto contender = llvm::cantFail(start("echo ready 0 0; read n"));
  EXPECT_NE(messageOf(contender->written().takeError()), "") << "there is no file";
  for (const InputTensors *tensors : {&made, &flat}) {
    ASSERT_EQ(messageOf(tensors->write(directory->file("eager-written.safetensors"))), "");
    if (tensors == &made)
      EXPECT_EQ(llvm::cantFail(contender->written()), (std::vector<std::vector<int32_t>>{{1, 2, 3}, {4, 5, 6}}));
    else
      expectError(contender->written(), {"written", "[prompts, tokens]"});
  }
}

TEST_F(PythonContenderTest, IsAskedForTheFirstToken) {
  auto contender = llvm::cantFail(start("echo ready 0 0; read n word; test \"$word\" = first && echo $n $n; read n"));
  EXPECT_EQ(llvm::cantFail(contender->timeFirst(2)), (std::vector<double>{2, 2}));
}

TEST_F(PythonContenderTest, RunsAModelDirectory) {
  settings.model = (work / "absent").string();
  expectError(makePeerDirectory(settings, workload), {"absent", "No such file"});
  std::filesystem::create_directory(work / "empty");
  settings.model = (work / "empty").string();
  expectError(makePeerDirectory(settings, workload), {"empty", "config.json"});
}

TEST_F(PythonContenderTest, GivesItsOutputs) {
  std::vector<float> values = {1, 2};
  std::string made = (work / "made").string();
  ASSERT_EQ(messageOf(writeSafetensors(
                made, {{"y", DType::F32, {2}, {reinterpret_cast<const uint8_t *>(values.data()), 8}}})),
            "");
  auto contender =
      llvm::cantFail(start("cp " + made + " ${1%/*}/openvino.safetensors; echo ready 0 0; read n", "openvino"));
  std::vector<FloatTensor> outputs = llvm::cantFail(contender->outputs());
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].values(), llvm::ArrayRef(values));
}

TEST_F(PythonContenderTest, WrongAnswersAreShown) {
  expectError(start("echo hello"), {"eager", "hello", "ready"});
  expectError(start("echo ready 1"), {"eager", "'1'", "2 numbers"});
  expectError(start("exit 3", "openvino"), {"openvino", "ended"});
  auto contender = llvm::cantFail(start("echo ready 0 0; read n; echo 1 2 3"));
  expectError(contender->time(2), {"eager", "1 2 3", "2 numbers"});
}

TEST_F(PythonContenderTest, SaysWhyItCannotRun) {
  expectError(start("echo error needs the Python package \"'onnx'\"", "onnxruntime"),
              {"onnxruntime", "cannot run: needs the Python package 'onnx'"});
  auto contender = llvm::cantFail(start("echo ready 0 0; read n; echo error out of memory"));
  expectError(contender->time(2), {"eager", "cannot run: out of memory"});
}

/// The scripts themselves, with a Python that has no package: each must get as far as to name one.
TEST_F(PythonContenderTest, MissingPackagesAreNamed) {
  if (std::system("python3 -c '' 2>/dev/null") != 0)
    GTEST_SKIP() << "skipped: there is no python3";
  for (auto [name, package] : {std::pair{"eager", "torch"},
                               {"torch-compile", "torch"},
                               {"eager-bf16", "torch"},
                               {"onnxruntime", "onnxruntime"},
                               {"onnxruntime-int8", "onnxruntime"},
                               {"openvino", "openvino"},
                               {"openvino-bf16", "openvino"},
                               {"openvino-int8", "openvino"},
                               {"ctranslate2", "ctranslate2"},
                               {"ctranslate2-int8", "ctranslate2"}})
    expectError(start("exec python3 -S -E -B \"$@\"", name), {name, std::string("'") + package + "'", "python"});
}

TEST_F(PythonContenderTest, MissingPythonIsNamed) {
  expectError(makePythonContender(peerNamed("eager"), "/no/such/python", *directory), {"/no/such/python"});
}

TEST_F(PythonContenderTest, LeavesNothingBehind) {
  std::string log = (work / "log").string(), scripts = directory->file("");
  auto contender = llvm::cantFail(start("echo $$ > " + log + "; echo ready 0 0; exec sleep 1000"));
  pid_t process = 0;
  std::ifstream(log) >> process;
  EXPECT_TRUE(std::filesystem::exists(scripts));
  EXPECT_EQ(kill(process, 0), 0);
  contender.reset();
  directory.reset();
  EXPECT_EQ(kill(process, 0), -1) << "still running";
  EXPECT_FALSE(std::filesystem::exists(scripts));
}

TEST(LineProcess, IsNotWaitedForForEver) {
  LineProcess silent("mute");
  ASSERT_EQ(messageOf(silent.start({"sleep", "1000"})), "");
  expectError(silent.readLine(0), {"mute", "not answered"});
}

} // namespace
} // namespace lathe::test
