#include "runtime/generate/Select.h"

#include <string.h>

namespace lathe {

Crossing findCrossing(const uint32_t *keys, const float *weights, int64_t n, double target) {
  const int width = n < 4096 ? 8 : 11; // where there are few keys, histograms are what takes time
  Crossing crossing = {0, 0};
  for (int end = 32, shift; end > 0; end = shift) { // the digit is bits [shift, end)
    shift = end > width ? end - width : 0;
    const int digits = 1 << (end - shift);
    double sums[1 << 11];
    bool present[1 << 11];
    memset(sums, 0, size_t(digits) * sizeof *sums);
    memset(present, 0, size_t(digits) * sizeof *present);
    const uint64_t above = uint64_t(crossing.key) >> end;
    for (int64_t i = 0; i < n; ++i)
      if (uint64_t(keys[i]) >> end == above) {
        const uint32_t digit = (keys[i] >> shift) & uint32_t(digits - 1);
        sums[digit] += weights ? double(weights[i]) : 1.0;
        present[digit] = true;
      }
    double before = crossing.before;
    uint32_t chosen = 0;
    for (uint32_t digit = uint32_t(digits); digit-- > 0;)
      if (present[digit]) {
        crossing.before = before;
        before += sums[digit];
        chosen = digit;
        if (before >= target)
          break;
      }
    crossing.key |= chosen << shift;
  }
  return crossing;
}

void TopList::add(Candidate candidate) {
  if (full()) {
    if (capacity && comesBefore(candidate, heap[0])) {
      heap[0] = candidate;
      sink(0, size);
    }
    return;
  }
  int64_t child = size++;
  for (; child && comesBefore(heap[(child - 1) / 2], candidate); child = (child - 1) / 2)
    heap[child] = heap[(child - 1) / 2];
  heap[child] = candidate;
}

void TopList::sink(int64_t parent, int64_t end) {
  const Candidate sunk = heap[parent];
  for (int64_t child; (child = 2 * parent + 1) < end; parent = child) {
    if (child + 1 < end && comesBefore(heap[child], heap[child + 1]))
      ++child;
    if (!comesBefore(sunk, heap[child]))
      break;
    heap[parent] = heap[child];
  }
  heap[parent] = sunk;
}

void TopList::sort() {
  for (int64_t end = size - 1; end > 0; --end) {
    const Candidate last = heap[0];
    heap[0] = heap[end];
    heap[end] = last;
    sink(0, end);
  }
}

} // namespace lathe
