#include "runtime/generate/Encode.h"

#include "runtime/core/Context.h"
#include "runtime/core/EntryInputs.h"
#include "runtime/core/Places.h"
#include "runtime/core/Status.h"

namespace lathe {
namespace {

/// Some of the sources, one behind the other.
struct Part {
  const Sources &sources;
  size_t begin, end;

  template <typename Visit> void forEachToken(size_t source, Visit visit) const {
    for (int32_t at = sources.offsets[source]; at < sources.offsets[source + 1]; ++at)
      if (!sources.mask || sources.mask[at])
        visit(at);
  }
  int64_t tokensOf(size_t source) const {
    int64_t tokens = 0;
    forEachToken(source, [&](int32_t) { ++tokens; });
    return tokens;
  }
};

lathe_status checkSources(const lathe_context &context, const lathe_entry &entry, const Part &all, lathe_error *error) {
  const Sources &sources = all.sources;
  const int64_t vocabulary = idLimit(entry, LATHE_INPUT_IDS), places = placesOf(entry);
  for (size_t i = 0; i < sources.count; ++i) {
    const int64_t columns = sources.offsets[i + 1] - sources.offsets[i], tokens = all.tokensOf(i);
    if (!tokens)
      return fail(error, LATHE_INVALID_ARGUMENT, "text %zu has no tokens to be read; it must have one at least", i);
    if (columns > places)
      return fail(error, LATHE_TOO_LONG, "text %zu has %lld tokens; this model has positions for %lld", i,
                  static_cast<long long>(columns), static_cast<long long>(places));
    if (tokens > context.maxTokens)
      return fail(error, LATHE_OVER_BUDGET, "text %zu has %lld tokens; the context's budget (max_tokens) is %lld", i,
                  static_cast<long long>(tokens), static_cast<long long>(context.maxTokens));
    for (int32_t at = sources.offsets[i]; at < sources.offsets[i + 1]; ++at)
      if (sources.ids[at] < 0 || sources.ids[at] >= vocabulary)
        return fail(error, LATHE_INVALID_ARGUMENT, "ids: %d at index %d; accepted: 0 to %lld", sources.ids[at], at,
                    static_cast<long long>(vocabulary - 1));
  }
  return LATHE_OK;
}

/// Fills one input for all tokens, or texts.
void fillInput(const Part &part, const lathe_entry_input &input, lathe_sequence *const *sequences, void *values) {
  int32_t *integers = static_cast<int32_t *>(values);
  void ***tables = static_cast<void ***>(values);
  if (input.kind == LATHE_CU_SEQLENS)
    *integers++ = 0;
  int32_t end = 0;
  for (size_t i = part.begin; i < part.end; ++i) {
    if (input.kind == LATHE_CU_SEQLENS)
      *integers++ = end += int32_t(part.tokensOf(i));
    else if (input.kind == LATHE_CACHED)
      *integers++ = 0;
    else if (input.kind == LATHE_PAGES)
      *tables++ = sequences[i]->source->table;
    else {
      const int32_t first = part.sources.offsets[i];
      int32_t counted = first; // ids before this one have been counted
      int32_t ids = 0, tokens = 0;
      part.forEachToken(i, [&](int32_t at) {
        const int32_t id = part.sources.ids[at];
        for (; counted <= at; ++counted)
          ids += part.sources.ids[counted] != input.padding_id;
        const bool isPosition = input.kind == LATHE_POSITION_IDS;
        if (input.kind == LATHE_INPUT_IDS)
          *integers++ = id;
        else if (isPosition && input.counts == LATHE_COUNTS_IDS)
          *integers++ = int32_t(input.padding_id) + (id == input.padding_id ? 0 : ids);
        else if (isPosition && input.counts == LATHE_COUNTS_TOKENS)
          *integers++ = tokens;
        else if (isPosition || input.kind == LATHE_COLUMNS)
          *integers++ = at - first;
        else
          *integers++ = int32_t(input.omitted);
        ++tokens;
      });
    }
  }
}

lathe_status runPart(lathe_context &context, const lathe_entry &entry, const Part &part,
                     lathe_sequence *const *sequences, lathe_error *error) {
  FrameSize size = {0, int64_t(part.end - part.begin), 0};
  for (size_t i = part.begin; i < part.end; ++i) {
    const int64_t tokens = part.tokensOf(i);
    size.tokens += tokens;
    size.longest = tokens > size.longest ? tokens : size.longest;
  }
  Places places;
  const int64_t hidden = places.place(Checked(size.tokens) * entry.outputs[0].width * sizeof(float));
  const int64_t pointers = places.place(Checked(entry.n_inputs) * sizeof(void *));
  const Checked inputBytes = (Checked(size.tokens) + 1) * sizeof(void *); // ids, offsets or addresses
  const int64_t inputs = places.place(inputBytes.roundUp(cacheLine) * entry.n_inputs);
  const int64_t arena = places.place(evaluate(entry.arena, size));
  const Checked perWorker = evaluate(entry.scratch, size);
  const int64_t scratch = places.place(perWorker * context.threads);
  uint8_t *memory = places.total.valid ? context.memory.reserve(size_t(places.total.value)) : nullptr;
  if (!memory)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory to read %lld tokens in %lld texts (%lld bytes)",
                static_cast<long long>(size.tokens), static_cast<long long>(size.batch),
                static_cast<long long>(places.total.value));
  void **inputPointers = reinterpret_cast<void **>(memory + pointers);
  for (int32_t i = 0; i < entry.n_inputs; ++i) {
    inputPointers[i] = memory + inputs + i * inputBytes.roundUp(cacheLine).value;
    fillInput(part, entry.inputs[i], sequences, inputPointers[i]);
  }
  void *output = memory + hidden;
  lathe_frame frame{};
  frame.weights = context.model->weights.tensors();
  frame.arena = memory + arena;
  frame.inputs = inputPointers;
  frame.outputs = &output;
  frame.tokens = size.tokens;
  frame.batch = size.batch;
  frame.longest = size.longest;
  Execution execution{&context, &entry, memory + scratch, perWorker.value};
  return execute(execution, frame, error);
}

lathe_status encodeAll(lathe_context &context, const lathe_entry &entry, const Part &all, lathe_sequence **sequences,
                       lathe_error *error) {
  for (size_t i = 0; i < all.end; ++i) {
    Source *source = nullptr;
    if (lathe_status status = createSource(context, all.tokensOf(i), source, error))
      return status;
    if (lathe_status status = createSequence(context, source, sequences[i], error)) {
      releaseSource(source);
      return status;
    }
  }
  // As many together as the budget allows.
  for (size_t begin = 0, end = 0; begin < all.end; begin = end) {
    for (int64_t tokens = 0; end < all.end && (tokens += all.tokensOf(end)) <= context.maxTokens; ++end)
      ;
    if (lathe_status status = runPart(context, entry, {all.sources, begin, end}, sequences, error))
      return status;
  }
  return LATHE_OK;
}

} // namespace

lathe_status encodeSources(lathe_context &context, const Sources &sources, lathe_sequence **sequences,
                           lathe_error *error) {
  for (size_t i = 0; i < sources.count; ++i)
    sequences[i] = nullptr;
  const lathe_decoder *decoder = findDecoder(*context.model, error);
  if (!decoder)
    return LATHE_UNAVAILABLE;
  if (!decoder->source)
    return fail(error, LATHE_UNAVAILABLE, "%s has no encoder beside its decoder; sequence_create begins a text",
                context.model->program->name);
  const Part all = {sources, 0, sources.count};
  lathe_status status = checkSources(context, *decoder->source, all, error);
  if (!status)
    status = encodeAll(context, *decoder->source, all, sequences, error);
  if (context.cancelled.exchange(false) && !status)
    status = fail(error, LATHE_CANCELLED, "reading was cancelled as it ended");
  for (size_t i = 0; status && i < sources.count; ++i) {
    destroySequence(sequences[i]);
    sequences[i] = nullptr;
  }
  return status;
}

} // namespace lathe
