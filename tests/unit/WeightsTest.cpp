// Opening: found, refused, damaged. No file may crash the runtime.
#include "tests/unit/FakeProgram.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace lathe;
using namespace lathe::test;
namespace fs = std::filesystem;

namespace {

const lathe_api &api = *lathe_runtime_api();

struct Opened {
  lathe_status status;
  lathe_error error = {};
};

Opened openBytes(const void *data, size_t bytes) {
  Opened opened;
  lathe_model *model = nullptr;
  opened.status = openMemory(lathe_program_v1, capableHost(), data, bytes, nullptr, model, &opened.error);
  EXPECT_EQ(opened.status == LATHE_OK, model != nullptr);
  closeModel(model);
  return opened;
}

Opened openPath(const char *path, Host host = capableHost()) {
  Opened opened;
  lathe_model *model = nullptr;
  opened.status = openFile(lathe_program_v1, host, path, nullptr, model, &opened.error);
  closeModel(model);
  return opened;
}

/// A folder of its own for each test.
class WeightsFile : public testing::Test {
protected:
  void SetUp() override {
    char pattern[] = "/tmp/lathe-weights-XXXXXX";
    folder = mkdtemp(pattern);
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string write(const char *name, const WeightsImage &image, size_t bytes) {
    fs::path path = folder / name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char *>(image.data.get()), std::streamsize(bytes));
    return path;
  }

  fs::path folder;
};

} // namespace

TEST_F(WeightsFile, SoundFileOpens) {
  WeightsImage image = makeWeights();
  std::string path = write("a.weights", image, image.bytes);
  Opened opened = openPath(path.c_str());
  EXPECT_EQ(opened.status, LATHE_OK) << opened.error.message;
}

TEST_F(WeightsFile, WhatIsNoFileIsNamed) {
  std::string missing = folder / "none.weights", pipe = folder / "pipe";
  mkfifo(pipe.c_str(), 0600);
  for (const std::string &path : {missing, folder.string(), pipe, std::string()}) {
    Opened opened = openPath(path.c_str());
    EXPECT_EQ(opened.status, LATHE_IO_ERROR) << path;
    EXPECT_NE(std::string(opened.error.message).find(path), std::string::npos) << opened.error.message;
  }
}

TEST_F(WeightsFile, EveryTruncationIsRefused) {
  WeightsImage image = makeWeights();
  for (size_t bytes = 0; bytes < image.bytes; bytes += bytes < 200 ? 1 : 61)
    EXPECT_EQ(openPath(write("t.weights", image, bytes).c_str()).status, LATHE_BAD_WEIGHTS) << bytes;
  Opened opened = openPath(write("t.weights", image, image.bytes - 1).c_str());
  EXPECT_TRUE(strstr(opened.error.message, "truncated")) << opened.error.message;
}

TEST_F(WeightsFile, BesideTheExecutable) {
  // This test program is the executable that the runtime is linked into.
  fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / "fake.weights";
  fs::remove(beside);
  Opened missing = openPath(nullptr);
  EXPECT_EQ(missing.status, LATHE_IO_ERROR);
  EXPECT_TRUE(strstr(missing.error.message, beside.c_str())) << missing.error.message;
  WeightsImage image = makeWeights();
  fs::copy_file(write("fake.weights", image, image.bytes), beside);
  Opened found = openPath(nullptr);
  EXPECT_EQ(found.status, LATHE_OK) << found.error.message;
  fs::remove(beside);
}

TEST(Weights, EmbeddedOnesNeedNoFile) {
  WeightsImage image = makeWeights();
  lathe_program program = lathe_program_v1;
  program.embedded_weights = image.data.get();
  lathe_model *model = nullptr;
  lathe_error error = {};
  EXPECT_EQ(openFile(program, capableHost(), nullptr, nullptr, model, &error), LATHE_OK) << error.message;
  closeModel(model);
}

TEST(Weights, AnotherBuildNamesBothIds) {
  WeightsImage image = makeWeights();
  memcpy(image.header().build_id, otherBuildId, 32);
  Opened opened = openBytes(image.data.get(), image.bytes);
  EXPECT_EQ(opened.status, LATHE_BAD_WEIGHTS);
  EXPECT_TRUE(strstr(opened.error.message, fakeBuildId)) << opened.error.message;
  EXPECT_TRUE(strstr(opened.error.message, otherBuildId)) << opened.error.message;
}

TEST(Weights, ImpossibleSectionsAreRefused) {
  const struct {
    const char *what;
    void (*damage)(lathe_weights_header &);
  } cases[] = {
      {"magic", [](auto &h) { h.magic[7] = '2'; }},
      {"size", [](auto &h) { ++h.file_bytes; }},
      {"tensors inside the header", [](auto &h) { h.tensors_offset = 64; }},
      {"tensors elsewhere", [](auto &h) { h.tensors_offset += 64; }},
      {"tensors beyond the end", [](auto &h) { h.tensors_bytes = h.file_bytes; }},
      {"tensors that wrap", [](auto &h) { h.tensors_bytes = ~0ull; }},
      {"tokenizer beyond the end", [](auto &h) { h.tokenizer_offset = h.file_bytes; }},
      {"tokenizer that wraps", [](auto &h) { h.tokenizer_offset = ~63ull; }},
      {"tokenizer unaligned", [](auto &h) { h.tokenizer_offset -= 1; }},
      {"tokenizer in the header", [](auto &h) { h.tokenizer_offset = 0; }},
  };
  for (const auto &test : cases) {
    WeightsImage image = makeWeights();
    test.damage(image.header());
    EXPECT_EQ(openBytes(image.data.get(), image.bytes).status, LATHE_BAD_WEIGHTS) << test.what;
  }
}

TEST(Weights, RandomDamageNeverCrashes) {
  std::mt19937 random(20240917);
  for (int round = 0; round < 20000; ++round) {
    WeightsImage image = makeWeights();
    for (int flips = 1 + int(random() % 4); flips--;)
      image.data.get()[random() % (round % 2 ? sizeof(lathe_weights_header) : image.bytes)] = uint8_t(random());
    openBytes(image.data.get(), round % 3 ? image.bytes : random() % image.bytes);
  }
}

TEST(Weights, MemoryMustBeThereAndAligned) {
  WeightsImage image = makeWeights();
  EXPECT_EQ(openBytes(nullptr, 0).status, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(openBytes(image.data.get() + 8, image.bytes - 8).status, LATHE_INVALID_ARGUMENT);
}

TEST(Weights, IncapableCpuAndForcedLevelFailOpening) {
  WeightsImage image = makeWeights();
  Host incapable = capableHost(), forced = capableHost();
  incapable.cpu = {};
  forced.requestedLevel = "avx9000";
  for (const Host &host : {incapable, forced}) {
    lathe_model *model = nullptr;
    lathe_error error = {};
    EXPECT_EQ(openMemory(lathe_program_v1, host, image.data.get(), image.bytes, nullptr, model, &error),
              LATHE_UNSUPPORTED_CPU);
    EXPECT_EQ(error.status, LATHE_UNSUPPORTED_CPU);
    EXPECT_EQ(model, nullptr);
  }
}

/// Opens a program whose entries have code for these levels.
struct OpenedLevel {
  OpenedLevel(std::initializer_list<int> levels, const Host &host) {
    std::vector<lathe_entry> entries(lathe_program_v1.entries, lathe_program_v1.entries + lathe_program_v1.n_entries);
    for (lathe_entry &entry : entries) {
      lathe_entry_function function = std::exchange(entry.functions[LATHE_ISA_AVX512], nullptr);
      for (int level : levels)
        entry.functions[level] = function;
    }
    lathe_program program = lathe_program_v1;
    program.entries = entries.data();
    WeightsImage image = makeWeights();
    lathe_model *model = nullptr;
    status = openMemory(program, host, image.data.get(), image.bytes, nullptr, model, &error);
    if (!status)
      level = api.isa(model);
    closeModel(model);
  }

  lathe_status status;
  std::string level;
  lathe_error error = {};
};

int timesAsked;

TEST(Weights, TilesAreAskedForWhenTheLevelWouldBeAmx) {
  Host granted = capableHost(), refused = capableHost();
  granted.requestTiles = [] { return ++timesAsked > 0; };
  refused.requestTiles = [] { return ++timesAsked == 0; };
  timesAsked = 0;
  EXPECT_EQ(OpenedLevel({LATHE_ISA_AVX512, LATHE_ISA_AVX512_VNNI}, granted).level, "avx512_vnni");
  granted.requestedLevel = "avx512";
  EXPECT_EQ(OpenedLevel({LATHE_ISA_AVX512, LATHE_ISA_AMX}, granted).level, "avx512");
  EXPECT_EQ(timesAsked, 0) << "a process that uses no tiles need not have them";

  granted.requestedLevel = nullptr;
  EXPECT_EQ(OpenedLevel({LATHE_ISA_AVX512, LATHE_ISA_AMX}, granted).level, "amx");
  EXPECT_EQ(timesAsked, 1);
  EXPECT_EQ(OpenedLevel({LATHE_ISA_AVX512, LATHE_ISA_AVX512_BF16, LATHE_ISA_AMX}, refused).level, "avx512_bf16");
  EXPECT_EQ(timesAsked, 2);
}

TEST(Weights, RefusedTilesAreAnErrorWhereNothingElseIsThere) {
  Host refused = capableHost();
  refused.requestTiles = [] { return false; };
  OpenedLevel only({LATHE_ISA_AMX}, refused);
  EXPECT_EQ(only.status, LATHE_UNSUPPORTED_CPU);
  EXPECT_TRUE(strstr(only.error.message, "permission to use its tiles")) << only.error.message;
  refused.requestedLevel = "amx";
  OpenedLevel forced({LATHE_ISA_AVX512, LATHE_ISA_AMX}, refused);
  EXPECT_EQ(forced.status, LATHE_UNSUPPORTED_CPU);
  EXPECT_TRUE(strstr(forced.error.message, "permission to use its tiles")) << forced.error.message;
}

TEST(Weights, PublicOpenUsesThisCpu) {
  if (!__builtin_cpu_supports("x86-64-v4"))
    GTEST_SKIP() << "this CPU has no AVX-512, so a model opens only on a pretended one";
  WeightsImage image = makeWeights();
  lathe_model *model = nullptr;
  lathe_error error = {};
  unsetenv("LATHE_ISA");
  ASSERT_EQ(api.open_memory(image.data.get(), image.bytes, nullptr, &model, &error), LATHE_OK) << error.message;
  EXPECT_STREQ(api.isa(model), "avx512");
  api.close(model);
  setenv("LATHE_ISA", "none", 1);
  EXPECT_EQ(api.open_memory(image.data.get(), image.bytes, nullptr, &model, &error), LATHE_UNSUPPORTED_CPU);
  EXPECT_EQ(model, nullptr);
  unsetenv("LATHE_ISA");
}
