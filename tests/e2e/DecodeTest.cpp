// Going on with texts from what a context keeps of them: the logits are those of the whole text read at once, whatever
// is read at a time; a sequence's bits are its own affair, whoever stands beside it and whoever shares its memory.
#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <cmath>
#include <random>

namespace lathe::test {
namespace {

using Ids = std::vector<int32_t>;

struct Writer {
  std::string family, model;
  Arguments flags = {};
};
void PrintTo(const Writer &writer, std::ostream *stream) { *stream << writer.family << "/" << writer.model; }

/// A model with a context, and what a test asks of it.
class Model {
public:
  Model(const Writer &writer, int threads = 0)
      : artifact(compiled(goldens() / writer.family / writer.model / "model", writer.flags)),
        loaded(artifact, "model", threads), vocab(api().vocabulary(loaded.model())) {}

  const lathe_api &api() const { return loaded.api(); }
  lathe_context *context() const { return loaded.context(); }
  lathe_model *model() const { return loaded.model(); }

  lathe_sequence *create(const lathe_sequence *from = nullptr, int64_t length = 0) const {
    lathe_sequence *sequence = nullptr;
    lathe_error error = {};
    EXPECT_EQ(api().sequence_create(context(), from, length, &sequence, &error), LATHE_OK) << error.message;
    return sequence;
  }

  /// Logits of every new token, one sequence behind the other.
  std::vector<float> decode(const std::vector<lathe_sequence *> &sequences, const std::vector<Ids> &added) const {
    Ids ids, offsets = {0}, rows;
    for (const Ids &part : added) {
      ids.insert(ids.end(), part.begin(), part.end());
      offsets.push_back(int32_t(ids.size()));
    }
    for (int32_t row = 0; row < int32_t(ids.size()); ++row)
      rows.push_back(row);
    std::vector<float> logits(ids.size() * vocab);
    lathe_error error = {};
    EXPECT_EQ(api().decode(context(), sequences.data(), sequences.size(), ids.data(), offsets.data(), rows.data(),
                           rows.size(), logits.data(), &error),
              LATHE_OK)
        << error.message;
    return logits;
  }

  /// The same of whole texts, by the entry that keeps nothing.
  std::vector<float> encode(const Ids &ids, int32_t prefix = 0) const {
    const Ids offsets = {0, int32_t(ids.size())};
    std::vector<float> logits(ids.size() * vocab);
    const lathe_tensor inputs[] = {
        {"input_ids", LATHE_I32, 1, {int64_t(ids.size())}, const_cast<int32_t *>(ids.data())},
        {"cu_seqlens", LATHE_I32, 1, {2}, const_cast<int32_t *>(offsets.data())},
        {"prefix_lens", LATHE_I32, 1, {1}, &prefix}};
    const lathe_tensor output = {"logits", LATHE_F32, 2, {int64_t(ids.size()), vocab}, logits.data()};
    lathe_error error = {};
    EXPECT_EQ(api().run(context(), nullptr, inputs, prefix ? 3 : 2, &output, 1, &error), LATHE_OK) << error.message;
    return logits;
  }

  Ids randomIds(std::mt19937 &random, size_t count) const {
    Ids ids(count);
    for (int32_t &id : ids)
      id = int32_t(random() % uint64_t(vocab));
    return ids;
  }

private:
  Path artifact;
  LoadedModel loaded;

public:
  int64_t vocab;
};

double largestDifference(const std::vector<float> &a, const std::vector<float> &b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::isfinite(a[i]) ? std::max(largest, std::abs(double(a[i]) - b[i])) : INFINITY;
  return largest;
}

Ids slice(const Ids &ids, size_t begin, size_t end) { return Ids(ids.begin() + begin, ids.begin() + end); }

/// Logits of every token of a text that is read in parts with these ends.
std::vector<float> decodeInParts(const Model &model, lathe_sequence *sequence, const Ids &text,
                                 const std::vector<size_t> &ends) {
  std::vector<float> logits;
  size_t begin = 0;
  for (size_t end : ends) {
    const std::vector<float> part = model.decode({sequence}, {slice(text, begin, end)});
    logits.insert(logits.end(), part.begin(), part.end());
    begin = end;
  }
  return logits;
}

class Decode : public testing::TestWithParam<Writer> {
protected:
  static double tolerance() { return GetParam().flags.empty() ? 1e-5 : 0.1; }
};

TEST_P(Decode, GivesWhatTheWholeTextGives) {
  const Model model(GetParam());
  ASSERT_GT(model.vocab, 0);
  std::mt19937 random(1);
  const Ids text = model.randomIds(random, 41); // three pages, the last not full
  const std::vector<float> whole = model.encode(text);
  for (const std::vector<size_t> &ends : {std::vector<size_t>{41}, {1, 2, 3, 41}, {16, 17, 33, 40, 41}, {5, 32, 41}}) {
    lathe_sequence *sequence = model.create();
    const std::vector<float> logits = decodeInParts(model, sequence, text, ends);
    EXPECT_EQ(model.api().sequence_length(sequence), 41);
    EXPECT_LE(largestDifference(logits, whole), tolerance()) << ends.size() << " parts";
    model.api().sequence_destroy(sequence);
  }
}

/// Tokens of a prefix see those behind them, so all come in one step; what follows may come in any number of them.
TEST_P(Decode, APrefixIsReadInBothDirections) {
  const Model model(GetParam());
  std::mt19937 random(5);
  const Ids text = model.randomIds(random, 41);
  for (const auto &[prefix, ends] :
       {std::pair<int32_t, std::vector<size_t>>{23, {23, 24, 41}}, {23, {31, 41}}, {1, {1, 2, 41}}, {41, {41}}}) {
    SCOPED_TRACE(prefix);
    lathe_sequence *sequence = model.create();
    lathe_error error = {};
    ASSERT_EQ(model.api().sequence_set_prefix(sequence, prefix, &error), LATHE_OK) << error.message;
    const std::vector<float> logits = decodeInParts(model, sequence, text, ends);
    EXPECT_LE(largestDifference(logits, model.encode(text, prefix)), tolerance());
    if (prefix > 1)
      EXPECT_GT(largestDifference(logits, model.encode(text)), 1e-2);
    model.api().sequence_destroy(sequence);
  }
}

TEST_P(Decode, GeneratesBehindAPrefix) {
  if (!GetParam().flags.empty())
    GTEST_SKIP() << "near ties may be decided otherwise";
  const Model model(GetParam());
  std::mt19937 random(6);
  const Ids prompt = model.randomIds(random, 20);
  Ids padded = prompt; // the prefix counts columns from the first token on, of which one is none here
  padded.insert(padded.begin(), {0, 0});
  padded.insert(padded.begin() + 5, 0);
  std::vector<uint8_t> mask(padded.size(), 1);
  mask[0] = mask[1] = mask[5] = 0;
  lathe_generate_options options = {};
  lathe_error error = {};
  ASSERT_EQ(model.api().generate_defaults(model.model(), &options, &error), LATHE_OK) << error.message;
  options.max_new_tokens = 6;
  options.n_eos_ids = 0;
  Ids expected = prompt;
  for (int step = 0; step < 6; ++step) {
    const std::vector<float> logits = model.encode(expected, 12);
    const auto last = logits.end() - model.vocab;
    expected.push_back(int32_t(std::max_element(last, logits.end()) - last));
  }
  const int32_t inTokens = 12, inColumns = 13, offsets[] = {0, 20}, paddedOffsets[] = {0, int32_t(padded.size())};
  auto generate = [&](const int32_t *prefix, const Ids &ids, const int32_t *bounds, const uint8_t *present) {
    options.prefix_lens = prefix;
    lathe_generated text = {};
    EXPECT_EQ(model.api().generate(model.context(), ids.data(), bounds, present, 1, &options, &text, &error), LATHE_OK)
        << error.message;
    Ids written(text.ids, text.ids + text.length);
    model.api().free_generated(model.model(), &text);
    return written;
  };
  EXPECT_EQ(generate(&inTokens, prompt, offsets, nullptr), Ids(expected.begin() + 20, expected.end()));
  EXPECT_EQ(generate(&inColumns, padded, paddedOffsets, mask.data()), Ids(expected.begin() + 20, expected.end()));
}

TEST_P(Decode, OneByOneInABatchWhereOthersComeAndGo) {
  const Model model(GetParam());
  std::mt19937 random(2);
  const std::vector<Ids> texts = {model.randomIds(random, 30), model.randomIds(random, 19),
                                  model.randomIds(random, 37)};
  const size_t prompts[] = {7, 1, 18};
  // Each alone.
  std::vector<std::vector<float>> alone;
  for (size_t t = 0; t < texts.size(); ++t) {
    lathe_sequence *sequence = model.create();
    std::vector<float> logits = model.decode({sequence}, {slice(texts[t], 0, prompts[t])});
    for (size_t i = prompts[t]; i < texts[t].size(); ++i) {
      const std::vector<float> next = model.decode({sequence}, {{texts[t][i]}});
      logits.insert(logits.end(), next.begin(), next.end());
    }
    EXPECT_LE(largestDifference(logits, model.encode(texts[t])), tolerance());
    alone.push_back(logits);
    model.api().sequence_destroy(sequence);
  }
  // All together: text t joins in step t, and leaves when it ends.
  std::vector<std::vector<float>> together(texts.size());
  std::vector<lathe_sequence *> sequences(texts.size());
  std::vector<size_t> read(texts.size());
  for (size_t step = 0;; ++step) {
    std::vector<lathe_sequence *> running;
    std::vector<Ids> added;
    std::vector<size_t> which;
    for (size_t t = 0; t < texts.size(); ++t) {
      if (step < t || read[t] == texts[t].size())
        continue;
      if (!sequences[t])
        sequences[t] = model.create();
      const size_t end = read[t] ? read[t] + 1 : prompts[t];
      running.push_back(sequences[t]);
      added.push_back(slice(texts[t], read[t], end));
      which.push_back(t);
      read[t] = end;
    }
    if (running.empty())
      break;
    const std::vector<float> logits = model.decode(running, added);
    auto at = logits.begin();
    for (size_t i = 0; i < which.size(); ++i) {
      together[which[i]].insert(together[which[i]].end(), at, at + added[i].size() * model.vocab);
      at += added[i].size() * model.vocab;
    }
  }
  for (size_t t = 0; t < texts.size(); ++t) {
    EXPECT_TRUE(together[t] == alone[t]) << "text " << t;
    model.api().sequence_destroy(sequences[t]);
  }
  EXPECT_EQ(model.api().cache_memory(model.context()), 0u);
}

TEST_P(Decode, CopiesShareMemoryAndGoTheirOwnWays) {
  const Model model(GetParam());
  std::mt19937 random(3);
  const Ids prompt = model.randomIds(random, 21), left = model.randomIds(random, 9), right = model.randomIds(random, 9);
  lathe_sequence *first = model.create();
  model.decode({first}, {prompt});
  const size_t before = model.api().cache_memory(model.context());
  lathe_sequence *second = model.create(first, 21), *third = model.create(first, 18);
  EXPECT_EQ(model.api().cache_memory(model.context()), before);
  const std::vector<float> ofLeft = model.decode({first}, {left}), ofRight = model.decode({second}, {right});
  model.decode({third}, {left});
  EXPECT_EQ(model.api().cache_memory(model.context()), before / 2 * 4) << "one page is shared by three, three have one";
  auto direct = [&](const Ids &behind) {
    lathe_sequence *sequence = model.create();
    model.decode({sequence}, {prompt});
    std::vector<float> logits = model.decode({sequence}, {behind});
    model.api().sequence_destroy(sequence);
    return logits;
  };
  EXPECT_TRUE(ofLeft == direct(left));
  EXPECT_TRUE(ofRight == direct(right));
  // What was said last is taken back, and said again otherwise.
  lathe_error error = {};
  ASSERT_EQ(model.api().sequence_truncate(first, 21, &error), LATHE_OK) << error.message;
  EXPECT_TRUE(model.decode({first}, {right}) == ofRight);
  for (lathe_sequence *sequence : {first, second, third})
    model.api().sequence_destroy(sequence);
  EXPECT_EQ(model.api().cache_memory(model.context()), 0u);
}

TEST_P(Decode, AnyNumberOfThreads) {
  std::mt19937 random(4);
  const Model one(GetParam(), 1), three(GetParam(), 3);
  const Ids text = one.randomIds(random, 40);
  lathe_sequence *ofOne = one.create(), *ofThree = three.create();
  for (auto [begin, end] : {std::pair<size_t, size_t>{0, 33}, {33, 34}, {34, 40}})
    EXPECT_TRUE(one.decode({ofOne}, {slice(text, begin, end)}) == three.decode({ofThree}, {slice(text, begin, end)}));
}

INSTANTIATE_TEST_SUITE_P(Families, Decode,
                         testing::Values(Writer{"gpt2", "lm"}, Writer{"gpt2", "lm-untied"}, Writer{"ctrl", "lm"},
                                         Writer{"openai-gpt", "lm"}, Writer{"opt", "lm"}, Writer{"llama", "lm"},
                                         Writer{"llama", "lm-tied"}, Writer{"bloom", "lm"}, Writer{"gemma2", "lm"}),
                         [](const auto &info) { return std::to_string(info.index); });
INSTANTIATE_TEST_SUITE_P(Precisions, Decode,
                         testing::Values(Writer{"gpt2", "lm", {"--precision", "bf16"}},
                                         Writer{"gpt2", "lm", {"--precision", "int8"}},
                                         Writer{"gpt2", "lm", {"--cache", "int8"}},
                                         Writer{"llama", "lm", {"--precision", "bf16", "--cache", "int8"}},
                                         Writer{"llama", "lm", {"--precision", "bf16"}},
                                         Writer{"bloom", "lm", {"--precision", "bf16"}},
                                         Writer{"gemma2", "lm", {"--precision", "bf16"}}),
                         [](const auto &info) { return std::to_string(info.index); });

/// What a caller can do wrong.
TEST(DecodeErrors, SayWhatWasFound) {
  const Model model({"gpt2", "lm"}), other({"gpt2", "lm"});
  lathe_sequence *sequence = model.create(), *foreign = other.create();
  auto message = [&](const std::vector<lathe_sequence *> &sequences, const Ids &ids, const Ids &offsets,
                     const Ids &rows) {
    std::vector<float> logits(rows.size() * model.vocab);
    lathe_error error = {};
    EXPECT_NE(model.api().decode(model.context(), sequences.data(), sequences.size(), ids.data(), offsets.data(),
                                 rows.data(), rows.size(), logits.data(), &error),
              LATHE_OK);
    EXPECT_EQ(model.api().sequence_length(sequence), 0);
    return std::string(error.message);
  };
  EXPECT_EQ(message({sequence}, {97}, {0, 1}, {}), "ids: 97 at index 0; accepted: 0 to 96");
  EXPECT_EQ(message({sequence}, {-1}, {0, 1}, {}), "ids: -1 at index 0; accepted: 0 to 96");
  EXPECT_EQ(message({sequence}, {1}, {0, 1}, {1}), "logit_rows: 1 at index 0; accepted: 0 to 0, one of the tokens");
  EXPECT_EQ(message({sequence}, {1}, {1, 1}, {}), "cu_seqlens begins with 1; it must begin with 0");
  EXPECT_EQ(message({sequence, sequence}, {1, 2}, {0, 1, 2}, {}), "sequence 1 is given twice");
  EXPECT_EQ(message({nullptr}, {1}, {0, 1}, {}), "sequence 0 is NULL");
  EXPECT_EQ(message({foreign}, {1}, {0, 1}, {}), "sequence 0 is of another context");
  EXPECT_EQ(message({sequence}, Ids(65, 1), {0, 65}, {}),
            "sequence 0 would have 65 tokens; this model has positions for 64");
  lathe_error error = {};
  lathe_sequence *copy = nullptr;
  EXPECT_EQ(model.api().sequence_create(model.context(), sequence, 1, &copy, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "length is 1; accepted: 0 to 0, the tokens of `from`");
  EXPECT_EQ(model.api().sequence_truncate(sequence, 1, &error), LATHE_INVALID_ARGUMENT);
}

TEST(DecodeErrors, PrefixesAreWhole) {
  const Model model({"gpt2", "lm"});
  lathe_sequence *sequence = model.create(), *copy = nullptr;
  lathe_error error = {};
  EXPECT_EQ(model.api().sequence_set_prefix(sequence, -1, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "sequence_set_prefix: length is -1; accepted: 0 to 2147483647");
  ASSERT_EQ(model.api().sequence_set_prefix(sequence, 5, &error), LATHE_OK) << error.message;
  const Ids ids = {1, 2, 3, 4, 5, 6};
  const int32_t part[] = {0, 4};
  EXPECT_EQ(model.api().decode(model.context(), &sequence, 1, ids.data(), part, nullptr, 0, nullptr, &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "sequence 0 would have 4 tokens of a prefix of 5; as these see each other, one step adds "
                              "them all");
  (void)model.decode({sequence}, {ids});
  EXPECT_EQ(model.api().sequence_truncate(sequence, 4, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "4 tokens are a part of the sequence's prefix; accepted: 0, or its 5 tokens and more");
  EXPECT_EQ(model.api().sequence_create(model.context(), sequence, 3, &copy, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(model.api().sequence_set_prefix(sequence, 0, &error), LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "sequence_set_prefix: the sequence has 6 tokens; a prefix is set while it has none");
  EXPECT_EQ(model.api().sequence_truncate(sequence, 0, &error), LATHE_OK) << error.message;

  int32_t prefix = -1, offsets[] = {0, 6};
  lathe_generate_options options = {};
  lathe_generated text = {};
  ASSERT_EQ(model.api().generate_defaults(model.model(), &options, &error), LATHE_OK) << error.message;
  options.prefix_lens = &prefix;
  EXPECT_EQ(model.api().generate(model.context(), ids.data(), offsets, nullptr, 1, &options, &text, &error),
            LATHE_INVALID_ARGUMENT);
  EXPECT_STREQ(error.message, "prefix_lens is -1 for prompt 0; accepted: 0 and more");
}

TEST(DecodeErrors, AModelThatDoesNotWriteSaysSo) {
  const Model model({"gpt2", "base-odd"});
  lathe_sequence *sequence = nullptr;
  lathe_error error = {};
  EXPECT_EQ(model.api().sequence_create(model.context(), nullptr, 0, &sequence, &error), LATHE_UNAVAILABLE);
  EXPECT_STREQ(error.message, "model does not write: it was compiled without a decoder");
}

/// Memory follows use: sequences that come and go leave nothing behind.
TEST(DecodeMemory, TenThousandSequencesComeAndGo) {
  const Model model({"gpt2", "lm"});
  std::mt19937 random(5);
  std::vector<lathe_sequence *> running;
  const size_t pageBytes = [&] {
    lathe_sequence *sequence = model.create();
    model.decode({sequence}, {{1}});
    const size_t bytes = model.api().cache_memory(model.context());
    model.api().sequence_destroy(sequence);
    return bytes;
  }();
  for (int step = 0; step < 2500; ++step) {
    std::vector<Ids> added;
    for (int i = 0; i < 4; ++i)
      running.push_back(model.create());
    size_t pages = 0;
    for (lathe_sequence *sequence : running) {
      added.push_back(model.randomIds(random, 1 + random() % 6));
      pages += (size_t(model.api().sequence_length(sequence)) + added.back().size() + 15) / 16;
    }
    model.decode(running, added);
    EXPECT_EQ(model.api().cache_memory(model.context()), pages * pageBytes);
    std::shuffle(running.begin(), running.end(), random);
    while (running.size() > 8) {
      model.api().sequence_destroy(running.back());
      running.pop_back();
    }
    std::erase_if(running, [&](lathe_sequence *sequence) {
      const bool full = model.api().sequence_length(sequence) > 50;
      if (full)
        model.api().sequence_destroy(sequence);
      return full;
    });
  }
  for (lathe_sequence *sequence : running)
    model.api().sequence_destroy(sequence);
  EXPECT_EQ(model.api().cache_memory(model.context()), 0u);
}

} // namespace
} // namespace lathe::test
