// Directories that are no artifact, and manifests that lie. That sound ones open and run, the end-to-end tests show.
#include "compiler/driver/Artifact.h"
#include "tests/driver/Errors.h"
#include "tests/support/TemporaryDirectory.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

namespace lathe::test {
namespace {

using Json = nlohmann::json;

std::string blake3(llvm::StringRef text) {
  return llvm::toHex(llvm::BLAKE3::hash<32>(llvm::arrayRefFromStringRef(text)), /*LowerCase=*/true);
}

class ArtifactDirectory : public testing::Test {
protected:
  void write(const std::string &name, const std::string &text) { std::ofstream(work / name) << text; }
  void writeManifest() { write("manifest.json", manifest.dump()); }
  std::string path() const { return work.path().string(); }
  /// Opening must fail once `change` is made.
  void expectRefused(const Json &change, std::initializer_list<std::string> words) {
    Json sound = manifest;
    manifest.merge_patch(change);
    writeManifest();
    SCOPED_TRACE(change.dump());
    expectError(Artifact::open(path()), words);
    manifest = sound;
  }

  TemporaryDirectory work;
  std::string library = "no ELF file";
  Json manifest = {{"lathe_version", "0.1.0"},
                   {"abi_version", LATHE_ABI_VERSION},
                   {"name", "m"},
                   {"build_id", std::string(32, 'a')},
                   {"model", {{"task", "base"}}},
                   {"weights", {{"bytes", 4096}, {"blake3", std::string(64, 'b')}, {"embedded", false}}},
                   {"files", {{{"name", "libm.so"}, {"bytes", library.size()}, {"blake3", blake3(library)}}}}};
};

TEST_F(ArtifactDirectory, OpensAndTellsWhatItIs) {
  writeManifest();
  Artifact artifact = llvm::cantFail(Artifact::open(path()));
  EXPECT_EQ(artifact.name, "m");
  EXPECT_EQ(artifact.task, "base");
  EXPECT_EQ(artifact.library(), "libm.so");
  EXPECT_EQ(artifact.weights(), "m.weights");
  ASSERT_EQ(artifact.files.size(), 1u);
  EXPECT_EQ(artifact.files[0].hash, blake3(library));
}

TEST_F(ArtifactDirectory, TellsHowItPools) {
  writeManifest();
  EXPECT_TRUE(llvm::cantFail(Artifact::open(path())).poolings.empty());
  manifest["model"] = {{"task", "embedding"}, {"pooling", {"cls", "mean"}}, {"modules", {"Normalize"}}};
  writeManifest();
  Artifact artifact = llvm::cantFail(Artifact::open(path()));
  EXPECT_EQ(artifact.poolings, (std::vector<std::string>{"cls", "mean"}));
  EXPECT_EQ(artifact.modules, std::vector<std::string>{"Normalize"});
  expectRefused({{"model", {{"pooling", "cls"}}}}, {"model.pooling", "array"});
}

TEST_F(ArtifactDirectory, OthersAreCalledWhatTheyAre) {
  expectError(Artifact::open((work / "absent").string()), {"absent", "No such file"});
  expectError(Artifact::open(path()), {path(), "no Lathe artifact"});
  write("file", "");
  expectError(Artifact::open((work / "file").string()), {"file", "directory"});
  write("config.json", "{}");
  expectError(Artifact::open(path()), {"model directory", "lathe compile"});
}

TEST_F(ArtifactDirectory, ManifestsThatAreNone) {
  for (const char *text : {"", "[]", "null", "{\"name\": 7}", "{", "\xff"}) {
    write("manifest.json", text);
    expectError(Artifact::open(path()), {"manifest.json"});
  }
}

TEST_F(ArtifactDirectory, ManifestsThatLie) {
  expectRefused({{"name", "../m"}}, {"manifest.json", "../m"});
  expectRefused({{"name", "M"}}, {"lower-case"});
  for (int other : {LATHE_ABI_VERSION - 1, LATHE_ABI_VERSION + 1})
    expectRefused({{"abi_version", other}},
                  {"abi_version", std::to_string(other), std::to_string(LATHE_ABI_VERSION), "anew"});
  expectRefused({{"abi_version", 1}}, {"abi_version", "1"}); // before tokenizers had languages
  expectRefused({{"build_id", "xyz"}}, {"build_id"});
  expectRefused({{"model", nullptr}, {"weights", {{"bytes", -1}}}}, {"bytes"});
  expectRefused({{"files", "none"}}, {"files"});
  for (const Json &file : {Json{{"name", "../libm.so"}}, Json{{"name", "/etc/passwd"}}, Json{{"name", 7}}, Json(7)}) {
    Json entry = manifest["files"][0];
    entry.merge_patch(file);
    expectRefused({{"files", Json::array({entry})}}, {"file"});
  }
}

TEST_F(ArtifactDirectory, LibrariesAreCheckedBeforeTheyRun) {
  writeManifest();
  Artifact artifact = llvm::cantFail(Artifact::open(path()));
  expectError(LoadedModel::load(artifact), {"libm.so", "No such file"});
  write("libm.so", "another text");
  expectError(LoadedModel::load(artifact), {"libm.so", "bytes"});
  write("libm.so", "no elf file");
  expectError(LoadedModel::load(artifact), {"libm.so", "BLAKE3"});
  write("libm.so", library);
  expectError(LoadedModel::load(artifact), {"libm.so", "cannot be loaded"});
  std::filesystem::remove(work / "libm.so");
  ASSERT_EQ(mkfifo((work / "libm.so").c_str(), 0600), 0); // must not wait for a writer
  expectError(LoadedModel::load(artifact), {"libm.so"});
}

TEST_F(ArtifactDirectory, WeightsAreCheckedOnRequest) {
  writeManifest();
  Artifact artifact = llvm::cantFail(Artifact::open(path()));
  expectError(checkWeightsFile(artifact), {"m.weights", "No such file"});
  write("m.weights", "short");
  expectError(checkWeightsFile(artifact), {"m.weights", "5 bytes", "4096"});
  write("m.weights", std::string(4096, 'x'));
  expectError(checkWeightsFile(artifact), {"m.weights", "begin"});
  write("m.weights", "LATHEWT1" + std::string(32, 'c') + std::string(4056, 'x'));
  expectError(checkWeightsFile(artifact), {"m.weights", std::string(32, 'c'), std::string(32, 'a')});
  write("m.weights", "LATHEWT1" + std::string(32, 'a') + std::string(4056, 'x'));
  expectError(checkWeightsFile(artifact), {"m.weights", "content"});
}

TEST(Threads, MustBeSome) {
  EXPECT_EQ(messageOf(checkThreads(std::nullopt)), "");
  EXPECT_EQ(messageOf(checkThreads(2)), "");
  for (int64_t count : {int64_t(0), int64_t(-1), int64_t(1) << 31})
    expectError(checkThreads(count), {"--threads", std::to_string(count)});
}

} // namespace
} // namespace lathe::test
