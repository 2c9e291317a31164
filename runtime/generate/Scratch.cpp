#include "runtime/generate/Scratch.h"

#include "runtime/core/Checked.h"

#include <string.h>

namespace lathe {

void Scratch::release() {
  if (memory)
    allocator.release(allocator.user, memory, capacity);
  memory = nullptr;
  capacity = 0;
}

bool Scratch::reserve(int64_t newVocabulary, int64_t newRows) {
  if (newVocabulary == vocabulary && newRows <= rows)
    return true;
  const Checked perRow = (Checked(rowBlocks(newVocabulary)) * Checked(newRows) * 8).roundUp(64);
  const Checked perTotal = (Checked(newRows) * 8).roundUp(64);
  const Checked perToken = (Checked(newVocabulary) * 4).roundUp(64);
  const Checked needed = perRow * 2 + perTotal + perToken * 5;
  if (!needed.valid)
    return false;
  if (size_t(needed.value) > capacity) {
    void *larger = allocator.allocate(allocator.user, size_t(needed.value));
    if (!larger)
      return false;
    release();
    memory = larger;
    capacity = size_t(needed.value);
  }
  vocabulary = newVocabulary;
  rows = newRows;
  uint8_t *next = static_cast<uint8_t *>(memory);
  auto take = [&](Checked bytes) {
    uint8_t *taken = next;
    next += bytes.value;
    return taken;
  };
  sums = reinterpret_cast<double *>(take(perRow));
  totals = reinterpret_cast<double *>(take(perTotal));
  maxima = reinterpret_cast<float *>(take(perRow));
  counts = reinterpret_cast<int32_t *>(take(perToken));
  keys = reinterpret_cast<uint32_t *>(take(perToken));
  weights = reinterpret_cast<float *>(take(perToken));
  ids = reinterpret_cast<int32_t *>(take(perToken));
  row = reinterpret_cast<float *>(take(perToken));
  memset(counts, 0, size_t(perToken.value));
  return true;
}

} // namespace lathe
