// What `lathe run` says of texts, for each kind of model, from outputs made by hand.
#include "compiler/driver/TextResults.h"
#include "tests/driver/Errors.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace lathe::test {
namespace {

using Json = nlohmann::ordered_json;

const char *const vocabulary[] = {"[CLS]", "[MASK]", "cat", "dog"};

std::optional<std::string> tokenText(int32_t id) {
  return id < 4 ? std::optional<std::string>(vocabulary[id]) : std::nullopt;
}

TokenizedText tokens(const std::vector<int32_t> &ids) {
  TokenizedText text;
  text.ids = ids;
  for (int32_t id : ids)
    text.tokens.push_back(tokenText(id));
  return text;
}

/// An entry with one output.
struct Entry {
  lathe_io output = {};
  lathe_entry_info info = {};
  explicit Entry(const char *name) {
    output.name = name;
    info.outputs = &output;
    info.n_outputs = 1;
  }
};

std::string printed(const TextResults &results) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  results.print(stream);
  return text;
}

TEST(TopProbabilities, AreASoftmaxBestFirst) {
  auto best = topProbabilities({1, 3, 2, 3}, 3);
  ASSERT_EQ(best.size(), 3u);
  double sum = std::exp(-2) + 1 + std::exp(-1) + 1;
  EXPECT_EQ(best[0].first, 1); // the earlier of two equal ones
  EXPECT_EQ(best[1].first, 3);
  EXPECT_EQ(best[2].first, 2);
  EXPECT_DOUBLE_EQ(best[0].second, 1 / sum);
  EXPECT_DOUBLE_EQ(best[2].second, std::exp(-1) / sum);
}

TEST(TopProbabilities, SurviveLargeLogitsAndSmallVocabularies) {
  auto best = topProbabilities({1e4f, 0}, 10);
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(best[0].second, 1);
  EXPECT_EQ(best[1].second, 0);
  EXPECT_TRUE(topProbabilities({}, 3).empty());
}

TEST(Cosine, IsZeroForAZeroVector) {
  EXPECT_DOUBLE_EQ(cosine({3, 4}, {6, 8}), 1);
  EXPECT_DOUBLE_EQ(cosine({1, 0}, {0, 2}), 0);
  EXPECT_EQ(cosine({0, 0}, {1, 2}), 0);
}

TEST(TextResults, OfEmbeddings) {
  Entry entry("sentence_embedding");
  TextResults results = llvm::cantFail(TextResults::create(entry.info, "embedding", std::nullopt));
  EXPECT_EQ(results.outputs(), std::vector<std::string>{"sentence_embedding"});
  std::vector<float> near = {0.6f, 0.8f}, far = {-0.8f, 0.6f};
  results.add("a", std::nullopt, tokens({0, 2}), {{"sentence_embedding", false, 2, near}}, tokenText);
  results.add("b", "c", tokens({0, 9}), {{"sentence_embedding", false, 2, far}}, tokenText);
  Json expected = {{{"text", "a"}, {"tokens", {"[CLS]", "cat"}}, {"embedding", near}},
                   {{"text", "b"}, {"pair", "c"}, {"tokens", {"[CLS]", nullptr}}, {"embedding", far}}};
  EXPECT_EQ(results.json(), expected);
  EXPECT_NE(printed(results).find("  0.0000  a | b"), std::string::npos) << printed(results);
}

TEST(TextResults, OfMasks) {
  Entry entry("logits");
  TextResults results = llvm::cantFail(TextResults::create(entry.info, "masked-lm", 2));
  std::vector<float> logits = {9, 9, 9, 9, 9, /*[MASK]:*/ 0, 0, 1, 2, -1};
  results.add("x [MASK]", std::nullopt, tokens({0, 1}), {{"logits", true, 5, logits}}, tokenText);
  results.add("no mask", std::nullopt, tokens({0}), {{"logits", true, 5, llvm::ArrayRef(logits).take_front(5)}},
              tokenText);
  Json json = results.json();
  ASSERT_EQ(json[0]["masks"].size(), 1u);
  EXPECT_EQ(json[0]["masks"][0]["position"], 1);
  const Json &candidates = json[0]["masks"][0]["candidates"];
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0]["token"], "dog");
  EXPECT_EQ(candidates[1]["token"], "cat");
  EXPECT_NEAR(candidates[0]["score"].get<double>(), std::exp(2) / (2 + std::exp(1) + std::exp(2) + std::exp(-1)),
              1e-12);
  EXPECT_EQ(json[1]["masks"], Json::array());
  EXPECT_NE(printed(results).find("no [MASK] to fill in"), std::string::npos);
}

TEST(TextResults, OfOtherModelsHoldEveryOutput) {
  Entry entry("last_hidden_state");
  TextResults results = llvm::cantFail(TextResults::create(entry.info, "base", std::nullopt));
  EXPECT_TRUE(results.outputs().empty()) << "all are wanted";
  std::vector<float> hidden = {1, 2, 3, 4}, pooled = {5, 6};
  results.add("a", std::nullopt, tokens({0, 2}),
              {{"last_hidden_state", true, 2, hidden}, {"pooler_output", false, 2, pooled}}, tokenText);
  EXPECT_EQ(results.json()[0]["last_hidden_state"], Json::parse("[[1.0, 2.0], [3.0, 4.0]]"));
  EXPECT_EQ(results.json()[0]["pooler_output"], Json::parse("[5.0, 6.0]"));
}

TEST(TextResults, RefuseATopKThatMeansNothing) {
  Entry embedding("sentence_embedding"), logits("logits");
  expectError(TextResults::create(embedding.info, "embedding", 3), {"--top-k", "'embedding'"});
  expectError(TextResults::create(logits.info, "masked-lm", 0), {"--top-k", "0"});
  expectError(TextResults::create(logits.info, "masked-lm", 1001), {"--top-k", "1001", "1000"});
}

TEST(TextResults, PrintTextsWithoutTokens) {
  Entry entry("last_hidden_state");
  TextResults results = llvm::cantFail(TextResults::create(entry.info, "base", std::nullopt));
  results.add("", std::nullopt, tokens({}), {{"last_hidden_state", true, 2, {}}}, tokenText);
  EXPECT_EQ(printed(results), "'', 0 tokens\n");
}

} // namespace
} // namespace lathe::test
