#include "runtime/api/JoinModal.h"

#include "runtime/api/CallersArrays.h"
#include "runtime/core/Checked.h"
#include "runtime/core/Context.h"
#include "runtime/core/EntryInputs.h"
#include "runtime/core/Status.h"

namespace lathe {
namespace {

constexpr int64_t arrays = 5; // of the tokens: ids, mask, types, positions, and which vector

/// Fills the joined arrays, row by row.
class Joiner {
public:
  Joiner(const Request &given, int32_t *numbers, int64_t tokens, lathe_error *error)
      : ids(numbers), mask(ids + tokens), types(mask + tokens), positions(types + tokens), vectors(positions + tokens),
        offsets(vectors + tokens), given(given), idsBelow(idLimit(*given.entry, LATHE_INPUT_IDS)),
        typesBelow(idLimit(*given.entry, LATHE_TOKEN_TYPE_IDS)),
        positionsBelow(idLimit(*given.entry, LATHE_POSITION_IDS)), error(error) {}

  int32_t *const ids, *const mask, *const types, *const positions, *const vectors, *const offsets;

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

  /// A number of the caller's, or where it gives none, `otherwise`, which goes by a name of its own.
  struct Source {
    const lathe_tensor *from;
    int64_t at, otherwise;
    const char *name;
  };

  lathe_status putLead(int64_t row, int64_t column) {
    const bool starts = given.modalStart && column == 0, ends = given.modalEnd && column == given.lead - 1;
    const lathe_tensor *token = starts ? given.modalStart : ends ? given.modalEnd : nullptr;
    const int64_t at = row * given.lead + column;
    mask[next] = 1;
    vectors[next] = token ? -1 : int32_t(row * given.vectors() + column - (given.modalStart != nullptr));
    return putToken(row, column, {token, row, 0, "input_ids"}, {given.modalTypes, at, 0, typesLeftOut},
                    {given.modalPositions, at, column, "positions"});
  }

  lathe_status putText(int64_t row, int64_t column, int64_t at) {
    mask[next] = !given.mask || integerAt(*given.mask, at);
    vectors[next] = -1;
    if (mask[next])
      return putToken(row, column, {given.ids, at, 0, "input_ids"}, {given.types, at, 1, typesLeftOut},
                      {given.positions, at, column, "positions"});
    ids[next] = types[next] = positions[next] = 0; // whatever stands there is never looked at
    ++next;
    return LATHE_OK;
  }

  lathe_status putToken(int64_t row, int64_t column, const Source &id, const Source &type, const Source &position) {
    lathe_status status = put(ids, id, idsBelow, row, column);
    if (!status)
      status = put(types, type, typesBelow, row, column);
    if (!status)
      status = put(positions, position, positionsBelow, row, column);
    ++next;
    return status;
  }

  lathe_status put(int32_t *to, const Source &source, int64_t limit, int64_t row, int64_t column) {
    const int64_t value = source.from ? integerAt(*source.from, source.at) : source.otherwise;
    if (value < 0 || value >= limit)
      return fail(error, LATHE_INVALID_ARGUMENT, "%s: %lld at row %lld, column %lld is outside [0, %lld)",
                  source.from ? source.from->name : source.name, static_cast<long long>(value),
                  static_cast<long long>(row), static_cast<long long>(column), static_cast<long long>(limit));
    to[next] = int32_t(value);
    return LATHE_OK;
  }

  static constexpr const char *typesLeftOut = "token_type_ids left out";

  const Request &given;
  const int64_t idsBelow, typesBelow, positionsBelow;
  int64_t next = 0; // of all tokens, lead and text
  lathe_error *error;
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
