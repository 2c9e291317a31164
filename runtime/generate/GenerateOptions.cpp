#include "runtime/generate/GenerateOptions.h"

#include "runtime/core/Status.h"
#include "runtime/generate/Numbers.h"

#include <string.h>

namespace lathe {
namespace {

constexpr int32_t mostBeams = 1024;
constexpr int64_t mostTokens = INT32_MAX;
constexpr double mostBias = 1e30; // so that sums of them are finite floats

/// "NAME is FOUND; accepted are ACCEPTED"
lathe_status refuseInteger(lathe_error *error, const char *name, int64_t found, const char *accepted) {
  return fail(error, LATHE_INVALID_ARGUMENT, "%s is %lld; accepted is %s", name, static_cast<long long>(found),
              accepted);
}
lathe_status refuseNumber(lathe_error *error, const char *name, double found, const char *accepted) {
  return fail(error, LATHE_INVALID_ARGUMENT, "%s is %g; accepted is %s", name, found, accepted);
}

lathe_status checkId(const char *name, int64_t id, int64_t least, int64_t vocabulary, lathe_error *error) {
  if (id >= least && id < vocabulary)
    return LATHE_OK;
  return fail(error, LATHE_INVALID_ARGUMENT, "%s is %lld; the vocabulary's ids are 0 to %lld%s", name,
              static_cast<long long>(id), static_cast<long long>(vocabulary - 1),
              least < 0 ? ", and -1 is for none" : "");
}

lathe_status checkLengths(const lathe_generate_options &options, int64_t promptLength, lathe_error *error) {
  const struct {
    const char *name;
    int64_t value;
  } lengths[] = {{"max_new_tokens", options.max_new_tokens},
                 {"max_length", options.max_length},
                 {"min_new_tokens", options.min_new_tokens},
                 {"min_length", options.min_length},
                 {"no_repeat_ngram_size", options.no_repeat_ngram_size},
                 {"encoder_no_repeat_ngram_size", options.encoder_no_repeat_ngram_size},
                 {"exponential_decay_length_penalty: decay_start", options.decay_start}};
  for (const auto &length : lengths)
    if (length.value < 0 || length.value > mostTokens)
      return refuseInteger(error, length.name, length.value, "0 to 2147483647");
  if (promptLength < 1)
    return fail(error, LATHE_INVALID_ARGUMENT, "the prompt has no tokens; it must have one at least");
  const int64_t greatest = greatestLength(options, promptLength);
  if (greatest > mostTokens)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "the prompt's %lld tokens and max_new_tokens, %lld, are more than 2147483647",
                static_cast<long long>(promptLength), static_cast<long long>(options.max_new_tokens));
  if (greatest <= promptLength)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "max_length is %lld, and the prompt has %lld tokens already; raise it, or set max_new_tokens",
                static_cast<long long>(options.max_length), static_cast<long long>(promptLength));
  return LATHE_OK;
}

lathe_status checkBeams(const lathe_generate_options &options, int64_t vocabulary, lathe_error *error) {
  const int32_t beams = options.num_beams, groups = options.num_beam_groups, texts = options.num_return_sequences;
  if (beams < 1 || beams > mostBeams)
    return refuseInteger(error, "num_beams", beams, "1 to 1024");
  if (groups < 1 || groups > beams || beams % groups)
    return fail(error, LATHE_INVALID_ARGUMENT, "num_beam_groups is %d; accepted is what divides num_beams, %d", groups,
                beams);
  if (!isFinite(options.diversity_penalty) || options.diversity_penalty < 0)
    return refuseNumber(error, "diversity_penalty", options.diversity_penalty, "0 or more");
  if (groups > 1 && options.diversity_penalty == 0)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "diversity_penalty is 0 with %d groups of beams, which would all write the same; set it", groups);
  if (groups == 1 && beams > 1 && options.diversity_penalty > 0)
    return fail(error, LATHE_INVALID_ARGUMENT, "diversity_penalty is %g with one group of beams; set num_beam_groups",
                options.diversity_penalty);
  if (groups > 1 && options.do_sample)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "do_sample is 1 with %d groups of beams, which do not draw; set one of them only", groups);
  if (texts < 1)
    return refuseInteger(error, "num_return_sequences", texts, "1 or more");
  if (beams > 1 && texts > beams)
    return fail(error, LATHE_INVALID_ARGUMENT, "num_return_sequences is %d; accepted is up to num_beams, %d", texts,
                beams);
  if (beams == 1 && !options.do_sample && texts > 1)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "num_return_sequences is %d where nothing is drawn, so that all would be the same; "
                "accepted is 1, or set do_sample or num_beams",
                texts);
  if (beams > 1 && !isFinite(options.length_penalty))
    return refuseNumber(error, "length_penalty", options.length_penalty, "any finite number");
  if (options.early_stopping < LATHE_STOP_BY_BEST || options.early_stopping > LATHE_STOP_NEVER_EARLY)
    return refuseInteger(error, "early_stopping", options.early_stopping, "0, 1 or 2 (lathe_early_stopping)");
  if (beams > 1 && vocabulary < candidatesPerBeam(options))
    return fail(error, LATHE_INVALID_ARGUMENT,
                "the vocabulary has %lld tokens; beam search with %zu ids that end a text needs %lld",
                static_cast<long long>(vocabulary), options.n_eos_ids,
                static_cast<long long>(candidatesPerBeam(options)));
  return LATHE_OK;
}

lathe_status checkDraws(const lathe_generate_options &options, lathe_error *error) {
  if (options.do_sample != 0 && options.do_sample != 1)
    return refuseInteger(error, "do_sample", options.do_sample, "0 or 1");
  if (!options.do_sample)
    return LATHE_OK;
  // A divisor that is 0 as a float, or infinite, would leave no scores.
  if (!(float(options.temperature) > 0) || !isFinite(float(options.temperature)))
    return refuseNumber(error, "temperature", options.temperature, "more than 0; without do_sample nothing is drawn");
  if (options.top_k < 0)
    return refuseInteger(error, "top_k", options.top_k, "0 (all tokens) or more");
  if (!(options.top_p >= 0 && options.top_p <= 1))
    return refuseNumber(error, "top_p", options.top_p, "0 to 1");
  if (!(options.min_p >= 0 && options.min_p <= 1))
    return refuseNumber(error, "min_p", options.min_p, "0 to 1");
  if (!(options.typical_p > 0 && options.typical_p <= 1))
    return refuseNumber(error, "typical_p", options.typical_p, "more than 0, up to 1");
  if (!(options.epsilon_cutoff >= 0 && options.epsilon_cutoff < 1))
    return refuseNumber(error, "epsilon_cutoff", options.epsilon_cutoff, "0 (all tokens) or more, below 1");
  if (!(options.eta_cutoff >= 0 && options.eta_cutoff < 1))
    return refuseNumber(error, "eta_cutoff", options.eta_cutoff, "0 (all tokens) or more, below 1");
  return LATHE_OK;
}

lathe_status checkPenalties(const lathe_generate_options &options, lathe_error *error) {
  if (!(float(options.repetition_penalty) > 0) || !isFinite(float(options.repetition_penalty)))
    return refuseNumber(error, "repetition_penalty", options.repetition_penalty, "more than 0; 1 is none");
  const float ofSource = float(1 / options.encoder_repetition_penalty);
  if (!(ofSource > 0) || !isFinite(ofSource))
    return refuseNumber(error, "encoder_repetition_penalty", options.encoder_repetition_penalty,
                        "more than 0; 1 is none");
  if (!(options.decay_factor > 0) || !isFinite(options.decay_factor))
    return refuseNumber(error, "exponential_decay_length_penalty: decay_factor", options.decay_factor,
                        "more than 0; 1 is none");
  if (options.renormalize_logits != 0 && options.renormalize_logits != 1)
    return refuseInteger(error, "renormalize_logits", options.renormalize_logits, "0 or 1");
  if (!isFinite(float(options.presence_penalty)))
    return refuseNumber(error, "presence_penalty", options.presence_penalty, "any finite number; 0 is none");
  if (!isFinite(float(options.frequency_penalty)))
    return refuseNumber(error, "frequency_penalty", options.frequency_penalty, "any finite number; 0 is none");
  return LATHE_OK;
}

lathe_status checkIdsOf(const char *name, const lathe_ids &ids, int64_t vocabulary, lathe_error *error) {
  if (ids.length && !ids.ids)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s has %zu ids, which are NULL", name, ids.length);
  for (size_t i = 0; i < ids.length; ++i)
    if (lathe_status status = checkId(name, ids.ids[i], 0, vocabulary, error))
      return status;
  return LATHE_OK;
}

lathe_status checkBiases(const lathe_generate_options &options, int64_t vocabulary, lathe_error *error) {
  if (options.n_sequence_bias && !options.sequence_bias)
    return fail(error, LATHE_INVALID_ARGUMENT, "sequence_bias is NULL, and n_sequence_bias is %zu",
                options.n_sequence_bias);
  for (size_t b = 0; b < options.n_sequence_bias; ++b) {
    const lathe_sequence_bias &given = options.sequence_bias[b];
    if (!given.ids || !given.length)
      return fail(error, LATHE_INVALID_ARGUMENT, "sequence_bias[%zu] has no ids; it must have one at least", b);
    if (lathe_status status = checkIdsOf("an id of sequence_bias", {given.ids, given.length}, vocabulary, error))
      return status;
    if (!(given.bias >= -mostBias && given.bias <= mostBias))
      return refuseNumber(error, "a bias of sequence_bias", given.bias, "-1e30 to 1e30");
  }
  return LATHE_OK;
}

lathe_status checkIds(const lathe_generate_options &options, int64_t vocabulary, lathe_error *error) {
  if (options.n_eos_ids && !options.eos_ids)
    return fail(error, LATHE_INVALID_ARGUMENT, "eos_ids is NULL, and n_eos_ids is %zu", options.n_eos_ids);
  if (options.n_eos_ids > size_t(vocabulary))
    return fail(error, LATHE_INVALID_ARGUMENT, "n_eos_ids is %zu; the vocabulary has %lld tokens", options.n_eos_ids,
                static_cast<long long>(vocabulary));
  for (size_t i = 0; i < options.n_eos_ids; ++i)
    if (lathe_status status = checkId("an id of eos_ids", options.eos_ids[i], 0, vocabulary, error))
      return status;
  if (lathe_status status = checkId("forced_bos_id", options.forced_bos_id, -1, vocabulary, error))
    return status;
  if (lathe_status status = checkId("forced_eos_id", options.forced_eos_id, -1, vocabulary, error))
    return status;
  if (options.pad_id < -1)
    return refuseInteger(error, "pad_id", options.pad_id, "-1 (none) or more");
  if (options.n_bad_words && !options.bad_words)
    return fail(error, LATHE_INVALID_ARGUMENT, "bad_words is NULL, and n_bad_words is %zu", options.n_bad_words);
  for (size_t w = 0; w < options.n_bad_words; ++w) {
    const lathe_ids &word = options.bad_words[w];
    if (!word.ids || !word.length)
      return fail(error, LATHE_INVALID_ARGUMENT, "bad_words[%zu] has no ids; it must have one at least", w);
    for (size_t i = 0; i < word.length; ++i)
      if (lathe_status status = checkId("an id of bad_words", word.ids[i], 0, vocabulary, error))
        return status;
  }
  if (lathe_status status = checkIdsOf("an id of suppress_tokens", options.suppress_tokens, vocabulary, error))
    return status;
  if (lathe_status status =
          checkIdsOf("an id of begin_suppress_tokens", options.begin_suppress_tokens, vocabulary, error))
    return status;
  return checkBiases(options, vocabulary, error);
}

} // namespace

void generateDefaults(lathe_generate_options &options) {
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.max_length = 20;
  options.num_beams = 1;
  options.num_beam_groups = 1;
  options.length_penalty = 1;
  options.early_stopping = LATHE_STOP_BY_BEST;
  options.num_return_sequences = 1;
  options.temperature = 1;
  options.top_k = 50;
  options.top_p = 1;
  options.typical_p = 1;
  options.repetition_penalty = 1;
  options.encoder_repetition_penalty = 1;
  options.decay_factor = 1;
  options.num_assistant_tokens = 20;
  options.num_assistant_tokens_schedule = LATHE_ASSISTANT_CONSTANT;
  options.assistant_confidence_threshold = 0.4;
  options.forced_bos_id = -1;
  options.forced_eos_id = -1;
  options.pad_id = -1;
  options.decoder_start_id = -1;
}

lathe_status checkGenerateOptions(const lathe_generate_options &options, int64_t vocabulary, int64_t promptLength,
                                  lathe_error *error) {
  if (vocabulary < 1 || vocabulary > INT32_MAX)
    return refuseInteger(error, "the vocabulary's size", vocabulary, "1 to 2147483647");
  lathe_status status = checkLengths(options, promptLength, error);
  if (!status)
    status = checkDraws(options, error);
  if (!status)
    status = checkPenalties(options, error);
  if (!status)
    status = checkIds(options, vocabulary, error);
  return status ? status : checkBeams(options, vocabulary, error);
}

lathe_status checkPrompt(const int32_t *prompt, int64_t length, int64_t vocabulary, lathe_error *error) {
  if (length < 1 || !prompt)
    return fail(error, LATHE_INVALID_ARGUMENT, "the prompt has no tokens; it must have one at least");
  for (int64_t i = 0; i < length; ++i)
    if (lathe_status status = checkId("an id of the prompt", prompt[i], 0, vocabulary, error))
      return status;
  return LATHE_OK;
}

lathe_status checkWriting(const lathe_generate_options &options, const int32_t *prompt, int64_t length,
                          int64_t vocabulary, lathe_error *error) {
  const lathe_status status = checkGenerateOptions(options, vocabulary, length, error);
  return status ? status : checkPrompt(prompt, length, vocabulary, error);
}

int64_t greatestLength(const lathe_generate_options &options, int64_t promptLength) {
  return options.max_new_tokens ? promptLength + options.max_new_tokens : options.max_length;
}

int64_t leastLength(const lathe_generate_options &options, int64_t promptLength) {
  return options.min_new_tokens ? promptLength + options.min_new_tokens : options.min_length;
}

bool endsText(const lathe_generate_options &options, int32_t id) {
  for (size_t i = 0; i < options.n_eos_ids; ++i)
    if (options.eos_ids[i] == id)
      return true;
  return false;
}

int32_t padding(const lathe_generate_options &options) {
  return options.pad_id >= 0 ? options.pad_id : options.n_eos_ids ? options.eos_ids[0] : -1;
}

int64_t candidatesPerBeam(const lathe_generate_options &options) {
  return options.n_eos_ids > 1 ? int64_t(options.n_eos_ids) + 1 : 2;
}

} // namespace lathe
