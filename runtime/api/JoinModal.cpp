#include "runtime/api/JoinModal.h"

#include "runtime/api/CallersArrays.h"
#include "runtime/core/Checked.h"
#include "runtime/core/Context.h"
#include "runtime/core/Status.h"

namespace lathe {
namespace {

constexpr int64_t arrays = 5; // of the tokens: ids, mask, types, positions, and which vector

/// Fills the joined arrays, row by row.
class Joiner {
public:
  Joiner(const Request &given, int32_t *numbers, int64_t tokens, lathe_error *error)
      : given(given), ids(numbers), mask(ids + tokens), types(mask + tokens), positions(types + tokens),
        vectors(positions + tokens), offsets(vectors + tokens), error(error) {}

  lathe_status run() {
    for (int64_t row = 0; row < given.sequences; ++row) {
      const int64_t first = given.ragged() ? offsetAt(row) : row * given.textColumns();
      const int64_t length = given.ragged() ? offsetAt(row + 1) - first : given.textColumns();
      offsets[row] = int32_t(next);
      for (int64_t column = 0; column < given.lead; ++column)
        if (lathe_status status = putLead(row, column))
          return status;
      for (int64_t column = 0; column < length; ++column)
        if (lathe_status status = putText(row, column, first + column))
          return status;
    }
    offsets[given.sequences] = int32_t(next);
    return LATHE_OK;
  }

private:
  int64_t offsetAt(int64_t row) const { return integerAt(*given.offsets, row); }

  lathe_status putLead(int64_t row, int64_t column) {
    const bool starts = given.modalStart && column == 0, ends = given.modalEnd && column == given.lead - 1;
    const lathe_tensor *token = starts ? given.modalStart : ends ? given.modalEnd : nullptr;
    const int64_t at = row * given.lead + column;
    mask[next] = 1;
    vectors[next] = token ? -1 : int32_t(row * given.vectors() + column - (given.modalStart != nullptr));
    lathe_status status = put(ids, token, row, 0, LATHE_INPUT_IDS, row, column);
    if (!status)
      status = put(types, given.modalTypes, at, 0, LATHE_TOKEN_TYPE_IDS, row, column);
    if (!status)
      status = put(positions, given.modalPositions, at, column, LATHE_POSITION_IDS, row, column);
    ++next;
    return status;
  }

  lathe_status putText(int64_t row, int64_t column, int64_t at) {
    vectors[next] = -1;
    mask[next] = !given.mask || integerAt(*given.mask, at);
    ids[next] = types[next] = positions[next] = 0;
    lathe_status status = LATHE_OK;
    if (mask[next]) { // else whatever stands there is never looked at
      status = put(ids, given.ids, at, 0, LATHE_INPUT_IDS, row, column);
      if (!status)
        status = put(types, given.types, at, 1, LATHE_TOKEN_TYPE_IDS, row, column);
      if (!status)
        status = put(positions, given.positions, at, column, LATHE_POSITION_IDS, row, column);
    }
    ++next;
    return status;
  }

  /// A number of the caller's, or where it gives none `otherwise`.
  lathe_status put(int32_t *to, const lathe_tensor *from, int64_t at, int64_t otherwise, lathe_input_kind kind,
                   int64_t row, int64_t column) {
    const int64_t value = from ? integerAt(*from, at) : otherwise, limit = limitOf(*given.entry, kind);
    if (value < 0 || value >= limit)
      return fail(error, LATHE_INVALID_ARGUMENT, "%s: %lld at row %lld, column %lld is outside [0, %lld)",
                  from                           ? from->name
                  : kind == LATHE_TOKEN_TYPE_IDS ? "token_type_ids left out"
                                                 : "positions",
                  static_cast<long long>(value), static_cast<long long>(row), static_cast<long long>(column),
                  static_cast<long long>(limit));
    to[next] = int32_t(value);
    return LATHE_OK;
  }

  static int64_t limitOf(const lathe_entry &entry, lathe_input_kind kind) {
    for (int32_t i = 0; i < entry.n_inputs; ++i)
      if (entry.inputs[i].kind == kind && entry.inputs[i].limit)
        return entry.inputs[i].limit;
    return int64_t(INT32_MAX) + 1;
  }

  const Request &given;
  int32_t *ids, *mask, *types, *positions, *vectors, *offsets;
  int64_t next = 0; // of all tokens, lead and text
  lathe_error *error;

  friend lathe_status lathe::joinModal(lathe_context &, Request &, JoinedInputs &, lathe_error *);
};

} // namespace

Checked joinedBytes(int64_t tokens, int64_t sequences) {
  return (Checked(tokens) * arrays + sequences + 1) * int64_t(sizeof(int32_t));
}

lathe_status joinModal(lathe_context &context, Request &request, JoinedInputs &joined, lathe_error *error) {
  const Checked bytes = joinedBytes(request.rows, request.sequences);
  auto *numbers = bytes.valid ? reinterpret_cast<int32_t *>(context.joined.reserve(size_t(bytes.value))) : nullptr;
  if (!numbers)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory to join texts and images of %lld tokens",
                static_cast<long long>(request.rows));
  Joiner joiner(request, numbers, request.rows, error);
  if (lathe_status status = joiner.run())
    return status;
  // What has as many numbers as there are tokens now.
  auto describe = [&](const char *name, int32_t *data) {
    lathe_tensor tensor = *request.ids;
    tensor.name = name;
    tensor.dtype = LATHE_I32;
    tensor.shape[tensor.rank - 1] = request.ragged() ? request.rows : request.columns;
    tensor.data = data;
    return tensor;
  };
  joined.ids = describe("input_ids", joiner.ids);
  joined.mask = describe("attention_mask", joiner.mask);
  joined.types = describe("token_type_ids", joiner.types);
  joined.positions = describe("position_ids", joiner.positions);
  request.vectorOf = joiner.vectors;
  request.types = &joined.types;
  request.positions = &joined.positions;
  if (request.ragged()) {
    joined.offsets = *request.offsets;
    joined.offsets.data = joiner.offsets;
    request.offsets = &joined.offsets;
  } else {
    request.mask = &joined.mask;
  }
  request.ids = &joined.ids;
  request.lead = 0; // the columns before are like all others now
  return LATHE_OK;
}

} // namespace lathe
