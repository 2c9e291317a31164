// The loops over whole rows of scores. A row is read in blocks of 64, of which each has a maximum and a sum, so that a
// search for the best, or a draw, looks at a few blocks only. There is one set of loops for AVX-512, which every model
// runs with, and one for any CPU; they differ in the last bits of exponentials.
#ifndef LATHE_RUNTIME_GENERATE_ROWS_H
#define LATHE_RUNTIME_GENERATE_ROWS_H

#include <stdint.h>

namespace lathe {

constexpr int64_t rowBlock = 64;

constexpr int64_t rowBlocks(int64_t size) { return (size + rowBlock - 1) / rowBlock; }

struct RowLoops {
  /// The maximum of each block; false if any score is not a number, which is then in no maximum.
  bool (*maxima)(const float *row, int64_t size, float *maxima);
  /// sums[b] = the sum over block b of exp((row[i] + shift) - peak). No row[i] + shift may be above `peak`. Blocks
  /// whose maximum is too low to matter, as most are once a row has been masked, are not read.
  void (*expSums)(const float *row, int64_t size, const float *maxima, float shift, float peak, double *sums);
  /// row[i] = (row[i] - peak) - logarithm
  void (*normalize)(float *row, int64_t size, float peak, float logarithm);
  void (*divide)(float *row, int64_t size, float divisor);
  /// Scores below `least` become -infinity.
  void (*mask)(float *row, int64_t size, float least);
};

/// `avx512`: whether the CPU has F, BW, DQ and VL, as every level that models run at promises.
const RowLoops &rowLoops(bool avx512);

/// The greatest of the blocks' maxima.
float peakOf(const float *maxima, int64_t blocks);

/// The lowest index of the row's greatest score, `peak`.
int64_t firstPeak(const float *row, int64_t size, const float *maxima, float peak);

} // namespace lathe

#endif
