// What tests of writing against Transformers have in common: texts and options as cases.json has them.
#ifndef LATHE_TESTS_E2E_DECODINGRUNS_H
#define LATHE_TESTS_E2E_DECODINGRUNS_H

#include "tests/e2e/Lathe.h"
#include "tests/support/LoadedModel.h"

#include <algorithm>

namespace lathe::test {

using Ids = std::vector<int32_t>;

/// Texts as lathe_api takes them: one behind the other.
struct Ragged {
  explicit Ragged(const std::vector<Ids> &texts) {
    for (const Ids &text : texts) {
      ids.insert(ids.end(), text.begin(), text.end());
      offsets.push_back(int32_t(ids.size()));
    }
  }
  Ids ids, offsets = {0};
  std::vector<uint8_t> mask; ///< of `ids`; empty: all are tokens
};

/// "gpt2/lm"
inline Path artifactOf(const std::string &model, const Arguments &flags = {}) {
  return compiled(goldens() / model / "model", flags);
}

inline std::string identifier(std::string name) {
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
}

/// What the model's files say, and over it what a run says under Transformers' names.
class Options {
public:
  Options(const LoadedModel &model, const Json &given) {
    lathe_error error = {};
    EXPECT_EQ(model.api().generate_defaults(model.model(), &options, &error), LATHE_OK) << error.message;
    for (const auto &[name, value] : given.items())
      set(name, value);
  }
  const lathe_generate_options &get() const { return options; }

private:
  void set(const std::string &name, const Json &value) {
    lathe_generate_options &o = options;
    const std::pair<const char *, int64_t *> lengths[] = {{"max_new_tokens", &o.max_new_tokens},
                                                          {"max_length", &o.max_length},
                                                          {"min_new_tokens", &o.min_new_tokens},
                                                          {"min_length", &o.min_length},
                                                          {"no_repeat_ngram_size", &o.no_repeat_ngram_size}};
    const std::pair<const char *, int32_t *> counts[] = {{"num_beams", &o.num_beams},
                                                         {"num_beam_groups", &o.num_beam_groups},
                                                         {"num_return_sequences", &o.num_return_sequences},
                                                         {"pad_token_id", &o.pad_id},
                                                         {"forced_bos_token_id", &o.forced_bos_id},
                                                         {"forced_eos_token_id", &o.forced_eos_id}};
    const std::pair<const char *, double *> numbers[] = {{"length_penalty", &o.length_penalty},
                                                         {"diversity_penalty", &o.diversity_penalty},
                                                         {"repetition_penalty", &o.repetition_penalty}};
    const auto setOneOf = [&](const auto &members) {
      for (const auto &[member, pointer] : members)
        if (name == member) {
          if (value.is_null())
            *pointer = -1; // no such id
          else
            value.get_to(*pointer);
          return true;
        }
      return false;
    };
    if (name == "max_length")
      o.max_new_tokens = 0; // which Transformers' default is not, where nobody sets a length
    if (setOneOf(lengths) || setOneOf(counts) || setOneOf(numbers))
      return;
    if (name == "eos_token_id") {
      ends = value.is_null() ? Ids() : value.is_array() ? value.get<Ids>() : Ids{value.get<int32_t>()};
      o.eos_ids = ends.data();
      o.n_eos_ids = ends.size();
    } else if (name == "bad_words_ids") {
      value.get_to(words);
      for (const Ids &word : words)
        views.push_back({word.data(), word.size()});
      o.bad_words = views.data();
      o.n_bad_words = views.size();
    } else if (name == "early_stopping") {
      o.early_stopping = value == "never" ? LATHE_STOP_NEVER_EARLY
                         : value          ? LATHE_STOP_WHEN_ENOUGH
                                          : LATHE_STOP_BY_BEST;
    } else {
      ADD_FAILURE() << "this test does not know " << name;
    }
  }

  lathe_generate_options options = {};
  Ids ends;
  std::vector<Ids> words;
  std::vector<lathe_ids> views;
};

} // namespace lathe::test

#endif
