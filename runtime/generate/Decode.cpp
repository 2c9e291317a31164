#include "runtime/generate/Decode.h"

#include "runtime/core/Context.h"
#include "runtime/core/EntryInputs.h"
#include "runtime/core/Places.h"
#include "runtime/core/Status.h"

#include <string.h>

namespace lathe {
namespace {

int64_t tokensOf(const DecodeStep &step) { return step.offsets[step.count]; }

lathe_status checkSequence(const lathe_context &context, const DecodeStep &step, size_t index, int64_t places,
                           lathe_error *error) {
  const lathe_sequence *sequence = step.sequences[index];
  const int64_t added = int64_t(step.offsets[index + 1]) - step.offsets[index];
  if (!sequence)
    return fail(error, LATHE_INVALID_ARGUMENT, "sequence %zu is NULL", index);
  if (sequence->context != &context)
    return fail(error, LATHE_INVALID_ARGUMENT, "sequence %zu is of another context", index);
  if (sequence->inUse)
    return fail(error, LATHE_INVALID_ARGUMENT, "sequence %zu is given twice", index);
  if (added < 0)
    return fail(error, LATHE_INVALID_ARGUMENT, "cu_seqlens falls from %d to %d at index %zu; it must not fall",
                step.offsets[index], step.offsets[index + 1], index + 1);
  const int64_t length = sequence->length + added;
  if (length > places)
    return fail(error, LATHE_TOO_LONG, "sequence %zu would have %lld tokens; this model has positions for %lld", index,
                static_cast<long long>(length), static_cast<long long>(places));
  if (added && length < sequence->prefix)
    return fail(
        error, LATHE_INVALID_ARGUMENT,
        "sequence %zu would have %lld tokens of a prefix of %lld; as these see each other, one step adds them all",
        index, static_cast<long long>(length), static_cast<long long>(sequence->prefix));
  return LATHE_OK;
}

lathe_status checkStep(const lathe_context &context, const lathe_decoder &decoder, const DecodeStep &step,
                       lathe_error *error) {
  if (step.offsets[0])
    return fail(error, LATHE_INVALID_ARGUMENT, "cu_seqlens begins with %d; it must begin with 0", step.offsets[0]);
  const int64_t places = placesOf(decoder);
  lathe_status status = LATHE_OK;
  size_t marked = 0;
  while (marked < step.count && !(status = checkSequence(context, step, marked, places, error)))
    step.sequences[marked++]->inUse = true;
  while (marked)
    step.sequences[--marked]->inUse = false;
  if (status)
    return status;
  const int64_t vocabulary = idLimit(decoder.decode, LATHE_INPUT_IDS), tokens = tokensOf(step);
  for (int64_t i = 0; i < tokens; ++i)
    if (step.ids[i] < 0 || step.ids[i] >= vocabulary)
      return fail(error, LATHE_INVALID_ARGUMENT, "ids: %d at index %lld; accepted: 0 to %lld", step.ids[i],
                  static_cast<long long>(i), static_cast<long long>(vocabulary - 1));
  for (size_t i = 0; i < step.logitRowCount; ++i)
    if (step.logitRows[i] < 0 || step.logitRows[i] >= tokens)
      return fail(error, LATHE_INVALID_ARGUMENT, "logit_rows: %d at index %zu; accepted: 0 to %lld, one of the tokens",
                  step.logitRows[i], i, static_cast<long long>(tokens - 1));
  if (tokens > context.maxTokens)
    return fail(error, LATHE_OVER_BUDGET, "the step has %lld tokens; the context's budget (max_tokens) is %lld",
                static_cast<long long>(tokens), static_cast<long long>(context.maxTokens));
  return LATHE_OK;
}

FrameSize sizeOf(const DecodeStep &step) {
  FrameSize size = {tokensOf(step), 0, 0};
  for (size_t i = 0; i < step.count; ++i) {
    const int64_t added = step.offsets[i + 1] - step.offsets[i];
    size.batch += added > 0;
    size.longest = added > size.longest ? added : size.longest;
  }
  return size;
}

/// Where everything lies in the context's working memory. What `decode` and the entry behind it need alone shares its
/// place.
struct Plan : Places {
  int64_t hidden, picked; // rows of what `decode` gives; those of which logits are wanted
  int64_t inputPointers, inputs;
  int64_t arena, scratch, scratchStride;

  Plan(const lathe_context &context, const lathe_decoder &decoder, const FrameSize &size, const lathe_entry &head,
       int64_t rows) {
    const int64_t width = decoder.decode.outputs[0].width;
    hidden = place(Checked(size.tokens) * width * sizeof(float));
    picked = place(Checked(rows) * width * sizeof(float));
    const int32_t most = decoder.decode.n_inputs > head.n_inputs ? decoder.decode.n_inputs : head.n_inputs;
    inputPointers = place(Checked(most) * sizeof(void *));
    inputs = total.value;
    for (int32_t i = 0; i < most; ++i)
      placeInput(size.tokens > rows ? size.tokens : rows);
    const FrameSize ofHead = {rows, rows, 1};
    arena = place(larger(evaluate(decoder.decode.arena, size), evaluate(head.arena, ofHead)));
    const Checked perWorker = larger(evaluate(decoder.decode.scratch, size), evaluate(head.scratch, ofHead));
    scratchStride = perWorker.value;
    scratch = place(perWorker * context.threads);
  }
  static Checked larger(Checked a, Checked b) {
    Checked most = a.value > b.value ? a : b;
    most.valid = a.valid && b.valid;
    return most;
  }
  /// Ids, offsets or addresses.
  int64_t placeInput(int64_t tokens) { return place((Checked(tokens) + 1) * sizeof(void *)); }
};

/// Tokens that follow one another in a sequence: an entry's rows of it.
struct Tokens {
  const lathe_sequence &sequence;
  int32_t before; // tokens of the sequence
  const int32_t *ids;
  int32_t count;
};

/// What `decode` is run for: calls visit(tokens) for each sequence that has any.
struct NewTokens {
  const DecodeStep &step;

  template <typename Visit> void forEach(Visit visit) const {
    for (size_t i = 0; i < step.count; ++i) {
      const int32_t begin = step.offsets[i], count = step.offsets[i + 1] - begin;
      if (count)
        visit(Tokens{*step.sequences[i], int32_t(step.sequences[i]->length), step.ids + begin, count});
    }
  }
};

/// What the entry behind it is run for: likewise for each row by itself.
struct LogitRows {
  const DecodeStep &step;

  template <typename Visit> void forEach(Visit visit) const {
    size_t i = 0;
    for (size_t k = 0; k < step.logitRowCount; ++k) {
      const int32_t row = step.logitRows[k];
      if (row < step.offsets[i])
        i = 0;
      while (row >= step.offsets[i + 1])
        ++i;
      const int32_t before = int32_t(step.sequences[i]->length) + row - step.offsets[i];
      visit(Tokens{*step.sequences[i], before, step.ids + row, 1});
    }
  }
};

/// Fills one input of an entry, for all tokens or all sequences.
template <typename Rows> void fillInput(const Rows &rows, const lathe_entry_input &input, void *values) {
  int32_t *integers = static_cast<int32_t *>(values);
  void ***tables = static_cast<void ***>(values);
  if (input.kind == LATHE_CU_SEQLENS)
    *integers++ = 0;
  int32_t end = 0;
  rows.forEach([&](const Tokens &tokens) {
    const lathe_sequence &sequence = tokens.sequence;
    if (input.kind == LATHE_CU_SEQLENS)
      *integers++ = end += tokens.count;
    else if (input.kind == LATHE_CACHED)
      *integers++ = tokens.before;
    else if (input.kind == LATHE_PREFIX_ENDS)
      *integers++ = int32_t(sequence.prefix);
    else if (input.kind == LATHE_PAGES)
      *tables++ = sequence.table;
    else if (input.kind == LATHE_SOURCE_PAGES)
      *tables++ = sequence.source->table;
    else if (input.kind == LATHE_SOURCE_LENGTHS)
      *integers++ = int32_t(sequence.source->tokens);
    else
      for (int32_t t = 0; t < tokens.count; ++t) {
        const int32_t id = tokens.ids[t], place = tokens.before + t;
        if (input.kind == LATHE_INPUT_IDS)
          *integers++ = id;
        else if (input.kind == LATHE_COLUMNS || (input.kind == LATHE_POSITION_IDS && input.counts != LATHE_COUNTS_IDS))
          *integers++ = place;
        else if (input.kind == LATHE_POSITION_IDS)
          *integers++ = int32_t(input.padding_id) + (id == input.padding_id ? 0 : 1 + place);
        else
          *integers++ = int32_t(input.omitted);
      }
  });
}

/// One of the two entries.
lathe_status runPart(lathe_context &context, const lathe_entry &entry, const FrameSize &size, const Plan &plan,
                     uint8_t *memory, void *const *inputs, void *output, lathe_error *error) {
  lathe_frame frame{};
  frame.weights = context.model->weights.tensors();
  frame.arena = memory + plan.arena;
  frame.inputs = inputs;
  frame.outputs = &output;
  frame.tokens = size.tokens;
  frame.batch = size.batch;
  frame.longest = size.longest;
  Execution execution{&context, &entry, memory + plan.scratch, plan.scratchStride};
  return execute(execution, frame, error);
}

lathe_status runStep(lathe_context &context, const lathe_decoder &decoder, const DecodeStep &step, lathe_error *error) {
  const FrameSize size = sizeOf(step);
  const int64_t rows = int64_t(step.logitRowCount), width = decoder.decode.outputs[0].width;
  const lathe_entry &head = step.best ? decoder.best : decoder.logits;
  Plan plan(context, decoder, size, head, rows);
  uint8_t *memory = plan.total.valid ? context.memory.reserve(size_t(plan.total.value)) : nullptr;
  if (!memory)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for a step of %lld tokens in %lld sequences (%lld bytes)",
                static_cast<long long>(size.tokens), static_cast<long long>(size.batch),
                static_cast<long long>(plan.total.value));
  void **inputs = reinterpret_cast<void **>(memory + plan.inputPointers);
  auto fillInputs = [&](const lathe_entry &entry, const auto &entryRows, int64_t tokens) {
    plan.total = plan.inputs; // the same places again, now that the memory is there
    for (int32_t i = 0; i < entry.n_inputs; ++i) {
      inputs[i] = memory + plan.placeInput(tokens);
      if (entry.inputs[i].kind != LATHE_HIDDEN)
        fillInput(entryRows, entry.inputs[i], inputs[i]);
    }
  };
  fillInputs(decoder.decode, NewTokens{step}, size.tokens);
  uint8_t *hidden = memory + plan.hidden, *picked = memory + plan.picked;
  if (lathe_status status = runPart(context, decoder.decode, size, plan, memory, inputs, hidden, error))
    return status;
  if (!rows)
    return LATHE_OK;
  const size_t rowBytes = size_t(width) * sizeof(float);
  for (int64_t i = 0; i < rows; ++i)
    memcpy(picked + size_t(i) * rowBytes, hidden + size_t(step.logitRows[i]) * rowBytes, rowBytes);
  fillInputs(head, LogitRows{step}, rows);
  inputs[0] = picked;
  return runPart(context, head, {rows, rows, 1}, plan, memory, inputs, step.best ? step.best : step.logits, error);
}

} // namespace

int64_t vocabularyOf(const lathe_decoder &decoder) { return decoder.logits.outputs[0].width; }

int64_t placesOf(const lathe_decoder &decoder) { return placesOf(decoder.decode); }

lathe_status decodeStep(lathe_context &context, const DecodeStep &step, lathe_error *error) {
  const lathe_decoder *decoder = findDecoder(*context.model, error);
  if (!decoder)
    return LATHE_UNAVAILABLE;
  if (lathe_status status = checkStep(context, *decoder, step, error))
    return status;
  if (!tokensOf(step))
    return LATHE_OK;
  lathe_status status = LATHE_OK;
  for (size_t i = 0; i < step.count && !status; ++i)
    status = reserveTokens(*step.sequences[i], step.offsets[i + 1] - step.offsets[i], error);
  if (!status)
    status = runStep(context, *decoder, step, error);
  if (context.cancelled.exchange(false) && !status)
    status = fail(error, LATHE_CANCELLED, "the step was cancelled as it ended");
  // A step that failed leaves every sequence as it was.
  for (size_t i = 0; i < step.count; ++i) {
    lathe_sequence &sequence = *step.sequences[i];
    truncateSequence(sequence, status ? sequence.length : sequence.length + step.offsets[i + 1] - step.offsets[i]);
  }
  return status;
}

} // namespace lathe
