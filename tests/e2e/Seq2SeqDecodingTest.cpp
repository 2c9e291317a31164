// Writing from what an encoder has read, against Transformers: tiny models through lathe_api.generate, and encode with
// decode. tests/goldens/make_seq2seq_decoding_goldens.py says how the ids and logits were made.
#include "tests/e2e/DecodingRuns.h"

#include <cmath>

namespace lathe::test {
namespace {

const Json &stored() {
  static const Json cases = Json::parse(readFile(goldens() / "seq2seq-decoding" / "cases.json"));
  return cases.at("models");
}

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

/// All as long as the longest, with what is padding masked.
Ragged padded(const std::vector<Ids> &texts, bool left) {
  size_t width = 0;
  for (const Ids &text : texts)
    width = std::max(width, text.size());
  std::vector<Ids> wide = texts;
  for (Ids &text : wide)
    text.insert(left ? text.begin() : text.end(), width - text.size(), 1);
  Ragged result(wide);
  for (const Ids &text : texts) {
    const size_t missing = width - text.size();
    result.mask.insert(result.mask.end(), left ? missing : text.size(), !left);
    result.mask.insert(result.mask.end(), left ? text.size() : missing, left);
  }
  return result;
}

class Seq2SeqGenerated : public testing::TestWithParam<Run> {
protected:
  static void expectTexts(const LoadedModel &model, const lathe_generate_options &options, const Ragged &sources) {
    const Json &run = GetParam().stored;
    const std::vector<Ids> expected = run.at("texts");
    const size_t count = sources.offsets.size() - 1;
    std::vector<lathe_generated> texts(expected.size());
    ASSERT_EQ(texts.size(), count * size_t(options.num_return_sequences));
    lathe_error error = {};
    ASSERT_EQ(model.api().generate(model.context(), sources.ids.data(), sources.offsets.data(),
                                   sources.mask.empty() ? nullptr : sources.mask.data(), count, &options, texts.data(),
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

TEST_P(Seq2SeqGenerated, AreWhatTransformersWrites) {
  const Json &run = GetParam().stored;
  const LoadedModel model(artifactOf(GetParam().model), "model");
  const Options given(model, run.at("options"));
  lathe_generate_options options = given.get();
  const Ragged beginnings(run.contains("decoder_ids") ? run.at("decoder_ids").get<std::vector<Ids>>()
                                                      : std::vector<Ids>());
  if (run.contains("decoder_ids")) {
    options.decoder_ids = beginnings.ids.data();
    options.decoder_cu_seqlens = beginnings.offsets.data();
  }
  const std::vector<Ids> sources = run.at("sources");
  expectTexts(model, options, Ragged(sources));
  expectTexts(model, options, padded(sources, /*left=*/false));
  if (run.at("left")) // else their positions are others
    expectTexts(model, options, padded(sources, /*left=*/true));
}

INSTANTIATE_TEST_SUITE_P(Families, Seq2SeqGenerated, testing::ValuesIn(runs()), [](const auto &info) {
  return identifier(info.param.model + "_" + info.param.stored.at("name").template get<std::string>());
});

// --- Logits of texts that are given ----------------------------------------------------------------------------------

struct Forced {
  std::string model;
  std::vector<Ids> sources, texts;

  Tensor expected() const { return readTensors(goldens() / "seq2seq-decoding" / "forced.safetensors").at(model); }
};
void PrintTo(const Forced &forced, std::ostream *stream) { *stream << forced.model; }

std::vector<Forced> forcedTexts() {
  std::vector<Forced> all;
  for (const Json &model : stored())
    all.push_back({model.at("model"), model.at("forced").at("sources"), model.at("forced").at("texts")});
  return all;
}

/// A token of each text at a time: [texts, steps, vocabulary].
Tensor decoded(const LoadedModel &model, const Forced &forced, const std::vector<int64_t> &shape) {
  const size_t count = forced.texts.size(), steps = size_t(shape[1]), vocabulary = size_t(shape[2]);
  std::vector<float> all(count * steps * vocabulary), logits(count * vocabulary);
  std::vector<lathe_sequence *> sequences(count);
  const Ragged sources(forced.sources);
  lathe_error error = {};
  lathe_generate_options defaults = {};
  EXPECT_EQ(model.api().generate_defaults(model.model(), &defaults, &error), LATHE_OK) << error.message;
  EXPECT_EQ(model.api().encode(model.context(), sources.ids.data(), sources.offsets.data(), nullptr, count,
                               sequences.data(), &error),
            LATHE_OK)
      << error.message;
  for (size_t step = 0; step < steps; ++step) {
    Ids ids, offsets = {0}, rows;
    for (size_t i = 0; i < count; ++i) {
      ids.push_back(step ? forced.texts[i][step - 1] : defaults.decoder_start_id);
      offsets.push_back(int32_t(i + 1));
      rows.push_back(int32_t(i));
    }
    EXPECT_EQ(model.api().decode(model.context(), sequences.data(), count, ids.data(), offsets.data(), rows.data(),
                                 count, logits.data(), &error),
              LATHE_OK)
        << error.message;
    for (size_t i = 0; i < count; ++i)
      std::copy_n(logits.begin() + ptrdiff_t(i * vocabulary), vocabulary,
                  all.begin() + ptrdiff_t((i * steps + step) * vocabulary));
  }
  for (lathe_sequence *sequence : sequences)
    model.api().sequence_destroy(sequence);
  EXPECT_EQ(model.api().cache_memory(model.context()), 0u);
  return Tensor::of(shape, all);
}

class Seq2SeqForced : public testing::TestWithParam<Forced> {};

TEST_P(Seq2SeqForced, HaveTransformersLogits) {
  const LoadedModel model(artifactOf(GetParam().model), "model");
  const Tensor expected = GetParam().expected();
  EXPECT_LE(relativeError(decoded(model, GetParam(), expected.shape), expected), 1e-4);
}

/// In a precision the loss is that of whole texts read at once: nothing is rounded once more on its way to pages.
TEST_P(Seq2SeqForced, LoseLittleInBf16) {
  const LoadedModel model(artifactOf(GetParam().model, {"--precision", "bf16"}), "model");
  const Tensor expected = GetParam().expected();
  const double loss = relativeError(decoded(model, GetParam(), expected.shape), expected);
  EXPECT_GT(loss, 1e-4) << "nothing was rounded";
  EXPECT_LE(loss, 5e-2);
}

INSTANTIATE_TEST_SUITE_P(Families, Seq2SeqForced, testing::ValuesIn(forcedTexts()),
                         [](const auto &info) { return identifier(info.param.model); });

// --- Sources
// ----------------------------------------------------------------------------------------------------------

TEST(Sources, AreSharedByTheSequencesThatGoOnFromThem) {
  const LoadedModel model(artifactOf("bart/lm"), "model");
  const lathe_api &api = model.api();
  lathe_error error = {};
  const Ids ids = {5, 6, 7, 8, 9}, offsets = {0, 5};
  lathe_sequence *first = nullptr, *second = nullptr;
  ASSERT_EQ(api.encode(model.context(), ids.data(), offsets.data(), nullptr, 1, &first, &error), LATHE_OK);
  const size_t alone = api.cache_memory(model.context());
  EXPECT_GT(alone, 0u);
  ASSERT_EQ(api.sequence_create(model.context(), first, 0, &second, &error), LATHE_OK) << error.message;
  EXPECT_EQ(api.cache_memory(model.context()), alone);
  api.sequence_destroy(first);
  EXPECT_EQ(api.cache_memory(model.context()), alone);
  api.sequence_destroy(second);
  EXPECT_EQ(api.cache_memory(model.context()), 0u);
}

TEST(Sources, AreReadInPartsThatKeepWithinTheBudget) {
  const LoadedModel model(artifactOf("bart/lm"), "model");
  const lathe_api &api = model.api();
  lathe_error error = {};
  lathe_context_options options = {};
  options.size = sizeof options;
  options.max_tokens = 7;
  lathe_context *small = nullptr;
  ASSERT_EQ(api.context_create(model.model(), &options, &small, &error), LATHE_OK) << error.message;
  const Ids ids = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, offsets = {0, 5, 9, 12}, begins = {0, 1, 2, 3},
            rows = {0, 1, 2}, starts = {2, 2, 2};
  const size_t vocabulary = size_t(api.vocabulary(model.model()));
  std::vector<float> together(3 * vocabulary), inParts(3 * vocabulary);
  for (auto [context, logits] : {std::pair(model.context(), &together), {small, &inParts}}) {
    std::vector<lathe_sequence *> sequences(3);
    ASSERT_EQ(api.encode(context, ids.data(), offsets.data(), nullptr, 3, sequences.data(), &error), LATHE_OK)
        << error.message;
    ASSERT_EQ(
        api.decode(context, sequences.data(), 3, starts.data(), begins.data(), rows.data(), 3, logits->data(), &error),
        LATHE_OK)
        << error.message;
    for (lathe_sequence *sequence : sequences)
      api.sequence_destroy(sequence);
  }
  EXPECT_EQ(together, inParts);
  const Ids longOffsets = {0, 8};
  lathe_sequence *sequence = nullptr;
  EXPECT_EQ(api.encode(small, ids.data(), longOffsets.data(), nullptr, 1, &sequence, &error), LATHE_OVER_BUDGET);
  EXPECT_EQ(sequence, nullptr);
  api.context_destroy(small);
}

TEST(Sources, ErrorsSayWhatIsWrong) {
  const LoadedModel model(artifactOf("bart/lm"), "model"), decoder(artifactOf("gpt2/lm"), "model");
  lathe_error error = {};
  lathe_sequence *sequence = nullptr;
  const Ids ids = {5, 6, 97}, offsets = {0, 3}, none = {0, 0};
  const std::vector<uint8_t> mask = {0, 0, 0};
  EXPECT_EQ(model.api().encode(model.context(), ids.data(), offsets.data(), nullptr, 1, &sequence, &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "ids: 97 at index 2; accepted: 0 to 96");
  EXPECT_EQ(model.api().encode(model.context(), ids.data(), none.data(), nullptr, 1, &sequence, &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "text 0 has no tokens to be read; it must have one at least");
  EXPECT_EQ(model.api().encode(model.context(), ids.data(), offsets.data(), mask.data(), 1, &sequence, &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(model.api().sequence_create(model.context(), nullptr, 0, &sequence, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "model writes from what its encoder has read; encode begins sequences, others begin with "
                              "one of them");
  EXPECT_EQ(decoder.api().encode(decoder.context(), ids.data(), offsets.data(), nullptr, 1, &sequence, &error),
            LATHE_UNAVAILABLE);
  EXPECT_STREQ(error.message, "model has no encoder beside its decoder; sequence_create begins a text");
}

} // namespace
} // namespace lathe::test
