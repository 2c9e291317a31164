#include "tests/support/TensorFile.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace lathe::test {
namespace {

using Json = nlohmann::json;

template <typename T> Tensor makeTensor(const char *dtype, std::vector<int64_t> shape, const std::vector<T> &values) {
  Tensor tensor{dtype, std::move(shape), std::vector<uint8_t>(values.size() * sizeof(T))};
  const auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
  std::copy_n(bytes, tensor.bytes.size(), tensor.bytes.begin()); // of nothing, too, which memcpy's null forbids
  return tensor;
}

template <typename T> std::vector<T> valuesOf(const Tensor &tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  std::copy_n(tensor.bytes.begin(), values.size() * sizeof(T), reinterpret_cast<uint8_t *>(values.data()));
  return values;
}

} // namespace

Tensor Tensor::of(std::vector<int64_t> shape, const std::vector<float> &values) {
  return makeTensor("F32", std::move(shape), values);
}
Tensor Tensor::of(std::vector<int64_t> shape, const std::vector<int32_t> &values) {
  return makeTensor("I32", std::move(shape), values);
}
Tensor Tensor::of(std::vector<int64_t> shape, const std::vector<int64_t> &values) {
  return makeTensor("I64", std::move(shape), values);
}

std::vector<float> Tensor::floats() const {
  if (dtype != "F32")
    throw std::runtime_error("a tensor of F32 was expected, not of " + dtype);
  return valuesOf<float>(*this);
}

std::vector<int64_t> Tensor::integers() const {
  if (dtype == "I64")
    return valuesOf<int64_t>(*this);
  if (dtype != "I32")
    throw std::runtime_error("a tensor of I32 or I64 was expected, not of " + dtype);
  const std::vector<int32_t> narrow = valuesOf<int32_t>(*this);
  return {narrow.begin(), narrow.end()};
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  const int64_t stride = static_cast<int64_t>(bytes.size()) / shape.at(0);
  Tensor part{dtype, shape, {bytes.begin() + begin * stride, bytes.begin() + end * stride}};
  part.shape[0] = end - begin;
  return part;
}

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream stream(path, std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream.flush())
    throw std::runtime_error("cannot write " + path);
}

Tensors readTensors(const std::string &path) {
  const std::string bytes = readFile(path);
  uint64_t headerBytes = 0;
  if (bytes.size() < sizeof headerBytes)
    throw std::runtime_error(path + " is shorter than a safetensors header");
  std::memcpy(&headerBytes, bytes.data(), sizeof headerBytes);
  if (headerBytes > bytes.size() - sizeof headerBytes)
    throw std::runtime_error(path + " is shorter than its header says");
  const std::string_view data = std::string_view(bytes).substr(sizeof headerBytes + headerBytes);

  Tensors tensors;
  const Json header = Json::parse(bytes.substr(sizeof headerBytes, headerBytes));
  for (const auto &[name, entry] : header.items()) {
    if (name == "__metadata__")
      continue;
    const auto offsets = entry.at("data_offsets").get<std::vector<size_t>>();
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size())
      throw std::runtime_error(path + ": data_offsets of " + name + " lie outside the file");
    const std::string_view part = data.substr(offsets[0], offsets[1] - offsets[0]);
    tensors[name] = {entry.at("dtype"), entry.at("shape"), {part.begin(), part.end()}};
  }
  return tensors;
}

void writeTensors(const std::string &path, const Tensors &tensors) {
  Json header = Json::object();
  std::string data;
  for (const auto &[name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data.append(tensor.bytes.begin(), tensor.bytes.end());
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' '); // keeps the data aligned
  const uint64_t headerBytes = text.size();
  writeFile(path, std::string(reinterpret_cast<const char *>(&headerBytes), sizeof headerBytes) + text + data);
}

double relativeError(const Tensor &value, const Tensor &expected) {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (value.dtype != expected.dtype || value.shape != expected.shape || value.bytes.size() != expected.bytes.size())
    return infinite;
  const std::vector<float> values = value.floats(), references = expected.floats();
  double error = 0, scale = 1;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      return infinite;
    error = std::max(error, std::abs(static_cast<double>(values[i]) - references[i]));
    scale = std::max(scale, std::abs(static_cast<double>(references[i])));
  }
  return error / scale;
}

} // namespace lathe::test
