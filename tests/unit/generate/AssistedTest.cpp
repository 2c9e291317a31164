// Tokens that another model guesses: what is written then has the probabilities that it has without.
#include "tests/unit/generate/Writing.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

using namespace lathe;
using namespace lathe::test;

namespace {

constexpr int64_t vocabulary = 7;

/// Two models whose logits are functions of the last token, far from each other.
void ownLogits(const int32_t *ids, int64_t length, float *row) {
  for (int i = 0; i < vocabulary; ++i)
    row[i] = 1.5f * std::sin(float(3 * i + 5 * ids[length - 1] + 1));
}
void othersLogits(const int32_t *ids, int64_t length, float *row) {
  for (int i = 0; i < vocabulary; ++i)
    row[i] = 1.5f * std::sin(float(2 * i + 3 * ids[length - 1])) + (i == 2);
}

/// What is written in steps with up to so many guesses; how many of them were accepted.
Ids writeAssisted(const lathe_generate_options &options, uint64_t sequence, int64_t most, int &accepted) {
  Scratch scratch(heapAllocator, hasAvx512());
  Continuation text(heapAllocator, scratch);
  lathe_error error = {};
  const Ids prompt = {1};
  EXPECT_EQ(text.start(prompt.data(), 1, options, vocabulary, sequence, &error), LATHE_OK) << error.message;
  while (!text.done()) {
    std::vector<std::vector<float>> guessed;
    while (int64_t(guessed.size()) < std::min(most, text.roomForGuesses())) {
      guessed.emplace_back(vocabulary);
      othersLogits(text.ids(), text.length() + text.guesses(), guessed.back().data());
      EXPECT_EQ(text.guess(guessed.back().data(), &error), LATHE_OK) << error.message;
    }
    EXPECT_EQ(text.guesses(), int64_t(guessed.size()));
    bool isRight = true;
    std::vector<float> row(vocabulary);
    for (size_t i = 0; i < guessed.size() && isRight && !text.done(); ++i) {
      ownLogits(text.ids(), text.length(), row.data());
      EXPECT_EQ(text.verify(row.data(), guessed[i].data(), isRight, &error), LATHE_OK) << error.message;
      accepted += isRight;
    }
    if (isRight && !text.done()) {
      ownLogits(text.ids(), text.length(), row.data());
      EXPECT_EQ(text.advance(row.data(), &error), LATHE_OK) << error.message;
    }
    EXPECT_EQ(text.guesses(), 0);
  }
  return Ids(text.ids() + 1, text.ids() + text.length());
}

std::vector<double> probabilities(int32_t last, double temperature, size_t top) {
  std::vector<float> row(vocabulary);
  ownLogits(&last, 1, row.data());
  std::vector<float> sorted = row;
  std::sort(sorted.rbegin(), sorted.rend());
  std::vector<double> weights;
  for (float score : row)
    weights.push_back(score >= sorted[top - 1] ? std::exp(double(score) / temperature) : 0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double &weight : weights)
    weight /= total;
  return weights;
}

/// Chi-square of all texts of three tokens against their exact probabilities. With 5 kept of 7 there are 125 texts; its
/// mean is 124, and it is above 190 once in ten thousand times.
TEST(Assisted, DrawsHaveTheirExactProbabilities) {
  lathe_generate_options options = defaults();
  options.do_sample = 1;
  options.temperature = 1.25;
  options.top_k = 5;
  options.max_new_tokens = 3;
  const int draws = 60000;
  for (int64_t most : {1, 2, 5}) {
    std::map<Ids, int> counts;
    int accepted = 0;
    for (int i = 0; i < draws; ++i)
      ++counts[writeAssisted(options, uint64_t(i), most, accepted)];
    double chiSquare = 0, covered = 0;
    int texts = 0, seen = 0;
    for (int32_t a = 0; a < vocabulary; ++a)
      for (int32_t b = 0; b < vocabulary; ++b)
        for (int32_t c = 0; c < vocabulary; ++c) {
          const double p = probabilities(1, 1.25, 5)[size_t(a)] * probabilities(a, 1.25, 5)[size_t(b)] *
                           probabilities(b, 1.25, 5)[size_t(c)];
          const auto found = counts.find({a, b, c});
          const int count = found == counts.end() ? 0 : found->second;
          seen += count;
          if (p == 0) {
            EXPECT_EQ(count, 0) << a << " " << b << " " << c;
            continue;
          }
          ++texts;
          covered += p;
          chiSquare += (count - p * draws) * (count - p * draws) / (p * draws);
        }
    EXPECT_EQ(texts, 125);
    EXPECT_EQ(seen, draws);
    EXPECT_NEAR(covered, 1, 1e-9);
    EXPECT_LT(chiSquare, 190) << most << " guesses in a step";
    EXPECT_GT(accepted, draws / 4);
  }
}

/// A guess with more than its probability is rejected now and then; where no token has less, the text goes on as if
/// there had been none, and never with a token that the options ban.
TEST(Assisted, WhereNothingIsLeftTokensKeepTheirProbabilities) {
  lathe_generate_options options = defaults();
  options.do_sample = 1;
  options.top_k = 0;
  options.max_new_tokens = 2;
  const int32_t banned[] = {0};
  options.suppress_tokens = {banned, 1};
  const std::vector<float> all(vocabulary, 2.0f);
  Scratch scratch(heapAllocator, hasAvx512());
  const Ids prompt = {1};
  std::map<int32_t, int> written;
  for (uint64_t sequence = 0; sequence < 200; ++sequence) {
    Continuation text(heapAllocator, scratch);
    lathe_error error = {};
    ASSERT_EQ(text.start(prompt.data(), 1, options, vocabulary, sequence, &error), LATHE_OK) << error.message;
    std::vector<float> row(vocabulary);
    othersLogits(text.ids(), 1, row.data());
    ASSERT_EQ(text.guess(row.data(), &error), LATHE_OK) << error.message;
    ownLogits(text.ids(), 1, row.data());
    bool isRight = false;
    ASSERT_EQ(text.verify(row.data(), all.data(), isRight, &error), LATHE_OK) << error.message;
    ++written[text.ids()[1]];
  }
  EXPECT_EQ(written.count(0), 0u);
  EXPECT_EQ(written.size(), size_t(vocabulary - 1)) << "not one of them alone";
}

/// One that cannot be made leaves all as it was.
TEST(Assisted, AGuessByLogitsThatAreNoneIsNone) {
  lathe_generate_options options = defaults();
  options.max_new_tokens = 4;
  Scratch scratch(heapAllocator, hasAvx512());
  Continuation text(heapAllocator, scratch);
  const Ids prompt = {1};
  lathe_error error = {};
  ASSERT_EQ(text.start(prompt.data(), 1, options, vocabulary, 0, &error), LATHE_OK) << error.message;
  std::vector<float> row(vocabulary, NAN);
  EXPECT_NE(text.guess(row.data(), nullptr), LATHE_OK);
  EXPECT_EQ(text.guesses(), 0);
  ownLogits(text.ids(), 1, row.data());
  EXPECT_EQ(text.advance(row.data(), &error), LATHE_OK) << error.message;
}

TEST(Assisted, GreedyTextsAreThoseWithout) {
  lathe_generate_options options = defaults();
  options.max_new_tokens = 12;
  options.repetition_penalty = 1.3; // guesses are penalised as if they had been written
  options.no_repeat_ngram_size = 2;
  lathe_error error = {};
  Text alone;
  ASSERT_EQ(writeOne(ownLogits, {1}, options, vocabulary, 0, alone, error), LATHE_OK) << error.message;
  for (int64_t most : {0, 1, 2, 4, 20}) {
    int accepted = 0;
    EXPECT_EQ(writeAssisted(options, 0, most, accepted), Ids(alone.ids.begin() + 1, alone.ids.end()));
  }
}

} // namespace
