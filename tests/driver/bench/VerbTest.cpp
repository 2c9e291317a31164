// Contenders of `lathe bench`, through the executable. What each of them says of itself is tested beside this file;
// here the artifact runs against its unfused form, against stand-ins for Python, and, where it is installed, against
// PyTorch.
#include "tests/e2e/Lathe.h"

#include <cstdlib>

namespace lathe::test {
namespace {

constexpr int wrongInput = 1;

Path demoModel() { return goldens() / "demo-model"; }
Path writingModel() { return goldens() / "gpt2" / "lm" / "model"; }
Path translatingModel() { return goldens() / "t5" / "lm" / "model"; }
Path plainModel() { return goldens() / "bert" / "base-deep" / "model"; }

Arguments bench(const Path &artifact, const Path &model, const std::string &contenders, const Arguments &more) {
  Arguments command = {"bench", artifact, "--vs", contenders, "--model", model, "--json"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

std::vector<std::string> contendersOf(const Json &result) {
  std::vector<std::string> names;
  for (const Json &row : result.at("results"))
    names.push_back(row.at("contender"));
  return names;
}

/// An executable script.
Path script(const Path &path, const std::string &text) {
  writeFile(path, "#!/bin/sh\n" + text);
  std::filesystem::permissions(path, std::filesystem::perms(0755));
  return path;
}

/// A stand-in for Python whose results are those of an artifact, in a tenth of a second each.
Path standIn(const Path &path, const Path &artifact) {
  return script(path, "work=${1%/*} name=$(basename ${1##*/peer_} .py | tr _ -)\n'" + latheExecutable() + "' run '" +
                          artifact.string() +
                          "' --inputs $work/inputs.safetensors --outputs $work/$name.safetensors || exit 1\n"
                          "echo ready 0.5 2e6\n"
                          "while read n; do for i in $(seq $n); do printf '0.1 '; done; echo; done\n");
}

/// Directories of this process's own for temporary files, so that what is left in them can be seen.
ProcessOptions temporaryFilesIn(const Path &path) {
  std::filesystem::create_directory(path);
  return {.environment = {{"TMPDIR", path.string()}}};
}

TEST(BenchContenders, EachHasARowInTheOrderGiven) {
  const ScratchDirectory work;
  const Path python = standIn(work / "python", compiled(demoModel()));
  const ProcessOptions options = temporaryFilesIn(work / "tmp");
  const Json result = Json::parse(latheOutput(bench(compiled(demoModel()), demoModel(), "onnxruntime,unfused,eager",
                                                    {"--python", python, "--batch", "2", "--seq", "8"}),
                                              options));
  EXPECT_EQ(contendersOf(result), (std::vector<std::string>{"lathe", "onnxruntime", "unfused", "eager"}));
  for (const Json &row : result.at("results")) {
    EXPECT_EQ(row.at("batch"), 2);
    EXPECT_EQ(row.at("precision"), "f32");
    EXPECT_LT(row.at("max_abs_diff"), 1e-5) << row;
  }
  const Json &standIn = result.at("results")[1];
  EXPECT_EQ(standIn.at("median_ms"), 100);
  EXPECT_EQ(standIn.at("load_ms"), 500);
  EXPECT_EQ(standIn.at("rss_mb"), 2);
  EXPECT_NEAR(standIn.at("tokens_per_s").get<double>(), 160, 1e-6);
  EXPECT_TRUE(std::filesystem::is_empty(work / "tmp"));
}

/// The form that was compiled is what runs: a pooling that the directory does not know of, other outputs, any lengths.
TEST(BenchContenders, UnfusedComputesTheSame) {
  const ScratchDirectory work;
  writeFile(work / "lengths", "3\n11\n7\n");
  const ProcessOptions options = temporaryFilesIn(work / "tmp");
  for (const auto &[model, flags] : {std::pair{demoModel(), Arguments{"--pooling", "max"}},
                                     {plainModel(), {"--pooling", "cls,mean"}},
                                     {plainModel(), {"--emit", "hidden_states"}}}) {
    const Json result = Json::parse(
        latheOutput(bench(compiled(model, flags), model, "unfused", {"--lengths", work / "lengths"}), options));
    ASSERT_EQ(contendersOf(result), (std::vector<std::string>{"lathe", "unfused"}));
    const Json &row = result.at("results")[1];
    EXPECT_GT(row.at("max_abs_diff"), 0) << "the very same code?";
    EXPECT_LT(row.at("max_abs_diff"), 1e-4);
    EXPECT_GT(row.at("rss_mb"), 0);
    EXPECT_TRUE(std::filesystem::is_empty(work / "tmp"));
  }
}

TEST(BenchContenders, PeersAreToldHowTheArtifactPools) {
  const ScratchDirectory work;
  const Path python = script(work / "python", "cat ${1%/*}/settings.json >&2; echo error told\n");
  const auto settings = [&](const Path &model, const Arguments &flags) {
    const std::string err =
        lathe(bench(compiled(model, flags), model, "eager", {"--python", python, "--batch", "1", "--seq", "4"})).err;
    return Json::parse(err.substr(err.find('{'), err.find('}') - err.find('{') + 1));
  };
  const Json fromDirectory = settings(demoModel(), {});
  EXPECT_EQ(fromDirectory.at("task"), "embedding");
  EXPECT_EQ(fromDirectory.at("pooling"), Json({"mean"}));
  EXPECT_EQ(fromDirectory.at("modules"), Json({"Normalize"}));
  EXPECT_EQ(fromDirectory.at("outputs"), Json({"sentence_embedding"}));
  const Json fromFlag = settings(plainModel(), {"--pooling", "cls,mean"});
  EXPECT_EQ(fromFlag.at("pooling"), Json({"cls", "mean"}));
  EXPECT_EQ(fromFlag.at("modules"), Json::array());
  EXPECT_EQ(settings(plainModel(), {}).at("pooling"), Json::array());
}

/// Each has its own precision, and is compared with what is between it and the artifact's.
TEST(BenchContenders, SayTheirPrecision) {
  const ScratchDirectory work;
  const Path artifact = compiled(demoModel(), {"--precision", "bf16"});
  const Path python = standIn(work / "python", compiled(demoModel()));
  const Json result = Json::parse(latheOutput(
      bench(artifact, demoModel(), "unfused,eager,openvino-int8", {"--python", python, "--batch", "2", "--seq", "8"})));
  std::vector<std::string> precisions;
  for (const Json &row : result.at("results"))
    precisions.push_back(row.at("precision"));
  EXPECT_EQ(precisions, (std::vector<std::string>{"bf16", "bf16", "f32", "int8"}));
  const Json &own = result.at("results")[0], &eager = result.at("results")[2];
  EXPECT_GT(own.at("max_abs_diff"), 1e-5) << "of the artifact from f32";
  EXPECT_EQ(own.at("max_abs_diff"), eager.at("max_abs_diff"));
  const double bytesOfOwn = own.at("weight_gb_per_s").get<double>() * own.at("median_ms").get<double>(),
               bytesOfEager = eager.at("weight_gb_per_s").get<double>() * eager.at("median_ms").get<double>();
  EXPECT_NEAR(bytesOfEager, 2 * bytesOfOwn, 1e-6 * bytesOfEager);
}

/// A contender that computes something else is not timed.
TEST(BenchContenders, AreComparedBeforeTheyAreTimed) {
  const ScratchDirectory work;
  writeTensors(work / "outputs", {{"sentence_embedding", Tensor::of({1, 48}, std::vector<float>(48, 5))}});
  const Path python =
      script(work / "python", "cp " + (work / "outputs").string() +
                                  " ${1%/*}/eager.safetensors\necho ready 0 0\nread n && echo timed >&2\n");
  const Arguments command =
      bench(compiled(demoModel()), demoModel(), "unfused,eager", {"--python", python, "--batch", "1", "--seq", "4"});
  const ProcessOptions options = temporaryFilesIn(work / "tmp");
  expectRefusal(wrongInput, command, {"eager", "sentence_embedding", "--model"}, options);
  EXPECT_EQ(lathe(command).err.find("timed"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(work / "tmp"));
}

TEST(BenchContenders, WhoCannotRunIsNamed) {
  const ScratchDirectory work;
  const Arguments size = {"--batch", "1", "--seq", "4"};
  const Path artifact = compiled(demoModel());
  expectRefusal(wrongInput, bench(artifact, demoModel(), "eager,tvm", size), {"'tvm'", "openvino", "torch-compile"});
  expectRefusal(wrongInput, bench(artifact, demoModel(), "unfused,unfused", size), {"unfused twice"});
  expectRefusal(wrongInput, bench(artifact, work / "absent", "unfused", size), {work / "absent"});
  expectRefusal(wrongInput, bench(artifact, demoModel(), "ctranslate2", size), {"'ctranslate2' only writes"});
  Arguments writing = bench(compiled(writingModel()), writingModel(), "openvino", size);
  writing.insert(writing.end(), {"--new-tokens", "4"});
  expectRefusal(wrongInput, writing, {"'openvino' does not write", "ctranslate2"});
  expectRefusal(wrongInput, bench(artifact, work.path, "eager", size), {work.path, "config.json"});
  Arguments command = bench(artifact, demoModel(), "openvino", size);
  command.insert(command.end(), {"--python", script(work / "python", "echo error it does not like this model\n")});
  expectRefusal(wrongInput, command, {"openvino", "does not like this model"});
}

struct Framework {
  const char *contender, *packages;
  bool exact; ///< in f32
};

/// Frameworks themselves, as far as LATHE_PYTHON (default: python3) has them.
class Frameworks : public testing::TestWithParam<Framework> {
protected:
  void SetUp() override {
    const std::string packages = GetParam().packages;
    if (std::system((python + " -c 'import " + packages + "' 2>/dev/null").c_str()) != 0)
      GTEST_SKIP() << "skipped: " << python << " cannot import all of " << packages << "; LATHE_PYTHON names another";
  }
  const std::string python = std::getenv("LATHE_PYTHON") ? std::getenv("LATHE_PYTHON") : "python3";
};

TEST_P(Frameworks, GiveTheSameResults) {
  const auto [contender, packages, exact] = GetParam();
  const ScratchDirectory work;
  writeFile(work / "lengths", "3\n11\n7\n");
  const Arguments texts = {"--lengths", work / "lengths"}, images = {"--batch", "3"};
  std::vector<std::tuple<Path, Arguments, Arguments>> models = {{demoModel(), {}, texts},
                                                                {plainModel(), {"--pooling", "cls,max"}, texts},
                                                                {goldens() / "bert" / "mlm-tied" / "model", {}, texts},
                                                                {goldens() / "vit" / "classes" / "model", {}, images}};
  if (std::string(contender).starts_with("eager"))
    models.push_back({writingModel(), {}, texts});
  for (const auto &[model, flags, inputs] : models) {
    const Json result = Json::parse(latheOutput(
        bench(compiled(model, flags), model, contender, with(inputs, {"--python", python})), {.timeoutSeconds = 500}));
    const double difference = result.at("results")[1].at("max_abs_diff");
    if (exact)
      EXPECT_LT(difference, 1e-4) << model << result;
    else // how far is too far, the bench itself has judged
      EXPECT_GT(difference, 1e-5) << "in f32? " << model << result;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Frameworks,
    testing::Values(Framework{"eager", "torch, transformers, safetensors", true},
                    Framework{"eager-bf16", "torch, transformers, safetensors", false},
                    Framework{"onnxruntime", "torch, transformers, safetensors, onnx, onnxruntime", true},
                    Framework{"onnxruntime-int8", "torch, transformers, safetensors, onnx, onnxruntime", false},
                    Framework{"openvino", "torch, transformers, safetensors, onnx, openvino", true},
                    Framework{"openvino-bf16", "torch, transformers, safetensors, onnx, openvino", false},
                    Framework{"openvino-int8", "torch, transformers, safetensors, onnx, openvino, nncf", false}),
    [](const auto &info) {
      std::string name = info.param.contender;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

/// Those that write, greedily and with beams.
class Writers : public Frameworks {};

TEST_P(Writers, WriteBehindPrompts) {
  const auto [contender, packages, exact] = GetParam();
  for (const auto &[model, beams] :
       {std::pair{writingModel(), "1"}, {writingModel(), "3"}, {translatingModel(), "1"}, {translatingModel(), "3"}}) {
    const Json result = Json::parse(latheOutput(bench(compiled(model), model, contender,
                                                      {"--python", python, "--batch", "2", "--seq", "7", "--new-tokens",
                                                       "5", "--num-beams", beams, "--threads", "1"}),
                                                {.timeoutSeconds = 500}));
    ASSERT_EQ(contendersOf(result), (std::vector<std::string>{"lathe", contender}));
    for (const Json &row : result.at("results")) {
      EXPECT_EQ(row.at("new_tokens"), 5);
      EXPECT_NEAR(row.at("tokens_per_s").get<double>() * row.at("median_ms").get<double>(), 10e3, 1e-2);
      EXPECT_GT(row.at("first_ms"), 0);
    }
    const double difference = result.at("results")[1].at("max_abs_diff");
    if (exact)
      EXPECT_LT(difference, 1e-4) << result;
    else
      EXPECT_GT(difference, 1e-5) << "in f32? " << result;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, Writers,
    testing::Values(Framework{"eager", "torch, transformers, safetensors", true},
                    Framework{"eager-bf16", "torch, transformers, safetensors", false},
                    Framework{"ctranslate2", "torch, transformers, safetensors, ctranslate2", true},
                    Framework{"ctranslate2-int8", "torch, transformers, safetensors, ctranslate2", false}),
    [](const auto &info) {
      std::string name = info.param.contender;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

} // namespace
} // namespace lathe::test
