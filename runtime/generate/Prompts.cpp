#include "runtime/generate/Prompts.h"

#include "runtime/core/Context.h"
#include "runtime/generate/Assistant.h"
#include "runtime/generate/Decode.h"
#include "runtime/generate/GenerateOptions.h"

namespace lathe {

int64_t prefixOf(const Prompts &prompts, const lathe_generate_options &options, size_t index) {
  const int64_t length = options.prefix_lens ? options.prefix_lens[index] : 0;
  int64_t tokens = 0, columns = 0;
  for (int32_t at = prompts.offsets[index]; at < prompts.offsets[index + 1] && columns < length; ++at) {
    const bool isToken = !prompts.mask || prompts.mask[at];
    tokens += isToken;
    columns += tokens > 0;
  }
  return tokens;
}

lathe_status checkRequest(const lathe_context &context, const Prompts &prompts, const lathe_generate_options &options,
                          lathe_error *error) {
  const lathe_decoder &decoder = *context.model->program->decoder;
  const int64_t vocabulary = vocabularyOf(decoder), places = placesOf(decoder);
  if (options.num_beams > 1 && options.stream)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "stream is set with num_beams %d; beam search writes nothing before its end", options.num_beams);
  if (options.n_stop && !context.model->hasTokenizer())
    return fail(error, LATHE_INVALID_ARGUMENT, "stop strings are set, but %s was compiled without a tokenizer",
                context.model->program->name);
  if (lathe_status status = checkAssistant(options, vocabulary, error))
    return status;
  for (size_t i = 0; i < options.n_stop; ++i)
    if (!options.stop || !options.stop[i] || !*options.stop[i])
      return fail(error, LATHE_INVALID_ARGUMENT, "stop string %zu is NULL or empty", i);
  for (size_t i = 0; i < prompts.count; ++i) {
    const int64_t length = prompts.offsets[i + 1] - prompts.offsets[i];
    if (lathe_status status = checkWriting(options, prompts.ids + prompts.offsets[i], length, vocabulary, error))
      return status;
    int64_t tokens = length;
    for (int32_t at = prompts.offsets[i]; prompts.mask && at < prompts.offsets[i + 1]; ++at)
      tokens -= !prompts.mask[at];
    if (!tokens)
      return fail(error, LATHE_INVALID_ARGUMENT, "prompt %zu has no tokens: the mask is 0 for all of them", i);
    if (tokens > places)
      return fail(error, LATHE_TOO_LONG, "prompt %zu has %lld tokens; this model has positions for %lld", i,
                  static_cast<long long>(tokens), static_cast<long long>(places));
    if (options.prefix_lens && options.prefix_lens[i] < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "prefix_lens is %d for prompt %zu; accepted: 0 and more",
                  options.prefix_lens[i], i);
    if (const int64_t prefix = prefixOf(prompts, options, i); prefix > context.maxTokens)
      return fail(
          error, LATHE_OVER_BUDGET,
          "prompt %zu has a prefix of %lld tokens, which are read in one step; the context's budget (max_tokens) "
          "is %lld",
          i, static_cast<long long>(prefix), static_cast<long long>(context.maxTokens));
  }
  return LATHE_OK;
}

DecoderPrompts::DecoderPrompts(const lathe_allocator &allocator, size_t count, const lathe_generate_options &options)
    : given(options.decoder_ids), givenOffsets(options.decoder_cu_seqlens), start(options.decoder_start_id),
      count(count), prefix(start >= 0 && !(given && startsAny(count))),
      ids(allocator, (given && count ? givenOffsets[count] : 0) + int64_t(count)),
      offsets(allocator, int64_t(count) + 1) {
  if (!ids.data || !offsets.data)
    return;
  int32_t end = 0;
  for (size_t i = 0; i < count; ++i) {
    if (prefix)
      ids[end++] = start;
    for (int32_t at = given ? givenOffsets[i] : 0; given && at < givenOffsets[i + 1]; ++at)
      ids[end++] = given[at];
    offsets[int64_t(i) + 1] = end;
  }
}

bool DecoderPrompts::startsAny(size_t n) const {
  for (size_t i = 0; i < n; ++i)
    if (givenOffsets[i] < givenOffsets[i + 1] && given[givenOffsets[i]] == start)
      return true;
  return false;
}

} // namespace lathe
