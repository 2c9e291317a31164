// What is not in Transformers' goldens: penalties of other libraries, ties, memory, and searches over everything.
#include "tests/unit/generate/Writing.h"

#include "runtime/generate/Processors.h"
#include "runtime/generate/Warpers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

using namespace lathe;
using namespace lathe::test;

namespace {

/// What processScores makes of zeros.
std::vector<float> processed(const lathe_generate_options &options, const Ids &ids, int64_t promptLength) {
  std::vector<float> row(8, 2.0f);
  Scratch scratch(heapAllocator, false);
  EXPECT_TRUE(scratch.reserve(8, 1));
  const bool isChanged =
      processScores(options, {ids.data(), int64_t(ids.size()), promptLength, ids.data(), promptLength, true}, nullptr,
                    0, row.data(), scratch);
  EXPECT_TRUE(!isChanged || !takesBest(options));
  EXPECT_TRUE(std::all_of(scratch.counts, scratch.counts + 8, [](int32_t count) { return count == 0; }));
  return row;
}

TEST(Processors, PresenceAndFrequencyCountWhatIsWritten) {
  lathe_generate_options options = defaults();
  options.presence_penalty = 0.5;
  EXPECT_EQ(processed(options, {1, 2, 3, 3, 1}, 2), (std::vector<float>{2, 1.5f, 2, 1.5f, 2, 2, 2, 2}));
  options.frequency_penalty = 0.25;
  EXPECT_EQ(processed(options, {1, 2, 3, 3, 1}, 2), (std::vector<float>{2, 1.25f, 2, 1, 2, 2, 2, 2}));
  options.repetition_penalty = 2; // comes first, and counts the prompt
  EXPECT_EQ(processed(options, {1, 2, 3, 3, 1}, 2), (std::vector<float>{2, 0.25f, 1, 0, 2, 2, 2, 2}));
}

/// As of the keys of Transformers' dict.
TEST(Processors, OfEqualRunsTheLastBiasCounts) {
  const int32_t one[] = {3}, run[] = {1, 4}, other[] = {2, 4};
  const lathe_sequence_bias biases[] = {{one, 1, 9},  {run, 2, 7},     {one, 1, 0.5},
                                        {run, 2, -1}, {other, 2, 100}, {one, 1, 0.25}};
  lathe_generate_options options = defaults();
  options.sequence_bias = biases;
  options.n_sequence_bias = std::size(biases);
  EXPECT_EQ(processed(options, {5, 1}, 1), (std::vector<float>{2, 2, 2, 2.25f, 1, 2, 2, 2}));
}

TEST(Processors, AnEndThatIsListedTwiceGetsLikelierOnce) {
  const int32_t ends[] = {2, 2, 6};
  lathe_generate_options options = defaults();
  options.eos_ids = ends;
  options.n_eos_ids = std::size(ends);
  options.decay_factor = 1.5;
  EXPECT_EQ(processed(options, {5, 1, 1}, 1), (std::vector<float>{2, 2, 4.5f, 2, 2, 2, 4.5f, 2}));
}

TEST(Warpers, KeepTheLowestOfEqualIds) {
  auto kept = [](auto set, std::vector<float> row) {
    lathe_generate_options options = defaults();
    options.do_sample = 1;
    options.top_k = 0;
    set(options);
    Scratch scratch(heapAllocator, false);
    EXPECT_TRUE(scratch.reserve(int64_t(row.size()), 1));
    scratch.loops.maxima(row.data(), int64_t(row.size()), scratch.maxima);
    warpScores(options, row.data(), scratch.maxima, scratch.sums, scratch);
    Ids ids;
    for (size_t i = 0; i < row.size(); ++i)
      if (row[i] > -INFINITY)
        ids.push_back(int32_t(i));
    return ids;
  };
  const std::vector<float> flat(8, 1.5f), steps = {1, 3, 2, 3, 2, 2};
  EXPECT_EQ(kept([](auto &o) { o.top_p = 0.5; }, flat), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(kept([](auto &o) { o.top_p = 0; }, flat), (Ids{0}));
  EXPECT_EQ(kept([](auto &o) { o.top_p = 0.8; }, steps), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(kept([](auto &o) { o.top_k = 3; }, steps), (Ids{1, 2, 3, 4, 5}));
  EXPECT_EQ(kept([](auto &o) { o.min_p = 1; }, steps), (Ids{1, 3}));
  EXPECT_EQ(kept([](auto &o) { o.min_p = 1, o.num_beams = 2, o.n_eos_ids = 2; }, steps), (Ids{1, 2, 3}));
  EXPECT_EQ(kept([](auto &o) { o.typical_p = 0.1; }, flat).size(), 8u);
  EXPECT_EQ(kept([](auto &o) { o.top_k = 1, o.num_beams = 2; }, {1, 2, 3, 4}), (Ids{2, 3}));
}

TEST(Continuation, TakesTheLowerOfEqualIds) {
  lathe_error error = {};
  Text text;
  ASSERT_EQ(writeOne([](const int32_t *, int64_t, float *row) { std::fill_n(row, 200, 1.0f), row[0] = 0; }, {7},
                     defaults(), 200, 0, text, error),
            LATHE_OK);
  EXPECT_EQ(text.ids[1], 1);
}

TEST(Continuation, EndsOnceAndSaysSo) {
  Scratch scratch(heapAllocator, false);
  Continuation text(heapAllocator, scratch);
  lathe_generate_options options = defaults();
  options.max_new_tokens = 1;
  const int32_t prompt = 0;
  float row[3] = {1, 3, 2};
  lathe_error error = {};
  EXPECT_TRUE(text.done());
  ASSERT_EQ(text.start(&prompt, 1, options, 3, 0, &error), LATHE_OK);
  ASSERT_EQ(text.advance(row, &error), LATHE_OK);
  EXPECT_TRUE(text.done());
  EXPECT_EQ(text.advance(row, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(text.length(), 2);
  ASSERT_EQ(text.start(&prompt, 1, options, 3, 0, &error), LATHE_OK) << "an object may be used again";
  EXPECT_FALSE(text.done());
}

/// With as many beams as there are texts, beam search finds the best one.
TEST(Beams, FindTheBestOfAllTexts) {
  const int64_t vocabulary = 5, tokens = 3;
  std::mt19937 random(4);
  for (int round = 0; round < 20; ++round) {
    float table[5][5];
    for (auto &row : table)
      for (float &logit : row)
        logit = std::normal_distribution<float>(0, 2)(random);
    auto logProbability = [&](int from, int to) {
      double sum = 0;
      for (float logit : table[from])
        sum += std::exp(double(logit));
      return table[from][to] - std::log(sum);
    };
    double best = -INFINITY;
    for (int a = 0; a < 5; ++a)
      for (int b = 0; b < 5; ++b)
        for (int c = 0; c < 5; ++c)
          best = std::max(best, logProbability(0, a) + logProbability(a, b) + logProbability(b, c));
    lathe_generate_options options = defaults();
    options.num_beams = 25;
    options.max_new_tokens = tokens;
    std::vector<Text> texts;
    lathe_error error = {};
    ASSERT_EQ(writeWithBeams([&](const int32_t *ids, int64_t length,
                                 float *row) { std::copy_n(table[ids[length - 1]], vocabulary, row); },
                             {0}, options, vocabulary, 0, texts, error),
              LATHE_OK);
    ASSERT_EQ(texts.size(), 1u);
    EXPECT_NEAR(texts[0].score, best / tokens, 1e-5);
  }
}

TEST(Beams, AnyOptionsGiveOrderedTextsOfTheVocabulary) {
  std::mt19937 random(8);
  auto upTo = [&](int64_t n) { return int64_t(random() % uint64_t(n + 1)); };
  int searches = 0;
  for (int round = 0; round < 600; ++round) {
    const int64_t vocabulary = 3 + upTo(round % 2 ? 20 : 150);
    Ids ends, prompt, word = {int32_t(upTo(vocabulary - 1)), int32_t(upTo(vocabulary - 1))};
    for (int64_t i = upTo(2); i >= 0; --i)
      prompt.push_back(int32_t(upTo(vocabulary - 1)));
    for (int64_t i = upTo(2); i > 0; --i)
      ends.push_back(int32_t(upTo(vocabulary - 1)));
    const lathe_ids words[] = {{word.data(), 1}, {word.data(), 2}};
    lathe_generate_options options = defaults();
    options.num_beam_groups = int32_t(1 + upTo(2));
    options.num_beams = options.num_beam_groups * int32_t(1 + upTo(3));
    options.diversity_penalty = options.num_beam_groups > 1 ? 0.7 : 0;
    options.do_sample = options.num_beam_groups == 1 && random() % 2;
    options.num_return_sequences = options.num_beams;
    options.max_new_tokens = 1 + upTo(12);
    options.min_new_tokens = upTo(4);
    options.length_penalty = double(upTo(4)) - 1.5;
    options.early_stopping = lathe_early_stopping(upTo(2));
    options.repetition_penalty = random() % 2 ? 1.3 : 1;
    options.no_repeat_ngram_size = random() % 4 ? 0 : 3;
    options.n_bad_words = size_t(upTo(2));
    options.bad_words = words;
    options.forced_bos_id = random() % 4 ? -1 : 1;
    options.forced_eos_id = random() % 4 ? -1 : 2;
    options.eos_ids = ends.data();
    options.n_eos_ids = ends.size();
    options.top_k = upTo(9);
    options.top_p = random() % 2 ? 1 : 0.7;
    options.typical_p = random() % 2 ? 1 : 0.8;
    options.seed = random();
    if (options.num_beams < 2)
      continue;
    const Logits model = [&](const int32_t *ids, int64_t length, float *row) {
      for (int64_t i = 0; i < vocabulary; ++i)
        row[i] = float((ids[length - 1] * 7 + i * 13 + length) % 29) / 4;
    };
    std::vector<Text> texts;
    lathe_error error = {};
    const lathe_status status = writeWithBeams(model, prompt, options, vocabulary, 3, texts, error);
    if (status) { // options may have left nothing to write
      EXPECT_EQ(status, LATHE_INVALID_ARGUMENT);
      EXPECT_NE(error.message[0], 0);
      continue;
    }
    ++searches;
    EXPECT_GE(texts.size(), 1u);
    for (size_t t = 0; t < texts.size(); ++t) {
      const Ids &ids = texts[t].ids;
      EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), ids.begin()));
      EXPECT_LE(int64_t(ids.size()), int64_t(prompt.size()) + options.max_new_tokens);
      EXPECT_TRUE(std::all_of(ids.begin(), ids.end(), [&](int32_t id) { return id >= 0 && id < vocabulary; }));
      EXPECT_FALSE(t && texts[t].score > texts[t - 1].score);
    }
  }
  EXPECT_GT(searches, 300);
}

TEST(Beams, ScoresThatAreNotFiniteAreRefused) {
  lathe_generate_options options = defaults();
  options.num_beams = 2;
  options.max_new_tokens = 3;
  options.presence_penalty = options.frequency_penalty = -3e38;
  const Logits flat = [](const int32_t *, int64_t, float *row) { std::fill_n(row, 9, 1.0f); };
  std::vector<Text> texts;
  lathe_error error = {};
  EXPECT_EQ(writeWithBeams(flat, {1}, options, 9, 0, texts, error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "the options leave no token with a greatest finite score")) << error.message;
}

TEST(Beams, OfEqualTextsThatOfTheLaterGroupComesFirst) { // as in Transformers, which sorts and takes from the end
  lathe_generate_options options = defaults();
  options.num_beams = options.num_beam_groups = options.num_return_sequences = 3;
  options.diversity_penalty = 1;
  options.max_new_tokens = 1;
  const Logits model = [](const int32_t *, int64_t, float *row) {
    std::fill_n(row, 9, 0.0f);
    row[3] = row[5] = row[6] = 2;
  };
  std::vector<Text> texts;
  lathe_error error = {};
  ASSERT_EQ(writeWithBeams(model, {1}, options, 9, 0, texts, error), LATHE_OK) << error.message;
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0].score, texts[2].score);
  EXPECT_EQ(texts[0].ids, (Ids{1, 6}));
  EXPECT_EQ(texts[1].ids, (Ids{1, 5}));
  EXPECT_EQ(texts[2].ids, (Ids{1, 3}));
}

TEST(Beams, ASearchThatGetsNoMemoryHarmsNoOther) {
  static int left; // allocations that succeed
  static std::map<void *, size_t> live;
  const lathe_allocator few = {[](void *, size_t bytes) -> void * {
                                 if (left-- <= 0)
                                   return nullptr;
                                 void *memory = heapAllocator.allocate(nullptr, bytes);
                                 live[memory] = bytes;
                                 return memory;
                               },
                               [](void *, void *memory, size_t bytes) {
                                 EXPECT_EQ(live.at(memory), bytes);
                                 live.erase(memory);
                                 heapAllocator.release(nullptr, memory, bytes);
                               },
                               nullptr};
  left = 2; // the scratch memory's and the first search's
  Scratch scratch(few, false);
  BeamSearch first(few, scratch), second(few, scratch);
  lathe_generate_options two = defaults(), many = defaults();
  two.num_beams = 2;
  many.num_beams = 50;
  const int32_t prompt = 0;
  lathe_error error = {};
  ASSERT_EQ(first.start(&prompt, 1, two, 1000, 0, &error), LATHE_OK);
  left = 1; // the second search's own
  EXPECT_EQ(second.start(&prompt, 1, many, 1000, 0, &error), LATHE_OUT_OF_MEMORY);
  std::vector<float> rows(2000);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = float(i % 100);
  EXPECT_EQ(first.advance(rows.data(), 1000, &error), LATHE_OK);
  EXPECT_EQ(first.live(), 2);
}

TEST(Beams, OutOfMemoryIsAnError) {
  const lathe_allocator none = {[](void *, size_t) -> void * { return nullptr; }, [](void *, void *, size_t) {},
                                nullptr};
  lathe_generate_options options = defaults();
  const int32_t prompt = 0;
  lathe_error error = {};
  Scratch empty(none, false), scratch(heapAllocator, false);
  for (bool noScratch : {false, true}) {
    const lathe_allocator &memory = noScratch ? heapAllocator : none;
    Continuation text(memory, noScratch ? empty : scratch);
    options.num_beams = 1;
    EXPECT_EQ(text.start(&prompt, 1, options, 100, 0, &error), LATHE_OUT_OF_MEMORY);
    EXPECT_TRUE(text.done());
    BeamSearch search(memory, noScratch ? empty : scratch);
    options.num_beams = 4;
    EXPECT_EQ(search.start(&prompt, 1, options, 100, 0, &error), LATHE_OUT_OF_MEMORY);
    EXPECT_EQ(search.live(), 0);
    EXPECT_EQ(search.results(), 0);
  }
}

} // namespace
