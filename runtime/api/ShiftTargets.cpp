#include "runtime/api/ShiftTargets.h"

#include "runtime/api/CallersArrays.h"
#include "runtime/core/Context.h"
#include "runtime/core/Status.h"

namespace lathe {
namespace {

/// What stands in a row's first column.
int64_t firstId(const Request &request, int64_t begin, int64_t end) {
  if (request.entry->shift == LATHE_SHIFT_START)
    return request.entry->shift_id;
  int64_t others = 0;
  for (int64_t i = begin; i < end; ++i)
    others += integerAt(*request.ids, i) != request.entry->shift_id;
  // Transformers counts, so that padding in between is taken for padding behind.
  return integerAt(*request.ids, begin + (others ? others : end - begin) - 1);
}

} // namespace

Checked shiftedBytes(int64_t tokens) { return Checked(tokens) * int64_t(sizeof(int32_t)); }

lathe_status shiftTargets(lathe_context &context, Request &request, lathe_tensor &shifted, lathe_error *error) {
  const Checked bytes = shiftedBytes(request.rows);
  auto *ids = bytes.valid ? reinterpret_cast<int32_t *>(context.joined.reserve(size_t(bytes.value ? bytes.value : 1)))
                          : nullptr;
  if (!ids)
    return fail(error, LATHE_OUT_OF_MEMORY, "no memory for decoder_input_ids of %lld tokens",
                static_cast<long long>(request.rows));
  for (int64_t row = 0; request.rows && row < request.sequences; ++row) {
    const int64_t begin = request.ragged() ? load<int32_t>(request.offsets->data, row) : row * request.columns;
    const int64_t end = request.ragged() ? load<int32_t>(request.offsets->data, row + 1) : begin + request.columns;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t id = i == begin ? firstId(request, begin, end) : integerAt(*request.ids, i - 1);
      ids[i] = id < 0 || id > INT32_MAX ? -1 : int32_t(id); // -1 is refused where ids are checked
    }
  }
  shifted = *request.ids;
  shifted.name = "decoder_input_ids";
  shifted.dtype = LATHE_I32;
  shifted.data = ids;
  request.targets.ids = &shifted;
  return LATHE_OK;
}

} // namespace lathe
