// Draws: the generator is the published one, frequencies are what the scores say, and nothing depends on the company.
#include "tests/unit/generate/Writing.h"

#include "runtime/generate/Numbers.h"
#include "runtime/generate/Philox.h"
#include "runtime/generate/Sampler.h"
#include "runtime/generate/Warpers.h"

#include <algorithm>
#include <cmath>
#include <map>

using namespace lathe;
using namespace lathe::test;

namespace {

TEST(Philox, GivesThePublishedNumbers) {
  const struct {
    PhiloxBlock counter;
    uint32_t key0, key1;
    PhiloxBlock expected;
  } known[] = {
      {{{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
      {{{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
      {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
       0xa4093822,
       0x299f31d0,
       {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
  };
  for (const auto &vector : known) {
    const PhiloxBlock block = philox(vector.counter, vector.key0, vector.key1);
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(block.word[i], vector.expected.word[i]);
  }
}

TEST(Sampler, NumbersAreUniformAndDifferInEverything) {
  double sum = 0, squares = 0;
  for (uint32_t i = 0; i < 10000; ++i) {
    const double u = uniformNumber({1, 2, i}, 0);
    EXPECT_GE(u, 0);
    EXPECT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.01);
  EXPECT_NEAR(squares / 10000, 1.0 / 3, 0.01);
  const double u = uniformNumber({1, 2, 3}, 4);
  for (DrawKey other : {DrawKey{2, 2, 3}, {1, 3, 3}, {1, 2, 4}, {uint64_t(1) << 40, 2, 3}, {1, uint64_t(2) << 32, 3}})
    EXPECT_NE(uniformNumber(other, 4), u);
  EXPECT_NE(uniformNumber({1, 2, 3}, 5), u);
}

/// Pearson's statistic; what has no probability must never occur.
double chiSquare(const std::vector<int> &counts, const std::vector<double> &probabilities, int draws, int &degrees) {
  double statistic = 0;
  degrees = -1;
  for (size_t i = 0; i < counts.size(); ++i)
    if (probabilities[i] == 0) {
      EXPECT_EQ(counts[i], 0) << i;
    } else {
      const double expected = probabilities[i] * draws;
      statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
      ++degrees;
    }
  return statistic;
}

/// Above which a statistic of so many degrees of freedom lies once in 1000 times (Wilson and Hilferty).
double criticalValue(int degrees) {
  const double d = degrees, root = 1 - 2 / (9 * d) + 3.09 * std::sqrt(2 / (9 * d));
  return d * root * root * root;
}

TEST(Sampler, FrequenciesAreTheProbabilities) {
  const int draws = 40000;
  for (int64_t size : {2, 7, 64, 150}) {
    std::vector<float> row(size_t(size), 0.0f);
    double sum = 0;
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = i % 5 == 3 ? -INFINITY : float((i * 37 % 11)) / 4;
      sum += std::exp(double(row[i]));
    }
    std::vector<double> probabilities, sums(size_t(rowBlocks(size)));
    std::vector<float> maxima(sums.size());
    for (float score : row)
      probabilities.push_back(std::exp(double(score)) / sum);
    std::vector<int> counts(row.size());
    rowLoops(false).maxima(row.data(), size, maxima.data());
    const float *rows = row.data(), *rowMaxima = maxima.data(), shift = 0, peak = *std::ranges::max_element(row);
    double total;
    for (int i = 0; i < draws; ++i) {
      Candidate drawn;
      drawTokens({&rows, &rowMaxima, &shift, 1, size, peak, sums.data(), &total}, {42, 7, uint32_t(i)}, 1,
                 rowLoops(hasAvx512()), &drawn);
      ++counts[size_t(drawn.index)];
    }
    int degrees;
    const double statistic = chiSquare(counts, probabilities, draws, degrees);
    EXPECT_LT(statistic, criticalValue(degrees)) << size;
  }
}

TEST(Sampler, WhatIsDrawnIsNotDrawnAgain) {
  // Ordered pairs of two rows: P(a, b) = p(a) p(b) / (1 - p(a)).
  const int draws = 60000;
  const std::vector<float> first = {0, 1, -INFINITY}, second = {0.5f, -1, 0.25f};
  const float *rows[] = {first.data(), second.data()};
  const float shifts[] = {0, -0.5f};
  std::vector<double> p;
  const float firstMaximum = 1, secondMaximum = 0.5f, *maxima[] = {&firstMaximum, &secondMaximum};
  double sum = 0, sums[2], totals[2];
  for (int i = 0; i < 6; ++i)
    sum += p.emplace_back(std::exp(double(rows[i / 3][i % 3]) + shifts[i / 3]));
  std::vector<double> pairs(36);
  for (size_t a = 0; a < 6; ++a)
    for (size_t b = 0; b < 6; ++b)
      pairs[a * 6 + b] = a == b ? 0 : p[a] / sum * p[b] / (sum - p[a]);
  std::vector<int> counts(36);
  for (int i = 0; i < draws; ++i) {
    Candidate drawn[2];
    drawTokens({rows, maxima, shifts, 2, 3, 1, sums, totals}, {9, 1, uint32_t(i)}, 2, rowLoops(hasAvx512()), drawn);
    ++counts[size_t(drawn[0].index * 6 + drawn[1].index)];
    EXPECT_EQ(drawn[0].score, rows[drawn[0].index / 3][drawn[0].index % 3] + shifts[drawn[0].index / 3]);
  }
  int degrees;
  const double statistic = chiSquare(counts, pairs, draws, degrees);
  EXPECT_EQ(degrees, 19);
  EXPECT_LT(statistic, criticalValue(degrees));
}

TEST(Sampler, TakesOthersWhenAllThatArePossibleAreDrawn) {
  const std::vector<float> first = {-INFINITY, 3, -INFINITY}, second = {-1e9f, -INFINITY, -1e9f};
  const float *rows[] = {first.data(), second.data()};
  const float shifts[] = {0, 0};
  const float firstMaximum = 3, secondMaximum = -1e9f, *maxima[] = {&firstMaximum, &secondMaximum};
  double sums[2], totals[2];
  Candidate drawn[6];
  drawTokens({rows, maxima, shifts, 2, 3, 3, sums, totals}, {9, 1, 1}, 6, rowLoops(hasAvx512()), drawn);
  const int64_t expected[] = {1, 3, 5, 0, 2, 4};
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(drawn[i].index, expected[i]);
}

/// Logits of a small vocabulary that depend on the last token.
void model(const int32_t *ids, int64_t length, float *row) {
  for (int32_t i = 0; i < 23; ++i)
    row[i] = float((ids[length - 1] * 7 + i * 13) % 17) / 4;
}

TEST(Sampler, ATextDependsOnItsSeedAndNumberOnly) {
  lathe_generate_options options = defaults();
  options.do_sample = 1;
  options.top_k = 12;
  options.max_new_tokens = 30;
  lathe_error error = {};
  auto write = [&](uint64_t seed, uint64_t sequence) {
    options.seed = seed;
    Text text;
    EXPECT_EQ(writeOne(model, {3}, options, 23, sequence, text, error), LATHE_OK) << error.message;
    return text.ids;
  };
  EXPECT_EQ(write(5, 0), write(5, 0));
  EXPECT_NE(write(5, 0), write(5, 1));
  EXPECT_NE(write(5, 0), write(6, 0));

  // Written in turn with another text, over the same scratch memory.
  options.seed = 5;
  Scratch scratch(heapAllocator, hasAvx512());
  Continuation texts[] = {Continuation(heapAllocator, scratch), Continuation(heapAllocator, scratch)};
  const int32_t prompt = 3;
  for (uint64_t i : {0, 1})
    ASSERT_EQ(texts[i].start(&prompt, 1, options, 23, i, &error), LATHE_OK);
  while (!texts[0].done())
    for (Continuation &text : texts) {
      float row[23];
      model(text.ids(), text.length(), row);
      ASSERT_EQ(text.advance(row, &error), LATHE_OK);
    }
  for (uint64_t i : {0, 1})
    EXPECT_EQ(Ids(texts[i].ids(), texts[i].ids() + texts[i].length()), write(5, i));
}

TEST(Sampler, BeamsAreDrawnByTheirSeed) {
  const int32_t end = 4;
  lathe_generate_options options = defaults();
  options.do_sample = 1;
  options.num_beams = 3;
  options.num_return_sequences = 3;
  options.max_new_tokens = 12;
  options.eos_ids = &end;
  options.n_eos_ids = 1;
  lathe_error error = {};
  std::map<Ids, int> seen;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    options.seed = seed;
    std::vector<Text> texts, again;
    ASSERT_EQ(writeWithBeams(model, {3}, options, 23, 0, texts, error), LATHE_OK) << error.message;
    ASSERT_EQ(writeWithBeams(model, {3}, options, 23, 0, again, error), LATHE_OK);
    ASSERT_EQ(texts.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(texts[i].ids, again[i].ids);
      if (i)
        EXPECT_GE(texts[i - 1].score, texts[i].score);
    }
    ++seen[texts[0].ids];
  }
  EXPECT_GT(seen.size(), 3u);
}

/// The first token that a search of two beams draws follows the processed distribution.
TEST(Sampler, BeamsDrawWhatTheWarpersLeave) {
  lathe_generate_options options = defaults();
  options.do_sample = 1;
  options.num_beams = 2;
  options.top_k = 3;
  options.temperature = 0.8;
  options.max_new_tokens = 1;
  lathe_error error = {};
  std::map<int32_t, int> counts;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    options.seed = seed;
    std::vector<Text> texts;
    ASSERT_EQ(writeWithBeams(model, {3}, options, 23, 0, texts, error), LATHE_OK) << error.message;
    ++counts[texts.at(0).ids.at(1)];
  }
  float row[23];
  const int32_t prompt = 3;
  model(&prompt, 1, row);
  for (auto [token, count] : counts)
    EXPECT_GE(std::count_if(row, row + 23, [&](float score) { return score < row[token]; }), 19) << token;
}

} // namespace
