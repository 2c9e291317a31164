// Texts and distributions as Transformers has them (tests/goldens/make_generation_goldens.py): the same model, a table,
// the same options, the same texts.
#include "tests/unit/generate/Writing.h"

#include "runtime/generate/Warpers.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace lathe;
using namespace lathe::test;
using nlohmann::json;

namespace {

const json &goldens() {
  static const json file = json::parse(std::ifstream(LATHE_SOURCE_DIR "/tests/goldens/generation/generation.json"));
  return file;
}

/// Options out of JSON, and what their pointers point to.
struct GoldenOptions {
  lathe_generate_options options = defaults();
  Ids ends = {2};
  std::vector<Ids> words;
  std::vector<lathe_ids> wordList;
  Ids suppressed, suppressedFirst;
  std::vector<std::pair<Ids, double>> biases;
  std::vector<lathe_sequence_bias> biasList;

  explicit GoldenOptions(const json &given) {
    options.pad_id = 0;
    for (const auto &[name, value] : given.items())
      set(name, value);
    options.eos_ids = ends.data();
    options.n_eos_ids = ends.size();
    for (const Ids &word : words)
      wordList.push_back({word.data(), word.size()});
    options.bad_words = wordList.data();
    options.n_bad_words = wordList.size();
    options.suppress_tokens = {suppressed.data(), suppressed.size()};
    options.begin_suppress_tokens = {suppressedFirst.data(), suppressedFirst.size()};
    for (const auto &[ids, bias] : biases)
      biasList.push_back({ids.data(), ids.size(), bias});
    options.sequence_bias = biasList.data();
    options.n_sequence_bias = biasList.size();
  }
  GoldenOptions(const GoldenOptions &) = delete;

private:
  void set(const std::string &name, const json &value) {
    if (name == "eos_token_id")
      ends = value.is_null() ? Ids() : value.is_array() ? value.get<Ids>() : Ids{value.get<int32_t>()};
    else if (name == "bad_words_ids")
      words = value.get<std::vector<Ids>>();
    else if (name == "suppress_tokens")
      suppressed = value.get<Ids>();
    else if (name == "begin_suppress_tokens")
      suppressedFirst = value.get<Ids>();
    else if (name == "sequence_bias")
      biases = value.get<std::vector<std::pair<Ids, double>>>();
    else if (name == "exponential_decay_length_penalty")
      options.decay_start = value[0], options.decay_factor = value[1];
    else if (name == "renormalize_logits")
      options.renormalize_logits = value.get<bool>();
    else if (name == "early_stopping")
      options.early_stopping = value.is_string()   ? LATHE_STOP_NEVER_EARLY
                               : value.get<bool>() ? LATHE_STOP_WHEN_ENOUGH
                                                   : LATHE_STOP_BY_BEST;
    else
      setNumber(name, value);
  }
  void setNumber(const std::string &name, const json &value) {
    const std::map<std::string, std::function<void()>> setters = {
        {"max_new_tokens", [&] { options.max_new_tokens = value; }},
        {"max_length", [&] { options.max_length = value; }},
        {"min_new_tokens", [&] { options.min_new_tokens = value; }},
        {"min_length", [&] { options.min_length = value; }},
        {"num_beams", [&] { options.num_beams = value; }},
        {"num_beam_groups", [&] { options.num_beam_groups = value; }},
        {"diversity_penalty", [&] { options.diversity_penalty = value; }},
        {"length_penalty", [&] { options.length_penalty = value; }},
        {"num_return_sequences", [&] { options.num_return_sequences = value; }},
        {"repetition_penalty", [&] { options.repetition_penalty = value; }},
        {"no_repeat_ngram_size", [&] { options.no_repeat_ngram_size = value; }},
        {"encoder_repetition_penalty", [&] { options.encoder_repetition_penalty = value; }},
        {"encoder_no_repeat_ngram_size", [&] { options.encoder_no_repeat_ngram_size = value; }},
        {"epsilon_cutoff", [&] { options.epsilon_cutoff = value; }},
        {"eta_cutoff", [&] { options.eta_cutoff = value; }},
        {"forced_bos_token_id", [&] { options.forced_bos_id = value; }},
        {"forced_eos_token_id", [&] { options.forced_eos_id = value; }},
        {"pad_token_id", [&] { options.pad_id = value; }},
        {"temperature", [&] { options.temperature = value; }},
        {"top_k", [&] { options.top_k = value; }},
        {"top_p", [&] { options.top_p = value; }},
        {"min_p", [&] { options.min_p = value; }},
        {"typical_p", [&] { options.typical_p = value; }},
    };
    setters.at(name)();
  }
};

void tableLogits(const int32_t *ids, int64_t length, float *row) {
  static const auto table = goldens()["table"].get<std::vector<Ids>>(),
                    shifts = goldens()["shifts"].get<std::vector<Ids>>();
  const Ids &last = table[size_t(ids[length - 1])];
  const Ids &shift = shifts[length > 1 ? size_t(ids[length - 2]) % shifts.size() : 0];
  for (size_t i = 0; i < last.size(); ++i)
    row[i] = float(last[i] + shift[i]) / (1 << 14);
}

TEST(Goldens, TextsAreThoseOfTransformers) {
  const int64_t vocabulary = goldens()["vocabulary"];
  ASSERT_GE(goldens()["cases"].size(), 180u);
  for (const json &golden : goldens()["cases"]) {
    SCOPED_TRACE(golden["name"]);
    const GoldenOptions given(golden["options"]);
    std::vector<Text> texts;
    lathe_error error = {};
    if (given.options.num_beams > 1) {
      ASSERT_EQ(writeWithBeams(tableLogits, golden["prompt"], given.options, vocabulary, 0, texts, error), LATHE_OK)
          << error.message;
    } else {
      texts.resize(1);
      ASSERT_EQ(writeOne(tableLogits, golden["prompt"], given.options, vocabulary, 0, texts[0], error), LATHE_OK)
          << error.message;
    }
    ASSERT_EQ(texts.size(), golden["texts"].size());
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(texts[i].ids, golden["texts"][i].get<Ids>()) << "text " << i;
      if (golden.contains("scores"))
        EXPECT_NEAR(texts[i].score, golden["scores"][i].get<double>(), 1e-4) << "text " << i;
    }
  }
}

/// Draws are others, but as frequent: within four standard deviations of the difference of two counts.
TEST(Goldens, DrawnBeamsWriteWhatTransformersWritesAsOften) {
  const int64_t vocabulary = goldens()["vocabulary"];
  ASSERT_EQ(goldens()["drawn"].size(), 3u);
  for (const json &golden : goldens()["drawn"]) {
    SCOPED_TRACE(golden["name"]);
    GoldenOptions given(golden["options"]);
    given.options.do_sample = 1;
    const int draws = golden["draws"];
    std::map<Ids, int> counts;
    for (int i = 0; i < draws; ++i) {
      std::vector<Text> texts;
      lathe_error error = {};
      given.options.seed = uint64_t(i) * 977;
      ASSERT_EQ(writeWithBeams(tableLogits, golden["prompt"], given.options, vocabulary, 1, texts, error), LATHE_OK);
      ++counts[texts.at(0).ids];
    }
    for (const json &text : golden["texts"]) {
      const int expected = text["count"];
      EXPECT_NEAR(counts[text["ids"].get<Ids>()], expected, 4 * std::sqrt(2.0 * expected)) << text.dump();
    }
  }
}

TEST(Goldens, WarpersKeepWhatTransformersKeeps) {
  ASSERT_GE(goldens()["warped"].size(), 100u);
  for (const json &golden : goldens()["warped"]) {
    SCOPED_TRACE(golden.dump().substr(0, 200));
    GoldenOptions given(golden["options"]);
    given.options.num_beams = golden["beams"];
    given.options.n_eos_ids = golden["eos"];
    if (!golden["options"].contains("top_k"))
      given.options.top_k = 0;
    std::vector<float> row = goldens()["rows"][golden["row"].get<std::string>()];
    Scratch scratch(heapAllocator, hasAvx512());
    ASSERT_TRUE(scratch.reserve(int64_t(row.size()), 1));
    scratch.loops.maxima(row.data(), int64_t(row.size()), scratch.maxima);
    warpScores(given.options, row.data(), scratch.maxima, scratch.sums, scratch);
    Ids kept;
    for (size_t i = 0; i < row.size(); ++i)
      if (row[i] > -INFINITY)
        kept.push_back(int32_t(i));
    if (golden["kept"] == "all")
      EXPECT_EQ(kept.size(), row.size());
    else
      EXPECT_EQ(kept, golden["kept"].get<Ids>());
    for (size_t i = 0; i < golden["first"].size() && i < kept.size(); ++i)
      EXPECT_NEAR(row[size_t(kept[i])], golden["first"][i].get<float>(), 1e-5);
    std::vector<float> maxima(size_t(scratch.blocks()), 0.0f);
    scratch.loops.maxima(row.data(), int64_t(row.size()), maxima.data());
    for (size_t b = 0; b < maxima.size(); ++b)
      EXPECT_EQ(maxima[b], scratch.maxima[b]) << "what the warpers leave for the draw";
  }
}

} // namespace
