// What `lathe run` says of texts, for each kind of model, from outputs made by hand.
#include "compiler/driver/results/TextResults.h"
#include "tests/driver/Errors.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace lathe::test {
namespace {

using Json = nlohmann::ordered_json;
using Rows = TextOutput::Rows;

const char *const vocabulary[] = {"[CLS]", "[MASK]", "cat", "dog", "##s", "Anna"};

std::optional<std::string> tokenText(int32_t id) {
  return id < 6 ? std::optional<std::string>(vocabulary[id]) : std::nullopt;
}

TokenizedText tokens(const std::vector<int32_t> &ids) {
  TokenizedText text;
  text.ids = ids;
  for (int32_t id : ids) {
    text.tokens.push_back(tokenText(id));
    text.special.push_back(id == 0);
  }
  text.typeIds.assign(ids.size(), 0);
  text.offsets.assign(ids.size(), {0, 0});
  return text;
}

std::unique_ptr<TextResults> resultsOf(const lathe_entry_info &entry, const ResultOptions &options) {
  return llvm::cantFail(TextResults::create(entry, options));
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
  const auto results = resultsOf(entry.info, {.task = "embedding"});
  EXPECT_EQ(results->outputs(), std::vector<std::string>{"sentence_embedding"});
  std::vector<float> near = {0.6f, 0.8f}, far = {-0.8f, 0.6f};
  results->add("a", std::nullopt, tokens({0, 2}), {{"sentence_embedding", Rows::One, 2, near}}, tokenText);
  results->add("b", "c", tokens({0, 9}), {{"sentence_embedding", Rows::One, 2, far}}, tokenText);
  Json expected = {{{"text", "a"}, {"tokens", {"[CLS]", "cat"}}, {"embedding", near}},
                   {{"text", "b"}, {"pair", "c"}, {"tokens", {"[CLS]", nullptr}}, {"embedding", far}}};
  EXPECT_EQ(results->json(), expected);
  EXPECT_NE(printed(*results).find("  0.0000  a | b"), std::string::npos) << printed(*results);
}

TEST(TextResults, OfMasks) {
  Entry entry("logits");
  const auto results = resultsOf(entry.info, {.task = "masked-lm", .topK = 2});
  std::vector<float> logits = {9, 9, 9, 9, 9, /*[MASK]:*/ 0, 0, 1, 2, -1};
  results->add("x [MASK]", std::nullopt, tokens({0, 1}), {{"logits", Rows::Tokens, 5, logits}}, tokenText);
  results->add("no mask", std::nullopt, tokens({0}),
               {{"logits", Rows::Tokens, 5, llvm::ArrayRef(logits).take_front(5)}}, tokenText);
  Json json = results->json();
  ASSERT_EQ(json[0]["masks"].size(), 1u);
  EXPECT_EQ(json[0]["masks"][0]["position"], 1);
  const Json &candidates = json[0]["masks"][0]["candidates"];
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0]["token"], "dog");
  EXPECT_EQ(candidates[1]["token"], "cat");
  EXPECT_NEAR(candidates[0]["score"].get<double>(), std::exp(2) / (2 + std::exp(1) + std::exp(2) + std::exp(-1)),
              1e-12);
  EXPECT_EQ(json[1]["masks"], Json::array());
  EXPECT_NE(printed(*results).find("no mask to fill in"), std::string::npos);
}

TEST(TextResults, OfOtherModelsHoldEveryOutput) {
  Entry entry("last_hidden_state");
  const auto results = resultsOf(entry.info, {.task = "base"});
  EXPECT_TRUE(results->outputs().empty()) << "all are wanted";
  std::vector<float> hidden = {1, 2, 3, 4}, pooled = {5, 6};
  results->add("a", std::nullopt, tokens({0, 2}),
               {{"last_hidden_state", Rows::Tokens, 2, hidden}, {"pooler_output", Rows::One, 2, pooled}}, tokenText);
  EXPECT_EQ(results->json()[0]["last_hidden_state"], Json::parse("[[1.0, 2.0], [3.0, 4.0]]"));
  EXPECT_EQ(results->json()[0]["pooler_output"], Json::parse("[5.0, 6.0]"));
}

TEST(TextResults, OfAttentionsAreNestedByHeadAndToken) {
  Entry entry("attentions.0");
  const auto results = resultsOf(entry.info, {.task = "base"});
  std::vector<float> probabilities = {0.5, 0.5, 0.25, 0.75, 1, 0, 0, 1, 0.5, 0.5, 1, 0};
  results->add("a", std::nullopt, tokens({0, 2}), {{"attentions.0", Rows::Scores, 3, probabilities}}, tokenText);
  EXPECT_EQ(results->json()[0]["attentions.0"], Json::parse("[[[0.5, 0.5], [0.25, 0.75]], [[1.0, 0.0], [0.0, 1.0]], "
                                                            "[[0.5, 0.5], [1.0, 0.0]]]"));
  EXPECT_NE(printed(*results).find("attentions.0, first head and token: [0.5000, 0.5000] of 2"), std::string::npos);
}

TEST(TextResults, RefuseATopKThatMeansNothing) {
  Entry embedding("sentence_embedding"), logits("logits");
  expectError(TextResults::create(embedding.info, {.task = "embedding", .topK = 3}), {"--top-k", "'embedding'"});
  expectError(TextResults::create(logits.info, {.task = "masked-lm", .topK = 0}), {"--top-k", "0"});
  expectError(TextResults::create(logits.info, {.task = "masked-lm", .topK = 1001}), {"--top-k", "1001", "1000"});
}

TEST(TextResults, PrintTextsWithoutTokens) {
  Entry entry("last_hidden_state");
  const auto results = resultsOf(entry.info, {.task = "base"});
  results->add("", std::nullopt, tokens({}), {{"last_hidden_state", Rows::Tokens, 2, {}}}, tokenText);
  EXPECT_EQ(printed(*results), "'', 0 tokens\n");
}

TEST(TextResults, OfClassesThatExcludeEachOther) {
  Entry entry("logits");
  const auto results = resultsOf(entry.info, {.task = "sequence-classification", .labels = {"no", "perhaps", "yes"}});
  std::vector<float> logits = {0, 1, 3};
  results->add("a", std::nullopt, tokens({0, 2}), {{"logits", Rows::One, 3, logits}}, tokenText);
  const Json labels = results->json()[0]["labels"];
  ASSERT_EQ(labels.size(), 3u);
  EXPECT_EQ(labels[0]["label"], "yes");
  EXPECT_EQ(labels[2]["label"], "no");
  EXPECT_NEAR(labels[1]["score"].get<double>(), std::exp(1) / (1 + std::exp(1) + std::exp(3)), 1e-12);
  EXPECT_NE(printed(*results).find("  yes 0.8438\n  perhaps"), std::string::npos) << printed(*results);
}

TEST(TextResults, OfClassesThatDoNot) {
  Entry entry("logits");
  const ResultOptions options = {
      .task = "sequence-classification", .labels = {"a", "b"}, .problem = "multi_label_classification"};
  const auto results = resultsOf(entry.info, options);
  std::vector<float> logits = {0, 2};
  results->add("x", std::nullopt, tokens({0}), {{"logits", Rows::One, 2, logits}}, tokenText);
  const Json labels = results->json()[0]["labels"];
  EXPECT_EQ(labels[0]["label"], "b");
  EXPECT_NEAR(labels[0]["score"].get<double>(), 1 / (1 + std::exp(-2.0)), 1e-12);
  EXPECT_EQ(labels[1]["score"], 0.5);
}

TEST(TextResults, OfARegression) {
  Entry entry("logits");
  const auto results =
      resultsOf(entry.info, {.task = "sequence-classification", .labels = {"stars"}, .problem = "regression"});
  std::vector<float> logits = {-2.5};
  results->add("x", std::nullopt, tokens({0}), {{"logits", Rows::One, 1, logits}}, tokenText);
  EXPECT_EQ(results->json()[0]["labels"], Json::parse(R"([{"label": "stars", "score": -2.5}])"));
}

TEST(TextResults, OfACrossEncoder) {
  Entry entry("logits");
  for (auto [activation, score] :
       {std::pair("identity", -0.5), {"sigmoid", 1 / (1 + std::exp(0.5))}, {"tanh", std::tanh(-0.5)}}) {
    const auto results =
        resultsOf(entry.info, {.task = "sequence-classification", .labels = {"LABEL_0"}, .score = activation});
    std::vector<float> logits = {-0.5};
    results->add("x", "y", tokens({0}), {{"logits", Rows::One, 1, logits}}, tokenText);
    EXPECT_NEAR(results->json()[0]["score"].get<double>(), score, 1e-12) << activation;
    EXPECT_EQ(results->json()[0]["pair"], "y");
    EXPECT_FALSE(results->json()[0].contains("labels"));
  }
  expectError(TextResults::create(entry.info, {.task = "sequence-classification", .score = "relu"}),
              {"'relu'", "identity, sigmoid, tanh"});
  expectError(TextResults::create(entry.info, {.task = "sequence-classification", .score = "tanh", .topK = 1}),
              {"--top-k", "one score"});
}

TEST(TextResults, OfEntities) {
  Entry entry("logits");
  const auto results =
      resultsOf(entry.info, {.task = "token-classification", .labels = {"O", "B-PET", "I-PET", "B-PER"}});
  // "cat dogs Anna dog": a pet that goes on over two words, the last of which has two pieces; a person; a pet.
  TokenizedText text = tokens({0, 2, 3, 4, 5, 3, 0});
  text.offsets = {{0, 0}, {0, 3}, {4, 7}, {7, 8}, {9, 13}, {14, 17}, {0, 0}};
  const int expected[] = {0, 1, 2, /*not asked:*/ 0, 3, 2, 0};
  std::vector<float> logits;
  for (int label : expected)
    for (int other = 0; other < 4; ++other)
      logits.push_back(other == label ? 2 : 0);
  results->add("cat dogs Anna dog", std::nullopt, text, {{"logits", Rows::Tokens, 4, logits}}, tokenText);
  const Json entities = results->json()[0]["entities"];
  ASSERT_EQ(entities.size(), 3u) << entities;
  EXPECT_EQ(entities[0]["text"], "cat dogs");
  EXPECT_EQ(entities[0]["label"], "PET");
  EXPECT_EQ(entities[1]["text"], "Anna");
  EXPECT_EQ(entities[1]["start"], 9);
  EXPECT_EQ(entities[2]["text"], "dog");
  EXPECT_NEAR(entities[0]["score"].get<double>(), std::exp(2) / (3 + std::exp(2)), 1e-12);
}

/// Bytes' tokenizers cut words where letters end: the comma that touches "öcat" is no part of it.
TEST(TextResults, OfAnswersEndWithWords) {
  Entry entry("start_logits");
  for (const bool ofBytes : {true, false}) {
    const auto results = resultsOf(entry.info, {.task = "question-answering"});
    TokenizedText text = tokens({0, 5, 0, 2, 3, 4, 5});
    text.tokens = {"<s>", "who", "</s>", ofBytes ? "\u0120\u00c3\u00b6" : "\u2581\u00f6", "cat", ",", "\u2581dog"};
    text.offsets = {{0, 0}, {0, 3}, {0, 0}, {0, 1}, {1, 4}, {4, 5}, {6, 9}};
    std::vector<float> logits = {0, 0, 0, 0, 5, 0, 0};
    const std::vector<TextOutput> outputs = {{"start_logits", Rows::Tokens, 1, logits},
                                             {"end_logits", Rows::Tokens, 1, logits}};
    results->add("who", "\u00f6cat, dog", text, outputs, tokenText);
    EXPECT_EQ(results->json()[0]["answer"]["text"], ofBytes ? "\u00f6cat" : "\u00f6cat,");
  }
}

TEST(TextResults, OfAnswers) {
  Entry entry("start_logits");
  const auto results = resultsOf(entry.info, {.task = "question-answering"});
  // A question, and "öcat dogs" to answer from: the likeliest span ends within "dogs", which is given whole.
  TokenizedText text = tokens({0, 5, 0, 2, 3, 4, 0});
  text.offsets = {{0, 0}, {0, 4}, {0, 0}, {1, 4}, {5, 8}, {8, 9}, {0, 0}};
  std::vector<float> starts = {0.5, 9, 9, 0, 1, 0, 9}, ends = {1.5, 9, 9, 0, 2, 1, 9};
  const std::vector<TextOutput> outputs = {{"start_logits", Rows::Tokens, 1, starts},
                                           {"end_logits", Rows::Tokens, 1, ends}};
  results->add("Anna", "öcat dogs", text, outputs, tokenText);
  results->add("Anna", std::nullopt, text, outputs, tokenText);
  const Json answer = results->json()[0]["answer"];
  EXPECT_EQ(answer["text"], "dogs");
  EXPECT_EQ(answer["start"], 5);
  EXPECT_EQ(answer["end"], 9);
  EXPECT_NEAR(answer["score"].get<double>(),
              std::exp(1) / (2 + std::exp(1) + std::exp(0.5)) * std::exp(2) /
                  (1 + std::exp(1) + std::exp(2) + std::exp(1.5)),
              1e-12);
  EXPECT_EQ(results->json()[1]["answer"], nullptr);
  EXPECT_NE(printed(*results).find("'dogs'"), std::string::npos) << printed(*results);
}

} // namespace
} // namespace lathe::test
