// A small valid model directory, written byte by byte, so that a test can spoil any byte of it. It shares no code with
// the reader under test.
#ifndef LATHE_TESTS_SUPPORT_TINYMODEL_H
#define LATHE_TESTS_SUPPORT_TINYMODEL_H

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lathe::test {

struct RawTensor {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::string data;
};

void writeFile(const std::filesystem::path &path, const std::string &contents);

/// The bytes of numbers.
std::string floatBytes(const std::vector<float> &values);

/// A safetensors file of a header and data that may contradict each other.
std::string safetensorsBytes(const std::string &header, const std::string &data);
/// A valid one.
std::string safetensorsBytes(const std::vector<RawTensor> &tensors);

/// config.json and weights of a BertModel with one layer, hidden size 8, 2 heads and 12 words.
std::string tinyConfig();
std::vector<RawTensor> tinyWeights();
/// Writes both, and a vocab.txt, to a new directory.
void writeTinyModel(const std::filesystem::path &directory);
/// The same as a sentence-transformers directory: mean pooling, then normalisation.
void writeTinySentenceModel(const std::filesystem::path &directory);

} // namespace lathe::test

#endif // LATHE_TESTS_SUPPORT_TINYMODEL_H
