// Things that go wrong around a compile or a run: damaged files, full disks, foreign directories, kills half-way. Each
// must end in exit code 1 and a message with the cause, or leave what was there before untouched.
#include "tests/e2e/Lathe.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe::test {
namespace {

constexpr int kWrongInput = 1;
/// A damaged input must not make anything slow.
const ProcessOptions quick = {.timeoutSeconds = 20};

Path tinyModel() { return goldens() / "bert" / "base-f16" / "model"; }
Path demoModel() { return goldens() / "demo-model"; }

class Hostile : public testing::Test {
protected:
  Path copyOf(const Path &directory, const std::string &name) {
    std::filesystem::copy(directory, work / name, std::filesystem::copy_options::recursive);
    return work / name;
  }
  void expectCompileRefused(const Path &model, const std::vector<std::string> &words) {
    expectRefusal(kWrongInput, {"compile", model, "-o", work / "out"}, words, quick);
    EXPECT_FALSE(std::filesystem::exists(work / "out"));
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto &entry : std::filesystem::directory_iterator(work.path))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

  ScratchDirectory work;
};

// --- Checkpoints
// --------------------------------------------------------------------------------------------------------

TEST_F(Hostile, TruncatedWeights) {
  const Path model = copyOf(tinyModel(), "model");
  for (size_t bytes : {0, 7, 8, 100, 20000}) {
    writeFile(model / "model.safetensors", readFile(tinyModel() / "model.safetensors").substr(0, bytes));
    expectCompileRefused(model, {"model.safetensors"});
  }
}

TEST_F(Hostile, WeightsThatAreNotNumbers) {
  const Path model = copyOf(goldens() / "bert/base-deep/model", "model");
  Tensors tensors = readTensors(model / "model.safetensors");
  auto &bytes = tensors.at("encoder.layer.3.output.dense.weight").bytes;
  const float value = std::nanf("");
  std::memcpy(bytes.data() + 40, &value, sizeof value);
  writeTensors(model / "model.safetensors", tensors);
  expectCompileRefused(model, {"encoder.layer.3.output.dense.weight", "NaN"});
}

TEST_F(Hostile, MissingAndMisshapenTensors) {
  const Path model = copyOf(tinyModel(), "model");
  const Tensors whole = readTensors(model / "model.safetensors");
  Tensors tensors = whole;
  tensors.erase("encoder.layer.1.attention.self.key.bias");
  writeTensors(model / "model.safetensors", tensors);
  expectCompileRefused(model, {"encoder.layer.1.attention.self.key.bias"});
  tensors = whole;
  std::swap(tensors.at("encoder.layer.0.output.dense.weight").shape[0],
            tensors.at("encoder.layer.0.output.dense.weight").shape[1]);
  writeTensors(model / "model.safetensors", tensors);
  expectCompileRefused(model, {"encoder.layer.0.output.dense.weight"});
}

TEST_F(Hostile, GitLfsPointer) {
  const Path model = copyOf(tinyModel(), "model");
  writeFile(model / "model.safetensors",
            "version https://git-lfs.github.com/spec/v1\noid sha256:" + std::string(64, 'a') + "\nsize 90868376\n");
  expectCompileRefused(model, {"git-lfs", "model.safetensors"});
}

TEST_F(Hostile, OnlyPickledWeights) {
  const Path model = copyOf(tinyModel(), "model");
  std::filesystem::rename(model / "model.safetensors", model / "pytorch_model.bin");
  expectCompileRefused(model, {"pytorch_model.bin", "safetensors"});
}

TEST_F(Hostile, ConfigThatIsNoJson) {
  const Path model = copyOf(tinyModel(), "model");
  for (const std::string &text : {std::string(), std::string("{"), std::string("[]"), std::string("\xff\xfe\0\0", 4),
                                  std::string(100000, '['), std::string("{\"model_type\": \"bert\"} trailing")}) {
    writeFile(model / "config.json", text);
    expectCompileRefused(model, {"config.json"});
  }
  std::filesystem::remove(model / "config.json");
  expectCompileRefused(model, {"config.json"});
}

TEST_F(Hostile, ShardsThatLeaveTheDirectory) {
  const Path model = copyOf(goldens() / "bert/base-sharded/model", "model");
  Json index = Json::parse(readFile(model / "model.safetensors.index.json"));
  index["weight_map"]["embeddings.LayerNorm.bias"] = "../elsewhere.safetensors";
  writeFile(model / "model.safetensors.index.json", index.dump());
  expectCompileRefused(model, {"../elsewhere.safetensors"});
  index["weight_map"]["embeddings.LayerNorm.bias"] = "model-00009-of-00003.safetensors";
  writeFile(model / "model.safetensors.index.json", index.dump());
  expectCompileRefused(model, {"model-00009-of-00003.safetensors"});
}

TEST_F(Hostile, UnreadableFiles) {
  const Path model = copyOf(tinyModel(), "model");
  std::filesystem::remove(model / "model.safetensors");
  std::filesystem::create_directory(model / "model.safetensors");
  expectCompileRefused(model, {"model.safetensors"});
  std::filesystem::remove(model / "model.safetensors");
  ASSERT_EQ(mkfifo((model / "model.safetensors").c_str(), 0600), 0);
  expectCompileRefused(model, {"model.safetensors"}); // and does not wait for a writer
}

TEST_F(Hostile, SentenceTransformersModuleThatIsUnknown) {
  const Path model = copyOf(demoModel(), "model");
  Json modules = Json::parse(readFile(model / "modules.json"));
  modules[2]["type"] = "sentence_transformers.models.Quantum";
  writeFile(model / "modules.json", modules.dump());
  expectCompileRefused(model, {"Quantum"});
}

// --- Output directories
// -------------------------------------------------------------------------------------------------

TEST_F(Hostile, OutputDirectoryOfSomethingElse) {
  std::filesystem::create_directory(work / "precious");
  writeFile(work / "precious/thesis.txt", "years of work");
  expectRefusal(kWrongInput, {"compile", tinyModel(), "-o", work / "precious"}, {work / "precious"}, quick);
  EXPECT_EQ(readFile(work / "precious/thesis.txt"), "years of work");

  writeFile(work / "file", "not a directory");
  expectRefusal(kWrongInput, {"compile", tinyModel(), "-o", work / "file"}, {work / "file"}, quick);
  EXPECT_EQ(readFile(work / "file"), "not a directory");
  EXPECT_EQ(names(), (std::vector<std::string>{"file", "precious"})) << "something was left behind";
}

TEST_F(Hostile, OutputIsReplacedWhole) {
  latheOutput({"compile", tinyModel(), "-o", work / "out", "--name", "old"});
  latheOutput({"compile", tinyModel(), "-o", work / "out", "--name", "new"});
  EXPECT_FALSE(std::filesystem::exists(work / "out/libold.so"));
  EXPECT_TRUE(std::filesystem::exists(work / "out/libnew.so"));
  EXPECT_EQ(names(), std::vector<std::string>{"out"});
}

TEST_F(Hostile, FailedCompileKeepsTheOldArtifact) {
  latheOutput({"compile", tinyModel(), "-o", work / "out", "--name", "old"});
  const Path broken = copyOf(tinyModel(), "broken");
  std::filesystem::remove(broken / "model.safetensors");
  expectRefusal(kWrongInput, {"compile", broken, "-o", work / "out"}, {"broken"}, quick);
  latheOutput({"inspect", work / "out", "--verify"});
}

/// Killed at many moments: the old artifact always stays whole, and the next compile leaves nothing of the dead ones.
TEST_F(Hostile, KilledHalfWay) {
  const Arguments compile = {"compile", demoModel(), "-o", work / "out", "--name", "model"};
  latheOutput(compile);
  const double whole = lathe(compile).seconds;
  int killed = 0;
  for (int step = 1; step <= 10; ++step) {
    killed += lathe(compile, {.timeoutSeconds = whole * step / 10}).timedOut;
    latheOutput({"inspect", work / "out", "--verify"});
  }
  EXPECT_GE(killed, 5) << "too few of the runs were killed before their end";
  latheOutput(compile);
  EXPECT_EQ(names(), std::vector<std::string>{"out"}) << "a dead compile's directory was not removed";
}

TEST_F(Hostile, FileSizeLimit) {
  ProcessOptions limited = quick;
  limited.fileSizeLimit = 64 << 10; // below the library's and the weights' size
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", work / "out"}, {std::strerror(EFBIG)}, limited);
  EXPECT_TRUE(names().empty()) << "something was left behind";
}

TEST_F(Hostile, FullDisk) {
  const Path disk = work / "disk";
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "cannot mount a small file system (" << std::strerror(errno)
                 << "); FileSizeLimit covers failing writes";
  expectRefusal(kWrongInput, {"compile", demoModel(), "-o", disk / "out"}, {std::strerror(ENOSPC)}, quick);
  EXPECT_TRUE(std::filesystem::is_empty(disk)) << "something was left behind";
  umount(disk.c_str());
}

// --- Artifacts
// ----------------------------------------------------------------------------------------------------------

class DamagedArtifact : public Hostile {
protected:
  void SetUp() override { artifact = copyOf(compiled(demoModel()), "artifact"); }
  void expectRunRefused(const std::vector<std::string> &words) {
    expectRefusal(kWrongInput, {"run", artifact, "--text", "x"}, words, quick);
  }
  Path artifact;
};

TEST_F(DamagedArtifact, TruncatedWeightsFile) {
  const std::string bytes = readFile(artifact / "model.weights");
  for (size_t length : {size_t{0}, size_t{8}, size_t{64}, bytes.size() / 2, bytes.size() - 1}) {
    writeFile(artifact / "model.weights", bytes.substr(0, length));
    expectRunRefused({"model.weights"});
  }
}

TEST_F(DamagedArtifact, WeightsOfAnotherBuild) {
  const Path other = compiled(goldens() / "sentence-transformers/mean/model");
  std::filesystem::copy(other / "model.weights", artifact / "model.weights",
                        std::filesystem::copy_options::overwrite_existing);
  expectRunRefused({"build"});
}

TEST_F(DamagedArtifact, WeightsAbsent) {
  std::filesystem::remove(artifact / "model.weights");
  expectRunRefused({"model.weights"});
}

TEST_F(DamagedArtifact, FlippedBitIsFoundByVerify) {
  std::string bytes = readFile(artifact / "model.weights");
  bytes[bytes.size() / 2] ^= 1;
  writeFile(artifact / "model.weights", bytes);
  expectRefusal(kWrongInput, {"inspect", artifact, "--verify"}, {"model.weights"}, quick);
}

TEST_F(DamagedArtifact, LibraryAbsentOrForeign) {
  writeFile(artifact / "libmodel.so", "not an ELF file");
  expectRunRefused({"libmodel.so"});
  std::filesystem::remove(artifact / "libmodel.so");
  expectRunRefused({"libmodel.so"});
}

TEST_F(DamagedArtifact, ManifestThatIsNoManifest) {
  for (const char *text : {"", "[]", "{\"name\": 7}", "null"}) {
    writeFile(artifact / "manifest.json", text);
    expectRunRefused({"manifest.json"});
  }
}

TEST_F(DamagedArtifact, LevelThatTheCpuOrArtifactHasNot) {
  ProcessOptions forced = quick;
  forced.environment = {{"LATHE_ISA", "amx9000"}};
  expectRefusal(kWrongInput, {"run", artifact, "--text", "x"}, {"amx9000", "avx512"}, forced);
}

TEST_F(DamagedArtifact, InputsThatAreNoSafetensors) {
  writeFile(work / "in.safetensors", "hello");
  expectRefusal(kWrongInput,
                {"run", artifact, "--inputs", work / "in.safetensors", "--outputs", work / "out.safetensors"},
                {"in.safetensors"}, quick);
}

TEST_F(DamagedArtifact, OutputsThatCannotBeWritten) {
  writeTensors(work / "in.safetensors", {{"input_ids", Tensor::of({1, 1}, std::vector<int64_t>{2})}});
  expectRefusal(kWrongInput,
                {"run", artifact, "--inputs", work / "in.safetensors", "--outputs", work / "no/such/place"},
                {work / "no/such/place"}, quick);
}

} // namespace
} // namespace lathe::test
