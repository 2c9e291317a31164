// Formulas that Halide compiles, as a user meets them: said in the summary, fast to find, nothing of Halide in what
// ships, and Halide itself touched by nobody who does not need it.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

Path mishModel() { return goldens() / "bert" / "mlm-mish" / "model"; }
Path geluModel() { return goldens() / "bert" / "act-gelu-python" / "model"; }

/// The dynamic loader tells on stderr which libraries it opens.
const ProcessOptions watched = {.environment = {{"LD_DEBUG", "files"}}};

TEST(RowGroups, AreOneKernelEachAndSaySo) {
  const std::string text = latheOutput({"explain", compiled(mishModel())});
  EXPECT_NE(text.find("FormRowGroups        exp, log1p, tanh, mul on rows of 65 in @bert_layer"), std::string::npos)
      << text;
  EXPECT_NE(text.find("FormRowGroups        exp, log1p, tanh, mul on rows of 100 in @encode"), std::string::npos)
      << text;
  EXPECT_NE(text.find("bert_layer/mish "), std::string::npos) << text;
  EXPECT_NE(text.find("lathe_rows_f32_"), std::string::npos) << text;
  EXPECT_EQ(text.find("xf."), std::string::npos) << text;
}

TEST(RowGroups, LeaveNothingOfHalideInTheArtifact) {
  for (const auto &entry : std::filesystem::directory_iterator(compiled(mishModel()))) {
    const std::string bytes = readFile(entry.path());
    for (const char *word : {"halide", "Halide"})
      EXPECT_EQ(bytes.find(word), std::string::npos) << entry.path() << " holds '" << word << "'";
  }
  const ProcessResult symbols = runProcess({"nm", "-g", "--defined-only", "-j", compiled(mishModel()) / "libmodel.a"});
  EXPECT_EQ(symbols.out, "lathe_model\n");
}

TEST(RowGroups, HalideIsOpenedForFormulasOnly) {
  const ScratchDirectory work;
  const auto opens = [&](const Arguments &arguments) {
    const ProcessResult result = runProcess(
        [&] {
          Arguments command = {latheExecutable()};
          command.insert(command.end(), arguments.begin(), arguments.end());
          return command;
        }(),
        watched);
    EXPECT_EQ(result.exitCode, 0) << describe(arguments, result);
    EXPECT_NE(result.err.find("libLLVM"), std::string::npos) << "the loader says nothing";
    return result.err.find("libHalide") != std::string::npos;
  };
  EXPECT_TRUE(opens({"compile", mishModel(), "-o", work / "mish"}));
  EXPECT_FALSE(opens({"compile", geluModel(), "-o", work / "gelu"}));
  EXPECT_FALSE(opens({"compile", mishModel(), "--compile-to", "kernels"}));
  EXPECT_FALSE(opens({"explain", work / "mish"}));
  EXPECT_FALSE(opens({"tokenize", goldens() / "demo-model", "--text", "A cat."}));
}

TEST(RowGroups, AreInTheDumpedStages) {
  const ScratchDirectory work;
  latheOutput({"compile", mishModel(), "-o", work / "out", "--dump-stages", work / "dump"});
  EXPECT_NE(readFile(work / "dump" / "02-graph.mlir").find("xf.row_group"), std::string::npos);
  EXPECT_NE(readFile(work / "dump" / "04-schedule.mlir").find("rows 65; exp 0; log1p 1; tanh 2; mul 0 3; result 4"),
            std::string::npos);
  EXPECT_NE(readFile(work / "dump" / "06-object.ll").find("@lathe_rows_f32_"), std::string::npos);
}

/// What `cmake --install` makes works wherever it is moved to, with its own copy of Halide; without it, only formulas
/// fail, and the message says what is missing.
TEST(RowGroups, AnInstalledTreeHasHalideBesideIt) {
  const ScratchDirectory work;
  const ProcessResult installed =
      runProcess({LATHE_CMAKE, "--install", LATHE_BINARY_DIR, "--prefix", work / "installed"});
  ASSERT_EQ(installed.exitCode, 0) << installed.err;
  const Path tree = work / "moved";
  std::filesystem::rename(work / "installed", tree);
  const auto compile = [&](const Path &model) {
    return runProcess({tree / "bin" / "lathe", "compile", model, "-o", work / "out"}, watched);
  };
  const ProcessResult good = compile(mishModel());
  EXPECT_EQ(good.exitCode, 0) << good.err;
  EXPECT_NE(good.err.find((tree / "bin" / ".." / "lib" / "libHalide.so").string()), std::string::npos)
      << "another Halide than the installed one";
  EXPECT_TRUE(std::filesystem::exists(tree / "share" / "doc" / "lathe" / "Halide-LICENSE.txt"));

  std::filesystem::remove(tree / "lib" / "libHalide.so");
  EXPECT_EQ(compile(geluModel()).exitCode, 0);
  const ProcessResult bad = runProcess({tree / "bin" / "lathe", "compile", mishModel(), "-o", work / "out"});
  EXPECT_EQ(bad.exitCode, 1);
  EXPECT_NE(bad.err.find("lathe: error: cannot open liblathe-halide.so, which compiles row groups and front ends for "
                         "images: libHalide.so"),
            std::string::npos)
      << bad.err;
}

} // namespace
} // namespace lathe::test
