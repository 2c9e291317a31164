// What an app does with an artifact: compile and link against it with the system's compiler, statically, shared,
// through find_package and pkg-config, from C and C++, with several models and several threads in one process.
#include "tests/e2e/Lathe.h"

#include <cstring>
#include <memory>
#include <sstream>

namespace lathe::test {
namespace {

const Path appSources = Path(LATHE_SOURCE_DIR) / "tests" / "e2e" / "app";

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// Runs a command in `directory`, expects success, returns its stdout.
std::string expectRuns(const Arguments &command, const Path &directory, ProcessOptions options = {}) {
  options.workingDirectory = directory;
  const ProcessResult result = runProcess(command, options);
  EXPECT_EQ(result.exitCode, 0) << describe(command, result);
  return result.out;
}

std::vector<float> embeddingOf(const Path &artifact, const std::string &text) {
  return runTexts(artifact, {text})[0].at("embedding");
}

std::string bitsOf(const std::vector<float> &values) {
  std::string line;
  for (float value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    char digits[16];
    snprintf(digits, sizeof digits, "%08x ", bits);
    line += digits;
  }
  return line + "\n";
}

/// A directory with `out/`, the demo model's artifact, and the published program written for it.
class DemoApp : public testing::Test {
protected:
  static void SetUpTestSuite() {
    work = std::make_unique<ScratchDirectory>();
    latheOutput({"compile", goldens() / "demo-model", "-o", *work / "out", "--name", "demo"});
    const std::string program = replaced(readFile(appSources / "minilm.c"), "minilm", "demo");
    writeFile(*work / "app.c", replaced(program, "384", "48"));
    for (const char *file : {"threads.c", "default_path.c"})
      std::filesystem::copy(appSources / file, *work / file);
  }
  static void TearDownTestSuite() { work.reset(); }

  /// What the published program must print.
  static std::string expectedCosine() {
    const std::vector<float> a = embeddingOf(*work / "out", "A man is eating.");
    const std::vector<float> b = embeddingOf(*work / "out", "Someone has a meal.");
    float cosine = 0;
    for (size_t i = 0; i < a.size(); ++i)
      cosine += a[i] * b[i];
    char line[32];
    snprintf(line, sizeof line, "cosine %.4f\n", cosine);
    return line;
  }

  static std::unique_ptr<ScratchDirectory> work;
};
std::unique_ptr<ScratchDirectory> DemoApp::work;

TEST_F(DemoApp, PublishedProgramInC) {
  expectRuns({"cc", "app.c", "-Iout", "out/libdemo.a", "-lm"}, work->path);
  EXPECT_EQ(expectRuns({"./a.out"}, work->path), expectedCosine());
}

TEST_F(DemoApp, HeaderIsStrictC99AndCxx) {
  const Arguments strict = {"-Iout", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"};
  for (Arguments command :
       {Arguments{"cc", "-std=c99", "-x", "c"}, Arguments{"c++", "-std=c++11", "-x", "c++"},
        Arguments{"clang-22", "-std=c99", "-x", "c"}, Arguments{"clang++-22", "-std=c++20", "-x", "c++"}}) {
    command.insert(command.end(), strict.begin(), strict.end());
    command.push_back("default_path.c");
    expectRuns(command, work->path);
  }
}

TEST_F(DemoApp, PublishedProgramInCxx) {
  expectRuns({"c++", "-x", "c++", "app.c", "-x", "none", "-Iout", "out/libdemo.a", "-lm", "-o", "app-cxx"}, work->path);
  EXPECT_EQ(expectRuns({"./app-cxx"}, work->path), expectedCosine());
}

TEST_F(DemoApp, SharedLibrary) {
  expectRuns({"cc", "app.c", "-Iout", "-Lout", "-ldemo", "-lm", "-Wl,-rpath,$ORIGIN/out", "-o", "app-shared"},
             work->path);
  EXPECT_EQ(expectRuns({"./app-shared"}, work->path), expectedCosine());
}

TEST_F(DemoApp, ContextsOnThreads) {
  expectRuns({"cc", "threads.c", "-Iout", "out/libdemo.a", "-lm", "-lpthread", "-o", "threads"}, work->path);
  expectRuns({"./threads"}, work->path);
}

TEST_F(DemoApp, WeightsBesideTheLibrary) {
  expectRuns({"cc", "default_path.c", "-Iout", "-Lout", "-ldemo", "-Wl,-rpath,$ORIGIN/out", "-o", "beside"},
             work->path);
  EXPECT_EQ(expectRuns({(work->path / "beside").string()}, "/"), "opened\n");
}

TEST_F(DemoApp, WeightsBesideTheExecutableWhenStatic) {
  std::filesystem::create_directory(*work / "bin");
  expectRuns({"cc", "default_path.c", "-Iout", "out/libdemo.a", "-lm", "-o", "bin/static"}, work->path);
  const Arguments command = {(work->path / "bin/static").string()};
  const ProcessResult absent = runProcess(command);
  EXPECT_EQ(absent.exitCode, 1) << describe(command, absent);
  EXPECT_NE(absent.err.find("demo.weights"), std::string::npos) << absent.err;
  std::filesystem::copy(*work / "out/demo.weights", *work / "bin/demo.weights");
  EXPECT_EQ(expectRuns(command, "/"), "opened\n");
}

TEST_F(DemoApp, FindPackage) {
  const Path project = *work / "project";
  std::filesystem::create_directory(project);
  std::filesystem::copy(appSources / "CMakeLists.txt", project / "CMakeLists.txt");
  std::filesystem::copy(*work / "app.c", project / "app.c");
  expectRuns({"cmake", "-S", project, "-B", project / "build", "-Ddemo_DIR=" + (*work / "out").string()}, work->path);
  expectRuns({"cmake", "--build", project / "build"}, work->path);
  EXPECT_EQ(expectRuns({project / "build/app"}, work->path), expectedCosine());
}

TEST_F(DemoApp, PkgConfig) {
  const ProcessOptions options = {
      .environment = {{"PKG_CONFIG_PATH", *work / "out"}, {"LD_LIBRARY_PATH", *work / "out"}}};
  expectRuns({"sh", "-c", "cc app.c $(pkg-config --cflags --libs demo) -lm -o app-pkg"}, work->path, options);
  EXPECT_EQ(expectRuns({"./app-pkg"}, work->path, options), expectedCosine());
}

/// The package must work wherever the directory is moved to.
TEST_F(DemoApp, PackageIsRelocatable) {
  std::filesystem::copy(*work / "out", *work / "moved", std::filesystem::copy_options::recursive);
  const std::string flags = expectRuns({"pkg-config", "--cflags", "--libs", "demo"}, work->path,
                                       {.environment = {{"PKG_CONFIG_PATH", *work / "moved"}}});
  EXPECT_NE(flags.find((*work / "moved").string()), std::string::npos) << flags;
}

TEST_F(DemoApp, LibraryNeedsOnlyLibcAndLibm) {
  std::istringstream lines(expectRuns({"ldd", "out/libdemo.so"}, work->path));
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.find("libc.so") != std::string::npos || line.find("libm.so") != std::string::npos ||
                line.find("linux-vdso") != std::string::npos || line.find("ld-linux") != std::string::npos)
        << line;
}

TEST_F(DemoApp, OneSymbolIsExported) {
  for (const Arguments &command : {Arguments{"nm", "-D", "--defined-only", "-j", "out/libdemo.so"},
                                   Arguments{"nm", "-g", "--defined-only", "-j", "out/libdemo.a"}}) {
    std::istringstream lines(expectRuns(command, work->path));
    std::vector<std::string> symbols;
    for (std::string line; std::getline(lines, line);)
      if (!line.empty() && line.back() != ':')
        symbols.push_back(line);
    EXPECT_EQ(symbols, std::vector<std::string>{"lathe_demo"}) << command.back();
  }
}

TEST_F(DemoApp, ArchiveHoldsOneObject) {
  const std::string members = expectRuns({"ar", "t", "out/libdemo.a"}, work->path);
  EXPECT_EQ(std::count(members.begin(), members.end(), '\n'), 1) << members;
}

/// Text and read-only data stay within the promise for all code of a model.
TEST_F(DemoApp, CodeIsSmall) {
  std::istringstream table(expectRuns({"size", "-B", "out/libdemo.so"}, work->path));
  std::string heading;
  std::getline(table, heading);
  long text = 0;
  table >> text;
  EXPECT_GT(text, 0);
  EXPECT_LE(text, 1 << 20);
}

/// Each of two models in one process gives the bits it gives alone.
class TwoModels : public testing::Test {
protected:
  static constexpr const char *kText = "The kid is riding a bike, quickly.";

  void SetUp() override {
    latheOutput({"compile", goldens() / "demo-model", "-o", work / "first", "--name", "first"});
    latheOutput({"compile", goldens() / "sentence-transformers/mean/model", "-o", work / "second", "--name", "second"});
    expected = bitsOf(embeddingOf(work / "first", kText)) + bitsOf(embeddingOf(work / "second", kText));
  }

  void expectSameBits(const Arguments &libraries) {
    Arguments command = {"cc",      appSources / "two_models.c", "-DFIRST_WIDTH=48", "-DSECOND_WIDTH=20", "-Ifirst",
                         "-Isecond"};
    command.insert(command.end(), libraries.begin(), libraries.end());
    expectRuns(command, work.path);
    EXPECT_EQ(expectRuns({"./a.out", kText}, work.path), expected);
  }

  ScratchDirectory work;
  std::string expected;
};

TEST_F(TwoModels, Static) { expectSameBits({"first/libfirst.a", "second/libsecond.a", "-lm"}); }

TEST_F(TwoModels, Shared) {
  expectSameBits({"-Lfirst", "-lfirst", "-Lsecond", "-lsecond", "-lm", "-Wl,-rpath,$ORIGIN/first:$ORIGIN/second"});
}

TEST_F(TwoModels, OneOfEach) {
  expectSameBits({"first/libfirst.a", "-Lsecond", "-lsecond", "-lm", "-Wl,-rpath,$ORIGIN/second"});
}

} // namespace
} // namespace lathe::test
