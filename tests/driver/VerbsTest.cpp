// The verbs beside `compile`, through the executable: results by task, differences found, and what is refused. What
// scripts rely on most, exit codes and the shapes of JSON, is tested in tests/e2e.
#include "tests/e2e/Lathe.h"

#include <algorithm>
#include <cmath>

namespace lathe::test {
namespace {

constexpr int wrongInput = 1, usage = 2;

Path demoModel() { return goldens() / "demo-model"; }
Path bert(const char *name) { return goldens() / "bert" / name / "model"; }

/// A masked-LM checkpoint with a vocabulary of its own, three ids short.
Path maskedLm() {
  static ScratchDirectory work;
  const Path model = work / "model";
  if (std::filesystem::exists(model))
    return model;
  std::filesystem::copy(bert("mlm-tied"), model, std::filesystem::copy_options::recursive);
  const int size = Json::parse(readFile(model / "config.json")).at("vocab_size");
  std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n";
  for (int i = 7; i < size - 3; ++i)
    vocabulary += "w" + std::to_string(i) + "\n";
  writeFile(model / "vocab.txt", vocabulary);
  return model;
}

// --- run
// ----------------------------------------------------------------------------------------------------------------

TEST(Run, FillsMasks) {
  const Json results = Json::parse(latheOutput({"run", compiled(maskedLm()), "--json", "--top-k", "3", "--text",
                                                "a [MASK] b", "--text", "a", "--pair", "[MASK] [MASK]"}));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].at("tokens"), Json({"[CLS]", "a", "[MASK]", "b", "[SEP]"}));
  ASSERT_EQ(results[0].at("masks").size(), 1u);
  EXPECT_EQ(results[0].at("masks")[0].at("position"), 2);
  const Json candidates = results[0].at("masks")[0].at("candidates");
  ASSERT_EQ(candidates.size(), 3u);
  EXPECT_GT(candidates[0].at("score"), candidates[1].at("score"));
  EXPECT_EQ(results[1].at("pair"), "[MASK] [MASK]");
  EXPECT_EQ(results[1].at("masks").size(), 2u);
}

/// The probabilities must be the softmax of the logits that the same model gives for the same ids.
TEST(Run, MaskScoresAreProbabilities) {
  const Json encoding =
      Json::parse(latheOutput({"tokenize", compiled(maskedLm()), "--json", "--text", "a [MASK] b"}))[0];
  const std::vector<int64_t> ids = encoding.at("ids");
  const Tensors outputs = runTensors(compiled(maskedLm()), {{"input_ids", Tensor::of({1, int64_t(ids.size())}, ids)}});
  const std::vector<float> logits = outputs.at("logits").floats();
  const size_t width = logits.size() / ids.size();
  double sum = 0, best = 0;
  for (size_t i = 0; i < width; ++i) {
    sum += std::exp(double(logits[2 * width + i]));
    best = std::max(best, std::exp(double(logits[2 * width + i])));
  }
  const Json result = Json::parse(latheOutput({"run", compiled(maskedLm()), "--json", "--text", "a [MASK] b"}))[0];
  EXPECT_NEAR(result.at("masks")[0].at("candidates")[0].at("score").get<double>(), best / sum, 1e-8);
  EXPECT_EQ(result.at("masks")[0].at("candidates").size(), 5u);
}

TEST(Run, OfABaseModelGivesEveryOutput) {
  const Path artifact = compiled(demoModel(), {"--task", "base"});
  const Json result = runTexts(artifact, {"The cat sleeps."})[0];
  ASSERT_EQ(result.at("last_hidden_state").size(), result.at("tokens").size());
  EXPECT_EQ(result.at("last_hidden_state")[0].size(), 48u);
  EXPECT_NE(latheOutput({"run", artifact, "--text", "The cat"}).find("last_hidden_state"), std::string::npos);
}

TEST(Run, PrintsTheNearestPairFirst) {
  const std::string output =
      latheOutput({"run", compiled(demoModel()), "--text", "a cat", "--text", "the school", "--text", "a cat"});
  const size_t pairs = output.find("nearest pairs");
  ASSERT_NE(pairs, std::string::npos) << output;
  EXPECT_EQ(output.find("1.0000  a cat | a cat", pairs), output.find('\n', pairs) + 3) << output;
}

TEST(Run, RefusesWhatDoesNotGoTogether) {
  const Path artifact = compiled(demoModel());
  expectRefusal(usage, {"run", artifact}, {"--text", "--inputs"});
  expectRefusal(usage, {"run", artifact, "--inputs", "f"}, {"--outputs"});
  expectRefusal(usage, {"run", artifact, "--text", "x", "--inputs", "f", "--outputs", "g"}, {"--text", "--inputs"});
  expectRefusal(usage, {"run", artifact, "--text", "x", "--task", "base"}, {"--interpret"});
  expectRefusal(usage, {"run", artifact, "--pair", "x"}, {"--pair"});
  expectRefusal(wrongInput, {"run", artifact, "--text", "x", "--image", "f"}, {"--text", "--image", "'embedding'"});
  expectRefusal(wrongInput, {"run", artifact, "--image", "f"}, {"--image", "classify images", "embedding"});
  expectRefusal(wrongInput, {"run", artifact, "--text", "x", "--top-k", "3"}, {"--top-k", "embedding"});
  expectRefusal(wrongInput, {"run", artifact, "--text", "x", "--entry", "decode"}, {"decode", "encode"});
  for (const char *threads : {"0", "-1", "100000", "99999999999"})
    expectRefusal(wrongInput, {"run", artifact, "--text", "x", "--threads", threads}, {"threads", threads});
}

TEST(Run, TellsArtifactsAndModelDirectoriesApart) {
  const ScratchDirectory work;
  expectRefusal(wrongInput, {"run", demoModel(), "--text", "x"}, {"model directory", "lathe compile"});
  writeTensors(work / "in", {{"input_ids", Tensor::of({1, 1}, std::vector<int64_t>{2})}});
  const Arguments files = {"--inputs", work / "in", "--outputs", work / "out"};
  Arguments interpret = {"run", compiled(demoModel()), "--interpret"};
  interpret.insert(interpret.end(), files.begin(), files.end());
  expectRefusal(wrongInput, interpret, {"artifact", "model directory"});
  interpret[1] = demoModel();
  interpret.insert(interpret.end(), {"--stage", "schedule"});
  expectRefusal(wrongInput, interpret, {"schedule", "import", "graph"});
}

TEST(Run, SaysSoWhenItsResultCannotBeWritten) {
  const Arguments command = {
      "sh", "-c", "'" + latheExecutable() + "' inspect '" + compiled(demoModel()).string() + "' > /dev/full"};
  const ProcessResult result = runProcess(command);
  EXPECT_EQ(result.exitCode, wrongInput);
  EXPECT_NE(result.err.find("cannot write the result"), std::string::npos) << result.err;
}

// --- tokenize
// -----------------------------------------------------------------------------------------------------------

TEST(Tokenize, WorksWithoutAConfig) {
  const ScratchDirectory work;
  std::filesystem::copy(maskedLm() / "vocab.txt", work / "vocab.txt");
  EXPECT_EQ(latheOutput({"tokenize", work.path, "--json", "--text", "a b [MASK]"}),
            latheOutput({"tokenize", compiled(maskedLm()), "--json", "--text", "a b [MASK]"}));
}

TEST(Tokenize, CutsThePairThatItIsToldTo) {
  const auto tokens = [](const char *truncation) {
    return Json::parse(latheOutput({"tokenize", maskedLm(), "--json", "--max-length", "6", "--truncation", truncation,
                                    "--text", "a a a a", "--pair", "b b"}))[0]
        .at("tokens");
  };
  EXPECT_EQ(tokens("only_first"), Json({"[CLS]", "a", "[SEP]", "b", "b", "[SEP]"}));
  EXPECT_EQ(tokens("longest_first").size(), 6u);
  expectRefusal(wrongInput, {"tokenize", maskedLm(), "--text", "a", "--truncation", "none"}, {"none", "only_first"});
  expectRefusal(wrongInput, {"tokenize", maskedLm(), "--text", "a", "--max-length", "-1"}, {"--max-length", "-1"});
}

TEST(Tokenize, RefusesWhatIsNoTokenizer) {
  const ScratchDirectory work;
  expectRefusal(wrongInput, {"tokenize", work.path, "--text", "x"}, {work.path, "tokenizer"});
  expectRefusal(wrongInput, {"tokenize", work / "absent", "--text", "x"}, {work / "absent", "No such file"});
  expectRefusal(wrongInput, {"tokenize", maskedLm(), "--ids", "1,two"}, {"two"});
  expectRefusal(wrongInput, {"tokenize", maskedLm(), "--ids", "99999999999"}, {"99999999999"});
  expectRefusal(usage, {"tokenize", maskedLm()}, {"--text", "--ids"});
  expectRefusal(usage, {"tokenize", maskedLm(), "--text", "x", "--skip-special-tokens"}, {"--skip-special-tokens"});
}

// --- compare
// ------------------------------------------------------------------------------------------------------------

class Compare : public testing::Test {
protected:
  void SetUp() override {
    writeTensors(work / "in", {{"input_ids", Tensor::of({2, 4}, std::vector<int64_t>{2, 5, 9, 3, 2, 8, 7, 3})}});
  }
  Json differences(const Arguments &sides) {
    Arguments command = {"compare", "--inputs", work / "in", "--json"};
    command.insert(command.end(), sides.begin(), sides.end());
    return Json::parse(latheOutput(command));
  }
  ScratchDirectory work;
};

TEST_F(Compare, AnArtifactIsCloseToItsModel) {
  const Path artifact = compiled(bert("base-deep"), {"--emit", "hidden_states"});
  for (const Arguments &sides : {Arguments{artifact, bert("base-deep")}, Arguments{bert("base-deep"), artifact}}) {
    const Json found = differences(sides);
    ASSERT_EQ(found.size(), 8u) << "hidden states 0 to 5, the last one, the pooler";
    EXPECT_EQ(found[0].at("output"), "hidden_states.0");
    for (const Json &output : found)
      EXPECT_LT(output.at("relative"), 1e-5) << output;
  }
}

TEST_F(Compare, NamesTheFirstOutputThatDiffers) {
  const Path other = work / "other";
  std::filesystem::copy(bert("base-deep"), other, std::filesystem::copy_options::recursive);
  Tensors tensors = readTensors(other / "model.safetensors");
  std::vector<float> bias = tensors.at("encoder.layer.2.output.dense.bias").floats();
  bias[3] += 1;
  tensors["encoder.layer.2.output.dense.bias"] = Tensor::of({int64_t(bias.size())}, bias);
  writeTensors(other / "model.safetensors", tensors);
  const ProcessResult result =
      lathe({"compare", bert("base-deep"), other, "--inputs", work / "in", "--emit", "hidden_states"});
  EXPECT_EQ(result.exitCode, wrongInput);
  EXPECT_NE(result.err.find("first in hidden_states.3"), std::string::npos) << result.err << result.out;
  EXPECT_NE(result.out.find("hidden_states.2              the same bits"), std::string::npos) << result.out;
}

TEST_F(Compare, OutputsOfOneSideOnlyAreADifference) {
  const ProcessResult result = lathe({"compare", bert("base-deep"), compiled(bert("base-deep"), {"--task", "base"}),
                                      "--inputs", work / "in", "--emit", "hidden_states"});
  EXPECT_EQ(result.exitCode, wrongInput);
  EXPECT_NE(result.err.find("only A has it"), std::string::npos) << result.err;
}

// --- bench, eval, generate, inspect, explain
// ----------------------------------------------------------------------------

TEST(Bench, JsonHasTheStableFields) {
  const Json result = Json::parse(latheOutput(
      {"bench", compiled(demoModel()), "--batch", "2", "--seq", "8", "--threads", "1", "--profile", "--json"}));
  EXPECT_EQ(result.at("machine").at("threads"), 1);
  EXPECT_EQ(result.at("machine").at("isa"), "avx512");
  ASSERT_EQ(result.at("results").size(), 1u);
  const Json &row = result.at("results")[0];
  EXPECT_EQ(row.at("contender"), "lathe");
  EXPECT_EQ(row.at("batch"), 2);
  EXPECT_EQ(row.at("seq"), 8);
  EXPECT_EQ(row.at("precision"), "f32");
  EXPECT_LE(row.at("min_ms"), row.at("median_ms"));
  EXPECT_LE(row.at("median_ms"), row.at("p99_ms"));
  EXPECT_NEAR(row.at("tokens_per_s").get<double>() * row.at("median_ms").get<double>(), 16e3, 1e-3);
  for (const char *field : {"gflops", "fraction_of_peak", "weight_gb_per_s", "fraction_of_bandwidth",
                            "fraction_of_roofline", "rss_mb", "load_ms"})
    EXPECT_GT(row.at(field), 0) << field;
  EXPECT_GT(result.at("machine").at("peak_gflops").at("f32"), 0);
  EXPECT_GT(result.at("machine").at("read_gb_per_s"), 0);
  EXPECT_GE(result.at("machine").at("probes").size(), 5u) << "the machine had turns, too";
  ASSERT_EQ(result.at("profile").size(), 10u);
  double flops = 0;
  for (const Json &step : result.at("profile")) {
    flops += step.at("gflops").get<double>() * step.at("seconds").get<double>();
    EXPECT_GT(step.at("fraction_of_roofline"), 0) << step;
    EXPECT_GE(step.at("idle_share"), 0) << step;
  }
  const double perRun = row.at("gflops").get<double>() * row.at("median_ms").get<double>() * 1e-3;
  EXPECT_NEAR(flops / result.at("profile_total").at("runs").get<double>(), perRun, 1e-6 * perRun);
}

TEST(Bench, TimesWriting) {
  const Path decoder = compiled(goldens() / "gpt2" / "lm" / "model");
  const Path withEncoder = compiled(goldens() / "t5" / "lm" / "model");
  for (const auto &[artifact, tokens, beams] : {std::tuple{decoder, "6", "1"},
                                                {decoder, "6", "3"},
                                                {decoder, "1", "1"},
                                                {withEncoder, "6", "1"},
                                                {withEncoder, "6", "3"}}) {
    SCOPED_TRACE(artifact.string() + " " + tokens + " " + beams);
    const Json result =
        Json::parse(latheOutput({"bench", artifact, "--batch", "2", "--seq", "8", "--new-tokens", tokens, "--num-beams",
                                 beams, "--threads", "1", "--profile", "--json"}));
    const Json &row = result.at("results")[0];
    EXPECT_EQ(row.at("new_tokens"), std::stoi(tokens));
    EXPECT_EQ(row.at("num_beams"), std::stoi(beams));
    EXPECT_NEAR(row.at("tokens_per_s").get<double>() * row.at("median_ms").get<double>(), 2e3 * std::stoi(tokens),
                1e-2);
    EXPECT_LE(row.at("first_ms"), row.at("median_ms"));
    EXPECT_EQ(row.at("step_ms").is_null(), tokens == std::string("1"));
    for (const char *field : {"gflops", "fraction_of_bandwidth", "fraction_of_roofline"})
      EXPECT_GT(row.at(field), 0) << field;
    std::string names;
    double flops = 0;
    for (const Json &step : result.at("profile")) {
      names += step.at("step").get<std::string>() + " ";
      flops += step.at("gflops").get<double>() * step.at("seconds").get<double>();
    }
    EXPECT_NE(names.find("decode"), std::string::npos) << names;
    EXPECT_EQ(names.find("source/") != std::string::npos, artifact == withEncoder) << names;
    EXPECT_NE(names.find(beams == std::string("1") ? "best/" : "logits/"), std::string::npos) << names;
    const Json &total = result.at("profile_total");
    const double perRun = row.at("gflops").get<double>() * row.at("median_ms").get<double>() * 1e-3;
    EXPECT_NEAR(flops / total.at("runs").get<double>(), perRun, 1e-6 * perRun) << "a pass for every token";
    EXPECT_GT(total.at("outside_share"), 0);
    EXPECT_LT(total.at("outside_share"), 1);
  }
}

TEST(Bench, DrawsAPicture) {
  const ScratchDirectory work;
  const Json result = Json::parse(
      latheOutput({"bench", compiled(demoModel()), "--batch", "1", "--seq", "16", "--plot", work / "f.svg", "--json"}));
  EXPECT_FALSE(result.contains("profile")) << "it was not asked for";
  const std::string svg = readFile(work / "f.svg");
  for (const char *words : {"</svg>", ">attention_f32_head_dim12<", ">layer_norm<", "f32 peak"})
    EXPECT_NE(svg.find(words), std::string::npos) << words;
}

TEST(Bench, DrawsAPictureOfWriting) {
  const ScratchDirectory work;
  latheOutput({"bench", compiled(goldens() / "t5" / "lm" / "model"), "--batch", "1", "--seq", "9", "--new-tokens", "3",
               "--num-beams", "2", "--plot", work / "f.svg"});
  const std::string svg = readFile(work / "f.svg");
  for (const char *words : {"</svg>", "_paged_crossed<", "_causal_paged<", "f32 peak"})
    EXPECT_NE(svg.find(words), std::string::npos) << words;
}

/// Products and weights of two layers of 48 columns and 192 within, whatever form they were compiled to.
TEST(Bench, WorkIsTheModelsNotTheProgrammes) {
  constexpr int64_t hidden = 48, inner = 192, layers = 2;
  for (const Arguments &flags : {Arguments{}, Arguments{"--no-graph-passes"}}) {
    const Json entry = Json::parse(latheOutput({"explain", compiled(demoModel(), flags), "--json"})).at("entries")[0];
    EXPECT_EQ(entry.at("flops"), Json({{"per_token", layers * 2 * (4 * hidden * hidden + 2 * hidden * inner)},
                                       {"per_token_pair", layers * 4 * hidden}}));
    const int64_t matrices = 4 * hidden * hidden + 2 * hidden * inner, vectors = 9 * hidden + inner, types = 2 * hidden;
    EXPECT_EQ(entry.at("weight_bytes"), Json({{"fixed", 4 * (layers * (matrices + vectors) + types + 2 * hidden)},
                                              {"per_longest", 4 * hidden},
                                              {"per_token", 4 * hidden}}));
  }
}

/// Two layers of 36 columns behind 97 tokens' embeddings, which are the head's weights, too. Types of tokens, which a
/// caller may give, are looked up among them, and cost nothing where there are none. Of the last layer a step makes
/// queries, keys and values; what follows is done for the rows whose logits are asked for.
TEST(Bench, WorkOfADecoderIsThatOfItsEntry) {
  constexpr int64_t hidden = 36, inner = 4 * hidden, layers = 2, vocabulary = 97;
  const Path artifact = compiled(goldens() / "gpt2" / "lm" / "model");
  const Json manifest = Json::parse(latheOutput({"explain", artifact, "--json"}));
  const Json entry = manifest.at("entries")[0];
  const Json decoder = Json::parse(readFile(artifact / "manifest.json")).at("generation").at("decoder");
  const int64_t ofLayers = layers * 2 * (4 * hidden * hidden + 2 * hidden * inner), ofHead = 2 * hidden * vocabulary;
  EXPECT_EQ(entry.at("flops"), Json({{"per_token", ofLayers + ofHead}, {"per_causal_pair", layers * 4 * hidden}}));
  const int64_t ofRows = 2 * (hidden * hidden + 2 * hidden * inner), ofPairs = layers / 2 * 4 * hidden;
  EXPECT_EQ(decoder.at("decode").at("flops"), Json({{"per_token", ofLayers - ofRows}, {"per_causal_pair", ofPairs}}));
  EXPECT_EQ(decoder.at("logits").at("flops"), Json({{"per_token", ofRows + ofHead}, {"per_causal_pair", ofPairs}}));
  const auto bytes = [](const Json &of, const char *term) { return of.at("weight_bytes").value(term, int64_t(0)); };
  const Json &decode = decoder.at("decode"), &logits = decoder.at("logits");
  for (const char *term : {"fixed", "per_token", "per_longest"})
    EXPECT_EQ(bytes(decode, term) + bytes(logits, term), bytes(entry, term)) << term;
  EXPECT_EQ(bytes(decode, "per_token"), 4 * hidden) << "a row of the table, and none of types";
  const int64_t matrices = (ofLayers - ofRows) / 2;
  EXPECT_GE(bytes(decode, "fixed"), 4 * matrices);
  EXPECT_LT(bytes(decode, "fixed"), 4 * matrices * 3 / 2);
}

/// Two layers of 36 columns, three heads of 10 and 50 within on either side, and 97 words that are the head's weights,
/// too. Keys and values of what the decoder reads are the encoder's work, once.
TEST(Bench, WorkOfAnEncoderAndADecoderIsThatOfTheirEntries) {
  constexpr int64_t hidden = 36, heads = 30, inner = 50, layers = 2, vocabulary = 97;
  constexpr int64_t projection = hidden * heads, mlp = 2 * hidden * inner, scores = layers * 4 * heads;
  const Path artifact = compiled(goldens() / "t5" / "lm" / "model");
  const Json manifest = Json::parse(readFile(artifact / "manifest.json"));
  const Json entry = manifest.at("entries")[0], decoder = manifest.at("generation").at("decoder");
  const int64_t ofSource = layers * 2 * (6 * projection + mlp), ofTarget = layers * 2 * (6 * projection + mlp),
                ofHead = 2 * hidden * vocabulary;
  EXPECT_EQ(entry.at("flops"), Json({{"per_token", ofSource},
                                     {"per_token_pair", scores},
                                     {"per_target", ofTarget + ofHead},
                                     {"per_causal_target_pair", scores},
                                     {"per_cross_pair", scores}}));
  EXPECT_EQ(decoder.at("source").at("flops"), Json({{"per_token", ofSource}, {"per_token_pair", scores}}));
  EXPECT_EQ(decoder.at("decode").at("flops"),
            Json({{"per_token", ofTarget}, {"per_causal_pair", scores}, {"per_cross_pair", scores}}));
  EXPECT_EQ(decoder.at("logits").at("flops"), Json({{"per_token", ofHead}}));
  const auto fixed = [](const Json &of) { return of.at("weight_bytes").value("fixed", int64_t(0)); };
  EXPECT_EQ(fixed(decoder.at("source")) + fixed(decoder.at("decode")) + fixed(decoder.at("logits")), fixed(entry));
  for (const char *side : {"source", "decode"}) {
    EXPECT_EQ(decoder.at(side).at("weight_bytes").at("per_token"), 4 * hidden) << side << ": a row of the table";
    EXPECT_GE(fixed(decoder.at(side)), 4 * layers * (6 * projection + mlp)) << side;
  }
}

TEST(Bench, TakesLengths) {
  const ScratchDirectory work;
  writeFile(work / "lengths", "3\n60\n7\n");
  const Json row =
      Json::parse(latheOutput({"bench", compiled(demoModel()), "--lengths", work / "lengths", "--json"}))["results"][0];
  EXPECT_EQ(row.at("batch"), 3);
  EXPECT_EQ(row.at("seq"), 60);
  EXPECT_NEAR(row.at("tokens_per_s").get<double>() * row.at("median_ms").get<double>(), 70e3, 1e-2);
}

TEST(Bench, TimesImages) {
  const Path artifact = compiled(goldens() / "vit" / "base-odd" / "model");
  const Json result = Json::parse(latheOutput({"bench", artifact, "--batch", "3", "--profile", "--json"}));
  EXPECT_EQ(result.at("results")[0].at("batch"), 3);
  const int64_t tokens =
      Json::parse(readFile(artifact / "manifest.json"))["entries"][0]["inputs"][0].at("tokens").get<int64_t>();
  EXPECT_EQ(result.at("results")[0].at("seq"), tokens);
  expectRefusal(wrongInput, {"bench", artifact, "--batch", "3", "--seq", "5"}, {"reads images", "--batch N without"});
  expectRefusal(wrongInput, {"bench", artifact, "--batch", "0"}, {"--batch 0", "images"});
  expectRefusal(wrongInput, {"bench", compiled(demoModel()), "--batch", "3"}, {"reads ids", "--seq N"});
}

TEST(Bench, RefusesWhatItCannotRun) {
  const Path artifact = compiled(demoModel());
  expectRefusal(usage, {"bench", artifact}, {"--batch", "--lengths"});
  expectRefusal(usage, {"bench", artifact, "--batch", "2", "--seq", "8", "--vs", "eager"}, {"--model"});
  expectRefusal(wrongInput, {"bench", artifact, "--batch", "2", "--seq", "65"}, {"65", "64"});
  expectRefusal(wrongInput, {"bench", artifact, "--batch", "0", "--seq", "8"}, {"--batch 0"});
  expectRefusal(wrongInput, {"bench", artifact, "--batch", "4611686018427387904", "--seq", "8"}, {"--batch"});
  const Arguments size = {"--batch", "2", "--seq", "8"};
  const auto with = [&](const Path &of, Arguments more) {
    more.insert(more.begin(), size.begin(), size.end());
    more.insert(more.begin(), {"bench", of});
    return more;
  };
  const Path writer = compiled(goldens() / "gpt2" / "lm" / "model"); // of 64 positions
  const ScratchDirectory work;
  writeFile(work / "lengths", "3\n");
  expectRefusal(usage, with(writer, {"--num-beams", "2"}), {"--new-tokens"});
  expectRefusal(usage, {"bench", writer, "--lengths", work / "lengths", "--new-tokens", "2"}, {"--batch"});
  expectRefusal(wrongInput, with(writer, {"--new-tokens", "0"}), {"--new-tokens 0"});
  expectRefusal(wrongInput, with(writer, {"--new-tokens", "2", "--num-beams", "0"}), {"--num-beams 0"});
  expectRefusal(wrongInput, with(writer, {"--new-tokens", "58"}), {"positions", "57"});
  expectRefusal(wrongInput, with(artifact, {"--new-tokens", "2"}), {"'embedding'", "lathe generate"});
  const Path absent = work / "absent" / "f.svg";
  expectRefusal(wrongInput, {"bench", artifact, "--batch", "2", "--seq", "8", "--plot", absent}, {absent, "No such"});
  expectRefusal(wrongInput, {"bench", artifact, "--batch", "2", "--seq", "8", "--plot", work.path}, {work.path});
}

TEST(Eval, RefusesWhatItCannotScore) {
  const ScratchDirectory work;
  writeFile(work / "pairs.csv", "a,b,1\n\"c,d,2\n");
  expectRefusal(wrongInput, {"eval", compiled(demoModel()), "--task", "sts", work / "pairs.csv"},
                {"pairs.csv", "line 2"});
  writeFile(work / "pairs.csv", "a,b,1\n");
  expectRefusal(wrongInput, {"eval", compiled(demoModel()), "--task", "sts", work / "pairs.csv"}, {"1 pairs"});
  expectRefusal(wrongInput, {"eval", compiled(demoModel()), "--task", "nli", work / "pairs.csv"}, {"nli", "sts"});
  expectRefusal(wrongInput, {"eval", compiled(maskedLm()), "--task", "sts", work / "pairs.csv"},
                {"sentence_embedding"});
}

TEST(Eval, GoesOnTheCertificate) {
  const ScratchDirectory work;
  std::string pairs = "A man is eating.,Someone has a meal.,4\nA man is eating.,A plane lands.,0\n"
                      "A dog runs.,An animal moves.,3\nA dog runs.,Someone has a meal.,1\n";
  writeFile(work / "pairs.csv", pairs);
  const Arguments flags = {"--isa", "avx512", "--eval", "sts", "--eval-data", work / "pairs.csv"};
  for (const char *precision : {"f32", "int8"}) {
    Arguments all = {"--precision", precision};
    all.insert(all.end(), flags.begin(), flags.end());
    const Path artifact = compiled(demoModel(), all);
    const Json metric = Json::parse(readFile(artifact / "manifest.json")).at("precision").at("metrics").at(0);
    const auto evaluated = [&](const Path &artifact) {
      return Json::parse(latheOutput({"eval", artifact, "--task", "sts", work / "pairs.csv", "--json"})).at("spearman");
    };
    EXPECT_EQ(metric.at("compiled"), evaluated(artifact));
    EXPECT_EQ(metric.at("f32"), evaluated(compiled(demoModel(), {"--isa", "avx512"})));
    EXPECT_EQ(metric.at("data").at("what"), "pairs.csv");
    EXPECT_EQ(metric.at("data").at("samples"), 4);
    EXPECT_EQ(metric.at("data").at("blake3").get<std::string>().size(), 32u);
    EXPECT_NE(latheOutput({"explain", artifact}).find("task sts: spearman"), std::string::npos);
  }
}

TEST(Eval, OnTheCertificateRefusesWhatItCannotScore) {
  const ScratchDirectory work;
  writeFile(work / "pairs.csv", "a,b,1\n\"c,d,2\n");
  const auto refuse = [&](int code, const Path &model, const Arguments &more, const std::vector<std::string> &words) {
    Arguments arguments = {"compile", model, "-o", work / "out"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expectRefusal(code, arguments, words);
    EXPECT_FALSE(std::filesystem::exists(work / "out"));
  };
  refuse(usage, demoModel(), {"--eval", "sts"}, {"--eval-data"});
  refuse(usage, demoModel(), {"--eval-data", work / "pairs.csv"}, {"--eval"});
  refuse(wrongInput, demoModel(), {"--eval", "nli", "--eval-data", work / "pairs.csv"}, {"--eval nli", "sts"});
  refuse(wrongInput, demoModel(), {"--eval", "sts", "--eval-data", work / "pairs.csv"}, {"pairs.csv", "line 2"});
  writeFile(work / "pairs.csv", "a,b,1\nc,d,2\n");
  refuse(wrongInput, maskedLm(), {"--eval", "sts", "--eval-data", work / "pairs.csv"},
         {"--eval sts", "sentence_embedding", "masked-lm"});
}

TEST(Explain, TakesNothingOfPrecisionsForGranted) {
  const ScratchDirectory work;
  std::filesystem::copy(compiled(demoModel()), work / "edited", std::filesystem::copy_options::recursive);
  Json manifest = Json::parse(readFile(work / "edited" / "manifest.json"));
  for (
      const char *precision :
      {"7", R"({"plan": 7, "drift": 7, "metrics": 7, "search": 7})", R"({"plan": {"overrides": {"head": 7}}})",
       R"({"drift": {"layers": [7, {"name": 7, "max": "x"}]}, "metrics": [7, {"f32": "x"}]})",
       R"({"search": {"max_drift": "x", "measured": [7, {"plan": 7}], "sensitivities": [7, {"relative": {"a": "x"}}]}})"}) {
    manifest["precision"] = Json::parse(precision);
    writeFile(work / "edited" / "manifest.json", manifest.dump());
    EXPECT_EQ(lathe({"explain", work / "edited"}).exitCode, 0) << precision;
  }
}

/// Fills in the masks of `ids` as Generate must, one by one by the logits of a run; the product of their probabilities.
double fillOneByOne(std::vector<int64_t> &ids, int64_t mask, std::vector<size_t> &order) {
  double score = 1;
  while (std::count(ids.begin(), ids.end(), mask)) {
    const Tensors outputs =
        runTensors(compiled(maskedLm()), {{"input_ids", Tensor::of({1, int64_t(ids.size())}, ids)}});
    const std::vector<float> logits = outputs.at("logits").floats();
    const size_t width = logits.size() / ids.size();
    double best = 0;
    size_t where = 0, what = 0;
    for (size_t at = 0; at < ids.size(); ++at) {
      double sum = 0;
      for (size_t id = 0; id < width; ++id)
        sum += std::exp(double(logits[at * width + id]));
      for (size_t id = 0; id < width && ids[at] == mask; ++id)
        if (const double p = std::exp(double(logits[at * width + id])) / sum; p > best && int64_t(id) != mask)
          best = p, where = at, what = id;
    }
    ids[where] = int64_t(what);
    order.push_back(where);
    score *= best;
  }
  return score;
}

TEST(Generate, FillsTheSurestMaskFirst) {
  const char *const texts[] = {"a [MASK] b [MASK] [MASK] w9", "[MASK]"};
  const Json filled = Json::parse(latheOutput(
      {"generate", compiled(maskedLm()), "--json", "--top-k", "2", "--text", texts[0], "--text", texts[1]}));
  ASSERT_EQ(filled.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const Json encoding = Json::parse(latheOutput({"tokenize", compiled(maskedLm()), "--json", "--text", texts[i]}))[0];
    std::vector<int64_t> ids = encoding.at("ids");
    std::vector<size_t> order;
    const double score = fillOneByOne(ids, /*mask=*/4, order);
    EXPECT_EQ(filled[i].at("ids"), Json(ids)) << texts[i];
    EXPECT_NEAR(filled[i].at("score").get<double>(), score, 1e-6);
    ASSERT_EQ(filled[i].at("masks").size(), order.size());
    for (size_t k = 0; k < order.size(); ++k) {
      EXPECT_EQ(filled[i].at("masks")[k].at("position"), order[k]);
      EXPECT_EQ(filled[i].at("masks")[k].at("candidates").size(), 2u);
    }
    EXPECT_EQ(filled[i].at("text").get<std::string>().find("[MASK]"), std::string::npos);
  }
  const std::string printed = latheOutput({"generate", compiled(maskedLm()), "--text", texts[1]});
  EXPECT_EQ(printed, filled[1].at("text").get<std::string>() + "\n");
}

TEST(Generate, RefusesWhatItCannotDo) {
  const Path artifact = compiled(maskedLm());
  expectRefusal(wrongInput, {"generate", artifact, "--text", "a [MASK]", "--text", "b"}, {"text 2 of 2", "[MASK]"});
  expectRefusal(wrongInput, {"generate", artifact, "--text", "[MASK]", "--top-k", "0"}, {"--top-k is 0", "1 to"});
  expectRefusal(wrongInput, {"generate", artifact, "--text", "x", "--num-beams", "4", "--do-sample", "--seed", "1"},
                {"--num-beams", "for models that write", "fills in masks"});
  expectRefusal(wrongInput, {"generate", artifact, "--text", "x", "--stop", "y"}, {"--stop", "for models that write"});
  expectRefusal(wrongInput, {"generate", compiled(demoModel()), "--text", "x"}, {"generate", "embedding", "masked-lm"});
  expectRefusal(usage, {"generate", artifact, "--text", "x", "--beams", "4"}, {"--beams"});
  expectRefusal(usage, {"generate", artifact}, {"--text"});
}

TEST(Inspect, GivesTheManifestAsJson) {
  const Json manifest = Json::parse(latheOutput({"inspect", compiled(demoModel()), "--json", "--verify"}));
  EXPECT_EQ(manifest.at("name"), "model");
  EXPECT_EQ(manifest.at("verified"), true);
  EXPECT_FALSE(Json::parse(latheOutput({"inspect", compiled(demoModel()), "--json"})).contains("verified"));
}

TEST(Inspect, ReportsEveryFileThatDiffers) {
  const ScratchDirectory work;
  const Path artifact = work / "artifact";
  std::filesystem::copy(compiled(demoModel()), artifact);
  writeFile(artifact / "model.h", readFile(artifact / "model.h") + "x");
  std::filesystem::remove(artifact / "model.pc");
  expectRefusal(wrongInput, {"inspect", artifact, "--verify"}, {"model.h", "model.pc"});
}

TEST(Inspect, VerifiesEmbeddedWeights) {
  const Path artifact = compiled(demoModel(), {"--embed-weights"});
  EXPECT_FALSE(std::filesystem::exists(artifact / "model.weights"));
  EXPECT_NE(latheOutput({"inspect", artifact, "--verify"}).find("OK"), std::string::npos);
  EXPECT_EQ(runTexts(artifact, {"a cat"}), runTexts(compiled(demoModel()), {"a cat"}));
}

TEST(Explain, SaysWhatAndWhy) {
  const std::string text = latheOutput({"explain", compiled(demoModel())});
  for (const char *words : {"fusions made", "fusions declined", "memory of a run", "pooler.dense.weight", "wordpiece"})
    EXPECT_NE(text.find(words), std::string::npos) << "no '" << words << "' in\n" << text;
  EXPECT_EQ(Json::parse(latheOutput({"explain", compiled(demoModel()), "--json"})).at("fusions").size(), 8u);
}

} // namespace
} // namespace lathe::test
