#include "runtime/api/Request.h"

#include "runtime/api/ImageRows.h"
#include "runtime/api/Memories.h"
#include "runtime/api/ShapeText.h"
#include "runtime/core/Checked.h"
#include "runtime/core/EntryInputs.h"
#include "runtime/core/NameList.h"
#include "runtime/core/RawValue.h"
#include "runtime/core/Status.h"

#include <initializer_list>
#include <stdio.h>
#include <string.h>

namespace lathe {
namespace {

constexpr unsigned bit(lathe_dtype dtype) { return 1u << dtype; }

/// An input that a caller may give, and whether an entry needs to ask for it. The mask and the offsets say which tokens
/// there are, so every entry of texts takes them.
struct InputRule {
  const char *name;
  const lathe_tensor *Request::*slot;
  unsigned dtypes;
  const char *dtypeNames;
  int kind; // lathe_input_kind that an entry must list, or -1
};

/// The same of the second token axis, which some entries have.
struct TargetRule {
  const char *name;
  const lathe_tensor *TokenAxis::*slot;
  unsigned dtypes;
  const char *dtypeNames;
};

constexpr TargetRule targetRules[] = {
    {"decoder_input_ids", &TokenAxis::ids, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64"},
    {"decoder_attention_mask", &TokenAxis::mask, bit(LATHE_I32) | bit(LATHE_I64) | bit(LATHE_U8), "i32, i64 or u8"},
    {"decoder_cu_seqlens", &TokenAxis::offsets, bit(LATHE_I32), "i32"},
};

constexpr InputRule inputRules[] = {
    {"input_ids", &Request::ids, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", -1},
    {"attention_mask", &Request::mask, bit(LATHE_I32) | bit(LATHE_I64) | bit(LATHE_U8), "i32, i64 or u8", -1},
    {"token_type_ids", &Request::types, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_TOKEN_TYPE_IDS},
    {"langs", &Request::langs, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_LANGS},
    {"position_ids", &Request::positions, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_POSITION_IDS},
    {"prompt_mask", &Request::prompts, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_PROMPT_MASK},
    {"global_attention_mask", &Request::globals, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_GLOBAL_MASK},
    {"prefix_lens", &Request::prefixes, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_PREFIX_ENDS},
    {"mc_token_ids", &Request::chosen, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_EXCEPT_CHOSEN},
    {"cu_seqlens", &Request::offsets, bit(LATHE_I32), "i32", -1},
    {"input_modal", &Request::modal, bit(LATHE_F32), "f32", LATHE_INPUT_MODAL},
    {"pixel_values", &Request::pixels, bit(LATHE_F32), "f32", LATHE_PIXEL_VALUES},
    {"images", &Request::images, bit(LATHE_U8), "u8", LATHE_PIXEL_VALUES},
    {"modal_start_tokens", &Request::modalStart, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_INPUT_MODAL},
    {"modal_end_tokens", &Request::modalEnd, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_INPUT_MODAL},
    {"modal_token_type_ids", &Request::modalTypes, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_INPUT_MODAL},
    {"modal_position_ids", &Request::modalPositions, bit(LATHE_I32) | bit(LATHE_I64), "i32 or i64", LATHE_INPUT_MODAL},
};

const char *dtypeName(const lathe_tensor &tensor) {
  constexpr const char *names[] = {"f32", "i32", "i64", "u8"};
  unsigned index = rawValue(tensor.dtype);
  return index < sizeof names / sizeof names[0] ? names[index] : "an unknown type";
}

bool sameShape(const lathe_tensor &a, const lathe_tensor &b) {
  return a.rank == b.rank && !memcmp(a.shape, b.shape, sizeof(int64_t) * size_t(a.rank));
}

lathe_status checkNameAndShape(const lathe_tensor &tensor, const char *role, size_t index, lathe_error *error) {
  if (!tensor.name)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s %zu has no name", role, index);
  if (tensor.rank < 0 || tensor.rank > LATHE_MAX_RANK)
    return fail(error, LATHE_INVALID_ARGUMENT, "%.64s: rank %d is outside 0 to %d", tensor.name, tensor.rank,
                LATHE_MAX_RANK);
  for (int32_t i = 0; i < tensor.rank; ++i)
    if (tensor.shape[i] < 0)
      return fail(error, LATHE_INVALID_ARGUMENT, "%.64s: shape %s has a negative size", tensor.name,
                  ShapeText(tensor).text);
  return LATHE_OK;
}

template <typename Rule>
lathe_status takeInto(const lathe_tensor *&slot, const lathe_tensor &tensor, const Rule &rule, lathe_error *error) {
  if (slot)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s is given twice", rule.name);
  if (rawValue(tensor.dtype) > LATHE_U8 || !(rule.dtypes & bit(tensor.dtype)))
    return fail(error, LATHE_INVALID_ARGUMENT, "%s is %s; accepted: %s", rule.name, dtypeName(tensor), rule.dtypeNames);
  slot = &tensor;
  return LATHE_OK;
}

constexpr int32_t rotationsRank = 4;

lathe_status checkRotations(const lathe_tensor &tensor, const lathe_entry_input &input, const Request &request,
                            lathe_error *error) {
  if (findRotations(request, input) != &tensor)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s is given twice", input.name);
  if (rawValue(tensor.dtype) != LATHE_F32)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s is %s; accepted: f32", input.name, dtypeName(tensor));
  lathe_tensor wanted{};
  wanted.rank = rotationsRank;
  memcpy(wanted.shape, input.shape, sizeof(int64_t) * size_t(rotationsRank));
  if (!sameShape(tensor, wanted))
    return fail(error, LATHE_INVALID_ARGUMENT, "%s has shape %s; it must be %s", input.name, ShapeText(tensor).text,
                ShapeText(wanted).text);
  return LATHE_OK;
}

/// Takes one tensor into its slot.
lathe_status takeInput(const lathe_tensor &tensor, Request &request, lathe_error *error) {
  NameList accepted;
  for (const InputRule &rule : inputRules) {
    if (rule.kind >= 0 ? !findInput(*request.entry, lathe_input_kind(rule.kind)) : request.entry->image != nullptr)
      continue;
    accepted.add(rule.name);
    if (!strcmp(rule.name, tensor.name))
      return takeInto(request.*rule.slot, tensor, rule, error);
  }
  if (request.remembers()) {
    accepted.add("mems.N");
    if (memoryNumber(tensor) >= 0)
      return LATHE_OK; // see readMemoryShapes
  }
  for (const TargetRule &rule : targetRules) {
    if (!request.entry->has_targets || request.remembers())
      break;
    accepted.add(rule.name);
    if (!strcmp(rule.name, tensor.name))
      return takeInto(request.targets.*rule.slot, tensor, rule, error);
  }
  for (int32_t i = 0; i < request.entry->n_inputs; ++i) {
    const lathe_entry_input &input = request.entry->inputs[i];
    if (input.kind != LATHE_ROTATIONS)
      continue;
    accepted.add(input.name);
    if (!strcmp(input.name, tensor.name))
      return checkRotations(tensor, input, request, error);
  }
  return fail(error, LATHE_INVALID_ARGUMENT, "unknown input %.64s; entry %s takes: %s", tensor.name,
              request.entry->name, accepted.text);
}

bool givesScores(const lathe_entry &entry) {
  for (int32_t o = 0; o < entry.n_outputs; ++o)
    if (entry.outputs[o].rows == LATHE_ROWS_SCORES)
      return true;
  return false;
}

/// Tokens of the longest sequence, at most all of them; what else is wrong with the offsets is found later.
int64_t longestOf(const lathe_tensor &offsets, int64_t tokens) {
  int64_t longest = 0;
  for (int64_t row = 0; offsets.data && row + 1 < offsets.shape[0]; ++row) {
    int32_t ends[2];
    memcpy(ends, static_cast<const char *>(offsets.data) + row * int64_t(sizeof(int32_t)), sizeof ends);
    const int64_t length = int64_t(ends[1]) - ends[0];
    if (length > longest)
      longest = length;
  }
  return longest < tokens ? longest : tokens;
}

lathe_status readRaggedShape(Request &request, lathe_error *error) {
  const lathe_tensor &ids = *request.ids, &offsets = *request.offsets;
  if (request.entry->choices)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "cu_seqlens is given, but this model takes choices: input_ids must be [batch, choices, columns]");
  if (ids.rank != 1)
    return fail(error, LATHE_INVALID_ARGUMENT, "input_ids is %s; with cu_seqlens it must be [tokens]",
                ShapeText(ids).text);
  if (offsets.rank != 1 || offsets.shape[0] < 1)
    return fail(error, LATHE_INVALID_ARGUMENT, "cu_seqlens is %s; it must be [sequences + 1]", ShapeText(offsets).text);
  if (request.mask)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "attention_mask cannot be combined with cu_seqlens: ragged inputs have no "
                "padding");
  request.sequences = offsets.shape[0] - 1;
  request.rows = ids.shape[0];
  if (givesScores(*request.entry) || request.remembers())
    request.longest = longestOf(offsets, request.rows);
  return LATHE_OK;
}

lathe_status readPaddedShape(Request &request, lathe_error *error) {
  const lathe_tensor &ids = *request.ids;
  const bool choices = request.entry->choices;
  if (ids.rank != (choices ? 3 : 2))
    return fail(error, LATHE_INVALID_ARGUMENT, "input_ids is %s; it must be %s", ShapeText(ids).text,
                choices ? "[batch, choices, columns]" : "[batch, columns], or [tokens] together with cu_seqlens");
  request.batch = ids.shape[0];
  request.columns = ids.shape[ids.rank - 1];
  Checked sequences = Checked(request.batch) * (choices ? ids.shape[1] : 1), rows = sequences * request.columns;
  if (!rows.valid || request.columns > INT32_MAX) // positions are i32
    return fail(error, LATHE_INVALID_ARGUMENT, "input_ids: shape %s is too large", ShapeText(ids).text);
  request.sequences = sequences.value;
  request.rows = rows.value;
  request.longest = request.columns;
  if (request.mask && !choices && request.mask->rank == 3)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "attention_mask is %s; a mask per pair of tokens is not supported, give one per token: %s",
                ShapeText(*request.mask).text, ShapeText(ids).text);
  int64_t limit = request.entry->position_limit;
  if (limit && request.columns > limit)
    return fail(error, LATHE_TOO_LONG, "input_ids is %s; this model has positions for %lld columns",
                ShapeText(ids).text, static_cast<long long>(limit));
  return LATHE_OK;
}

/// A number for each sequence: input_ids without the last axis, or of ragged texts one for each.
lathe_status checkSequenceShape(const Request &request, const lathe_tensor &given, lathe_error *error) {
  lathe_tensor wanted = *request.ids;
  if (request.ragged())
    wanted.shape[0] = request.sequences;
  else
    --wanted.rank;
  if (sameShape(given, wanted))
    return LATHE_OK;
  return fail(error, LATHE_INVALID_ARGUMENT, "%s is %s; for these texts it must be %s", given.name,
              ShapeText(given).text, ShapeText(wanted).text);
}

/// Of the second axis, whose sequences are those of the first.
lathe_status readTargetShape(Request &request, lathe_error *error) {
  TokenAxis &targets = request.targets;
  const lathe_entry &entry = *request.entry;
  const auto sequences = static_cast<long long>(request.sequences);
  if (!targets.ids) {
    if (entry.shift == LATHE_SHIFT_NONE)
      return fail(error, LATHE_INVALID_ARGUMENT, "decoder_input_ids is missing");
    if (targets.offsets)
      return fail(error, LATHE_INVALID_ARGUMENT, "decoder_cu_seqlens is given without decoder_input_ids");
    if (targets.mask && (request.ragged() || !sameShape(*targets.mask, *request.ids)))
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "decoder_attention_mask is %s; without decoder_input_ids it must be as input_ids padded: %s",
                  ShapeText(*targets.mask).text, ShapeText(*request.ids).text);
    targets.offsets = request.offsets;
    targets.columns = request.columns;
    targets.rows = request.rows;
    targets.longest = request.longest;
    return LATHE_OK;
  }
  const lathe_tensor &ids = *targets.ids;
  if (targets.offsets) {
    if (ids.rank != 1)
      return fail(error, LATHE_INVALID_ARGUMENT, "decoder_input_ids is %s; with decoder_cu_seqlens it must be [tokens]",
                  ShapeText(ids).text);
    if (targets.offsets->rank != 1 || targets.offsets->shape[0] != request.sequences + 1)
      return fail(error, LATHE_INVALID_ARGUMENT, "decoder_cu_seqlens is %s; for these %lld sequences it must be [%lld]",
                  ShapeText(*targets.offsets).text, sequences, sequences + 1);
    if (targets.mask)
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "decoder_attention_mask cannot be combined with decoder_cu_seqlens: "
                  "ragged inputs have no padding");
    targets.rows = ids.shape[0];
    return LATHE_OK;
  }
  if (ids.rank != 2 || ids.shape[0] != request.sequences)
    return fail(error, LATHE_INVALID_ARGUMENT,
                "decoder_input_ids is %s; for these sequences it must be [%lld, columns], or [tokens] together with "
                "decoder_cu_seqlens",
                ShapeText(ids).text, sequences);
  targets.columns = ids.shape[1];
  const Checked rows = Checked(request.sequences) * targets.columns;
  if (!rows.valid || targets.columns > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "decoder_input_ids: shape %s is too large", ShapeText(ids).text);
  targets.rows = rows.value;
  targets.longest = targets.columns;
  if (targets.mask && !sameShape(*targets.mask, ids))
    return fail(error, LATHE_INVALID_ARGUMENT,
                "decoder_attention_mask is %s, but decoder_input_ids is %s; they must be "
                "the same",
                ShapeText(*targets.mask).text, ShapeText(ids).text);
  if (entry.position_limit && targets.columns > entry.position_limit)
    return fail(error, LATHE_TOO_LONG, "decoder_input_ids is %s; this model has positions for %lld columns",
                ShapeText(ids).text, static_cast<long long>(entry.position_limit));
  return LATHE_OK;
}

lathe_status wrongModal(const lathe_tensor &tensor, const char *wanted, lathe_error *error) {
  return fail(error, LATHE_INVALID_ARGUMENT, "%s is %s; for these texts it must be %s", tensor.name,
              ShapeText(tensor).text, wanted);
}

/// What stands in front of each text, where the entry takes it.
lathe_status readModalShape(Request &request, lathe_error *error) {
  const lathe_entry_input *input = findInput(*request.entry, LATHE_INPUT_MODAL);
  if (!input)
    return LATHE_OK;
  const int64_t sequences = request.sequences, width = input->limit;
  char wanted[80];
  snprintf(wanted, sizeof wanted, "[%lld, vectors, %lld]", static_cast<long long>(sequences),
           static_cast<long long>(width));
  if (!request.modal)
    return fail(error, LATHE_INVALID_ARGUMENT, "input_modal is missing; for these texts it must be %s", wanted);
  const lathe_tensor &modal = *request.modal;
  if (modal.rank != 3 || modal.shape[0] != sequences || modal.shape[2] != width)
    return wrongModal(modal, wanted, error);
  snprintf(wanted, sizeof wanted, "[%lld]", static_cast<long long>(sequences));
  Checked lead = modal.shape[1];
  for (const lathe_tensor *token : {request.modalStart, request.modalEnd}) {
    if (token && (token->rank != 1 || token->shape[0] != sequences))
      return wrongModal(*token, wanted, error);
    lead += token != nullptr;
  }
  const Checked before = lead * sequences, rows = before + request.rows, columns = lead + request.columns;
  if (!rows.valid || !columns.valid || rows.value > INT32_MAX || columns.value > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "input_modal: shape %s is too large", ShapeText(modal).text);
  snprintf(wanted, sizeof wanted, "[%lld, %lld]", static_cast<long long>(sequences),
           static_cast<long long>(lead.value));
  for (const lathe_tensor *ids : {request.modalTypes, request.modalPositions})
    if (ids && (ids->rank != 2 || ids->shape[0] != sequences || ids->shape[1] != lead.value))
      return wrongModal(*ids, wanted, error);
  request.lead = lead.value;
  request.rows = rows.value;
  request.columns = columns.value;
  request.longest += lead.value;
  return LATHE_OK;
}

/// The one tensor that an output must look like.
lathe_tensor outputShape(const Request &request, const lathe_entry_output &output) {
  const TokenAxis &axis = request.axis(output.rows == LATHE_ROWS_TARGETS ? LATHE_AXIS_TARGETS : LATHE_AXIS_TOKENS);
  lathe_tensor tensor{};
  tensor.name = output.name;
  tensor.dtype = LATHE_F32;
  if (output.rows == LATHE_ROWS_SCORES) {
    tensor.rank = 4;
    tensor.shape[0] = request.sequences;
    tensor.shape[1] = output.width;
    tensor.shape[2] = request.longest;
    tensor.shape[3] = request.longestKeys();
    return tensor;
  }
  if (isOfMemories(request, output)) {
    tensor.rank = 3;
    tensor.shape[0] = keptRows(request);
    tensor.shape[1] = request.sequences;
    tensor.shape[2] = output.width;
    return tensor;
  }
  auto add = [&](int64_t extent) { tensor.shape[tensor.rank++] = extent; };
  const bool ofTokens = output.rows != LATHE_ROWS_SEQUENCES;
  if (output.by_choice) {
    add(request.batch);
    add(request.ids->shape[1]);
  } else {
    add(ofTokens && axis.ragged() ? axis.rows : request.sequences);
  }
  if (ofTokens && !axis.ragged())
    add(axis.columns);
  if (!output.squeezed)
    add(output.width);
  return tensor;
}

/// Resolves outputs[index] by name.
lathe_status findRequestedOutput(const Request &request, const lathe_tensor *outputs, size_t index, int32_t &found,
                                 lathe_error *error) {
  const lathe_entry &entry = *request.entry;
  const char *name = outputs[index].name;
  if (!name)
    return fail(error, LATHE_INVALID_ARGUMENT, "output %zu has no name", index);
  found = findOutput(entry, name);
  if (found < 0) {
    NameList known;
    for (int32_t o = 0; o < entry.n_outputs; ++o)
      known.add(entry.outputs[o].name);
    return fail(error, LATHE_UNAVAILABLE, "unknown output %.64s; entry %s gives: %s", name, entry.name, known.text);
  }
  for (size_t i = 0; i < index; ++i)
    if (!strcmp(outputs[i].name, name))
      return fail(error, LATHE_INVALID_ARGUMENT, "output %s is asked for twice", name);
  return LATHE_OK;
}

/// See elementsOf.
Checked countElements(const Request &request, const lathe_entry_output &output) {
  Checked rows = output.rows == LATHE_ROWS_SEQUENCES ? request.sequences
                 : output.rows == LATHE_ROWS_TARGETS ? request.targets.rows
                                                     : request.rows;
  if (output.rows == LATHE_ROWS_SCORES)
    rows = Checked(request.sequences) * request.longest * request.longestKeys();
  if (isOfMemories(request, output))
    rows = Checked(request.sequences) * keptRows(request);
  return rows * output.width;
}

bool hasElements(const lathe_tensor &tensor) {
  for (int32_t i = 0; i < tensor.rank; ++i)
    if (!tensor.shape[i])
      return false;
  return true;
}

} // namespace

const lathe_entry *findEntry(const lathe_program &program, const char *name, lathe_error *error) {
  NameList known;
  for (int32_t e = 0; e < program.n_entries; ++e) {
    if (!name || !strcmp(program.entries[e].name, name))
      return &program.entries[e];
    known.add(program.entries[e].name);
  }
  fail(error, LATHE_UNAVAILABLE, "%s has no entry %.64s; it has: %s", program.name, name ? name : "at all", known.text);
  return nullptr;
}

int32_t findOutput(const lathe_entry &entry, const char *name) {
  for (int32_t o = 0; o < entry.n_outputs; ++o)
    if (!strcmp(entry.outputs[o].name, name))
      return o;
  return -1;
}

lathe_status readRequest(const lathe_entry &entry, const lathe_tensor *inputs, size_t count, Request &request,
                         lathe_error *error) {
  request = {};
  request.entry = &entry;
  if (!inputs && count)
    return fail(error, LATHE_INVALID_ARGUMENT, "`inputs` is NULL, but there are said to be %zu", count);
  request.inputs = inputs;
  request.inputCount = count;
  for (size_t i = 0; i < count; ++i)
    if (lathe_status status = checkNameAndShape(inputs[i], "input", i, error))
      return status;
  for (size_t i = 0; i < count; ++i)
    if (lathe_status status = takeInput(inputs[i], request, error))
      return status;
  if (!entry.image && !request.ids)
    return fail(error, LATHE_INVALID_ARGUMENT, "input_ids is missing");
  if (lathe_status status = entry.image        ? readImageShape(request, error)
                            : request.ragged() ? readRaggedShape(request, error)
                                               : readPaddedShape(request, error))
    return status;
  for (const lathe_tensor *other :
       {request.mask, request.types, request.langs, request.positions, request.prompts, request.globals})
    if (other && !sameShape(*other, *request.ids))
      return fail(error, LATHE_INVALID_ARGUMENT, "%s is %s, but input_ids is %s; they must be the same", other->name,
                  ShapeText(*other).text, ShapeText(*request.ids).text);
  for (const lathe_tensor *numbers : {request.prefixes, request.chosen})
    if (numbers)
      if (lathe_status status = checkSequenceShape(request, *numbers, error))
        return status;
  if (lathe_status status = readModalShape(request, error))
    return status;
  if (entry.has_targets)
    if (lathe_status status = request.remembers() ? readMemoryShapes(request, error) : readTargetShape(request, error))
      return status;
  for (int32_t o = 0; o < entry.n_outputs; ++o) {
    const lathe_entry_output &output = entry.outputs[o];
    if (!(countElements(request, output) * int64_t(sizeof(float))).valid)
      return fail(error, LATHE_INVALID_ARGUMENT, "%s: shape %s makes %s larger than any memory", request.given().name,
                  ShapeText(request.given()).text, output.name);
  }
  return LATHE_OK;
}

int64_t elementsOf(const Request &request, const lathe_entry_output &output) {
  return countElements(request, output).value;
}

const lathe_tensor *findRotations(const Request &request, const lathe_entry_input &input) {
  for (size_t i = 0; i < request.inputCount; ++i)
    if (!strcmp(request.inputs[i].name, input.name))
      return &request.inputs[i];
  return nullptr;
}

lathe_status checkData(const Request &request, lathe_error *error) {
  for (const InputRule &rule : inputRules) {
    const lathe_tensor *tensor = request.*rule.slot;
    if (tensor && !tensor->data && hasElements(*tensor))
      return fail(error, LATHE_INVALID_ARGUMENT, "%s: data must not be NULL", rule.name);
  }
  for (size_t i = 0; request.remembers() && i < request.inputCount; ++i)
    if (const lathe_tensor &tensor = request.inputs[i];
        memoryNumber(tensor) >= 0 && !tensor.data && hasElements(tensor))
      return fail(error, LATHE_INVALID_ARGUMENT, "%.64s: data must not be NULL", tensor.name);
  for (int32_t i = 0; i < request.entry->n_inputs; ++i) {
    const lathe_entry_input &input = request.entry->inputs[i];
    const lathe_tensor *tensor = input.kind == LATHE_ROTATIONS ? findRotations(request, input) : nullptr;
    if (tensor && !tensor->data)
      return fail(error, LATHE_INVALID_ARGUMENT, "%s: data must not be NULL", input.name);
  }
  for (const TargetRule &rule : targetRules) {
    const lathe_tensor *tensor = request.targets.*rule.slot;
    if (tensor && !tensor->data && hasElements(*tensor))
      return fail(error, LATHE_INVALID_ARGUMENT, "%s: data must not be NULL", rule.name);
  }
  return LATHE_OK;
}

lathe_status shapeOutputs(const Request &request, lathe_tensor *outputs, size_t count, lathe_error *error) {
  if (!outputs && count)
    return fail(error, LATHE_INVALID_ARGUMENT, "`outputs` is NULL, but there are said to be %zu", count);
  for (size_t i = 0; i < count; ++i) {
    int32_t found;
    if (lathe_status status = findRequestedOutput(request, outputs, i, found, error))
      return status;
    const lathe_entry_output &output = request.entry->outputs[found];
    if ((output.rows == LATHE_ROWS_SCORES || isOfMemories(request, output)) && request.ragged() &&
        !request.offsets->data)
      return fail(error, LATHE_INVALID_ARGUMENT,
                  "cu_seqlens: data must not be NULL; the shape of %s goes by the longest sequence", output.name);
    lathe_tensor shaped = outputShape(request, output);
    shaped.name = outputs[i].name;
    shaped.data = outputs[i].data;
    outputs[i] = shaped;
  }
  return LATHE_OK;
}

lathe_status checkOutput(const lathe_tensor &output, const lathe_tensor &wanted, lathe_error *error) {
  if (rawValue(output.dtype) != LATHE_F32)
    return fail(error, LATHE_INVALID_ARGUMENT, "output %s is %s; it must be f32", wanted.name, dtypeName(output));
  if (!sameShape(output, wanted))
    return fail(error, LATHE_INVALID_ARGUMENT, "output %s is %s; for these inputs it must be %s", wanted.name,
                ShapeText(output).text, ShapeText(wanted).text);
  if (!output.data && hasElements(wanted))
    return fail(error, LATHE_INVALID_ARGUMENT, "output %s: data must not be NULL", wanted.name);
  return LATHE_OK;
}

lathe_status checkOutputs(const Request &request, const lathe_tensor *outputs, size_t count, lathe_error *error) {
  if (!outputs && count)
    return fail(error, LATHE_INVALID_ARGUMENT, "`outputs` is NULL, but there are said to be %zu", count);
  for (size_t i = 0; i < count; ++i) {
    int32_t found;
    if (lathe_status status = checkNameAndShape(outputs[i], "output", i, error))
      return status;
    if (lathe_status status = findRequestedOutput(request, outputs, i, found, error))
      return status;
    if (lathe_status status = checkOutput(outputs[i], outputShape(request, request.entry->outputs[found]), error))
      return status;
  }
  return LATHE_OK;
}

} // namespace lathe
