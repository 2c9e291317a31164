// Texts and distributions as Transformers has them (tests/goldens/make_generation_goldens.py): the same model, a table,
// the same options, the same texts.
#include "tests/unit/generate/Goldens.h"

#include "runtime/generate/Warpers.h"

#include <cmath>

using namespace lathe;
using namespace lathe::test;

namespace {

TEST(Goldens, TextsAreThoseOfTransformers) {
  const int64_t vocabulary = tableGoldens()["vocabulary"];
  ASSERT_GE(tableGoldens()["cases"].size(), 180u);
  for (const json &golden : tableGoldens()["cases"]) {
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
  const int64_t vocabulary = tableGoldens()["vocabulary"];
  ASSERT_EQ(tableGoldens()["drawn"].size(), 3u);
  for (const json &golden : tableGoldens()["drawn"]) {
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
  ASSERT_GE(tableGoldens()["warped"].size(), 100u);
  for (const json &golden : tableGoldens()["warped"]) {
    SCOPED_TRACE(golden.dump().substr(0, 200));
    GoldenOptions given(golden["options"]);
    given.options.num_beams = golden["beams"];
    given.options.n_eos_ids = golden["eos"];
    if (!golden["options"].contains("top_k"))
      given.options.top_k = 0;
    std::vector<float> row = tableGoldens()["rows"][golden["row"].get<std::string>()];
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
