#include "runtime/api/Memories.h"

#include "runtime/api/CallersArrays.h"
#include "runtime/api/ShapeText.h"
#include "runtime/core/Checked.h"
#include "runtime/core/Status.h"

#include <stdio.h>
#include <string.h>

namespace lathe {
namespace {

/// The caller's "mems.N"; null where it gives none.
const lathe_tensor *findMemory(const Request &request, int64_t number) {
  for (size_t i = 0; i < request.inputCount; ++i)
    if (memoryNumber(request.inputs[i]) == number)
      return &request.inputs[i];
  return nullptr;
}

/// Where in such a tensor, or an output, a sequence's row begins.
int64_t rowOf(const Request &request, int64_t column, int64_t sequence, int64_t width) {
  return (column * request.sequences + sequence) * width;
}

} // namespace

int64_t memoryNumber(const lathe_tensor &tensor) {
  const char *digit = tensor.name;
  for (const char *expected = "mems."; *expected; ++expected, ++digit)
    if (*digit != *expected)
      return -1;
  int64_t number = 0;
  if (!*digit || (*digit == '0' && digit[1]))
    return -1;
  for (; *digit >= '0' && *digit <= '9' && number < INT32_MAX; ++digit)
    number = number * 10 + (*digit - '0');
  return *digit ? -1 : number;
}

lathe_status readMemoryShapes(Request &request, lathe_error *error) {
  const lathe_entry &entry = *request.entry;
  request.remembered = entry.omitted_memory;
  const lathe_tensor *first = nullptr;
  int64_t given = 0;
  for (size_t i = 0; i < request.inputCount; ++i) {
    const lathe_tensor &tensor = request.inputs[i];
    const int64_t number = memoryNumber(tensor);
    if (number < 0)
      continue;
    const lathe_entry_input *input = nullptr;
    for (int32_t e = 0; e < entry.n_inputs; ++e)
      if (entry.inputs[e].kind == LATHE_MEMORIES && entry.inputs[e].number == number)
        input = &entry.inputs[e];
    if (!input)
      return fail(error, LATHE_INVALID_ARGUMENT, "unknown input %.64s; entry %s takes mems.0 to mems.%lld", tensor.name,
                  entry.name, static_cast<long long>(entry.memories) - 1);
    if (findMemory(request, number) != &tensor)
      return fail(error, LATHE_INVALID_ARGUMENT, "%.64s is given twice", tensor.name);
    if (tensor.dtype != LATHE_F32)
      return fail(error, LATHE_INVALID_ARGUMENT, "%.64s is of another type; accepted: f32", tensor.name);
    if (tensor.rank != 3 || tensor.shape[1] != request.sequences || tensor.shape[2] != input->limit ||
        (first && tensor.shape[0] != first->shape[0])) {
      char wanted[96];
      if (first)
        snprintf(wanted, sizeof wanted, "[%lld, %lld, %lld], as %.16s", static_cast<long long>(first->shape[0]),
                 static_cast<long long>(request.sequences), static_cast<long long>(input->limit), first->name);
      else
        snprintf(wanted, sizeof wanted, "[rows, %lld, %lld]", static_cast<long long>(request.sequences),
                 static_cast<long long>(input->limit));
      return fail(error, LATHE_INVALID_ARGUMENT, "%.64s is %s; for these texts it must be %s", tensor.name,
                  ShapeText(tensor).text, wanted);
    }
    first = first ? first : &tensor;
    request.remembered = tensor.shape[0];
    ++given;
  }
  for (int64_t number = 0; given && number < entry.memories; ++number)
    if (!findMemory(request, number))
      return fail(error, LATHE_INVALID_ARGUMENT, "mems.%lld is missing, while others are given",
                  static_cast<long long>(number));
  const Checked columns = Checked(request.remembered) + request.longest, rows = columns * request.sequences;
  if (!rows.valid || columns.value > INT32_MAX)
    return fail(error, LATHE_INVALID_ARGUMENT, "%s: shape %s is too large", first ? first->name : request.ids->name,
                ShapeText(first ? *first : *request.ids).text);
  request.targets.columns = columns.value;
  request.targets.rows = rows.value;
  return LATHE_OK;
}

bool isOfMemories(const Request &request, const lathe_entry_output &output) {
  return request.remembers() && output.rows == LATHE_ROWS_TARGETS;
}

int64_t keptRows(const Request &request) {
  const int64_t all = request.targets.columns, most = request.entry->kept_memory;
  return most && most < all ? most : all;
}

void mapMemories(const Request &request, const TokenMap &tokens, TokenMap &map) {
  map.sequences = tokens.sequences;
  map.rows = tokens.rows;
  int32_t row = 0;
  for (int64_t k = 0; k < map.sequences; ++k) {
    map.offsets[k] = row;
    for (int64_t column = 0; column < request.remembered; ++column)
      map.columns[row++] = int32_t(column);
    for (int32_t t = tokens.offsets[k]; t < tokens.offsets[k + 1]; ++t)
      map.columns[row++] = int32_t(request.remembered + tokens.columns[t]);
  }
  map.offsets[map.sequences] = row;
}

void fillMemories(const Request &request, const TokenMap &map, const FrameSize &size, const lathe_entry_input &input,
                  void *values) {
  const bool dense = request.entry->layout == LATHE_DENSE;
  const lathe_tensor *memory = input.kind == LATHE_MEMORIES ? findMemory(request, input.number) : nullptr;
  const int64_t bytes = bytesPerToken(input);
  if (dense) // rows without a token have a valid value
    memset(values, 0, size_t(size.targets * bytes));
  for (int64_t k = 0; k < map.sequences; ++k)
    for (int32_t t = map.offsets[k]; t < map.offsets[k + 1]; ++t) {
      const int64_t column = map.columns[t], ofRun = column - request.remembered; // below 0: from before it
      char *to = static_cast<char *>(values) + (dense ? k * size.longestTargets + column : t) * bytes;
      int32_t number = int32_t(ofRun);
      switch (input.kind) {
      case LATHE_MEMORIES:
        if (memory && ofRun < 0)
          memcpy(to, static_cast<const float *>(memory->data) + rowOf(request, column, map.rows[k], input.limit),
                 size_t(bytes));
        else
          memset(to, 0, size_t(bytes));
        continue;
      case LATHE_ATTENTION_MASK:
        *to = 1;
        continue;
      case LATHE_TOKEN_TYPE_IDS: // those of tokens are checked where the first axis has them
        number = ofRun < 0 || !request.types
                     ? 0
                     : int32_t(integerAt(*request.types, callerIndex(request, map.rows[k], ofRun)));
        break;
      default: // columns
        break;
      }
      memcpy(to, &number, sizeof number);
    }
}

void spreadMemories(const Request &request, const TokenMap &map, const FrameSize &size,
                    const lathe_entry_output &output, const void *from, void *to) {
  const int64_t kept = keptRows(request), dropped = request.targets.columns - kept, width = output.width;
  const bool dense = request.entry->layout == LATHE_DENSE;
  memset(to, 0, size_t(kept * request.sequences * width) * sizeof(float));
  for (int64_t k = 0; k < map.sequences; ++k)
    for (int32_t t = map.offsets[k]; t < map.offsets[k + 1]; ++t)
      if (const int64_t column = map.columns[t]; column >= dropped)
        memcpy(static_cast<float *>(to) + rowOf(request, column - dropped, map.rows[k], width),
               static_cast<const float *>(from) + (dense ? k * size.longestTargets + column : t) * width,
               size_t(width) * sizeof(float));
}

} // namespace lathe
