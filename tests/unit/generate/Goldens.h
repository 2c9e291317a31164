// The table that tests/goldens/make_generation_goldens.py has for a model, and options as goldens have them.
#ifndef LATHE_TESTS_UNIT_GENERATE_GOLDENS_H
#define LATHE_TESTS_UNIT_GENERATE_GOLDENS_H

#include "tests/unit/generate/Writing.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace lathe::test {

using nlohmann::json;

inline const json &tableGoldens() {
  static const json file = json::parse(std::ifstream(LATHE_SOURCE_DIR "/tests/goldens/generation/generation.json"));
  return file;
}

/// Options out of JSON, and what their pointers point to.
struct GoldenOptions {
  lathe_generate_options options = defaults();
  Ids ends = {2};
  std::vector<Ids> words;
  std::vector<lathe_ids> wordList;
  Ids suppressed, suppressedFirst;
  std::vector<std::pair<Ids, double>> biases;
  std::vector<lathe_sequence_bias> biasList;
  std::vector<std::string> stop;
  std::vector<const char *> stopList;

  explicit GoldenOptions(const json &given) {
    options.pad_id = 0;
    for (const auto &[name, value] : given.items())
      set(name, value);
    options.eos_ids = ends.data();
    options.n_eos_ids = ends.size();
    for (const Ids &word : words)
      wordList.push_back({word.data(), word.size()});
    options.bad_words = wordList.data();
    options.n_bad_words = wordList.size();
    options.suppress_tokens = {suppressed.data(), suppressed.size()};
    options.begin_suppress_tokens = {suppressedFirst.data(), suppressedFirst.size()};
    for (const auto &[ids, bias] : biases)
      biasList.push_back({ids.data(), ids.size(), bias});
    options.sequence_bias = biasList.data();
    options.n_sequence_bias = biasList.size();
    for (const std::string &string : stop)
      stopList.push_back(string.c_str());
    options.stop = stopList.data();
    options.n_stop = stopList.size();
  }
  GoldenOptions(const GoldenOptions &) = delete;

private:
  void set(const std::string &name, const json &value) {
    if (name == "eos_token_id")
      ends = value.is_null() ? Ids() : value.is_array() ? value.get<Ids>() : Ids{value.get<int32_t>()};
    else if (name == "bad_words_ids")
      words = value.get<std::vector<Ids>>();
    else if (name == "stop_strings")
      stop = value.get<std::vector<std::string>>();
    else if (name == "suppress_tokens")
      suppressed = value.get<Ids>();
    else if (name == "begin_suppress_tokens")
      suppressedFirst = value.get<Ids>();
    else if (name == "sequence_bias")
      biases = value.get<std::vector<std::pair<Ids, double>>>();
    else if (name == "exponential_decay_length_penalty")
      options.decay_start = value[0], options.decay_factor = value[1];
    else if (name == "renormalize_logits")
      options.renormalize_logits = value.get<bool>();
    else if (name == "early_stopping")
      options.early_stopping = value.is_string()   ? LATHE_STOP_NEVER_EARLY
                               : value.get<bool>() ? LATHE_STOP_WHEN_ENOUGH
                                                   : LATHE_STOP_BY_BEST;
    else
      setNumber(name, value);
  }
  void setNumber(const std::string &name, const json &value) {
    const std::map<std::string, std::function<void()>> setters = {
        {"max_new_tokens", [&] { options.max_new_tokens = value; }},
        {"max_length", [&] { options.max_length = value; }},
        {"min_new_tokens", [&] { options.min_new_tokens = value; }},
        {"min_length", [&] { options.min_length = value; }},
        {"num_beams", [&] { options.num_beams = value; }},
        {"num_beam_groups", [&] { options.num_beam_groups = value; }},
        {"diversity_penalty", [&] { options.diversity_penalty = value; }},
        {"length_penalty", [&] { options.length_penalty = value; }},
        {"num_return_sequences", [&] { options.num_return_sequences = value; }},
        {"repetition_penalty", [&] { options.repetition_penalty = value; }},
        {"no_repeat_ngram_size", [&] { options.no_repeat_ngram_size = value; }},
        {"encoder_repetition_penalty", [&] { options.encoder_repetition_penalty = value; }},
        {"encoder_no_repeat_ngram_size", [&] { options.encoder_no_repeat_ngram_size = value; }},
        {"epsilon_cutoff", [&] { options.epsilon_cutoff = value; }},
        {"eta_cutoff", [&] { options.eta_cutoff = value; }},
        {"forced_bos_token_id", [&] { options.forced_bos_id = value; }},
        {"forced_eos_token_id", [&] { options.forced_eos_id = value; }},
        {"pad_token_id", [&] { options.pad_id = value; }},
        {"temperature", [&] { options.temperature = value; }},
        {"top_k", [&] { options.top_k = value; }},
        {"top_p", [&] { options.top_p = value; }},
        {"min_p", [&] { options.min_p = value; }},
        {"typical_p", [&] { options.typical_p = value; }},
    };
    setters.at(name)();
  }
};

inline void tableLogits(const int32_t *ids, int64_t length, float *row) {
  static const auto table = tableGoldens()["table"].get<std::vector<Ids>>(),
                    shifts = tableGoldens()["shifts"].get<std::vector<Ids>>();
  const Ids &last = table[size_t(ids[length - 1])];
  const Ids &shift = shifts[length > 1 ? size_t(ids[length - 2]) % shifts.size() : 0];
  for (size_t i = 0; i < last.size(); ++i)
    row[i] = float(last[i] + shift[i]) / (1 << 14);
}

} // namespace lathe::test

#endif
