// Several ISA levels in one artifact: what is compiled, what is chosen, what can be forced.
#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <cstdlib>

namespace lathe::test {
namespace {

constexpr int wrongInput = 1;
const Arguments everyLevel = {"--isa", "avx512,avx512_vnni,avx512_bf16,amx"};

Path demoModel() { return goldens() / "demo-model"; }

Json levelsOf(const Path &artifact) { return Json::parse(readFile(artifact / "manifest.json")).at("isa_levels"); }

/// Whether this CPU runs a level, by the compiler's own reading of CPUID.
bool hasLevel(const std::string &level) {
  bool base = __builtin_cpu_supports("x86-64-v4"), vnni = base && __builtin_cpu_supports("avx512vnni");
  bool bf16 = vnni && __builtin_cpu_supports("avx512bf16");
  bool tiles = bf16 && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
               __builtin_cpu_supports("amx-int8");
  return level == "avx512" ? base : level == "avx512_vnni" ? vnni : level == "avx512_bf16" ? bf16 : tiles;
}

ProcessOptions forced(const std::string &level) {
  ProcessOptions options;
  options.environment = {{"LATHE_ISA", level}};
  return options;
}

TEST(Levels, AModelInF32HasCodeForOne) {
  const Path artifact = compiled(demoModel());
  EXPECT_EQ(levelsOf(artifact), Json({"avx512"}));
  EXPECT_NE(latheOutput({"explain", artifact}).find("bytes for avx512\n"), std::string::npos);
  for (const char *level : {"avx512_vnni", "avx512_bf16", "amx"})
    expectRefusal(wrongInput, {"run", artifact, "--text", "x"}, {level, "without that level", "it has: avx512"},
                  forced(level));
}

TEST(Levels, EachThatTheArtifactAndTheCpuHaveCanBeForced) {
  const Path artifact = compiled(demoModel(), everyLevel);
  EXPECT_EQ(levelsOf(artifact), Json({"avx512", "avx512_vnni", "avx512_bf16", "amx"}));
  EXPECT_NE(latheOutput({"explain", artifact}).find("bytes for avx512, avx512_vnni, avx512_bf16, amx\n"),
            std::string::npos);
  EXPECT_EQ(Json::parse(latheOutput({"explain", artifact, "--json"})).at("isa_levels"), levelsOf(artifact));
  if (!hasLevel("avx512"))
    GTEST_SKIP() << "this CPU has no AVX-512";
  // f32 is computed alike at every level.
  const std::string expected = latheOutput({"run", compiled(demoModel()), "--text", "A sentence.", "--json"});
  EXPECT_EQ(latheOutput({"run", artifact, "--text", "A sentence.", "--json"}), expected);
  for (const char *level : {"avx512", "avx512_vnni", "avx512_bf16", "amx"}) {
    if (hasLevel(level))
      EXPECT_EQ(latheOutput({"run", artifact, "--text", "A sentence.", "--json"}, forced(level)), expected) << level;
    else
      expectRefusal(wrongInput, {"run", artifact, "--text", "x"}, {level, "above this CPU"}, forced(level));
  }
}

/// Of the promise for all code of a model, by its precision and the part of it that has code for each level.
TEST(Levels, CodeForAllOfThemIsSmall) {
  for (const Path &model : {demoModel(), goldens() / "examples" / "capitals" / "model"})
    for (const char *precision : {"f32", "bf16", "int8", "int4"}) {
      const Path artifact = compiled(model, {"--precision", precision, "--isa", "avx512,avx512_vnni,avx512_bf16,amx"});
      const auto bytes = Json::parse(readFile(artifact / "manifest.json")).at("code_bytes").get<int64_t>();
      EXPECT_GT(bytes, 0);
      EXPECT_LE(bytes, 1'500'000) << model << " in " << precision;
    }
}

TEST(Levels, TheOneInUseIsTold) {
  const Path artifact = compiled(demoModel(), everyLevel);
  for (const char *level : {"avx512", "avx512_vnni", "avx512_bf16", "amx"}) {
    if (!hasLevel(level))
      continue;
    setenv("LATHE_ISA", level, 1);
    LoadedModel loaded{artifact, "model", 1};
    EXPECT_STREQ(loaded.api().isa(loaded.model()), level);
  }
  unsetenv("LATHE_ISA");
}

TEST(Levels, AListLeavesOutTheOthers) {
  const Path artifact = compiled(demoModel(), {"--isa", "avx512_bf16,avx512_bf16"});
  EXPECT_EQ(levelsOf(artifact), Json({"avx512_bf16"}));
  if (hasLevel("avx512_bf16"))
    EXPECT_NO_THROW(latheOutput({"run", artifact, "--text", "x"}));
  else
    expectRefusal(wrongInput, {"run", artifact, "--text", "x"}, {"this CPU lacks", "avx512_bf16"});
  expectRefusal(wrongInput, {"run", artifact, "--text", "x"}, {"without that level", "it has: avx512_bf16"},
                forced("avx512"));
}

TEST(Levels, UnknownOnesAreNamed) {
  const ScratchDirectory work;
  for (const char *list : {"avx2", "avx512,sse2", "avx512,", "", "all,avx512", "AMX"})
    expectRefusal(wrongInput, {"compile", demoModel(), "-o", work / "out", "--isa", list},
                  {"--isa", "unknown ISA level '", "all, native, or a list of avx512, avx512_vnni, avx512_bf16, amx"});
  EXPECT_FALSE(std::filesystem::exists(work / "out"));
}

TEST(Levels, FormsOfLaterStagesAreThoseOfEachLevel) {
  const ScratchDirectory work;
  latheOutput({"compile", demoModel(), "-o", work / "out", "--isa", "avx512,amx", "--dump-stages", work / "stages"});
  for (const char *file : {"04-schedule.mlir", "05-kernels.avx512.mlir", "05-kernels.amx.mlir", "06-object.avx512.s",
                           "06-object.avx512.o", "06-object.amx.ll", "06-object.amx.o"})
    EXPECT_TRUE(std::filesystem::exists(work / "stages" / file)) << file;
  EXPECT_FALSE(std::filesystem::exists(work / "stages" / "05-kernels.mlir"));
  const std::string assembly =
      latheOutput({"compile", demoModel(), "--isa", "avx512,avx512_bf16", "--compile-to", "object"});
  EXPECT_NE(assembly.find(".avx512_bf16:"), std::string::npos) << "the highest level is shown";
  EXPECT_EQ(assembly.find(".avx512:"), std::string::npos);
  const std::string kernels = latheOutput({"compile", demoModel(), "--isa", "amx", "--compile-to", "kernels"});
  EXPECT_NE(kernels.find("func.func"), std::string::npos);
}

} // namespace
} // namespace lathe::test
