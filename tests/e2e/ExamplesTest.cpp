// docs/EXAMPLES.md does what it says, and its models say of texts what the pipelines of Transformers say with them.
// tests/goldens/make_example_models.py trained them.
#include "tests/e2e/Lathe.h"

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
