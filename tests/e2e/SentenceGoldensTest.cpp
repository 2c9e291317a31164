// Tiny sentence-transformers directories against the library: ids and embeddings of texts that are easy to get wrong.
// tests/goldens/make_sentence_goldens.py says how the numbers were made.
#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <cmath>

namespace lathe::test {
namespace {

constexpr double kTolerance = 1e-4;

class SentenceGoldens : public testing::TestWithParam<std::string> {
protected:
  Path directory() const { return goldens() / "sentence-transformers" / GetParam(); }
  Json golden() const { return Json::parse(readFile(directory() / "texts.json")); }
  std::vector<std::string> texts() const { return golden().at("texts"); }
  Tensor expected(const std::string &name = "sentence_embedding") const {
    return readTensors(directory() / "expected.safetensors").at(name);
  }
};

Tensor embeddingsOf(const Json &results, const std::vector<int64_t> &shape) {
  EXPECT_EQ(results.size(), static_cast<size_t>(shape[0]));
  std::vector<float> values;
  for (const Json &result : results)
    for (const Json &number : result.at("embedding"))
      values.push_back(number);
  return Tensor::of(shape, values);
}

/// Rows of ids as one right-padded batch; with a mask of each row's first `promptTokens`, if any.
Tensors padded(const std::vector<std::vector<int64_t>> &rows, int64_t promptTokens = 0) {
  size_t longest = 0;
  for (const auto &row : rows)
    longest = std::max(longest, row.size());
  std::vector<int64_t> ids(rows.size() * longest), mask(ids), prompts(ids);
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t j = 0; j < rows[i].size(); ++j) {
      ids[i * longest + j] = rows[i][j];
      mask[i * longest + j] = 1;
      prompts[i * longest + j] = static_cast<int64_t>(j) < promptTokens;
    }
  const std::vector<int64_t> shape = {static_cast<int64_t>(rows.size()), static_cast<int64_t>(longest)};
  Tensors inputs = {{"input_ids", Tensor::of(shape, ids)}, {"attention_mask", Tensor::of(shape, mask)}};
  if (promptTokens)
    inputs["prompt_mask"] = Tensor::of(shape, prompts);
  return inputs;
}

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
  const Arguments unprompted = exists(directory() / "prompted.json") ? Arguments{"--prompt", ""} : Arguments{};
  const Json results = runTexts(compiled(directory() / "model"), texts(), unprompted);
  EXPECT_LE(relativeError(embeddingsOf(results, expected().shape), expected()), kTolerance);
}

/// The golden ids as one right-padded batch, for the entry that takes tensors.
TEST_P(SentenceGoldens, EmbeddingsOfIds) {
  const Tensors inputs = padded(golden().at("ids"));
  const Arguments interpreted = {"--interpret", "--stage", "import"};
  EXPECT_LE(relativeError(runTensors(directory() / "model", inputs, interpreted).at("sentence_embedding"), expected()),
            2e-5);
  const Path artifact = compiled(directory() / "model");
  EXPECT_LE(relativeError(runTensors(artifact, inputs).at("sentence_embedding"), expected()), kTolerance);
}

/// The same through kernels that keep padding.
TEST_P(SentenceGoldens, EmbeddingsOfIdsUnfused) {
  const Tensors inputs = padded(golden().at("ids"));
  const Path artifact = compiled(directory() / "model", {"--no-graph-passes"});
  EXPECT_LE(relativeError(runTensors(artifact, inputs).at("sentence_embedding"), expected()), kTolerance);
}

std::vector<std::string> settings() {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(goldens() / "sentence-transformers"))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<double> normalized(const std::vector<float> &vector) {
  double squares = 0;
  for (const float x : vector)
    squares += double(x) * x;
  std::vector<double> unit;
  for (const float x : vector)
    unit.push_back(x / std::sqrt(squares));
  return unit;
}

/// The library's cls is the first token that the mask leaves, wherever that stands.
TEST(ClsPooling, TakesTheFirstTokenThatThereIs) {
  const Path model = goldens() / "sentence-transformers" / "cls" / "model";
  const Tensors inputs = {{"input_ids", Tensor::of({1, 5}, std::vector<int64_t>{0, 0, 7, 8, 9})},
                          {"attention_mask", Tensor::of({1, 5}, std::vector<int64_t>{0, 0, 1, 0, 1})}};
  const std::vector<float> states =
      runTensors(compiled(model, {"--task", "base"}), inputs).at("last_hidden_state").floats();
  const size_t width = states.size() / 5;
  const std::vector<double> first = normalized({states.begin() + 2 * width, states.begin() + 3 * width});
  for (const Arguments &flags : {Arguments{}, {"--no-graph-passes"}}) {
    const std::vector<double> embedding =
        normalized(runTensors(compiled(model, flags), inputs).at("sentence_embedding").floats());
    for (size_t i = 0; i < width; ++i)
      EXPECT_NEAR(embedding[i], first[i], 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Directories, SentenceGoldens, testing::ValuesIn(settings()), [](const auto &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(SentenceGoldenList, AllDirectoriesAreTested) { EXPECT_EQ(settings().size(), 13u); }

//===----------------------------------------------------------------------===//
// Prompts
//===----------------------------------------------------------------------===//

/// A directory with prompts, and whether it pools their tokens.
class PromptGoldens : public SentenceGoldens {
protected:
  Path model() const { return directory() / "model"; }
  bool poolsPrompts() const {
    return Json::parse(readFile(model() / "1_Pooling/config.json")).value("include_prompt", true);
  }
  std::vector<Json> cases() const { return Json::parse(readFile(directory() / "prompted.json")); }
};

TEST_P(PromptGoldens, Texts) {
  for (const Json &golden : cases()) {
    SCOPED_TRACE(golden.at("tensor"));
    Arguments flags;
    if (golden.contains("prompt"))
      flags = {"--prompt", golden.at("prompt")};
    if (golden.contains("prompt_name"))
      flags = {"--prompt-name", golden.at("prompt_name")};
    const Tensor embeddings = expected(golden.at("tensor"));
    EXPECT_LE(relativeError(embeddingsOf(runTexts(compiled(model()), texts(), flags), embeddings.shape), embeddings),
              kTolerance);
  }
}

TEST_P(PromptGoldens, Ids) {
  for (const Json &golden : cases()) {
    SCOPED_TRACE(golden.at("tensor"));
    const Tensor embeddings = expected(golden.at("tensor"));
    const Tensors inputs = padded(golden.at("ids"), poolsPrompts() ? 0 : int64_t(golden.at("prompt_tokens")));
    for (const Path &artifact : {compiled(model()), compiled(model(), {"--no-graph-passes"})})
      EXPECT_LE(relativeError(runTensors(artifact, inputs).at("sentence_embedding"), embeddings), kTolerance);
    const Tensors interpreted = runTensors(model(), inputs, {"--interpret", "--stage", "import"});
    EXPECT_LE(relativeError(interpreted.at("sentence_embedding"), embeddings), 2e-5);
  }
}

/// Through the ABI, as an app embeds texts.
TEST_P(PromptGoldens, Apps) {
  const LoadedModel loaded(compiled(model()), "model", 1);
  const lathe_api &api = loaded.api();
  const std::vector<std::string> all = texts();
  std::vector<const char *> pointers;
  for (const std::string &text : all)
    pointers.push_back(text.c_str());
  for (const Json &golden : cases()) {
    SCOPED_TRACE(golden.at("tensor"));
    const std::string name = golden.value("prompt_name", ""), text = golden.value("prompt", "");
    lathe_embed_options options = {};
    options.size = sizeof options;
    options.prompt_name = golden.contains("prompt_name") ? name.c_str() : nullptr;
    options.prompt = golden.contains("prompt") ? text.c_str() : nullptr;
    const Tensor embeddings = expected(golden.at("tensor"));
    std::vector<float> values(embeddings.floats().size());
    lathe_error error = {};
    ASSERT_EQ(api.embed_text_with(loaded.context(), pointers.data(), all.size(), &options, values.data(), &error),
              LATHE_OK)
        << error.message;
    EXPECT_LE(relativeError(Tensor::of(embeddings.shape, values), embeddings), kTolerance);
    if (!golden.contains("prompt_name") && !golden.contains("prompt")) {
      std::vector<float> plain(values.size());
      ASSERT_EQ(api.embed_text(loaded.context(), pointers.data(), all.size(), plain.data(), &error), LATHE_OK);
      EXPECT_EQ(plain, values) << "the default prompt stands before what embed_text embeds";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Directories, PromptGoldens, testing::Values("prompts", "prompts-not-pooled"),
                         [](const auto &info) { return info.param == "prompts" ? "pooled" : "not_pooled"; });

TEST(Prompts, AreListed) {
  const LoadedModel loaded(compiled(goldens() / "sentence-transformers/prompts/model"), "model", 1);
  const lathe_prompt *prompts = nullptr;
  ASSERT_EQ(loaded.api().prompts(&prompts), 4u);
  EXPECT_EQ(loaded.api().prompts(nullptr), 4u);
  EXPECT_STREQ(prompts[2].name, "passage"); // they are sorted
  EXPECT_STREQ(prompts[2].text, "That ");
  EXPECT_EQ(prompts[2].is_default, 0);
  EXPECT_STREQ(prompts[3].name, "query");
  EXPECT_STREQ(prompts[3].text, "long query: ");
  EXPECT_EQ(prompts[3].is_default, 1);
}

TEST(Prompts, MistakesAreNamed) {
  const Path artifact = compiled(goldens() / "sentence-transformers/prompts/model");
  expectRefusal(1, {"run", artifact, "--text", "a", "--prompt-name", "quary"}, {"quary", "long, none, passage, query"});
  expectRefusal(1,
                {"run", compiled(goldens() / "sentence-transformers/mean/model"), "--text", "a", "--prompt-name", "q"},
                {"'q'", "none"});
  expectRefusal(2, {"run", artifact, "--text", "a", "--prompt-name", "query", "--prompt", "b"}, {"not both"});
  expectRefusal(2, {"run", artifact, "--text", "a", "--prompt"}, {"--prompt needs a value"});
  expectRefusal(1, {"run", compiled(goldens() / "bert/base-odd/model"), "--text", "a", "--prompt", "b"},
                {"--prompt", "base"});
}

} // namespace
} // namespace lathe::test
