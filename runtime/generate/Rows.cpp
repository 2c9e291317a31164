#include "runtime/generate/Rows.h"

#include "runtime/generate/Numbers.h"

namespace lathe {
namespace {

// Written once and compiled for each CPU. The order of every sum is that of 16 lanes.
#define LATHE_INLINE __attribute__((always_inline)) inline

constexpr int lanes = 16;

LATHE_INLINE bool maximaLoop(const float *row, int64_t size, float *maxima) {
  uint32_t unordered[lanes] = {};
  const int64_t whole = size / rowBlock;
  for (int64_t b = 0; b < whole; ++b) {
    const float *block = row + b * rowBlock;
    float greatest[lanes];
    for (int j = 0; j < lanes; ++j)
      greatest[j] = -infinity;
    for (int i = 0; i < rowBlock; i += lanes)
      for (int j = 0; j < lanes; ++j) {
        const float score = block[i + j];
        greatest[j] = score > greatest[j] ? score : greatest[j];
        unordered[j] |= uint32_t(__builtin_isnan(score));
      }
    for (int half = lanes / 2; half; half /= 2)
      for (int j = 0; j < half; ++j)
        greatest[j] = greatest[j] > greatest[j + half] ? greatest[j] : greatest[j + half];
    maxima[b] = greatest[0];
  }
  uint32_t any = 0;
  if (size % rowBlock)
    maxima[whole] = -infinity;
  for (int64_t i = whole * rowBlock; i < size; ++i) {
    maxima[whole] = row[i] > maxima[whole] ? row[i] : maxima[whole];
    any |= uint32_t(__builtin_isnan(row[i]));
  }
  for (int j = 0; j < lanes; ++j)
    any |= unordered[j];
  return !any;
}

LATHE_INLINE void expSumsLoop(const float *row, int64_t size, const float *maxima, float shift, float peak,
                              double *sums) {
  const int64_t whole = size / rowBlock;
  for (int64_t b = 0; b < whole; ++b) {
    if (!((maxima[b] + shift) - peak > leastExponent)) {
      sums[b] = 0;
      continue;
    }
    const float *block = row + b * rowBlock;
    float sum[lanes] = {};
    for (int i = 0; i < rowBlock; i += lanes)
      for (int j = 0; j < lanes; ++j)
        sum[j] += expOfNegative((block[i + j] + shift) - peak);
    for (int half = lanes / 2; half; half /= 2)
      for (int j = 0; j < half; ++j)
        sum[j] += sum[j + half];
    sums[b] = sum[0];
  }
  if (size % rowBlock)
    sums[whole] = 0;
  for (int64_t i = whole * rowBlock; i < size; ++i)
    sums[whole] += expOfNegative((row[i] + shift) - peak);
}

LATHE_INLINE void normalizeLoop(float *row, int64_t size, float peak, float logarithm) {
  for (int64_t i = 0; i < size; ++i)
    row[i] = (row[i] - peak) - logarithm;
}

LATHE_INLINE void divideLoop(float *row, int64_t size, float divisor) {
  for (int64_t i = 0; i < size; ++i)
    row[i] = row[i] / divisor;
}

LATHE_INLINE void maskLoop(float *row, int64_t size, float least) {
  for (int64_t i = 0; i < size; ++i)
    row[i] = row[i] < least ? -infinity : row[i];
}

#define LATHE_ROW_LOOPS(NAME, TARGET)                                                                                  \
  struct NAME {                                                                                                        \
    TARGET static bool maxima(const float *row, int64_t size, float *maxima) { return maximaLoop(row, size, maxima); } \
    TARGET static void expSums(const float *row, int64_t size, const float *maxima, float shift, float peak,           \
                               double *sums) {                                                                         \
      expSumsLoop(row, size, maxima, shift, peak, sums);                                                               \
    }                                                                                                                  \
    TARGET static void normalize(float *row, int64_t size, float peak, float logarithm) {                              \
      normalizeLoop(row, size, peak, logarithm);                                                                       \
    }                                                                                                                  \
    TARGET static void divide(float *row, int64_t size, float divisor) { divideLoop(row, size, divisor); }             \
    TARGET static void mask(float *row, int64_t size, float least) { maskLoop(row, size, least); }                     \
    static constexpr RowLoops table = {maxima, expSums, normalize, divide, mask};                                      \
  };

LATHE_ROW_LOOPS(AnyCpu, )
LATHE_ROW_LOOPS(Avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))))

} // namespace

const RowLoops &rowLoops(bool avx512) { return avx512 ? Avx512::table : AnyCpu::table; }

float peakOf(const float *maxima, int64_t blocks) {
  float greatest[lanes]; // side by side: one maximum after the other would wait for each
  for (float &lane : greatest)
    lane = -infinity;
  int64_t b = 0;
  for (; b + lanes <= blocks; b += lanes)
    for (int j = 0; j < lanes; ++j)
      greatest[j] = maxima[b + j] > greatest[j] ? maxima[b + j] : greatest[j];
  for (; b < blocks; ++b)
    greatest[0] = maxima[b] > greatest[0] ? maxima[b] : greatest[0];
  float peak = -infinity;
  for (float lane : greatest)
    peak = lane > peak ? lane : peak;
  return peak;
}

int64_t firstPeak(const float *row, int64_t size, const float *maxima, float peak) {
  int64_t i = 0;
  for (int64_t b = 0; b < rowBlocks(size); ++b)
    if (maxima[b] == peak) {
      i = b * rowBlock;
      break;
    }
  while (i + 1 < size && row[i] != peak)
    ++i;
  return i;
}

} // namespace lathe
