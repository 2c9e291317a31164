#include "runtime/generate/Assistant.h"

#include "runtime/generate/GenerateOptions.h"

namespace lathe {

lathe_status checkAssistant(const lathe_generate_options &options, int64_t vocabulary, lathe_error *error) {
  const lathe_assistant *given = options.assistant;
  if (!given)
    return LATHE_OK;
  if (given->size != sizeof(lathe_assistant))
    return fail(error, LATHE_INVALID_ARGUMENT, "lathe_assistant: size is %zu; set it to sizeof(lathe_assistant), %zu",
                given->size, sizeof(lathe_assistant));
  if (!given->api || !given->context)
    return fail(error, LATHE_INVALID_ARGUMENT, "assistant: %s is NULL", given->api ? "context" : "api");
  if (given->api->abi_version != LATHE_ABI_VERSION || given->api->size < sizeof(lathe_api))
    return fail(error, LATHE_INVALID_ARGUMENT,
                "the assistant's library has ABI %u of %u bytes; accepted is %u of %zu and more: compile it anew",
                given->api->abi_version, given->api->size, unsigned(LATHE_ABI_VERSION), sizeof(lathe_api));
  if (options.num_beams > 1 || options.num_return_sequences > 1)
    return fail(error, LATHE_INVALID_ARGUMENT, "an assistant with %s %d; accepted is 1",
                options.num_beams > 1 ? "num_beams" : "num_return_sequences",
                options.num_beams > 1 ? options.num_beams : options.num_return_sequences);
  if (options.num_assistant_tokens < 1 || options.num_assistant_tokens > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "num_assistant_tokens is %lld; accepted is 1 to 2147483647",
                static_cast<long long>(options.num_assistant_tokens));
  if (!(given->tokens >= 0 && given->tokens <= INT32_MAX))
    return fail(error, LATHE_INVALID_ARGUMENT, "assistant: tokens is %g; accepted is 0 to 2147483647", given->tokens);
  if (options.num_assistant_tokens_schedule < LATHE_ASSISTANT_CONSTANT ||
      options.num_assistant_tokens_schedule > LATHE_ASSISTANT_HEURISTIC_TRANSIENT)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "num_assistant_tokens_schedule is %d; accepted is 0, 1 or 2 (lathe_assistant_schedule)",
                int(options.num_assistant_tokens_schedule));
  if (!(options.assistant_confidence_threshold >= 0 && options.assistant_confidence_threshold <= 1))
    return fail(error, LATHE_INVALID_ARGUMENT, "assistant_confidence_threshold is %g; accepted is 0 to 1",
                options.assistant_confidence_threshold);
  const lathe_model *model = given->api->context_model(given->context);
  if (const int64_t other = given->api->vocabulary(model); other != vocabulary)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "the assistant, %s, has a vocabulary of %lld ids; accepted is that of the model, of %lld",
                given->api->name(), static_cast<long long>(other), static_cast<long long>(vocabulary));
  return LATHE_OK;
}

Assistant::Assistant(const lathe_allocator &allocator, const lathe_generate_options &options, int64_t vocabulary,
                     int64_t most)
    : options(options), assistant(*options.assistant), vocabulary(vocabulary), mostTokens(most),
      tokens(assistant.tokens > 0 ? assistant.tokens : double(options.num_assistant_tokens)), rows(allocator) {}

Assistant::~Assistant() { assistant.api->sequence_destroy(sequence); }

lathe_status Assistant::failed(lathe_status status, const lathe_error &own, lathe_error *error) const {
  return fail(error, status, "the assistant, %s: %s", assistant.api->name(), own.message);
}

lathe_status Assistant::begin(const int32_t *tokens, int64_t count, int64_t seenFromAll, const Prompts *sources,
                              size_t index, lathe_error *error) {
  const lathe_api &api = *assistant.api;
  lathe_error own = {};
  lathe_status status;
  if (sources) {
    const int32_t first = sources->offsets[index], bounds[] = {0, sources->offsets[index + 1] - first};
    status = api.encode(assistant.context, sources->ids + first, bounds,
                        sources->mask ? sources->mask + first : nullptr, 1, &sequence, &own);
    isOver = status == LATHE_TOO_LONG || status == LATHE_OVER_BUDGET;
  } else {
    status = api.sequence_create(assistant.context, nullptr, 0, &sequence, &own);
    if (!status && seenFromAll)
      status = api.sequence_set_prefix(sequence, seenFromAll, &own);
  }
  if (status && !isOver)
    return failed(status, own, error);
  prompt = tokens;
  promptTokens = count;
  prefix = seenFromAll;
  return LATHE_OK;
}

/// Goes on with tokens, and gets the logits behind the last of them, unless from here on it isOver.
lathe_status Assistant::read(const int32_t *ids, int64_t count, float *logits, lathe_error *error) {
  lathe_error own = {};
  while (count && !isOver) {
    const int64_t now = count < mostTokens ? count : mostTokens;
    const int32_t bounds[] = {0, int32_t(now)}, last = int32_t(now) - 1;
    const size_t wanted = now == count && logits;
    const lathe_status status =
        assistant.api->decode(assistant.context, &sequence, 1, ids, bounds, wanted ? &last : nullptr, wanted,
                              wanted ? logits : nullptr, &own);
    const int64_t least = assistant.api->sequence_length(sequence) < prefix ? prefix : 1;
    if (status == LATHE_OVER_BUDGET && now > least) { // its context's budget is smaller
      mostTokens = now / 2 > least ? now / 2 : least;
      continue;
    }
    isOver = status == LATHE_TOO_LONG || status == LATHE_OVER_BUDGET;
    if (status && !isOver)
      return failed(status, own, error);
    ids += now;
    count -= now;
  }
  return LATHE_OK;
}

lathe_status Assistant::guess(Continuation &text, int64_t promptLength, int64_t most, lathe_error *error) {
  n_guesses = 0;
  const int64_t room = text.roomForGuesses(), cap = room < most ? room : most;
  const int64_t wanted = tokens < double(cap) ? int64_t(tokens) : cap;
  if (wanted <= 0 || isOver)
    return LATHE_OK;
  // What it has not read yet: first its prompt, and each time what the model wrote otherwise.
  const int64_t cached = assistant.api->sequence_length(sequence);
  if (cached < promptTokens)
    if (lathe_status status = read(prompt + cached, promptTokens - cached, nullptr, error))
      return status;
  const int64_t behind = cached < promptTokens ? 0 : cached - promptTokens; // of what was written
  const int32_t *next = text.ids() + promptLength + behind;
  int64_t count = text.length() - promptLength - behind;
  while (n_guesses < wanted) {
    rows.size = options.do_sample ? size_t(n_guesses * vocabulary) : 0;
    if (!rows.reserve(size_t(vocabulary)))
      return noMemoryForTexts(error);
    float *logits = rows.data + rows.size;
    if (lathe_status status = read(next, count, logits, error))
      return status;
    // A guess that cannot be made is none: what is written does not depend on it.
    if (isOver || text.guess(logits, nullptr))
      break;
    next = text.ids() + text.length() + n_guesses;
    count = 1;
    const int32_t guess = *next;
    ++n_guesses;
    if (endsText(options, guess) || double(logits[guess]) < options.assistant_confidence_threshold)
      break;
  }
  return LATHE_OK;
}

lathe_status Assistant::learn(int64_t accepted, int64_t length, lathe_error *error) {
  if (!n_guesses)
    return LATHE_OK;
  ++assistant.steps;
  assistant.guessed += n_guesses;
  assistant.accepted += accepted;
  if (options.num_assistant_tokens_schedule != LATHE_ASSISTANT_CONSTANT) {
    tokens = accepted == n_guesses ? tokens + 2 : tokens > 2 ? tokens - 1 : 1;
    if (options.num_assistant_tokens_schedule == LATHE_ASSISTANT_HEURISTIC)
      assistant.tokens = tokens;
  }
  // The text's last token is the model's own.
  lathe_error own = {};
  if (length - 1 < assistant.api->sequence_length(sequence))
    if (lathe_status status = assistant.api->sequence_truncate(sequence, length - 1, &own))
      return failed(status, own, error);
  return LATHE_OK;
}

} // namespace lathe
