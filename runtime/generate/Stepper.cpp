#include "runtime/generate/Stepper.h"

#include "runtime/core/Context.h"
#include "runtime/generate/Decode.h"

namespace lathe {

Stepper::Stepper(lathe_context &context, int64_t rows, int64_t tokens, bool onlyBest)
    : context(context), onlyBest(onlyBest), width(onlyBest ? 2 : vocabularyOf(*context.model->program->decoder)),
      most(context.maxTokens), sequences(context.allocator, rows),
      ids(context.allocator, tokens < most ? tokens : most), offsets(context.allocator, rows + 1),
      wanted(context.allocator, rows), results(context.allocator, rows * width) {}

lathe_status Stepper::run(Item *items, int64_t count, lathe_error *error) {
  for (int64_t i = 0; i < count; ++i)
    for (; items[i].count > most; items[i].ids += most, items[i].count -= most)
      if (lathe_status status = runPart({items[i].sequence, items[i].ids, most}, error))
        return status;
  for (int64_t done = 0, end = 0; done < count; done = end) {
    int64_t tokens = 0;
    while (end < count && tokens + items[end].count <= most)
      tokens += items[end++].count;
    if (lathe_status status = runTogether(items + done, end - done, done, error))
      return status;
  }
  return LATHE_OK;
}

/// The beginning of a prompt that is longer than the budget.
lathe_status Stepper::runPart(const Item &item, lathe_error *error) {
  const int32_t bounds[] = {0, int32_t(item.count)};
  return decodeStep(context, {&item.sequence, 1, item.ids, bounds, nullptr, 0, nullptr}, error);
}

lathe_status Stepper::runTogether(const Item *items, int64_t count, int64_t firstRow, lathe_error *error) {
  int32_t tokens = 0;
  for (int64_t i = 0; i < count; ++i) {
    memcpy(&ids[tokens], items[i].ids, size_t(items[i].count) * sizeof(int32_t));
    tokens += int32_t(items[i].count);
    sequences[i] = items[i].sequence;
    offsets[i + 1] = tokens;
    wanted[i] = tokens - 1;
  }
  float *rows = row(firstRow);
  return decodeStep(context,
                    {sequences.data, size_t(count), ids.data, offsets.data, wanted.data, size_t(count),
                     onlyBest ? nullptr : rows, onlyBest ? rows : nullptr},
                    error);
}

} // namespace lathe
