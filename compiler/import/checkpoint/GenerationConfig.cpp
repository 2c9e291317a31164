//===- GenerationConfig.cpp - what a model's files say of writing -------------===//
#include "compiler/import/checkpoint/GenerationConfig.h"

#include "compiler/import/safetensors/Quote.h"
#include "runtime/generate/GenerateOptions.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace lathe {
namespace {

constexpr int64_t mostTokens = INT32_MAX;

constexpr double mostBias = 1e30;

/// Fields of Transformers' GenerationConfig that change ids and that are not supported. Null, false and an empty list
/// leave them without effect, and so does a number for those that have one.
struct UnsupportedField {
  StringLiteral name;
  std::optional<double> harmless;

  bool isHarmless(StringRef value) const {
    double number;
    return is_contained({"", "null", "false", "[]"}, value) ||
           (harmless && !value.getAsDouble(number) && number == *harmless);
  }
};
constexpr UnsupportedField unsupportedFields[] = {
    {"penalty_alpha", 0},        {"guidance_scale", 1},         {"force_words_ids", {}},
    {"constraints", {}},         {"remove_invalid_values", {}}, {"dola_layers", {}},
    {"watermarking_config", {}}, {"token_healing", {}},         {"max_time", {}}};

/// A run that is given twice has its last bias, as in Transformers.
void readBiases(JsonFields &fields, GenerationConfig &generation) {
  if (fields.textOf("sequence_bias") == "{}")
    return;
  for (const auto &[given, bias] : fields.getWeightedLists("sequence_bias", 0, mostTokens)) {
    if (!(bias >= -mostBias && bias <= mostBias))
      fields.reject("sequence_bias", formatv("has a bias of {0:e}; accepted: -1e30 to 1e30", bias).str());
    const std::vector<int32_t> run(given.begin(), given.end());
    auto same = find_if(generation.biases, [&](const auto &other) { return other.first == run; });
    if (same == generation.biases.end())
      generation.biases.emplace_back(run, bias);
    else
      same->second = bias;
  }
}

void readDecay(JsonFields &fields, lathe_generate_options &options) {
  constexpr StringLiteral name = "exponential_decay_length_penalty";
  const std::string text = fields.textOf(name);
  if (text.empty() || text == "null")
    return;
  const std::vector<double> values = fields.getFloats(name, 0, 1e9);
  if (values.size() == 2 && values[0] == double(int64_t(values[0])) && values[1] > 0) {
    options.decay_start = int64_t(values[0]);
    options.decay_factor = values[1];
  } else {
    fields.reject(name, "is " + text + "; accepted: [START, FACTOR], a number of tokens and a number above 0");
  }
}

void readStopStrings(JsonFields &fields, GenerationConfig &generation) {
  constexpr StringLiteral name = "stop_strings";
  generation.stopStrings = fields.getOptionalStringOrStrings(name).value_or(std::vector<std::string>());
  for (const std::string &string : generation.stopStrings)
    if (string.empty() || StringRef(string).contains('\0')) // the ABI's strings end with NUL
      fields.reject(name, "has " + (string.empty() ? "an empty string" : quote(string)) +
                              "; accepted: strings with a character at least, and without NUL");
}

void readInto(JsonFields &fields, GenerationConfig &generation) {
  lathe_generate_options &o = generation.options;
  auto count = [&](StringRef name, auto &value, int64_t least, int64_t most = mostTokens) {
    if (std::optional<int64_t> given = fields.getOptionalInt(name, least, most))
      value = std::remove_reference_t<decltype(value)>(*given);
  };
  auto number = [&](StringRef name, double &value, double least, double most) {
    if (std::optional<double> given = fields.getOptionalFloat(name, least, most))
      value = *given;
  };
  auto flag = [&](StringRef name, int32_t &value) {
    if (std::optional<bool> given = fields.getOptionalBool(name))
      value = *given;
  };
  // Where nobody sets the length, 20 counts what is written.
  count("max_length", o.max_length, 0);
  if (o.max_length == 20)
    o.max_new_tokens = 20;
  count("max_new_tokens", o.max_new_tokens, 1);
  count("min_length", o.min_length, 0);
  count("min_new_tokens", o.min_new_tokens, 0);
  count("num_beams", o.num_beams, 1, 1024);
  count("num_beam_groups", o.num_beam_groups, 1, 1024);
  number("diversity_penalty", o.diversity_penalty, 0, 1e30);
  number("length_penalty", o.length_penalty, -1e30, 1e30);
  count("num_return_sequences", o.num_return_sequences, 1, 1024);
  flag("do_sample", o.do_sample);
  number("temperature", o.temperature, 0, 1e30);
  count("top_k", o.top_k, 0);
  number("top_p", o.top_p, 0, 1);
  number("min_p", o.min_p, 0, 1);
  number("typical_p", o.typical_p, 0, 1);
  number("repetition_penalty", o.repetition_penalty, 0, 1e30);
  number("encoder_repetition_penalty", o.encoder_repetition_penalty, 0, 1e30);
  count("no_repeat_ngram_size", o.no_repeat_ngram_size, 0);
  count("encoder_no_repeat_ngram_size", o.encoder_no_repeat_ngram_size, 0);
  number("epsilon_cutoff", o.epsilon_cutoff, 0, 1);
  number("eta_cutoff", o.eta_cutoff, 0, 1);
  for (double *cutoff : {&o.epsilon_cutoff, &o.eta_cutoff})
    if (*cutoff == 1) // which Transformers takes for none
      *cutoff = 0;
  flag("renormalize_logits", o.renormalize_logits);
  count("forced_bos_token_id", o.forced_bos_id, 0);
  count("forced_eos_token_id", o.forced_eos_id, 0);
  count("pad_token_id", o.pad_id, -1);
  count("bos_token_id", o.decoder_start_id, -1); // where the next one is absent
  count("decoder_start_token_id", o.decoder_start_id, 0);
  for (int64_t id : fields.getIntOrInts("eos_token_id", 0, mostTokens))
    generation.eosIds.push_back(int32_t(id));
  for (const std::vector<int64_t> &word : fields.getIntLists("bad_words_ids", 0, mostTokens))
    generation.badWords.emplace_back(word.begin(), word.end());
  auto ids = [&](StringRef name, std::vector<int32_t> &list) {
    for (int64_t id : fields.getIntOrInts(name, 0, mostTokens))
      list.push_back(int32_t(id));
  };
  ids("suppress_tokens", generation.suppressed);
  ids("begin_suppress_tokens", generation.suppressedFirst);
  count("num_assistant_tokens", o.num_assistant_tokens, 1);
  if (fields.isString("num_assistant_tokens_schedule"))
    o.num_assistant_tokens_schedule =
        fields.getChoice<lathe_assistant_schedule>("num_assistant_tokens_schedule", "constant", assistantSchedules);
  number("assistant_confidence_threshold", o.assistant_confidence_threshold, 0, 1);
  readBiases(fields, generation);
  readDecay(fields, o);
  readStopStrings(fields, generation);
  if (fields.isString("early_stopping"))
    o.early_stopping =
        fields.getChoice<lathe_early_stopping>("early_stopping", "never", {{"never", LATHE_STOP_NEVER_EARLY}});
  else if (std::optional<bool> early = fields.getOptionalBool("early_stopping"))
    o.early_stopping = *early ? LATHE_STOP_WHEN_ENOUGH : LATHE_STOP_BY_BEST;
  for (const UnsupportedField &field : unsupportedFields)
    if (const std::string value = fields.textOf(field.name); !field.isHarmless(value))
      generation.unsupported.push_back((field.name + " = " + value).str());
}

} // namespace

Expected<GenerationConfig> readGenerationConfig(StringRef directory, const JsonDocument &config,
                                                const WritingIds &defaults) {
  GenerationConfig generation;
  generateDefaults(generation.options);
  SmallString<128> path(directory);
  sys::path::append(path, "generation_config.json");
  auto read = [&](const JsonDocument &document) {
    JsonFields fields(document);
    readInto(fields, generation);
    return fields.takeError();
  };
  if (!sys::fs::exists(path)) {
    if (Error error = read(config))
      return error;
    const JsonFields fields(config);
    auto fallBack = [&](StringRef name, std::optional<int64_t> id, int32_t &value) {
      if (id && !fields.has(name))
        value = int32_t(*id);
    };
    if (defaults.eos && !fields.has("eos_token_id"))
      generation.eosIds = {int32_t(*defaults.eos)};
    fallBack("pad_token_id", defaults.pad, generation.options.pad_id);
    fallBack("forced_eos_token_id", defaults.forcedEos, generation.options.forced_eos_id);
    if (defaults.decoderStart)
      fallBack("decoder_start_token_id", defaults.decoderStart, generation.options.decoder_start_id);
    else if (!fields.has("decoder_start_token_id"))
      fallBack("bos_token_id", defaults.bos, generation.options.decoder_start_id);
    return generation;
  }
  Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  if (Error error = read(*document))
    return error;
  return generation;
}

} // namespace lathe
