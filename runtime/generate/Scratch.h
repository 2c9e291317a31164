// Working memory for the rows of one step: what processors, draws and beams write into and need no longer afterwards.
// All searches of a model that one thread advances share it.
#ifndef LATHE_RUNTIME_GENERATE_SCRATCH_H
#define LATHE_RUNTIME_GENERATE_SCRATCH_H

#include "runtime/generate/Rows.h"

#include "lathe/abi.h"

namespace lathe {

class Scratch {
public:
  /// `avx512`: see rowLoops.
  Scratch(const lathe_allocator &allocator, bool avx512) : loops(rowLoops(avx512)), allocator(allocator) {}
  ~Scratch() { release(); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;

  /// Room for rows of a vocabulary, of which up to `rows` are looked at together. What was reserved for the same
  /// vocabulary stays. False, with all as it was, when there is no memory.
  bool reserve(int64_t newVocabulary, int64_t newRows);

  int64_t blocks() const { return rowBlocks(vocabulary); }
  float *maximaOf(int64_t row) const { return maxima + row * blocks(); }
  double *sumsOf(int64_t row) const { return sums + row * blocks(); }

  const RowLoops &loops;
  int64_t vocabulary = 0, rows = 0;
  double *sums = nullptr;    // [rows][blocks]
  double *totals = nullptr;  // [rows]
  float *maxima = nullptr;   // [rows][blocks]
  int32_t *counts = nullptr; // [vocabulary], zeros between uses
  // Tokens under consideration, each with its place in an order, its weight and its id: [vocabulary]
  uint32_t *keys = nullptr;
  float *weights = nullptr;
  int32_t *ids = nullptr;
  float *row = nullptr; // [vocabulary]: a copy, where several beams read the same scores

private:
  void release();

  const lathe_allocator &allocator;
  void *memory = nullptr;
  size_t capacity = 0;
};

} // namespace lathe

#endif
