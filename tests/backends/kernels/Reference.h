// Naive loops in double: what each kernel means.
#ifndef LATHE_TESTS_BACKENDS_KERNELS_REFERENCE_H
#define LATHE_TESTS_BACKENDS_KERNELS_REFERENCE_H

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace lathe::test {

/// Seeded normal numbers.
class Gaussian {
public:
  explicit Gaussian(uint64_t seed) : engine(seed) {}
  float normal() { return gauss(engine); }
  int64_t below(int64_t limit) { return static_cast<int64_t>(engine() % limit); }
  std::vector<float> vector(size_t count, float scale = 1.0f) {
    std::vector<float> values(count);
    for (float &value : values)
      value = scale * normal();
    return values;
  }

private:
  std::mt19937_64 engine;
  std::normal_distribution<float> gauss;
};

inline double activate(const std::string &name, double x) {
  if (name == "gelu")
    return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
  if (name == "gelu_tanh")
    return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  if (name == "relu")
    return std::max(x, 0.0);
  if (name == "silu")
    return x / (1 + std::exp(-x));
  if (name == "tanh")
    return std::tanh(x);
  return x;
}

/// [n][k] row-major as [ceil(n/16)][k][16], zero beyond n.
inline std::vector<float> packWeights(const std::vector<float> &w, int64_t n, int64_t k) {
  std::vector<float> packed((n + 15) / 16 * 16 * k, 0.0f);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t column = 0; column < k; ++column)
      packed[(row / 16 * k + column) * 16 + row % 16] = w[row * k + column];
  return packed;
}

/// The nearest bf16, the even one of two that are as near; of a NaN, whatever comes.
inline uint16_t toBf16(float value) {
  auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
inline float fromBf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

/// [n][k] row-major in bf16 as [ceil(n/16)][ceil(k/2)][16][2], zero beyond n and k.
inline std::vector<uint16_t> packPairs(const std::vector<float> &w, int64_t n, int64_t k) {
  const int64_t words = (k + 1) / 2;
  std::vector<uint16_t> packed((n + 15) / 16 * 16 * words * 2);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t column = 0; column < k; ++column)
      packed[((row / 16 * words + column / 2) * 16 + row % 16) * 2 + column % 2] = toBf16(w[row * k + column]);
  return packed;
}

inline int64_t alignTo(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
/// With zeros up to whole vectors, as biases are stored.
inline std::vector<float> padded(std::vector<float> values) {
  values.resize(alignTo(int64_t(values.size()), 16));
  return values;
}

/// Bytes [m][k] with a scale and a zero point for each row as rows of `stride` bytes, header first.
inline std::vector<uint8_t> quantizedRows(const std::vector<uint8_t> &q, const std::vector<float> &scales,
                                          const std::vector<int32_t> &zeros, int64_t m, int64_t k, int64_t stride) {
  std::vector<uint8_t> rows((m - 1) * stride + 64 + (k + 3) / 4 * 4);
  for (int64_t row = 0; row < m; ++row) {
    std::memcpy(&rows[row * stride], &scales[row], sizeof(float));
    std::memcpy(&rows[row * stride + 4], &zeros[row], sizeof(int32_t));
    std::copy_n(&q[row * k], k, &rows[row * stride + 64]);
  }
  return rows;
}

/// Signed bytes [n][k] with a scale for each row as panels of 16 rows: 16 scales, 16 sums of rows, [ceil(k/4)][16][4].
inline std::vector<uint8_t> packQuads(const std::vector<int8_t> &w, const std::vector<float> &scales, int64_t n,
                                      int64_t k) {
  const int64_t words = (k + 3) / 4, panelBytes = 128 + words * 64;
  std::vector<uint8_t> packed((n + 15) / 16 * panelBytes);
  for (int64_t row = 0; row < n; ++row) {
    uint8_t *panel = &packed[row / 16 * panelBytes];
    int32_t sum = 0;
    for (int64_t column = 0; column < k; ++column) {
      sum += w[row * k + column];
      panel[128 + (column / 4 * 16 + row % 16) * 4 + column % 4] = static_cast<uint8_t>(w[row * k + column]);
    }
    std::memcpy(panel + row % 16 * 4, &scales[row], sizeof(float));
    std::memcpy(panel + 64 + row % 16 * 4, &sum, sizeof(int32_t));
  }
  return packed;
}

/// Weights [n][k] in int4: weight (row, column) is scales[row] * (code - zero) * step, with the step and the zero of
/// its group of neighbouring columns.
struct Int4Weights {
  int64_t n, k, group;
  std::vector<float> scales;                // that bf16 has
  std::vector<uint8_t> codes, steps, zeros; // [n][k], and [n][groups]
  int64_t groups() const { return (k + group - 1) / group; }
  int byteAt(int64_t row, int64_t column) const {
    const int64_t of = row * groups() + column / group;
    return (codes[row * k + column] - zeros[of]) * steps[of];
  }
  /// As layouts/Int4.cpp stores them: a panel of 16 rows has 16 scales, for each group 16 bytes, [ceil(k/8)][16]
  /// words.
  std::vector<uint8_t> panels() const {
    const int64_t header = alignTo(32 + groups() * 16, 64), panelBytes = header + (k + 7) / 8 * 64;
    std::vector<uint8_t> packed((n + 15) / 16 * panelBytes);
    for (int64_t row = 0; row < n; ++row) {
      uint8_t *panel = &packed[row / 16 * panelBytes];
      const int64_t lane = row % 16;
      const uint16_t scale = toBf16(scales[row]);
      std::memcpy(panel + lane * 2, &scale, sizeof scale);
      for (int64_t g = 0; g < groups(); ++g)
        panel[32 + g * 16 + lane] =
            static_cast<uint8_t>(steps[row * groups() + g] - 1 + 16 * zeros[row * groups() + g]);
      for (int64_t column = 0; column < (k + 7) / 8 * 8; ++column) {
        const int code = column < k ? codes[row * k + column] : zeros[(row + 1) * groups() - 1];
        panel[header + (column / 8 * 16 + lane) * 4 + column % 4] |=
            static_cast<uint8_t>(column % 8 < 4 ? code : 16 * code);
      }
    }
    return packed;
  }
};

/// |got - expected| relative to max(1, |expected|); NaN is infinitely wrong.
inline double errorOf(double got, double expected) {
  double error = std::abs(got - expected) / std::max(1.0, std::abs(expected));
  return std::isnan(error) ? INFINITY : error;
}

inline std::vector<int32_t> prefixSums(const std::vector<int64_t> &lengths) {
  std::vector<int32_t> sums = {0};
  for (int64_t length : lengths)
    sums.push_back(sums.back() + static_cast<int32_t>(length));
  return sums;
}

} // namespace lathe::test
#endif // LATHE_TESTS_BACKENDS_KERNELS_REFERENCE_H
