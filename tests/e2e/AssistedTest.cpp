// Writing with a second model that guesses: greedy texts are those that Transformers writes with the first one alone,
// whatever is guessed.
#include "tests/e2e/DecodingRuns.h"

#include <cmath>

namespace lathe::test {
namespace {

/// Which golden's model is assisted by which.
struct Pair {
  std::string goldens, model, assistant;
};
void PrintTo(const Pair &pair, std::ostream *stream) { *stream << pair.model << " with " << pair.assistant; }

std::vector<Json> greedyRuns(const Pair &pair) {
  const Json cases = Json::parse(readFile(goldens() / pair.goldens / "cases.json"));
  std::vector<Json> runs;
  for (const Json &model : cases.at("models"))
    for (const Json &run : model.at("runs"))
      if (model.at("model") == pair.model && run.at("options").value("num_beams", 1) == 1 &&
          run.value("padding", "") != "counted")
        runs.push_back(run);
  return runs;
}

lathe_assistant assistantOf(const LoadedModel &model) {
  return {sizeof(lathe_assistant), &model.api(), model.context(), 0, 0, 0, 0};
}

lathe_status write(const LoadedModel &model, const Json &run, lathe_generate_options options, std::vector<Ids> &texts,
                   lathe_error &error) {
  const Ragged prompts(run.at(run.contains("sources") ? "sources" : "prompts").get<std::vector<Ids>>());
  const Ragged beginnings(run.value("decoder_ids", std::vector<Ids>()));
  if (run.contains("decoder_ids")) {
    options.decoder_ids = beginnings.ids.data();
    options.decoder_cu_seqlens = beginnings.offsets.data();
  }
  const size_t count = prompts.offsets.size() - 1;
  std::vector<lathe_generated> written(count);
  const lathe_status status = model.api().generate(model.context(), prompts.ids.data(), prompts.offsets.data(), nullptr,
                                                   count, &options, written.data(), &error);
  texts.clear();
  for (lathe_generated &text : written)
    if (!status) {
      texts.emplace_back(text.ids, text.ids + text.length);
      model.api().free_generated(model.model(), &text);
    }
  return status;
}

class Assisted : public testing::TestWithParam<Pair> {};

TEST_P(Assisted, GreedyTextsAreThoseWithout) {
  const LoadedModel model(artifactOf(GetParam().model), "model"), other(artifactOf(GetParam().assistant), "model");
  const std::vector<Json> runs = greedyRuns(GetParam());
  ASSERT_GE(runs.size(), 2u);
  lathe_assistant assistant = assistantOf(other);
  for (const Json &run : runs)
    for (const auto schedule :
         {LATHE_ASSISTANT_CONSTANT, LATHE_ASSISTANT_HEURISTIC, LATHE_ASSISTANT_HEURISTIC_TRANSIENT})
      for (const double threshold : {0.0, 0.4}) {
        SCOPED_TRACE(run.at("name").get<std::string>() + " " + std::to_string(schedule));
        const Options given(model, run.at("options"));
        lathe_generate_options options = given.get();
        options.assistant = &assistant;
        options.num_assistant_tokens = 5;
        options.num_assistant_tokens_schedule = schedule;
        options.assistant_confidence_threshold = threshold;
        std::vector<Ids> texts;
        lathe_error error = {};
        ASSERT_EQ(write(model, run, options, texts, error), LATHE_OK) << error.message;
        EXPECT_EQ(texts, run.at("texts").get<std::vector<Ids>>());
        EXPECT_EQ(model.api().cache_memory(model.context()), 0u);
        EXPECT_EQ(other.api().cache_memory(other.context()), 0u);
      }
  EXPECT_GT(assistant.steps, 0);
  EXPECT_GE(assistant.guessed, assistant.steps);
  EXPECT_LE(assistant.accepted, assistant.guessed);
  EXPECT_GE(assistant.tokens, 1) << "what a heuristic schedule leaves for the next call";
}

INSTANTIATE_TEST_SUITE_P(Models, Assisted,
                         testing::Values(Pair{"decoding", "gpt2/lm", "gpt2/lm-untied"},
                                         Pair{"decoding", "llama/lm", "qwen2/lm"},
                                         Pair{"decoding", "gemma2/lm", "llama/lm"},
                                         Pair{"decoding", "opt/lm", "bloom/lm"},
                                         Pair{"seq2seq-decoding", "bart/lm", "bart/lm-untied"},
                                         Pair{"seq2seq-decoding", "t5/lm", "t5/lm-gated"}),
                         [](const auto &info) { return identifier(info.param.model); });

/// A model knows what it will write.
TEST(Assistants, ThatAreTheModelItselfAreAlwaysRight) {
  const LoadedModel model(artifactOf("llama/lm"), "model"), same(artifactOf("llama/lm"), "model");
  for (const int64_t tokens : {1, 3, 20}) {
    const Json run = {{"prompts", {{5, 6, 7}, {11}}}};
    const Options given(model, {{"max_new_tokens", 21}, {"eos_token_id", nullptr}});
    lathe_generate_options options = given.get();
    std::vector<Ids> alone, assisted;
    lathe_error error = {};
    ASSERT_EQ(write(model, run, options, alone, error), LATHE_OK) << error.message;
    lathe_assistant assistant = assistantOf(same);
    options.assistant = &assistant;
    options.num_assistant_tokens = tokens;
    options.assistant_confidence_threshold = 0;
    ASSERT_EQ(write(model, run, options, assisted, error), LATHE_OK) << error.message;
    EXPECT_EQ(assisted, alone);
    EXPECT_EQ(assistant.accepted, assistant.guessed);
    // Behind the first token come 20 for each text; a step gives one more than it has guesses.
    EXPECT_EQ(assistant.guessed + assistant.steps, 40);
    EXPECT_EQ(assistant.steps, tokens == 1 ? 20 : tokens == 3 ? 10 : 2);
  }
}

/// A context of a model with another budget than that of its own.
struct SmallContext {
  SmallContext(const LoadedModel &model, int64_t budget) : api(model.api()) {
    lathe_context_options options = {};
    options.size = sizeof options;
    options.max_tokens = budget;
    lathe_error error = {};
    EXPECT_EQ(api.context_create(model.model(), &options, &context, &error), LATHE_OK) << error.message;
  }
  ~SmallContext() { api.context_destroy(context); }

  const lathe_api &api;
  lathe_context *context = nullptr;
};

/// Texts that begin, and grow, beyond what an assistant has positions for, and prompts beyond its budget: it guesses
/// what it can.
TEST(Assistants, ThatCannotGoOnLeaveTheRestToTheModel) {
  const auto expectTextsWithout = [](const std::string &name, const std::string &assisting, const Json &run,
                                     int64_t budget) {
    SCOPED_TRACE(name + " with " + assisting + " and a budget of " + std::to_string(budget));
    const LoadedModel model(artifactOf(name), "model"), other(artifactOf(assisting), "model");
    const SmallContext small(other, budget);
    const Options given(model, {{"max_new_tokens", 30}, {"eos_token_id", nullptr}});
    lathe_generate_options options = given.get();
    std::vector<Ids> alone, assisted;
    lathe_error error = {};
    EXPECT_EQ(write(model, run, options, alone, error), LATHE_OK) << error.message;
    lathe_assistant assistant = {sizeof(lathe_assistant), &other.api(), small.context, 4, 0, 0, 0};
    options.assistant = &assistant;
    options.assistant_confidence_threshold = 0;
    EXPECT_EQ(write(model, run, options, assisted, error), LATHE_OK) << error.message;
    EXPECT_EQ(assisted, alone);
    EXPECT_EQ(other.api().cache_memory(small.context), 0u);
    return assistant;
  };
  const Json within = {{"prompts", {Ids(20, 7)}}}, crosses = {{"prompts", {Ids(50, 7)}}},
             beyond = {{"prompts", {Ids(70, 7)}}}, both = {{"prompts", {Ids(70, 7), Ids(20, 7)}}};
  const int64_t steps = expectTextsWithout("llama/lm-prefix", "opt/lm", within, 0).steps;
  EXPECT_GT(steps, 0);
  const lathe_assistant crossing = expectTextsWithout("llama/lm-prefix", "opt/lm", crosses, 0);
  EXPECT_GT(crossing.steps, 0);
  EXPECT_LT(crossing.guessed, 4 * 14 + 4);
  EXPECT_EQ(expectTextsWithout("llama/lm-prefix", "opt/lm", beyond, 0).steps, 0);
  EXPECT_EQ(expectTextsWithout("llama/lm-prefix", "opt/lm", both, 0).steps, steps);
  EXPECT_EQ(expectTextsWithout("llama/lm-prefix", "opt/lm", within, 6).steps, steps) << "it reads the prompt in parts";
  EXPECT_EQ(expectTextsWithout("llama/lm-prefix", "opt/lm", within, 1).steps, steps);
  const Json sources = {{"sources", {Ids(70, 7), Ids(20, 7)}}};
  EXPECT_GT(expectTextsWithout("t5/lm", "bart/lm", sources, 0).steps, 0);
  EXPECT_EQ(expectTextsWithout("t5/lm", "bart/lm", sources, 16).steps, 0) << "an encoder reads a text at once";
}

/// In the place of an assistant's logits, numbers that are none: its guesses are its own affair.
TEST(Assistants, WhoseLogitsAreNoneGuessNothing) {
  const LoadedModel model(artifactOf("llama/lm"), "model"), other(artifactOf("qwen2/lm"), "model");
  static lathe_api api;
  api = other.api();
  static const lathe_api *own;
  own = &other.api();
  api.decode = [](lathe_context *context, lathe_sequence *const *sequences, size_t n, const int32_t *ids,
                  const int32_t *offsets, const int32_t *rows, size_t rowCount, float *logits, lathe_error *error) {
    const lathe_status status = own->decode(context, sequences, n, ids, offsets, rows, rowCount, logits, error);
    for (size_t i = 0; !status && i < rowCount; ++i)
      logits[i * 97] = NAN;
    return status;
  };
  const Json run = {{"prompts", {{5, 6, 7}}}};
  const Options given(model, {{"max_new_tokens", 8}, {"eos_token_id", nullptr}});
  lathe_generate_options options = given.get();
  std::vector<Ids> alone, assisted;
  lathe_error error = {};
  ASSERT_EQ(write(model, run, options, alone, error), LATHE_OK) << error.message;
  lathe_assistant assistant = {sizeof(lathe_assistant), &api, other.context(), 4, 0, 0, 0};
  options.assistant = &assistant;
  ASSERT_EQ(write(model, run, options, assisted, error), LATHE_OK) << error.message;
  EXPECT_EQ(assisted, alone);
  EXPECT_EQ(assistant.guessed, 0);
}

TEST(Assistants, DrawsAreTheSameTwice) {
  const LoadedModel model(artifactOf("llama/lm"), "model"), other(artifactOf("qwen2/lm"), "model");
  const Json run = {{"prompts", {{5, 6, 7}}}};
  const Options given(model, {{"max_new_tokens", 20}, {"eos_token_id", nullptr}});
  lathe_generate_options options = given.get();
  lathe_assistant assistant = assistantOf(other);
  options.assistant = &assistant;
  options.do_sample = 1;
  options.seed = 7;
  options.assistant_confidence_threshold = 0;
  std::vector<Ids> first, second, another;
  lathe_error error = {};
  ASSERT_EQ(write(model, run, options, first, error), LATHE_OK) << error.message;
  ASSERT_EQ(write(model, run, options, second, error), LATHE_OK) << error.message;
  options.seed = 8;
  ASSERT_EQ(write(model, run, options, another, error), LATHE_OK) << error.message;
  EXPECT_EQ(first, second);
  EXPECT_NE(first, another);
  EXPECT_LT(assistant.accepted, assistant.guessed);
}

TEST(Assistants, ThatCannotAssistAreRefused) {
  const LoadedModel model(artifactOf("llama/lm"), "model"), other(artifactOf("qwen2/lm"), "model"),
      smaller(artifactOf("starcoder2/lm-defaults"), "model"), translator(artifactOf("t5/lm"), "model");
  const Json run = {{"prompts", {{5, 6, 7}}}};
  auto refused = [&](const LoadedModel &assisting, auto change, const std::string &message) {
    const Options given(model, {{"max_new_tokens", 5}});
    lathe_generate_options options = given.get();
    lathe_assistant assistant = assistantOf(assisting);
    options.assistant = &assistant;
    change(options, assistant);
    std::vector<Ids> texts;
    lathe_error error = {};
    EXPECT_NE(write(model, run, options, texts, error), LATHE_OK) << message;
    EXPECT_NE(std::string(error.message).find(message), std::string::npos) << error.message << "\nhas not: " << message;
    EXPECT_EQ(model.api().cache_memory(model.context()), 0u);
  };
  const auto nothing = [](auto &, auto &) {};
  refused(smaller, nothing, "has a vocabulary of 31 ids; accepted is that of the model, of 97");
  refused(translator, nothing, "the assistant, model: model writes from what its encoder has read");
  refused(other, [](auto &o, auto &) { o.num_beams = 2; }, "an assistant with num_beams 2; accepted is 1");
  refused(
      other, [](auto &o, auto &) { o.do_sample = 1, o.num_return_sequences = 2; },
      "an assistant with num_return_sequences 2");
  refused(other, [](auto &o, auto &) { o.num_assistant_tokens = 0; }, "num_assistant_tokens is 0");
  refused(
      other, [](auto &o, auto &) { o.assistant_confidence_threshold = 1.5; }, "threshold is 1.5; accepted is 0 to 1");
  refused(
      other, [](auto &o, auto &) { o.num_assistant_tokens_schedule = lathe_assistant_schedule(3); },
      "num_assistant_tokens_schedule is 3");
  refused(other, [](auto &, auto &a) { a.size = 8; }, "lathe_assistant: size is 8");
  refused(other, [](auto &, auto &a) { a.context = nullptr; }, "assistant: context is NULL");
  refused(other, [&](auto &, auto &a) { a.context = model.context(); }, "the assistant, model: the context is in use");
}

} // namespace
} // namespace lathe::test
