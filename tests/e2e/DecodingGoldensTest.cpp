// Writing against Transformers: tiny models of every family that writes, through lathe_api.generate and
// lathe_api.decode. tests/goldens/make_decoding_goldens.py says how the ids and logits were made, and why any other id
// than the stored one is a mistake.
#include "tests/e2e/DecodingRuns.h"

#include <cmath>

namespace lathe::test {
namespace {

const Json &stored() {
  static const Json cases = Json::parse(readFile(goldens() / "decoding" / "cases.json"));
  return cases.at("models");
}

std::string identifier(std::string name) {
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

// --- Runs of generate ------------------------------------------------------------------------------------------------

struct Run {
  std::string model;
  Json stored;
};
void PrintTo(const Run &run, std::ostream *stream) { *stream << run.model << " " << run.stored.at("name"); }

std::vector<Run> runs() {
  std::vector<Run> all;
  for (const Json &model : stored())
    for (const Json &run : model.at("runs"))
      all.push_back({model.at("model"), run});
  return all;
}

std::vector<Ids> padLeft(std::vector<Ids> texts, int32_t id) {
  size_t width = 0;
  for (const Ids &text : texts)
    width = std::max(width, text.size());
  for (Ids &text : texts)
    text.insert(text.begin(), width - text.size(), id);
  return texts;
}

class GeneratedGoldens : public testing::TestWithParam<Run> {
protected:
  static void expectTexts(const LoadedModel &model, const lathe_generate_options &options, const Ragged &prompts) {
    const Json &run = GetParam().stored;
    const std::vector<Ids> expected = run.at("texts");
    const size_t count = prompts.offsets.size() - 1;
    std::vector<lathe_generated> texts(expected.size());
    ASSERT_EQ(texts.size(), count * size_t(options.num_return_sequences));
    lathe_error error = {};
    ASSERT_EQ(model.api().generate(model.context(), prompts.ids.data(), prompts.offsets.data(),
                                   prompts.mask.empty() ? nullptr : prompts.mask.data(), count, &options, texts.data(),
                                   &error),
              LATHE_OK)
        << error.message;
    for (size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(Ids(texts[i].ids, texts[i].ids + texts[i].length), expected[i]) << "text " << i;
      const double score = run.contains("scores") ? run.at("scores").at(i).get<double>() : 0;
      EXPECT_NEAR(texts[i].score, score, 1e-3 * std::abs(score)) << "text " << i;
      model.api().free_generated(model.model(), &texts[i]);
    }
    EXPECT_EQ(model.api().cache_memory(model.context()), 0u);
  }
};

TEST_P(GeneratedGoldens, AreWhatTransformersWrites) {
  const Json &run = GetParam().stored;
  const LoadedModel model(artifactOf(GetParam().model), "model");
  const Options options(model, run.at("options"));
  const std::vector<Ids> prompts = run.at("prompts");
  if (run.at("padding") != "counted")
    expectTexts(model, options.get(), Ragged(prompts));
  if (run.at("padding") != "none") {
    SCOPED_TRACE("padded");
    Ragged padded(padLeft(prompts, std::max(options.get().pad_id, 0)));
    for (const Ids &prompt : prompts) {
      padded.mask.resize(padded.mask.size() + padded.ids.size() / prompts.size() - prompt.size(), 0);
      padded.mask.resize(padded.mask.size() + prompt.size(), 1);
    }
    expectTexts(model, options.get(), padded);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GeneratedGoldens, testing::ValuesIn(runs()), [](const auto &info) {
  return identifier(info.param.model + "_" + info.param.stored.at("name").template get<std::string>());
});

// --- Logits of texts that are given ----------------------------------------------------------------------------------

/// A model's two texts, and the logits behind each one's prompt and behind every token that follows it.
struct Forced {
  std::string model;
  std::vector<Ids> texts;

  Tensor expected() const { return readTensors(goldens() / "decoding" / "forced.safetensors").at(model); }
  size_t promptLength(size_t text, size_t steps) const { return texts[text].size() - (steps - 1); }
};
void PrintTo(const Forced &forced, std::ostream *stream) { *stream << forced.model; }

std::vector<Forced> forcedTexts(const std::vector<std::string> &models = {}) {
  std::vector<Forced> all;
  for (const Json &model : stored())
    if (models.empty() || std::count(models.begin(), models.end(), model.at("model").get<std::string>()))
      all.push_back({model.at("model"), model.at("forced")});
  return all;
}

/// The prompts at once, and then a token of each text at a time: [texts, steps, vocabulary].
Tensor decoded(const LoadedModel &model, const Forced &forced, const std::vector<int64_t> &shape) {
  const size_t count = forced.texts.size(), steps = size_t(shape[1]), vocabulary = size_t(shape[2]);
  std::vector<float> all(count * steps * vocabulary), logits(count * vocabulary);
  std::vector<lathe_sequence *> sequences(count);
  lathe_error error = {};
  for (lathe_sequence *&sequence : sequences)
    EXPECT_EQ(model.api().sequence_create(model.context(), nullptr, 0, &sequence, &error), LATHE_OK) << error.message;
  for (size_t step = 0; step < steps; ++step) {
    std::vector<Ids> added;
    for (size_t i = 0; i < count; ++i) {
      const auto end = forced.texts[i].begin() + ptrdiff_t(forced.promptLength(i, steps) + step);
      added.emplace_back(step ? end - 1 : forced.texts[i].begin(), end);
    }
    const Ragged items(added);
    Ids rows;
    for (size_t i = 0; i < count; ++i)
      rows.push_back(items.offsets[i + 1] - 1);
    EXPECT_EQ(model.api().decode(model.context(), sequences.data(), count, items.ids.data(), items.offsets.data(),
                                 rows.data(), count, logits.data(), &error),
              LATHE_OK)
        << error.message;
    for (size_t i = 0; i < count; ++i)
      std::copy_n(logits.begin() + ptrdiff_t(i * vocabulary), vocabulary,
                  all.begin() + ptrdiff_t((i * steps + step) * vocabulary));
  }
  for (lathe_sequence *sequence : sequences)
    model.api().sequence_destroy(sequence);
  return Tensor::of(shape, all);
}

/// The same rows of the whole texts, by the entry that keeps nothing.
Tensor readAtOnce(const LoadedModel &model, const Forced &forced, const std::vector<int64_t> &shape) {
  const size_t steps = size_t(shape[1]), vocabulary = size_t(shape[2]);
  Ragged texts(forced.texts);
  std::vector<float> logits(texts.ids.size() * vocabulary), all;
  const lathe_tensor inputs[] = {{"input_ids", LATHE_I32, 1, {int64_t(texts.ids.size())}, texts.ids.data()},
                                 {"cu_seqlens", LATHE_I32, 1, {int64_t(texts.offsets.size())}, texts.offsets.data()}};
  const lathe_tensor output = {"logits", LATHE_F32, 2, {int64_t(texts.ids.size()), int64_t(vocabulary)}, logits.data()};
  lathe_error error = {};
  EXPECT_EQ(model.api().run(model.context(), nullptr, inputs, 2, &output, 1, &error), LATHE_OK) << error.message;
  for (size_t i = 0; i < forced.texts.size(); ++i) {
    const auto end = logits.begin() + ptrdiff_t(size_t(texts.offsets[i + 1]) * vocabulary);
    all.insert(all.end(), end - ptrdiff_t(steps * vocabulary), end);
  }
  return Tensor::of(shape, all);
}

class ForcedGoldens : public testing::TestWithParam<Forced> {};

TEST_P(ForcedGoldens, HaveTransformersLogits) {
  const LoadedModel model(artifactOf(GetParam().model), "model");
  const Tensor expected = GetParam().expected();
  ASSERT_EQ(model.api().vocabulary(model.model()), expected.shape[2]);
  const Tensor logits = decoded(model, GetParam(), expected.shape);
  EXPECT_LE(relativeError(logits, expected), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Families, ForcedGoldens, testing::ValuesIn(forcedTexts()),
                         [](const auto &info) { return identifier(info.param.model); });

/// A token's row is rounded in the same steps whether others are read with it or before it, so both give the same bits
/// where a kernel adds up in the same order; where it does not, one factor in some hundreds comes to the other side of
/// a tie. Keys or values that were rounded once more in the cache would be as far away as all the rest is.
using PrecisionAndTexts = std::tuple<std::string, Forced>;
class RoundedForcedGoldens : public testing::TestWithParam<PrecisionAndTexts> {};

TEST_P(RoundedForcedGoldens, LoseNoMoreThanWhenReadAtOnce) {
  const auto &[precision, forced] = GetParam();
  const LoadedModel model(artifactOf(forced.model, {"--precision", precision}), "model");
  const Tensor expected = forced.expected();
  const Tensor logits = decoded(model, forced, expected.shape), atOnce = readAtOnce(model, forced, expected.shape);
  const double loss = relativeError(atOnce, expected);
  EXPECT_GT(loss, 1e-3) << "nothing was rounded";
  EXPECT_LE(loss, precision == "bf16" ? 2.5e-2 : 5e-2); // twice what was measured
  EXPECT_LE(relativeError(logits, expected), 1.25 * loss);
  EXPECT_LE(relativeError(logits, atOnce), loss / 4);
}

INSTANTIATE_TEST_SUITE_P(
    Precisions, RoundedForcedGoldens,
    testing::Combine(testing::Values("bf16", "int8"),
                     testing::ValuesIn(forcedTexts({"gpt2/lm", "llama/lm", "bloom/lm", "gemma2/lm"}))),
    [](const auto &info) { return identifier(std::get<1>(info.param).model) + "_as_" + std::get<0>(info.param); });

} // namespace
} // namespace lathe::test
