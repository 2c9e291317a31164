// Options and models that make no sense are refused with a message that says what was found and what is accepted.
#include "tests/unit/generate/Writing.h"

#include <cmath>
#include <limits>

using namespace lathe;
using namespace lathe::test;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

void flat(const int32_t *, int64_t, float *row) {
  for (int i = 0; i < 10; ++i)
    row[i] = float(i) / 8;
}

/// Expects a vocabulary of 10 with a prompt of 2 to be refused, by the check and by what begins a text.
void refused(const std::function<void(lathe_generate_options &)> &set, const char *message) {
  lathe_generate_options options = defaults();
  set(options);
  lathe_error error = {};
  EXPECT_EQ(checkGenerateOptions(options, 10, 2, &error), LATHE_INVALID_ARGUMENT) << message;
  EXPECT_TRUE(strstr(error.message, message)) << error.message << "\nhas not: " << message;
  Text text;
  std::vector<Text> texts;
  EXPECT_EQ(writeOne(flat, {1, 2}, options, 10, 0, text, error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(writeWithBeams(flat, {1, 2}, options, 10, 0, texts, error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(texts.empty());
}

TEST(GenerateOptions, DefaultsAreThoseOfTransformersAndAccepted) {
  const lathe_generate_options options = defaults();
  EXPECT_EQ(options.size, sizeof options);
  EXPECT_EQ(options.max_length, 20);
  EXPECT_EQ(options.num_beams, 1);
  EXPECT_EQ(options.top_k, 50);
  EXPECT_EQ(options.length_penalty, 1);
  lathe_error error = {};
  EXPECT_EQ(checkGenerateOptions(options, 10, 2, &error), LATHE_OK) << error.message;
}

TEST(GenerateOptions, LengthsAreRefused) {
  refused([](auto &o) { o.max_new_tokens = -1; }, "max_new_tokens is -1; accepted is 0 to 2147483647");
  refused([](auto &o) { o.max_length = 2; }, "max_length is 2, and the prompt has 2 tokens already");
  refused([](auto &o) { o.max_length = 0; }, "max_length is 0");
  refused([](auto &o) { o.max_new_tokens = INT32_MAX; }, "more than 2147483647");
  refused([](auto &o) { o.max_new_tokens = INT64_MAX; }, "max_new_tokens is 9223372036854775807");
  refused([](auto &o) { o.min_length = -3; }, "min_length is -3");
  refused([](auto &o) { o.no_repeat_ngram_size = -1; }, "no_repeat_ngram_size is -1");
}

TEST(GenerateOptions, BeamsAreRefused) {
  refused([](auto &o) { o.num_beams = 0; }, "num_beams is 0; accepted is 1 to 1024");
  refused([](auto &o) { o.num_beams = -4; }, "num_beams is -4");
  refused([](auto &o) { o.num_beams = INT32_MAX; }, "num_beams is 2147483647");
  refused([](auto &o) { o.num_beam_groups = 0; }, "num_beam_groups is 0; accepted is what divides num_beams, 1");
  refused([](auto &o) { o.num_beams = 4, o.num_beam_groups = 3; }, "num_beam_groups is 3; accepted is what divides");
  refused([](auto &o) { o.num_beams = 4, o.num_beam_groups = 2; }, "diversity_penalty is 0 with 2 groups");
  refused([](auto &o) { o.num_beams = 4, o.diversity_penalty = 1; }, "set num_beam_groups");
  refused([](auto &o) { o.num_beams = 4, o.num_beam_groups = 2, o.diversity_penalty = nan; }, "diversity_penalty is ");
  refused([](auto &o) { o.num_beams = 4, o.num_beam_groups = 2, o.diversity_penalty = 1, o.do_sample = 1; },
          "do_sample is 1 with 2 groups");
  refused([](auto &o) { o.num_return_sequences = 0; }, "num_return_sequences is 0");
  refused([](auto &o) { o.num_return_sequences = 2; }, "num_return_sequences is 2 where nothing is drawn");
  refused([](auto &o) { o.num_beams = 2, o.num_return_sequences = 3; }, "accepted is up to num_beams, 2");
  refused([](auto &o) { o.num_beams = 2, o.length_penalty = inf; }, "length_penalty is inf");
  refused([](auto &o) { o.early_stopping = lathe_early_stopping(3); }, "early_stopping is 3");
}

TEST(GenerateOptions, DrawsAreRefused) {
  auto drawn = [](auto set) {
    return [set](lathe_generate_options &o) {
      o.do_sample = 1;
      set(o);
    };
  };
  refused([](auto &o) { o.do_sample = 2; }, "do_sample is 2; accepted is 0 or 1");
  for (double temperature : {0.0, -1.0, nan, inf, 1e-60})
    refused(drawn([=](auto &o) { o.temperature = temperature; }), "accepted is more than 0");
  refused(drawn([](auto &o) { o.top_k = -1; }), "top_k is -1");
  for (double share : {-0.1, 1.1, nan}) {
    refused(drawn([=](auto &o) { o.top_p = share; }), "top_p is ");
    refused(drawn([=](auto &o) { o.min_p = share; }), "min_p is ");
    refused(drawn([=](auto &o) { o.typical_p = share; }), "typical_p is ");
  }
  refused(drawn([](auto &o) { o.typical_p = 0; }), "typical_p is 0");
  for (double share : {-0.1, 1.0, nan}) {
    refused(drawn([=](auto &o) { o.epsilon_cutoff = share; }), "epsilon_cutoff is ");
    refused(drawn([=](auto &o) { o.eta_cutoff = share; }), "eta_cutoff is ");
  }
  lathe_generate_options unread = defaults(); // as files of models have it
  unread.temperature = 0;
  EXPECT_EQ(checkGenerateOptions(unread, 10, 2, nullptr), LATHE_OK);
}

TEST(GenerateOptions, PenaltiesAndIdsAreRefused) {
  for (double penalty : {0.0, -1.0, nan, inf})
    refused([=](auto &o) { o.repetition_penalty = penalty; }, "repetition_penalty is ");
  refused([](auto &o) { o.presence_penalty = nan; }, "presence_penalty is ");
  refused([](auto &o) { o.frequency_penalty = inf; }, "frequency_penalty is inf");
  refused([](auto &o) { o.forced_bos_id = 10; }, "forced_bos_id is 10; the vocabulary's ids are 0 to 9, and -1");
  refused([](auto &o) { o.forced_eos_id = -2; }, "forced_eos_id is -2");
  refused([](auto &o) { o.pad_id = -2; }, "pad_id is -2");
  static const int32_t ends[] = {3, 10};
  refused([](auto &o) { o.eos_ids = ends, o.n_eos_ids = 2; }, "an id of eos_ids is 10");
  refused([](auto &o) { o.n_eos_ids = 2; }, "eos_ids is NULL");
  refused([](auto &o) { o.n_bad_words = 1; }, "bad_words is NULL");
  static const lathe_ids empty = {ends, 0}, wrong = {ends, 2};
  refused([](auto &o) { o.bad_words = &empty, o.n_bad_words = 1; }, "bad_words[0] has no ids");
  refused([](auto &o) { o.bad_words = &wrong, o.n_bad_words = 1; }, "an id of bad_words is 10");
  refused([](auto &o) { o.suppress_tokens = wrong; }, "an id of suppress_tokens is 10");
  refused([](auto &o) { o.begin_suppress_tokens = wrong; }, "an id of begin_suppress_tokens is 10");
  refused([](auto &o) { o.suppress_tokens.length = 1; }, "an id of suppress_tokens has 1 ids, which are NULL");
  static const lathe_sequence_bias none = {ends, 0, 1}, other = {ends, 2, 1}, endless = {ends, 1, inf},
                                   great = {ends, 1, -2e30};
  refused([](auto &o) { o.n_sequence_bias = 1; }, "sequence_bias is NULL");
  refused([](auto &o) { o.sequence_bias = &none, o.n_sequence_bias = 1; }, "sequence_bias[0] has no ids");
  refused([](auto &o) { o.sequence_bias = &other, o.n_sequence_bias = 1; }, "an id of sequence_bias is 10");
  refused([](auto &o) { o.sequence_bias = &endless, o.n_sequence_bias = 1; }, "a bias of sequence_bias is inf");
  refused([](auto &o) { o.sequence_bias = &great, o.n_sequence_bias = 1; }, "is -2e+30; accepted is -1e30 to 1e30");
  for (double factor : {0.0, -1.0, nan, inf}) {
    refused([=](auto &o) { o.encoder_repetition_penalty = factor; }, "encoder_repetition_penalty is ");
    refused([=](auto &o) { o.decay_factor = factor; }, "decay_factor is ");
  }
  refused([](auto &o) { o.encoder_no_repeat_ngram_size = -1; }, "encoder_no_repeat_ngram_size is -1");
  refused([](auto &o) { o.decay_start = -1; }, "decay_start is -1");
  refused([](auto &o) { o.renormalize_logits = 2; }, "renormalize_logits is 2");
}

TEST(GenerateOptions, PromptsAndVocabulariesAreRefused) {
  lathe_generate_options options = defaults();
  lathe_error error = {};
  Text text;
  for (Ids prompt : {Ids{}, Ids{10}, Ids{3, -1}}) {
    EXPECT_EQ(writeOne(flat, prompt, options, 10, 0, text, error), LATHE_INVALID_ARGUMENT);
    EXPECT_TRUE(strstr(error.message, "prompt")) << error.message;
  }
  EXPECT_EQ(checkGenerateOptions(options, 0, 2, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(checkGenerateOptions(options, 1, 2, &error), LATHE_OK);
  EXPECT_EQ(writeOne([](const int32_t *, int64_t, float *row) { *row = 3; }, {0}, options, 1, 0, text, error),
            LATHE_OK);
  EXPECT_EQ(text.ids, Ids(20, 0));
  options.num_beams = 2;
  EXPECT_EQ(checkGenerateOptions(options, 1, 2, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "needs 2")) << error.message;
}

TEST(GenerateOptions, LogitsThatChooseNothingAreRefused) {
  const Logits none = [](const int32_t *, int64_t, float *row) { std::fill_n(row, 10, -INFINITY); };
  const Logits broken = [](const int32_t *, int64_t, float *row) { std::fill_n(row, 10, 0.0f), row[4] = NAN; };
  const Logits endless = [](const int32_t *, int64_t, float *row) { std::fill_n(row, 10, 0.0f), row[4] = INFINITY; };
  for (const Logits &model : {none, broken, endless})
    for (int32_t sample : {0, 1}) {
      lathe_generate_options options = defaults();
      options.do_sample = sample;
      lathe_error error = {};
      Text text;
      std::vector<Text> texts;
      EXPECT_EQ(writeOne(model, {1, 2}, options, 10, 0, text, error), LATHE_INVALID_ARGUMENT);
      EXPECT_TRUE(strstr(error.message, "token 2: ")) << error.message;
      options.num_beams = 3;
      EXPECT_EQ(writeWithBeams(model, {1, 2}, options, 10, 0, texts, error), LATHE_INVALID_ARGUMENT);
      EXPECT_TRUE(strstr(error.message, "token 2: ")) << error.message;
    }
}

TEST(GenerateOptions, TheLeastTemperatureChoosesTheBest) {
  for (double top_p : {1.0, 0.5})
    for (float offset : {0.0f, -50.0f}) {
      lathe_generate_options options = defaults();
      options.do_sample = 1;
      options.temperature = 1.2e-38;
      options.top_p = top_p;
      options.min_p = 0.1;
      options.typical_p = 0.9;
      lathe_error error = {};
      Text text;
      std::vector<Text> texts;
      const Logits model = [=](const int32_t *, int64_t, float *row) {
        flat(nullptr, 0, row);
        for (int i = 0; i < 10; ++i)
          row[i] += offset;
      };
      ASSERT_EQ(writeOne(model, {1, 2}, options, 10, 0, text, error), LATHE_OK) << error.message;
      EXPECT_EQ(text.ids[2], 9);
      options.num_beams = 3; // whose sums are out of range
      EXPECT_EQ(writeWithBeams(model, {1, 2}, options, 10, 0, texts, error), LATHE_INVALID_ARGUMENT);
    }
}

TEST(GenerateOptions, BanningEverythingIsRefused) {
  Ids all(10);
  std::vector<lathe_ids> words;
  for (int32_t i = 0; i < 10; ++i)
    all[size_t(i)] = i;
  for (const int32_t &id : all)
    words.push_back({&id, 1});
  for (int32_t beams : {1, 3})
    for (int32_t sample : {0, 1}) {
      lathe_generate_options options = defaults();
      options.num_beams = beams;
      options.do_sample = sample;
      options.bad_words = words.data();
      options.n_bad_words = words.size();
      lathe_error error = {};
      Text text;
      std::vector<Text> texts;
      EXPECT_EQ(beams == 1 ? writeOne(flat, {1, 2}, options, 10, 0, text, error)
                           : writeWithBeams(flat, {1, 2}, options, 10, 0, texts, error),
                LATHE_INVALID_ARGUMENT);
      EXPECT_TRUE(strstr(error.message, "token 2: ")) << error.message;
    }
}

} // namespace
