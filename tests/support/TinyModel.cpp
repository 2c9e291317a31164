#include "tests/support/TinyModel.h"
#include "tests/support/Tensors.h"
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

using namespace lathe::test;
namespace fs = std::filesystem;

void lathe::test::writeFile(const fs::path &path, const std::string &contents) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.write(contents.data(), contents.size()).flush())
    throw std::runtime_error("cannot write " + path.string());
}

std::string lathe::test::floatBytes(const std::vector<float> &values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string lathe::test::safetensorsBytes(const std::string &header, const std::string &data) {
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8)
    bytes.push_back(static_cast<char>(uint64_t(header.size()) >> shift));
  return bytes + header + data;
}

std::string lathe::test::safetensorsBytes(const std::vector<RawTensor> &tensors) {
  std::ostringstream header;
  std::string data;
  header << "{\"__metadata__\": {\"format\": \"pt\"}";
  for (const RawTensor &tensor : tensors) {
    header << ", \"" << tensor.name << "\": {\"dtype\": \"" << tensor.dtype << "\", \"shape\": [";
    for (size_t i = 0; i < tensor.shape.size(); ++i)
      header << (i ? ", " : "") << tensor.shape[i];
    header << "], \"data_offsets\": [" << data.size() << ", " << data.size() + tensor.data.size() << "]}";
    data += tensor.data;
  }
  header << "}";
  return safetensorsBytes(header.str(), data);
}

std::string lathe::test::tinyConfig() {
  return R"({
  "architectures": ["BertModel"],
  "model_type": "bert",
  "hidden_act": "gelu",
  "hidden_size": 8,
  "intermediate_size": 16,
  "layer_norm_eps": 1e-12,
  "max_position_embeddings": 16,
  "num_attention_heads": 2,
  "num_hidden_layers": 1,
  "type_vocab_size": 2,
  "vocab_size": 12
})";
}

std::vector<RawTensor> lathe::test::tinyWeights() {
  constexpr int64_t hidden = 8, inner = 16;
  Random random(1);
  std::vector<RawTensor> weights;
  auto add = [&](const std::string &name, std::vector<int64_t> shape, float mean) {
    size_t count = 1;
    for (int64_t dim : shape)
      count *= dim;
    weights.push_back({name, "F32", shape, floatBytes(randomNormal(random, count, mean, 0.1f))});
  };
  auto norm = [&](const std::string &name) {
    add(name + ".weight", {hidden}, 1);
    add(name + ".bias", {hidden}, 0);
  };
  auto linear = [&](const std::string &name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in}, 0);
    add(name + ".bias", {out}, 0);
  };
  add("embeddings.word_embeddings.weight", {12, hidden}, 0);
  add("embeddings.position_embeddings.weight", {16, hidden}, 0);
  add("embeddings.token_type_embeddings.weight", {2, hidden}, 0);
  norm("embeddings.LayerNorm");
  const std::string layer = "encoder.layer.0.";
  for (const char *part : {"query", "key", "value"})
    linear(layer + "attention.self." + part, hidden, hidden);
  linear(layer + "attention.output.dense", hidden, hidden);
  norm(layer + "attention.output.LayerNorm");
  linear(layer + "intermediate.dense", inner, hidden);
  linear(layer + "output.dense", hidden, inner);
  norm(layer + "output.LayerNorm");
  linear("pooler.dense", hidden, hidden);
  return weights;
}

void lathe::test::writeTinyModel(const fs::path &directory) {
  writeFile(directory / "config.json", tinyConfig());
  writeFile(directory / "model.safetensors", safetensorsBytes(tinyWeights()));
  writeFile(directory / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##a\n##b\n##c\n.\n");
}

void lathe::test::writeTinySentenceModel(const fs::path &directory) {
  writeTinyModel(directory);
  writeFile(directory / "modules.json",
            R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
 {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
 {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
  writeFile(directory / "1_Pooling/config.json",
            R"({"word_embedding_dimension": 8, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true})");
  writeFile(directory / "sentence_bert_config.json", R"({"max_seq_length": 12, "do_lower_case": false})");
}
