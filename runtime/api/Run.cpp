#include "runtime/api/Run.h"

#include "runtime/api/ImageRows.h"
#include "runtime/api/JoinModal.h"
#include "runtime/api/Memories.h"
#include "runtime/api/Packing.h"
#include "runtime/api/ShiftTargets.h"
#include "runtime/core/EntryInputs.h"
#include "runtime/core/Places.h"
#include "runtime/core/Status.h"

#include <string.h>

namespace lathe {
namespace {

/// The caller's tensor for an output, or null when it is not asked for.
const lathe_tensor *requested(const lathe_entry_output &output, const lathe_tensor *outputs, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (!strcmp(outputs[i].name, output.name))
      return &outputs[i];
  return nullptr;
}

/// Whether generated code may write into the caller's array. It holds all rows that the run computes, except when a
/// dense entry computes padding that a ragged caller has not.
bool writesInPlace(const Request &request, const lathe_entry_output &output) {
  if (isOfMemories(request, output))
    return false;
  const bool ofTargets = output.rows == LATHE_ROWS_TARGETS, perToken = ofTargets || output.rows == LATHE_ROWS_TOKENS;
  return !perToken || request.entry->layout == LATHE_PACKED ||
         !request.axis(ofTargets ? LATHE_AXIS_TARGETS : LATHE_AXIS_TOKENS).ragged();
}

Checked frameRows(const lathe_entry &entry, const FrameSize &size, const lathe_entry_output &output) {
  if (output.rows == LATHE_ROWS_SCORES)
    return Checked(size.batch) * size.longest * (entry.memories ? size.longestTargets : size.longest);
  return output.rows == LATHE_ROWS_SEQUENCES ? size.batch
         : output.rows == LATHE_ROWS_TARGETS ? size.targets
                                             : size.tokens;
}

/// Where everything lies in the context's working memory. The order is immaterial; one place decides it.
struct Plan : Places {
  int64_t arena, scratch, scratchStride;
  int64_t offsets, rows, columns;       // of the TokenMap
  int64_t targetOffsets, targetColumns; // of that of targets
  int64_t inputPointers, outputPointers;
  int64_t inputs;  // one behind the other
  int64_t outputs; // those that have no place in a caller's array, one behind the other

  Plan(const lathe_context &context, const lathe_entry &entry, const FrameSize &size) {
    arena = place(evaluate(entry.arena, size));
    Checked perWorker = evaluate(entry.scratch, size);
    scratchStride = perWorker.value;
    scratch = place(perWorker * context.threads);
    offsets = place((Checked(size.batch) + 1) * sizeof(int32_t));
    rows = place(Checked(size.batch) * sizeof(int64_t));
    columns = place(Checked(size.tokens) * sizeof(int32_t));
    targetOffsets = place((Checked(entry.has_targets ? size.batch : 0) + 1) * sizeof(int32_t));
    targetColumns = place(Checked(size.targets) * sizeof(int32_t));
    inputPointers = place(Checked(entry.n_inputs) * sizeof(void *));
    outputPointers = place(Checked(entry.n_outputs) * sizeof(void *));
    inputs = total.value;
    for (int32_t i = 0; i < entry.n_inputs; ++i)
      placeInput(size, entry.inputs[i]);
    outputs = total.value;
  }

  int64_t placeInput(const FrameSize &size, const lathe_entry_input &input) {
    // Offsets have one more than there are sequences, of which each has a token, but perhaps no target.
    const Checked rows = input.axis == LATHE_AXIS_TARGETS ? Checked(size.targets) + size.batch : Checked(size.tokens);
    return place((rows + 1) * bytesPerToken(input));
  }
  int64_t placeOutput(const lathe_entry &entry, const FrameSize &size, const lathe_entry_output &output) {
    return place(frameRows(entry, size, output) * output.width * sizeof(float));
  }
};

lathe_status checkFirstColumn(const Request &request, const Counts &counts, const lathe_tensor *outputs, size_t count,
                              lathe_error *error) {
  if (counts.firstMaskedRow < 0)
    return LATHE_OK;
  for (int32_t o = 0; o < request.entry->n_outputs; ++o) {
    const lathe_entry_output &output = request.entry->outputs[o];
    if (output.first_column == LATHE_FIRST_COLUMN_ERROR && requested(output, outputs, count))
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "attention_mask is 0 in column 0 of row %lld, which %s is computed from; shift the row to the left",
                  static_cast<long long>(counts.firstMaskedRow), output.name);
  }
  return LATHE_OK;
}

void zeroOutputs(const Request &request, const lathe_tensor *outputs, size_t count) {
  for (int32_t o = 0; o < request.entry->n_outputs; ++o) {
    const lathe_entry_output &output = request.entry->outputs[o];
    const int64_t elements = elementsOf(request, output);
    const lathe_tensor *tensor = requested(output, outputs, count);
    if (tensor && elements)
      memset(tensor->data, 0, size_t(elements) * sizeof(float));
  }
}

/// Packs, computes, unpacks.
lathe_status runTokens(lathe_context &context, const Request &request, const FrameSize &size,
                       const lathe_tensor *outputs, size_t outputCount, lathe_error *error) {
  const lathe_entry &entry = *request.entry;
  Plan plan(context, entry, size);
  int64_t firstOutput = plan.outputs;
  auto isInPlace = [&](const lathe_entry_output &output) {
    return requested(output, outputs, outputCount) && writesInPlace(request, output);
  };
  for (int32_t o = 0; o < entry.n_outputs; ++o)
    if (!isInPlace(entry.outputs[o]))
      plan.placeOutput(entry, size, entry.outputs[o]);
  uint8_t *memory = plan.total.valid ? context.memory.reserve(size_t(plan.total.value)) : nullptr;
  if (!memory)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for a run of %lld tokens in %lld sequences (%lld bytes)",
                static_cast<long long>(size.tokens), static_cast<long long>(size.batch),
                static_cast<long long>(plan.total.value));

  TokenMap map{reinterpret_cast<int32_t *>(memory + plan.offsets), reinterpret_cast<int64_t *>(memory + plan.rows),
               reinterpret_cast<int32_t *>(memory + plan.columns), 0};
  mapTokens(request, map);
  TokenMap targetMap{reinterpret_cast<int32_t *>(memory + plan.targetOffsets), nullptr,
                     reinterpret_cast<int32_t *>(memory + plan.targetColumns), 0};
  if (entry.has_targets)
    mapTargets(request, map, targetMap);
  void **inputPointers = reinterpret_cast<void **>(memory + plan.inputPointers);
  plan.total = plan.inputs; // the same places again, now that the memory is there
  for (int32_t i = 0; i < entry.n_inputs; ++i) {
    inputPointers[i] = memory + plan.placeInput(size, entry.inputs[i]);
    if (entry.inputs[i].kind == LATHE_ROTATIONS) { // which stay where they are
      const lathe_tensor *rotations = findRotations(request, entry.inputs[i]);
      inputPointers[i] = rotations ? rotations->data : nullptr;
      continue;
    }
    const TokenMap &ofAxis = entry.inputs[i].axis == LATHE_AXIS_TARGETS ? targetMap : map;
    if (lathe_status status = fillInput(request, ofAxis, size, entry.inputs[i], inputPointers[i], error))
      return status;
    if (entry.inputs[i].kind == LATHE_PIXEL_VALUES && request.images)
      if (lathe_status status = cutImages(context, request, inputPointers[i], error))
        return status;
  }
  void **outputPointers = reinterpret_cast<void **>(memory + plan.outputPointers);
  plan.total = firstOutput; // likewise
  for (int32_t o = 0; o < entry.n_outputs; ++o) {
    const lathe_entry_output &output = entry.outputs[o];
    outputPointers[o] = isInPlace(output) ? requested(output, outputs, outputCount)->data
                                          : memory + plan.placeOutput(entry, size, output);
  }

  lathe_frame frame{};
  frame.weights = context.model->weights.tensors();
  frame.arena = memory + plan.arena;
  frame.inputs = inputPointers;
  frame.outputs = outputPointers;
  frame.tokens = size.tokens;
  frame.batch = size.batch;
  frame.longest = size.longest;
  frame.targets = size.targets;
  frame.longest_targets = size.longestTargets;
  Execution execution{&context, &entry, memory + plan.scratch, plan.scratchStride};
  if (lathe_status status = execute(execution, frame, error))
    return status;
  for (int32_t o = 0; o < entry.n_outputs; ++o)
    if (const lathe_tensor *tensor = requested(entry.outputs[o], outputs, outputCount))
      spreadOutput(request, entry.outputs[o].rows == LATHE_ROWS_TARGETS ? targetMap : map, size, entry.outputs[o],
                   outputPointers[o], tensor->data);
  return LATHE_OK;
}

} // namespace

lathe_status Exclusive::check(lathe_error *error) const {
  if (entered)
    return LATHE_OK;
  return fail(error, LATHE_INVALID_ARGUMENT,
              "the context is in use by another call; give each thread a context of its own");
}

lathe_status runEntry(lathe_context &context, const lathe_entry &entry, const lathe_tensor *inputs, size_t inputCount,
                      const lathe_tensor *outputs, size_t outputCount, lathe_error *error) {
  Request request;
  JoinedInputs joined;
  lathe_tensor shifted;
  Counts counts;
  FrameSize size;
  lathe_status status = readRequest(entry, inputs, inputCount, request, error);
  if (!status)
    status = checkData(request, error);
  if (!status)
    status = checkOutputs(request, outputs, outputCount, error);
  if (!status)
    status = checkTokens(request, error);
  if (!status && request.modal)
    status = joinModal(context, request, joined, error);
  if (!status && request.shiftsTargets())
    status = shiftTargets(context, request, shifted, error);
  if (!status)
    counts = countTokens(request);
  if (!status)
    status = frameSize(request, counts, size, error);
  if (!status)
    status = checkFirstColumn(request, counts, outputs, outputCount, error);
  // Tokens are among what they attend to.
  const int64_t tokens = status ? 0 : request.remembers() ? size.targets : size.tokens + size.targets;
  if (!status && tokens > context.maxTokens)
    status = fail(error, LATHE_OVER_BUDGET, "the run has %lld tokens; the context's budget (max_tokens) is %lld",
                  static_cast<long long>(tokens), static_cast<long long>(context.maxTokens));
  if (status)
    return status;

  if (size.tokens)
    status = runTokens(context, request, size, outputs, outputCount, error);
  else
    zeroOutputs(request, outputs, outputCount);
  // A cancel that came too late for the last launch still counts for this run, not for the next.
  if (context.cancelled.exchange(false) && !status)
    status = fail(error, LATHE_CANCELLED, "the run was cancelled as it ended");
  return status;
}

size_t runMemory(const lathe_context &context, const lathe_entry &entry, int64_t tokens, int64_t batch,
                 int64_t longest) {
  FrameSize size{tokens, batch, longest};
  if (entry.has_targets)
    size.targets = tokens, size.longestTargets = longest;
  if (entry.memories)
    size.targets += batch * entry.omitted_memory, size.longestTargets += entry.omitted_memory;
  Plan plan(context, entry, size);
  for (int32_t o = 0; o < entry.n_outputs; ++o)
    plan.placeOutput(entry, size, entry.outputs[o]);
  if (findInput(entry, LATHE_INPUT_MODAL))
    plan.place(joinedBytes(tokens, batch));
  if (entry.shift != LATHE_SHIFT_NONE)
    plan.place(shiftedBytes(tokens));
  return plan.total.valid ? size_t(plan.total.value) : 0;
}

} // namespace lathe
