// Reads and writes safetensors for tests that look at Lathe from outside. Deliberately not the compiler's own reader: a
// mistake in that one cannot hide itself here. Bad files throw std::runtime_error.
#ifndef LATHE_TESTS_SUPPORT_TENSORFILE_H
#define LATHE_TESTS_SUPPORT_TENSORFILE_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lathe::test {

struct Tensor {
  std::string dtype; // as the format spells it: "F32", "I32", "I64", ...
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;

  static Tensor of(std::vector<int64_t> shape, const std::vector<float> &values);
  static Tensor of(std::vector<int64_t> shape, const std::vector<int32_t> &values);
  static Tensor of(std::vector<int64_t> shape, const std::vector<int64_t> &values);

  /// The values of an F32 tensor.
  std::vector<float> floats() const;
  /// The values of an I32 or I64 tensor.
  std::vector<int64_t> integers() const;
  /// Entries [begin, end) of the first dimension.
  Tensor slice(int64_t begin, int64_t end) const;
  bool operator==(const Tensor &other) const = default;
};

using Tensors = std::map<std::string, Tensor>;

Tensors readTensors(const std::string &path);
void writeTensors(const std::string &path, const Tensors &tensors);

/// max |value - expected| / max(1, max |expected|); infinite where shapes differ or a value is not a number.
double relativeError(const Tensor &value, const Tensor &expected);

std::string readFile(const std::string &path);
void writeFile(const std::string &path, const std::string &bytes);

} // namespace lathe::test

#endif
