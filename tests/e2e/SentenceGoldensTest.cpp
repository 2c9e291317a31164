// Tiny sentence-transformers directories against the library: ids and embeddings of texts that are easy to get wrong.
// tests/goldens/make_sentence_goldens.py says how the numbers were made.
#include "tests/e2e/Lathe.h"

namespace lathe::test {
namespace {

constexpr double kTolerance = 1e-4;

class SentenceGoldens : public testing::TestWithParam<std::string> {
protected:
  Path directory() const { return goldens() / "sentence-transformers" / GetParam(); }
  Json golden() const { return Json::parse(readFile(directory() / "texts.json")); }
  std::vector<std::string> texts() const { return golden().at("texts"); }
  Tensor expected() const { return readTensors(directory() / "expected.safetensors").at("sentence_embedding"); }
};

TEST_P(SentenceGoldens, Ids) {
  const Json ids = golden().at("ids");
  const std::vector<std::string> all = texts();
  for (size_t i = 0; i < all.size(); ++i) {
    const Json encoding = Json::parse(latheOutput({"tokenize", directory() / "model", "--json", "--text", all[i]}));
    ASSERT_EQ(encoding.size(), 1u) << encoding;
    EXPECT_EQ(encoding[0].at("ids"), ids[i]) << "text " << i << ": " << Json(all[i]);
  }
}

TEST_P(SentenceGoldens, EmbeddingsOfTexts) {
  const Json results = runTexts(compiled(directory() / "model"), texts());
  ASSERT_EQ(results.size(), texts().size());
  std::vector<float> values;
  for (const Json &result : results)
    for (const Json &number : result.at("embedding"))
      values.push_back(number);
  EXPECT_LE(relativeError(Tensor::of(expected().shape, values), expected()), kTolerance);
}

/// The golden ids as one right-padded batch, for the entry that takes tensors.
TEST_P(SentenceGoldens, EmbeddingsOfIds) {
  const std::vector<std::vector<int64_t>> rows = golden().at("ids");
  size_t longest = 0;
  for (const auto &row : rows)
    longest = std::max(longest, row.size());
  std::vector<int64_t> ids(rows.size() * longest), mask(rows.size() * longest);
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < rows[i].size(); ++j) {
      ids[i * longest + j] = rows[i][j];
      mask[i * longest + j] = 1;
    }
  const std::vector<int64_t> shape = {static_cast<int64_t>(rows.size()), static_cast<int64_t>(longest)};
  const Tensors inputs = {{"input_ids", Tensor::of(shape, ids)}, {"attention_mask", Tensor::of(shape, mask)}};
  const Arguments interpreted = {"--interpret", "--stage", "import"};
  EXPECT_LE(relativeError(runTensors(directory() / "model", inputs, interpreted).at("sentence_embedding"), expected()),
            2e-5);
  const Path artifact = compiled(directory() / "model");
  EXPECT_LE(relativeError(runTensors(artifact, inputs).at("sentence_embedding"), expected()), kTolerance);
}

std::vector<std::string> settings() {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(goldens() / "sentence-transformers"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Directories, SentenceGoldens, testing::ValuesIn(settings()), [](const auto &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(SentenceGoldenList, AllDirectoriesAreTested) { EXPECT_EQ(settings().size(), 7u); }

} // namespace
} // namespace lathe::test
