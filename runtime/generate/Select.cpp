#include "runtime/generate/Select.h"

#include <string.h>

namespace lathe {

Crossing findCrossing(const uint32_t *keys, const float *weights, int64_t n, double target) {
  constexpr struct {
    int shift, bits;
  } digits[] = {{21, 11}, {10, 11}, {0, 10}};
  Crossing crossing = {0, 0};
  for (auto [shift, bits] : digits) {
    double sums[1 << 11];
    bool present[1 << 11];
    memset(sums, 0, sizeof sums);
    memset(present, 0, sizeof present);
    const uint64_t above = uint64_t(crossing.key) >> (shift + bits);
    for (int64_t i = 0; i < n; ++i)
      if (uint64_t(keys[i]) >> (shift + bits) == above) {
        const uint32_t digit = (keys[i] >> shift) & ((1u << bits) - 1);
        sums[digit] += weights ? double(weights[i]) : 1.0;
        present[digit] = true;
      }
    double before = crossing.before;
    uint32_t chosen = 0;
    for (uint32_t digit = 1u << bits; digit-- > 0;)
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
