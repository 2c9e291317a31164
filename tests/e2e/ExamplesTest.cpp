// docs/EXAMPLES.md does what it says, and its models say of texts what the pipelines of Transformers say with them.
// tests/goldens/make_example_models.py trained them.
#include "tests/e2e/Lathe.h"

#include <cmath>
#include <sstream>

namespace lathe::test {
namespace {

Path examples() { return goldens() / "examples"; }

/// Texts of an example with what the pipeline gave for each, and what Lathe gives.
class Example : public testing::TestWithParam<std::string> {
protected:
  Json expected() const { return Json::parse(readFile(examples() / GetParam() / "expected.json")); }
  Json found() const {
    Arguments arguments = {"run", compiled(examples() / GetParam() / "model"), "--json"};
    for (const Json &text : expected()) {
      arguments.insert(arguments.end(), {"--text", text.at("text")});
      if (text.contains("pair"))
        arguments.insert(arguments.end(), {"--pair", text.at("pair")});
    }
    return Json::parse(latheOutput(arguments));
  }
  static void expectScore(const Json &found, const Json &expected) {
    EXPECT_NEAR(found.at("score").get<double>(), expected.at("score").get<double>(), 1e-5) << found << expected;
  }
};

using Sentiment = Example;
TEST_P(Sentiment, IsThePipelines) {
  const Json expected = this->expected(), found = this->found();
  for (size_t i = 0; i < expected.size(); ++i)
    for (size_t rank = 0; rank < 2; ++rank) {
      EXPECT_EQ(found[i]["labels"][rank]["label"], expected[i]["labels"][rank]["label"]) << expected[i];
      expectScore(found[i]["labels"][rank], expected[i]["labels"][rank]);
    }
}
INSTANTIATE_TEST_SUITE_P(Models, Sentiment, testing::Values("sentiment"));

using Entities = Example;
TEST_P(Entities, AreThePipelines) {
  const Json expected = this->expected(), found = this->found();
  size_t names = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(found[i]["entities"].size(), expected[i]["entities"].size()) << expected[i];
    for (size_t k = 0; k < expected[i]["entities"].size(); ++k, ++names) {
      const Json &entity = found[i]["entities"][k], &wanted = expected[i]["entities"][k];
      EXPECT_EQ(entity["label"], wanted["entity_group"]);
      EXPECT_EQ(entity["start"], wanted["start"]);
      EXPECT_EQ(entity["end"], wanted["end"]);
      EXPECT_EQ(entity["text"], wanted["word"]);
      expectScore(entity, wanted);
    }
  }
  EXPECT_GE(names, 10u);
}
INSTANTIATE_TEST_SUITE_P(Models, Entities, testing::Values("entities"));

using Answers = Example;
TEST_P(Answers, AreThePipelines) {
  const Json expected = this->expected(), found = this->found();
  for (size_t i = 0; i < expected.size(); ++i) {
    const Json &answer = found[i]["answer"], &wanted = expected[i]["answer"];
    EXPECT_EQ(answer["text"], wanted["answer"]);
    EXPECT_EQ(answer["start"], wanted["start"]);
    EXPECT_EQ(answer["end"], wanted["end"]);
    expectScore(answer, wanted);
  }
}
INSTANTIATE_TEST_SUITE_P(Models, Answers, testing::Values("answers"));

using Writing = Example;
TEST_P(Writing, IsTransformers) {
  for (const Json &text : expected()) {
    Arguments arguments = {"generate", compiled(examples() / GetParam() / "model"), "--json", "--text",
                           text.at("text")};
    for (const auto &[name, value] : text.at("options").items()) {
      std::string option = "--" + name;
      std::replace(option.begin(), option.end(), '_', '-');
      arguments.insert(arguments.end(), {option, value.dump()});
    }
    const Json written = Json::parse(latheOutput(arguments))[0];
    EXPECT_EQ(written.at("text"), text.at("written"));
    EXPECT_EQ(written.at("ids"), text.at("ids"));
    expectScore(written, text);
    if (!text.at("options").empty())
      continue;
    // One text is printed piece by piece, and says the same.
    EXPECT_EQ(latheOutput({"generate", arguments[1], "--text", text.at("text")}),
              text.at("written").get<std::string>() + "\n");
    // It ends where a string has come.
    const std::string stopped = latheOutput({"generate", arguments[1], "--text", text.at("text"), "--stop", "went"});
    EXPECT_TRUE(text.at("written").get<std::string>().starts_with(stopped.substr(0, stopped.size() - 1)));
    EXPECT_TRUE(stopped.ends_with("went\n")) << stopped;
    // Its own guesses are what it writes.
    const ProcessResult assisted = lathe::test::lathe({"generate", arguments[1], "--assistant", arguments[1], "--text",
                                                       text.at("text"), "--assistant-confidence-threshold", "0"});
    EXPECT_EQ(assisted.exitCode, 0) << assisted.err;
    EXPECT_EQ(assisted.out, text.at("written").get<std::string>() + "\n");
    EXPECT_NE(assisted.err.find("of them right (100.0%)"), std::string::npos) << assisted.err;
    // Draws go by the seed alone.
    const Arguments drawn = {"generate",    arguments[1],    "--text", text.at("text"),
                             "--do-sample", "--temperature", "3",      "--seed"};
    EXPECT_EQ(latheOutput(with(drawn, {"5"})), latheOutput(with(drawn, {"5"})));
    EXPECT_NE(latheOutput(with(drawn, {"5"})), latheOutput(with(drawn, {"6"})));
  }
}
INSTANTIATE_TEST_SUITE_P(Models, Writing, testing::Values("diary"));

/// Beams end with stop strings as in Transformers (tests/goldens/make_stop_string_goldens.py).
TEST(StopStrings, EndBeams) {
  const Path artifact = compiled(examples() / "diary" / "model");
  const Json cases = Json::parse(readFile(goldens() / "stop-strings" / "diary.json"));
  ASSERT_EQ(cases.size(), 24u);
  for (const Json &golden : cases) {
    SCOPED_TRACE(golden.dump());
    Arguments arguments = {"generate", artifact, "--json"};
    for (const std::string prompt : golden.at("prompts"))
      arguments = with(arguments, {"--text", prompt});
    for (const auto &[name, value] : golden.at("options").items()) {
      if (name == "stop_strings") {
        for (const std::string string : value)
          arguments = with(arguments, {"--stop", string});
        continue;
      }
      std::string option = "--" + name;
      std::replace(option.begin(), option.end(), '_', '-');
      arguments = with(arguments, {option, value.is_string() ? value.get<std::string>() : value.dump()});
    }
    const Json written = Json::parse(latheOutput(arguments));
    ASSERT_EQ(written.size(), golden.at("ids").size());
    for (size_t i = 0; i < written.size(); ++i) {
      EXPECT_EQ(written[i].at("ids"), golden.at("ids")[i]) << "text " << i;
      EXPECT_EQ(written[i].at("text"), golden.at("written")[i]) << "text " << i;
      const double score = golden.at("scores")[i];
      EXPECT_NEAR(written[i].at("score").get<double>(), score, 1e-3 * std::abs(score)) << "text " << i;
    }
  }
}

/// A stop string may begin in the prompt.
TEST(StopStrings, MayBeginInThePrompt) {
  const Path artifact = compiled(examples() / "diary" / "model");
  const Arguments arguments = {"generate", artifact, "--text", "It snowed on Mon"};
  const std::string plain = latheOutput(with(arguments, {"--max-new-tokens", "1"}));
  const std::string across = plain.substr(plain.find("Mon"), 4); // and a letter that is written
  ASSERT_EQ(across.size(), 4u);
  EXPECT_EQ(latheOutput(with(arguments, {"--stop", across})), plain);
}

/// What a model's files say of writing can be taken back, and of their stop strings those that cannot be looked for are
/// left out.
TEST(WritingOptions, OfTheFilesCanBeTakenBack) {
  const Path diary = examples() / "diary" / "model", artifact = compiled(diary);
  const Arguments few = {"--text", "The sun", "--json", "--max-new-tokens", "12"};
  auto written = [&](const Path &from, const Arguments &more) {
    return Json::parse(latheOutput(with(with({"generate", from}, few), more)));
  };
  const Json plain = written(artifact, {});
  const ScratchDirectory scratch;
  const Json ids = plain[0].at("ids");
  const Json options = {{"eos_token_id", 0},
                        {"stop_strings", {" "}},
                        {"suppress_tokens", {ids.back()}},
                        {"do_sample", true},
                        {"bad_words_ids", {{ids.back()}}},
                        {"forced_eos_token_id", 0},
                        {"temperature", 5.0},
                        {"sequence_bias", Json::array({Json::array({{ids.back()}, -5.0})})}};
  for (const char *name : {"whole", "without a tokenizer"}) {
    std::filesystem::copy(diary, scratch / name);
    writeFile(scratch / name / "generation_config.json", options.dump());
  }
  for (const auto &file : std::filesystem::directory_iterator(scratch / "without a tokenizer"))
    if (file.path().filename().string().find("token") != std::string::npos)
      std::filesystem::remove(file.path());
  const Path changed = compiled(scratch / "whole"), bare = compiled(scratch / "without a tokenizer");
  const Arguments back = {
      "--no-do-sample", "--suppress-tokens", "", "--bad-words", "", "--sequence-bias", "", "--forced-eos-id", "-1"};
  EXPECT_NE(written(changed, {}), plain);
  EXPECT_EQ(written(changed, with(back, {"--stop", ""})), plain);
  const Json searched = written(changed, with(back, {"--num-beams", "3"}));
  EXPECT_NE(searched, written(artifact, {"--num-beams", "3"}));
  EXPECT_EQ(searched, written(artifact, {"--num-beams", "3", "--stop", " "}));

  const std::vector<int32_t> prompt = {5, 6, 7};
  writeTensors(scratch / "inputs", {{"input_ids", Tensor::of({1, 3}, prompt)}});
  const ProcessResult ofIds =
      lathe::test::lathe({"generate", bare, "--inputs", scratch / "inputs", "--outputs", scratch / "outputs"});
  EXPECT_EQ(ofIds.exitCode, 0) << ofIds.err;
  EXPECT_NE(ofIds.err.find("has no tokenizer"), std::string::npos) << ofIds.err;
}

TEST(WritingErrors, SayWhatWasFound) {
  const Path artifact = compiled(examples() / "diary" / "model");
  expectRefusal(1, {"generate", artifact, "--text", "It", "--num-beams", "0"}, {"num_beams is 0", "1 to 1024"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--max-new-tokens", "0"},
                {"--max-new-tokens is 0", "1 or more"});
  expectRefusal(1, {"generate", artifact, "--text", std::string(200, '#')}, {"positions for 64"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--bad-words", "1,x"}, {"--bad-words", "'x'"});
  expectRefusal(1, {"generate", artifact, "--text", ""}, {"prompt has no tokens"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--early-stopping", "soon"},
                {"'soon'", "true, false, never"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--sequence-bias", "1,2"}, {"--sequence-bias", "'1,2'"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--suppress-tokens", "1;2"}, {"--suppress-tokens", "'1;2'"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--exponential-decay-length-penalty", "3"},
                {"'3'", "START,FACTOR"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--eta-cutoff", "1", "--do-sample"}, {"eta_cutoff is 1"});
  expectRefusal(1,
                {"generate", artifact, "--text", "It", "--assistant", artifact, "--num-assistant-tokens-schedule", "x"},
                {"'x'", "constant, heuristic, heuristic_transient"});
  expectRefusal(1, {"generate", artifact, "--text", "It", "--assistant", artifact, "--num-beams", "2"},
                {"an assistant with num_beams 2"});
  expectRefusal(2, {"generate", artifact, "--text", "It", "--num-assistant-tokens", "3"}, {"go with --assistant"});
  expectRefusal(2, {"generate", artifact, "--text", "It", "--inputs", "f"}, {"--inputs and --outputs"});
  expectRefusal(2, {"generate", artifact, "--output-logits", "--text", "x"}, {"--forced-ids and --output-logits"});
}

using Masks = Example;
TEST_P(Masks, AreFilledInAsByThePipeline) {
  const Json expected = this->expected(), found = this->found();
  for (size_t i = 0; i < expected.size(); ++i)
    for (size_t rank = 0; rank < expected[i]["fills"].size(); ++rank) {
      const Json &fill = found[i]["masks"][0]["candidates"][rank], &wanted = expected[i]["fills"][rank];
      EXPECT_EQ(fill["token"], "▁" + wanted["token_str"].get<std::string>());
      expectScore(fill, wanted);
    }
}
INSTANTIATE_TEST_SUITE_P(Models, Masks, testing::Values("capitals"));

//===----------------------------------------------------------------------===//
// The page
//===----------------------------------------------------------------------===//

/// The words of a command line, of which some are in double quotes.
Arguments wordsOf(const std::string &line) {
  Arguments words;
  std::string word;
  bool quoted = false, any = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
      any = true;
    } else if (c == ' ' && !quoted) {
      if (any)
        words.push_back(word);
      word.clear();
      any = false;
    } else {
      word += c;
      any = true;
    }
  }
  return words;
}

TEST(Page, ShowsWhatIsPrinted) {
  const ScratchDirectory scratch;
  const Path root = goldens().parent_path().parent_path();
  std::istringstream page(readFile(root / "docs/EXAMPLES.md"));
  bool inBlock = false;
  std::string command, printed, shown;
  size_t commands = 0;
  const auto finish = [&] {
    EXPECT_EQ(printed, shown) << command;
    printed.clear();
    shown.clear();
  };
  for (std::string line; std::getline(page, line);) {
    if (line == "```") {
      inBlock = !inBlock;
      finish();
    } else if (inBlock && line.starts_with("$ lathe ")) {
      finish();
      command = line;
      Arguments arguments = wordsOf(line.substr(sizeof "$ lathe " - 1));
      for (std::string &argument : arguments) {
        if (argument.starts_with("out/"))
          argument = scratch / argument.substr(sizeof "out/" - 1);
        if (argument.starts_with("tests/"))
          argument = root / argument;
      }
      printed = latheOutput(arguments);
      ++commands;
    } else if (inBlock) {
      shown += line + "\n";
    }
  }
  EXPECT_GE(commands, 9u);
}

} // namespace
} // namespace lathe::test
