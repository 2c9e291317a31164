// The best of many without sorting them.
#ifndef LATHE_RUNTIME_GENERATE_SELECT_H
#define LATHE_RUNTIME_GENERATE_SELECT_H

#include "runtime/generate/Numbers.h"

namespace lathe {

/// An unsigned integer for each float, in the same order; -0 and 0 have the same one.
inline uint32_t orderedKey(float score) {
  const uint32_t bits = bitsAs<uint32_t>(score + 0.0f);
  return bits >> 31 ? ~bits : bits | 0x80000000;
}
inline float scoreOfKey(uint32_t key) { return bitsAs<float>(key >> 31 ? key & 0x7fffffff : ~key); }

/// Where a walk along keys, from the greatest, has gathered enough weight.
struct Crossing {
  uint32_t key;
  double before; // the weight of all greater keys
};

/// The key with which the sum of weights reaches `target`, or the least one. `weights` null: 1 each. By histograms of
/// the keys' digits, three or four times over n > 0 keys whatever they are.
Crossing findCrossing(const uint32_t *keys, const float *weights, int64_t n, double target);

struct Candidate {
  float score;
  int64_t index;
};

/// A higher score, or the same and a lower index.
inline bool comesBefore(const Candidate &a, const Candidate &b) {
  return a.score > b.score || (a.score == b.score && a.index < b.index);
}

/// The best so many of what is added, in memory of the caller's.
class TopList {
public:
  TopList(Candidate *memory, int64_t capacity) : heap(memory), capacity(capacity) {}

  bool full() const { return size == capacity; }
  /// Of those kept, the one that a better one would replace.
  const Candidate &last() const { return heap[0]; }
  void add(Candidate candidate);
  /// Best first. Nothing may be added afterwards.
  void sort();

  Candidate *heap; // the last in front of all, and each in front of its two children
  int64_t size = 0;

private:
  void sink(int64_t parent, int64_t end);

  int64_t capacity;
};

} // namespace lathe

#endif
