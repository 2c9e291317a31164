// Text through the ABI, over a tokenizer of the test's own: batching, budgets and errors, not tokenization.
#include "tests/unit/FakeProgram.h"

#include <gtest/gtest.h>
#include <random>

using namespace lathe;
using namespace lathe::test;

namespace {

const lathe_api &api = *lathe_runtime_api();

/// The embedding of a text of words of these lengths, by FakeTokenizer and tokenValue.
std::vector<float> expectedEmbedding(const std::vector<int64_t> &wordLengths) {
  std::vector<int64_t> ids = {1};
  for (int64_t length : wordLengths)
    ids.push_back(3 + length);
  if (ids.size() > 15)
    ids.resize(15); // the program's max_length is 16
  ids.push_back(2);
  std::vector<float> sum(width, 0);
  for (size_t c = 0; c < ids.size(); ++c)
    for (int64_t w = 0; w < width; ++w)
      sum[size_t(w)] += tokenValue(ids[c], int64_t(c % 2), int64_t(c), int64_t(c), w);
  return sum;
}

} // namespace

TEST(EmbedText, SameBitsInOneBatchAndInMany) {
  std::mt19937 random(3);
  std::vector<std::string> texts;
  std::vector<float> expected;
  for (int i = 0; i < 60; ++i) {
    std::vector<int64_t> lengths(random() % 20);
    std::string text;
    for (int64_t &length : lengths) {
      length = 1 + int64_t(random() % 9);
      text += std::string(size_t(length), 'x') + " ";
    }
    texts.push_back(text);
    std::vector<float> embedding = expectedEmbedding(lengths);
    expected.insert(expected.end(), embedding.begin(), embedding.end());
  }
  std::vector<const char *> pointers;
  for (const std::string &text : texts)
    pointers.push_back(text.c_str());
  for (int64_t budget : {0, 16, 40, 333}) {
    lathe_context_options options = FakeModel::contextOptions(2);
    options.max_tokens = budget;
    FakeModel fake(options);
    std::vector<float> got(expected.size(), NAN);
    lathe_error error = {};
    ASSERT_EQ(api.embed_text(fake.context, pointers.data(), pointers.size(), got.data(), &error), LATHE_OK)
        << error.message;
    EXPECT_EQ(got, expected) << "budget " << budget;
  }
}

TEST(EmbedText, NothingAndEmptyTexts) {
  FakeModel fake;
  EXPECT_EQ(api.embed_text(fake.context, nullptr, 0, nullptr, nullptr), LATHE_OK);
  const char *text = "";
  std::vector<float> got(width);
  EXPECT_EQ(api.embed_text(fake.context, &text, 1, got.data(), nullptr), LATHE_OK);
  EXPECT_EQ(got, expectedEmbedding({}));
}

TEST(EmbedText, ErrorsNameTheText) {
  lathe_context_options options = FakeModel::contextOptions(1);
  options.max_tokens = 4;
  FakeModel fake(options);
  std::vector<float> got(2 * width);
  lathe_error error = {};
  const char *tooLong[] = {"a", "a b c"};
  EXPECT_EQ(api.embed_text(fake.context, tooLong, 2, got.data(), &error), LATHE_OVER_BUDGET);
  EXPECT_TRUE(strstr(error.message, "text 1: it has 5 tokens")) << error.message;
  const char *malformed[] = {"a", "\xff"};
  EXPECT_EQ(api.embed_text(fake.context, malformed, 2, got.data(), &error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "text 1: byte 0xff")) << error.message;
  const char *missing[] = {"a", nullptr};
  EXPECT_EQ(api.embed_text(fake.context, missing, 2, got.data(), &error), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "text 1 is NULL")) << error.message;
  EXPECT_EQ(api.embed_text(fake.context, nullptr, 2, got.data(), &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.embed_text(fake.context, missing, 1, nullptr, &error), LATHE_INVALID_ARGUMENT);
}

TEST(EmbedText, PromptsStandBeforeTexts) {
  constexpr lathe_prompt prompts[] = {{"query", "qq ", 0}, {"passage", "ppp ", 1}, {"joined", "jj", 0}};
  lathe_program program = lathe_program_v1;
  program.prompts = prompts;
  program.n_prompts = 3;
  WeightsImage weights = makeWeights();
  lathe_error error = {};
  lathe_model *model = nullptr;
  lathe_context *context = nullptr;
  ASSERT_EQ(openMemory(program, capableHost(), weights.data.get(), weights.bytes, nullptr, model, &error), LATHE_OK);
  ASSERT_EQ(api.context_create(model, nullptr, &context, &error), LATHE_OK);
  const char *texts[] = {"a", "b ccccc"};
  std::vector<float> got(2 * width);
  lathe_embed_options options = {};
  options.size = sizeof options;
  auto embed = [&] { return api.embed_text_with(context, texts, 2, &options, got.data(), &error); };
  auto expect = [&](const std::vector<int64_t> &first, const std::vector<int64_t> &second) {
    std::vector<float> expected = expectedEmbedding(first), other = expectedEmbedding(second);
    expected.insert(expected.end(), other.begin(), other.end());
    EXPECT_EQ(got, expected);
  };
  EXPECT_EQ(api.embed_text(context, texts, 2, got.data(), &error), LATHE_OK);
  expect({3, 1}, {3, 1, 5}); // the default one
  EXPECT_EQ(embed(), LATHE_OK);
  expect({3, 1}, {3, 1, 5});
  EXPECT_EQ(api.embed_text_with(context, texts, 2, nullptr, got.data(), &error), LATHE_OK);
  expect({3, 1}, {3, 1, 5});
  options.prompt_name = "joined";
  EXPECT_EQ(embed(), LATHE_OK);
  expect({3}, {3, 5});
  options.prompt_name = nullptr;
  options.prompt = "x yy ";
  EXPECT_EQ(embed(), LATHE_OK);
  expect({1, 2, 1}, {1, 2, 1, 5});
  options.prompt = "";
  EXPECT_EQ(embed(), LATHE_OK);
  expect({1}, {1, 5});

  options.prompt_name = "query";
  EXPECT_EQ(embed(), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "both set")) << error.message;
  options.prompt = nullptr;
  options.prompt_name = "quary";
  EXPECT_EQ(embed(), LATHE_UNAVAILABLE);
  EXPECT_TRUE(strstr(error.message, "no prompt quary; it has: query, passage, joined")) << error.message;
  options.size = 3;
  EXPECT_EQ(embed(), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "lathe_embed_options")) << error.message;
  EXPECT_EQ(api.embed_text_with(nullptr, texts, 2, nullptr, got.data(), &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.prompts(nullptr), 0u) << "this library's own program has none";
  api.context_destroy(context);
  api.close(model);
}

TEST(EmbedText, ErrorsComeInTheOrderOfTexts) {
  lathe_context_options options = FakeModel::contextOptions(3);
  options.max_tokens = 10; // less than the program's max_length
  FakeModel fake(options);
  std::vector<std::string> texts(600, "a b");
  std::vector<float> got(texts.size() * width);
  lathe_error error = {};
  auto embed = [&] {
    std::vector<const char *> pointers;
    for (const std::string &text : texts)
      pointers.push_back(text.c_str());
    return api.embed_text(fake.context, pointers.data(), pointers.size(), got.data(), &error);
  };
  EXPECT_EQ(embed(), LATHE_OK) << error.message;
  texts[400] = texts[301] = "\xff";
  EXPECT_EQ(embed(), LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "text 301: byte 0xff")) << error.message;
  for (int i = 0; i < 20; ++i)
    texts[300] += " c";
  EXPECT_EQ(embed(), LATHE_OVER_BUDGET);
  EXPECT_TRUE(strstr(error.message, "text 300: it has 16 tokens")) << error.message;
}

TEST(TokenizeBatch, IsTokenizeOfEach) {
  for (int threads : {1, 3}) {
    FakeModel fake(FakeModel::contextOptions(threads));
    std::vector<std::string> texts;
    std::vector<const char *> pointers;
    for (int i = 0; i < 500; ++i)
      texts.push_back("a" + std::string(size_t(i) % 40, 'b') + (i % 3 ? " c" : ""));
    for (const std::string &text : texts)
      pointers.push_back(text.c_str());
    std::vector<lathe_encoding> encodings(texts.size());
    lathe_error error = {};
    ASSERT_EQ(
        api.tokenize_batch(fake.context, pointers.data(), nullptr, texts.size(), nullptr, encodings.data(), &error),
        LATHE_OK)
        << error.message;
    for (size_t i = 0; i < texts.size(); ++i) {
      lathe_encoding alone = {};
      ASSERT_EQ(api.tokenize(fake.model, pointers[i], nullptr, nullptr, &alone, &error), LATHE_OK);
      ASSERT_EQ(std::vector<int32_t>(encodings[i].ids, encodings[i].ids + encodings[i].length),
                std::vector<int32_t>(alone.ids, alone.ids + alone.length));
      api.free_encoding(fake.model, &alone);
      api.free_encoding(fake.model, &encodings[i]);
    }
  }
}

TEST(TokenizeBatch, ErrorsNameTheFirstTextAndLeaveNothing) {
  FakeModel fake(FakeModel::contextOptions(3));
  std::vector<const char *> texts(100, "a");
  texts[70] = texts[40] = "\xff";
  std::vector<lathe_encoding> encodings(texts.size());
  lathe_error error = {};
  EXPECT_EQ(api.tokenize_batch(fake.context, texts.data(), nullptr, texts.size(), nullptr, encodings.data(), &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "text 40: byte 0xff")) << error.message;
  for (const lathe_encoding &encoding : encodings)
    EXPECT_EQ(encoding.memory, nullptr);
  texts[20] = nullptr;
  EXPECT_EQ(api.tokenize_batch(fake.context, texts.data(), nullptr, texts.size(), nullptr, encodings.data(), &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_TRUE(strstr(error.message, "text 20 is NULL")) << error.message;
  EXPECT_EQ(api.tokenize_batch(nullptr, texts.data(), nullptr, 1, nullptr, encodings.data(), &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.tokenize_batch(fake.context, nullptr, nullptr, 1, nullptr, encodings.data(), &error),
            LATHE_INVALID_ARGUMENT);
  size_t count = 0;
  EXPECT_EQ(api.tokenize_windows(nullptr, "a", nullptr, nullptr, 0, encodings.data(), 1, &count, &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.tokenize_windows(fake.model, "a", nullptr, nullptr, 0, nullptr, 1, &count, &error),
            LATHE_INVALID_ARGUMENT);
}

TEST(EmbedText, UnavailableWithoutOutputOrTokenizer) {
  lathe_error error = {};
  float row[width];
  const char *text = "a";
  auto embed = [&](const lathe_program &program, WeightsImage &weights) {
    lathe_model *model = nullptr;
    lathe_context *context = nullptr;
    EXPECT_EQ(openMemory(program, capableHost(), weights.data.get(), weights.bytes, nullptr, model, &error), LATHE_OK)
        << error.message;
    EXPECT_EQ(api.context_create(model, nullptr, &context, &error), LATHE_OK);
    lathe_status status = api.embed_text(context, &text, 1, row, &error);
    api.context_destroy(context);
    api.close(model);
    return status;
  };
  WeightsImage weights = makeWeights();
  lathe_program program = lathe_program_v1;
  program.entries += 1;
  program.n_entries = 1; // only "dense"
  EXPECT_EQ(embed(program, weights), LATHE_UNAVAILABLE);
  EXPECT_TRUE(strstr(error.message, "it gives: last_hidden_state, sums")) << error.message;
  weights.header().tokenizer_bytes = 0;
  EXPECT_EQ(embed(lathe_program_v1, weights), LATHE_UNAVAILABLE);
  EXPECT_TRUE(strstr(error.message, "tokenizer")) << error.message;
}

TEST(Tokenize, OptionsAndDefaults) {
  FakeModel fake;
  lathe_encoding encoding = {};
  lathe_tokenize_options options = {sizeof options, -1, LATHE_TRUNCATE_LONGEST_FIRST, nullptr};
  const std::string text = std::string(60, 'a') + std::string(40, ' ') + "b c d e f g h i j k l m n o p q r s t";
  auto length = [&](const lathe_tokenize_options *given) {
    lathe_error error = {};
    EXPECT_EQ(api.tokenize(fake.model, text.c_str(), nullptr, given, &encoding, &error), LATHE_OK) << error.message;
    size_t tokens = encoding.length;
    api.free_encoding(fake.model, &encoding);
    return tokens;
  };
  EXPECT_EQ(length(nullptr), 16u);
  EXPECT_EQ(length(&options), 16u);
  options.max_length = 0;
  EXPECT_EQ(length(&options), 22u);
  options.max_length = 5;
  EXPECT_EQ(length(&options), 5u);
  options.max_length = -2;
  EXPECT_EQ(api.tokenize(fake.model, "a", nullptr, &options, &encoding, nullptr), LATHE_INVALID_ARGUMENT);
  options = {sizeof options, 0, lathe_truncation(7), nullptr};
  EXPECT_EQ(api.tokenize(fake.model, "a", nullptr, &options, &encoding, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.tokenize(fake.model, nullptr, nullptr, nullptr, &encoding, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.tokenize(fake.model, "a", nullptr, nullptr, nullptr, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(api.token_text(fake.model, 1), "[CLS]");
}

TEST(Detokenize, ArgumentsAreChecked) {
  FakeModel fake;
  size_t length = 0;
  int32_t id = 1;
  char text[4];
  EXPECT_EQ(api.detokenize(fake.model, &id, 1, 0, text, 4, &length, nullptr), LATHE_OK);
  EXPECT_EQ(length, 1u);
  EXPECT_EQ(api.detokenize(fake.model, &id, 1, 0, nullptr, 0, &length, nullptr), LATHE_OK);
  EXPECT_EQ(api.detokenize(fake.model, nullptr, 1, 0, text, 4, &length, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.detokenize(fake.model, &id, 1, 0, nullptr, 4, &length, nullptr), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(api.detokenize(fake.model, &id, 1, 0, text, 4, nullptr, nullptr), LATHE_INVALID_ARGUMENT);
}
