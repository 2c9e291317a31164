#include "tests/support/HostileFiles.h"
#include "tests/support/TinyModel.h"
#include <fstream>
#include <limits>
#include <stdexcept>
#include <sys/stat.h>

using namespace lathe::test;
namespace fs = std::filesystem;
using Create = std::function<void(const fs::path &)>;

//===----------------------------------------------------------------------===//
// Ways to spoil the tiny model
//===----------------------------------------------------------------------===//

/// With one more file, or another one in its place.
static Create withFile(std::string name, std::string contents) {
  return [=](const fs::path &model) {
    writeTinyModel(model);
    writeFile(model / name, contents);
  };
}

static std::string replaced(std::string text, const std::string &old, const std::string &by) {
  size_t at = text.find(old);
  if (at == std::string::npos)
    throw std::logic_error("a hostile case replaces what is not there: " + old);
  return text.replace(at, old.size(), by);
}

static Create withConfig(std::string old, std::string by) {
  return withFile("config.json", replaced(tinyConfig(), old, by));
}

static Create withHeader(std::string header, std::string data = "") {
  return withFile("model.safetensors", safetensorsBytes(header, data));
}

/// One tensor `w` with these fields and 16 bytes of data.
static Create withTensor(const std::string &fields) {
  return withHeader("{\"w\": {" + fields + "}}", std::string(16, '\0'));
}

static Create withWeights(std::function<void(std::vector<RawTensor> &)> edit) {
  std::vector<RawTensor> weights = tinyWeights();
  edit(weights);
  return withFile("model.safetensors", safetensorsBytes(weights));
}

static RawTensor &weightNamed(std::vector<RawTensor> &weights, const std::string &name) {
  for (RawTensor &weight : weights)
    if (weight.name == name)
      return weight;
  throw std::logic_error("the tiny model has no " + name);
}

/// The pooler's bias as other bytes of another type.
static Create withBias(std::string dtype, std::string data) {
  return withWeights([&](std::vector<RawTensor> &weights) {
    RawTensor &bias = weightNamed(weights, "pooler.dense.bias");
    bias.dtype = dtype;
    bias.data = data;
  });
}

/// Without model.safetensors; with another file instead.
static Create onlyFile(std::string name, std::string contents = "x") {
  return [=](const fs::path &model) {
    writeTinyModel(model);
    fs::remove(model / "model.safetensors");
    writeFile(model / name, contents);
  };
}

static std::string oneTensorFile(const std::string &name) {
  return safetensorsBytes({{name, "F32", {1}, std::string(4, '\0')}});
}

/// An index, and shards 1.safetensors with the tensor `a` and 2.safetensors with the tensor `b`.
static Create withIndex(std::string index) {
  return [=](const fs::path &model) {
    onlyFile("model.safetensors.index.json", index)(model);
    writeFile(model / "1.safetensors", oneTensorFile("a"));
    writeFile(model / "2.safetensors", oneTensorFile("b"));
    writeFile(model / "lfs.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n");
  };
}

/// A sentence-transformers directory with another file in the place of one of its own.
static Create withSentenceFile(std::string name, std::string contents) {
  return [=](const fs::path &model) {
    writeTinySentenceModel(model);
    writeFile(model / name, contents);
  };
}

static std::string module(const std::string &type, const std::string &path) {
  return "{\"type\": \"sentence_transformers.models." + type + "\", \"path\": \"" + path + "\"}";
}

static Create withModules(std::string modules) { return withSentenceFile("modules.json", modules); }

/// Something that is no regular file in a file's place.
static Create withSpecial(std::string name, std::function<void(const fs::path &)> make) {
  return [=](const fs::path &model) {
    writeTinyModel(model);
    fs::remove(model / name);
    make(model / name);
  };
}

static void makeFifo(const fs::path &path) {
  if (::mkfifo(path.c_str(), 0644) != 0)
    throw std::runtime_error("cannot make a FIFO at " + path.string());
}

static void makeDirectory(const fs::path &path) { fs::create_directory(path); }
static void makeLinkLoop(const fs::path &path) { fs::create_symlink(path, path); }
static void makeDanglingLink(const fs::path &path) { fs::create_symlink("nowhere", path); }

static void makeSparse(const fs::path &path) {
  writeFile(path, "{}");
  fs::resize_file(path, 100 << 20);
}

static Create withoutPermission(std::string name) {
  return [=](const fs::path &model) {
    writeTinyModel(model);
    fs::permissions(model / name, fs::perms::none);
  };
}

static Create cutAt(size_t bytes) {
  return [=](const fs::path &model) {
    writeTinyModel(model);
    fs::resize_file(model / "model.safetensors", bytes);
  };
}

static std::string nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

static std::string repeated(const std::string &text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i)
    all += (i ? ", " : "") + text;
  return all;
}

static const std::string lfsPointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 90868376\n";

//===----------------------------------------------------------------------===//
// The cases
//===----------------------------------------------------------------------===//

using Cases = std::vector<HostileCase>;

static void addPathCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, Create create) {
    cases.push_back({name, HostileStage::Open, message, create});
  };
  add("model_absent", "No such file or directory", [](const fs::path &) {});
  add("model_empty_directory", "is empty", makeDirectory);
  add("model_is_fifo", "is not a directory", makeFifo);
  add("model_is_link_loop", "symbolic link", makeLinkLoop);
  add("model_is_file", "is not a directory", [](const fs::path &model) { writeFile(model, "weights"); });
  add("model_without_config", "has no config.json", [](const fs::path &model) {
    writeTinyModel(model);
    fs::remove(model / "config.json");
  });
  add("config_is_directory", "it is a directory", withSpecial("config.json", makeDirectory));
  add("config_is_fifo", "it is a FIFO", withSpecial("config.json", makeFifo));
  add("config_is_link_loop", "symbolic link", withSpecial("config.json", makeLinkLoop));
  add("config_is_dangling_link", "No such file", withSpecial("config.json", makeDanglingLink));
  add("config_huge", "the limit is", withSpecial("config.json", makeSparse));
  add("weights_are_directory", "it is a directory", withSpecial("model.safetensors", makeDirectory));
  add("weights_are_fifo", "it is a FIFO", withSpecial("model.safetensors", makeFifo));
  add("weights_are_device", "it is a device",
      withSpecial("model.safetensors", [](const fs::path &path) { fs::create_symlink("/dev/zero", path); }));
  cases.push_back({"model_not_searchable", HostileStage::Open, "Permission denied",
                   [](const fs::path &model) {
                     writeTinyModel(model);
                     fs::permissions(model, fs::perms::owner_read);
                   },
                   true});
  cases.push_back(
      {"config_unreadable", HostileStage::Open, "Permission denied", withoutPermission("config.json"), true});
  cases.push_back(
      {"weights_unreadable", HostileStage::Open, "Permission denied", withoutPermission("model.safetensors"), true});
}

static void addConfigCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, Create create) {
    cases.push_back({"config_" + name, HostileStage::Open, message, create});
  };
  add("empty", "the file is empty", withFile("config.json", ""));
  add("truncated", "not valid JSON", withFile("config.json", tinyConfig().substr(0, 60)));
  add("trailing_text", "not valid JSON", withFile("config.json", tinyConfig() + "}"));
  add("array", "expected an object", withFile("config.json", "[1, 2]"));
  add("deep", "nested deeper than", withFile("config.json", nested(1'000'000)));
  add("deep_unclosed", "nested deeper than", withFile("config.json", std::string(1'000'000, '[')));
  add("not_utf8", "UTF-8", withConfig("gelu", "ge\xff\xfelu"));
  add("duplicate_key", "'model_type' is there twice", withConfig("{", "{\"model_type\": \"gpt2\", "));
  add("nan", "not valid JSON", withConfig("1e-12", "NaN"));
  add("number_beyond_double", "not valid JSON", withConfig("1e-12", "1e999"));
  add("ends_in_nul", "a NUL byte", withFile("config.json", tinyConfig() + std::string("\0{", 2)));
  add("binary", "not valid JSON", withFile("config.json", std::string("\0\1\2\3", 4)));
  add("lfs_pointer", "git lfs pull", withFile("config.json", lfsPointer));
  add("model_type_absent", "'model_type' is missing", withConfig("\"model_type\": \"bert\",", ""));
  add("model_type_null", "'model_type' is null", withConfig("\"bert\"", "null"));
  add("model_type_number", "'model_type' is 7", withConfig("\"bert\"", "7"));
  add("architectures_string", "'architectures' is 'BertModel'", withConfig("[\"BertModel\"]", "\"BertModel\""));
  add("architectures_numbers", "'architectures[1]' is 2", withConfig("[\"BertModel\"]", "[\"BertModel\", 2]"));
  add("quantized", "quant_method 'gptq'", withConfig("{", "{\"quantization_config\": {\"quant_method\": \"gptq\"}, "));
  add("quantization_mistyped", "'quantization_config' is true", withConfig("{", "{\"quantization_config\": true, "));
}

static void addWeightFileCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, Create create) {
    cases.push_back({"weights_" + name, HostileStage::Open, message, create});
  };
  add("absent", "has no weights", onlyFile("README.md"));
  add("only_bin", "safe_serialization=True", onlyFile("pytorch_model.bin"));
  add("only_training_state", "only 'training_args.bin'; accepted", onlyFile("training_args.bin"));
  add("only_h5", "from_tf=True", onlyFile("tf_model.h5"));
  add("only_gguf", "only 'model.gguf'", onlyFile("model.gguf"));
  add("only_onnx", "only 'model.onnx'", onlyFile("model.onnx"));
  add("named_otherwise", "only 'weights.safetensors'", onlyFile("weights.safetensors"));
  add("empty", "the file is empty", withFile("model.safetensors", ""));
  add("seven_bytes", "fewer than the 8", withFile("model.safetensors", "1234567"));
  add("lfs_pointer", "git lfs pull", withFile("model.safetensors", lfsPointer));
  add("pickle", "PyTorch pickle", withFile("model.safetensors", "PK\x03\x04 and so on"));
  add("gguf", "GGUF", withFile("model.safetensors", "GGUF and so on"));
  add("web_page", "web page", withFile("model.safetensors", "<!DOCTYPE html><html></html>"));
  add("length_all_ones", "the header length is 18446744073709551615",
      withFile("model.safetensors", std::string(8, '\xff')));
  add("length_beyond_limit", "the limit 100000000",
      withFile("model.safetensors", std::string("\x01\xe1\xf5\x05\0\0\0\0{}", 10)));
  add("length_beyond_file", "is the file truncated?",
      withFile("model.safetensors", std::string("\x40\0\0\0\0\0\0\0{}", 10)));
  add("length_zero", "does not begin with '{'", withHeader(""));
  add("cut_in_length", "fewer than the 8", cutAt(5));
  add("cut_in_header", "is the file truncated?", cutAt(100));
  add("cut_in_data", "is the file truncated?", [](const fs::path &model) {
    writeTinyModel(model);
    fs::resize_file(model / "model.safetensors", fs::file_size(model / "model.safetensors") - 4);
  });
  add("longer_than_header_says", "belong to no tensor", [](const fs::path &model) {
    writeTinyModel(model);
    std::ofstream(model / "model.safetensors", std::ios::app | std::ios::binary) << "hidden";
  });
}

static void addHeaderCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, Create create) {
    cases.push_back({"header_" + name, HostileStage::Open, message, create});
  };
  const std::string sixteen(16, '\0');
  const std::string u8 = "\"dtype\": \"U8\", ", all = "\"shape\": [16], \"data_offsets\": [0, 16]";
  auto half = [](const std::string &name, const std::string &offsets) {
    return "\"" + name + "\": {\"dtype\": \"U8\", \"shape\": [8], \"data_offsets\": " + offsets + "}";
  };
  add("not_json", "not valid JSON", withHeader("{\"w\": }"));
  add("unclosed", "not valid JSON", withHeader("{"));
  add("padded_with_nul", "not valid JSON", withHeader(std::string("{}\0\0", 4)));
  add("array", "does not begin with '{'", withHeader("[]"));
  add("deep", "is an array; expected an object", withHeader("{\"w\": " + nested(100'000) + "}"));
  add("deep_objects", "unknown field", withHeader("{\"w\": {\"w\": {\"w\": {}}}}"));
  add("not_utf8", "UTF-8", withHeader("{\"\xc3\x28\": {" + u8 + all + "}}", sixteen));
  add("name_with_escapes", "'w\\x1b\\x00'", withHeader("{\"w\\u001b\\u0000\": 1}"));
  add("name_endless", "...", withHeader("{\"" + std::string(100'000, 'x') + "\": 1}"));
  add("duplicate_tensor", "'w' is there twice",
      withHeader("{" + half("w", "[0, 8]") + ", " + half("w", "[8, 16]") + "}", sixteen));
  add("entry_number", "'w' is a number; expected an object", withHeader("{\"w\": 3}"));
  add("entry_null", "'w' is null; expected an object", withHeader("{\"w\": null}"));
  add("dtype_unknown", "unknown dtype 'Q4_K'", withTensor("\"dtype\": \"Q4_K\", " + all));
  add("dtype_number", "has a number as \"dtype\"", withTensor("\"dtype\": 1, " + all));
  add("dtype_missing", "has no \"dtype\"", withTensor(all));
  add("shape_missing", "has no \"shape\"", withTensor(u8 + "\"data_offsets\": [0, 16]"));
  add("offsets_missing", "has no \"data_offsets\"", withTensor(u8 + "\"shape\": [16]"));
  add("field_unknown", "unknown field 'stride'", withTensor(u8 + all + ", \"stride\": [1]"));
  add("field_twice", "has \"shape\" twice", withTensor(u8 + all + ", \"shape\": [16]"));
  add("shape_null", "has null in \"shape\"", withTensor(u8 + "\"shape\": null, \"data_offsets\": [0, 16]"));
  add("shape_negative", "the negative number -1", withTensor(u8 + "\"shape\": [-1], \"data_offsets\": [0, 16]"));
  add("shape_float", "the number '1.6e1'", withTensor(u8 + "\"shape\": [1.6e1], \"data_offsets\": [0, 16]"));
  add("shape_nested", "has an array in \"shape\"", withTensor(u8 + "\"shape\": [[16]], \"data_offsets\": [0, 16]"));
  add("shape_beyond_63_bits", "overflows 63 bits",
      withTensor(u8 + "\"shape\": [9223372036854775808], \"data_offsets\": [0, 16]"));
  add("shape_beyond_64_bits", "the number '100000000000000000000'",
      withTensor(u8 + "\"shape\": [100000000000000000000], \"data_offsets\": [0, 16]"));
  add("shape_product_overflows", "bytes cannot be counted",
      withTensor(u8 + "\"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 16]"));
  add("shape_wraps_to_size", "bytes cannot be counted", // 2^60 * 16 elements of 8 bits are 16 more than 2^64 bits
      withTensor(u8 + "\"shape\": [16, 1152921504606846977], \"data_offsets\": [0, 16]"));
  add("shape_of_half_bytes", "bytes cannot be counted",
      withTensor("\"dtype\": \"F4\", \"shape\": [31], \"data_offsets\": [0, 16]"));
  add("rank_too_high", "more than 64 dimensions",
      withTensor(u8 + "\"shape\": [" + repeated("1", 65) + "], \"data_offsets\": [0, 16]"));
  add("offsets_three", "has 3 data_offsets", withTensor(u8 + "\"shape\": [16], \"data_offsets\": [0, 8, 16]"));
  add("offsets_reversed", "end before they begin", withTensor(u8 + "\"shape\": [16], \"data_offsets\": [16, 0]"));
  add("offsets_beyond_file", "is the file truncated?", withTensor(u8 + "\"shape\": [17], \"data_offsets\": [0, 17]"));
  add("offsets_wrapping", "is the file truncated?",
      withTensor(u8 + "\"shape\": [16], \"data_offsets\": [18446744073709551600, 18446744073709551615]"));
  add("size_lies", "takes 64 bytes", withTensor("\"dtype\": \"F32\", " + all));
  add("overlap", "overlap at byte 7",
      withHeader("{" + half("v", "[0, 8]") + ", " + half("w", "[7, 15]") + "}", sixteen));
  add("hole", "before tensor 'w', belong to no tensor", withHeader("{" + half("w", "[8, 16]") + "}", sixteen));
  add("metadata_number", "expected a string", withHeader("{\"__metadata__\": {\"format\": 1}}"));
  add("metadata_twice", "has 'a' twice", withHeader("{\"__metadata__\": {\"a\": \"\", \"a\": \"\"}}"));
  add("metadata_list", "expected an object", withHeader("{\"__metadata__\": []}"));
}

static void addIndexCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, std::string index) {
    cases.push_back({"index_" + name, HostileStage::Open, message, withIndex(index)});
  };
  auto map = [](const std::string &entries) { return "{\"weight_map\": {" + entries + "}}"; };
  const std::string both = "\"a\": \"1.safetensors\", \"b\": \"2.safetensors\"";
  add("empty", "the file is empty", "");
  add("deep", "nested deeper than", nested(70));
  add("map_missing", "'weight_map' is missing or empty", "{\"metadata\": {}}");
  add("map_empty", "'weight_map' is missing or empty", map(""));
  add("map_list", "'weight_map' is an array", "{\"weight_map\": []}");
  add("shard_number", "'weight_map.a' is 3", map("\"a\": 3"));
  add("tensor_twice", "'a' is there twice", map(both + ", \"a\": \"2.safetensors\""));
  add("shard_up", "in the model's directory", map("\"a\": \"../1.safetensors\""));
  add("shard_up_hidden", "in the model's directory", map("\"a\": \"x/../../1.safetensors\""));
  add("shard_absolute", "in the model's directory", map("\"a\": \"/etc/1.safetensors\""));
  add("shard_with_nul", "in the model's directory", map("\"a\": \"1\\u0000.safetensors\""));
  add("shard_pickle", "a .safetensors file", map("\"a\": \"pytorch_model.bin\""));
  add("shard_absent", "No such file", map("\"a\": \"3.safetensors\""));
  add("shard_lfs_pointer", "git lfs pull", map("\"a\": \"lfs.safetensors\""));
  add("tensor_absent", "does not hold it", map(both + ", \"c\": \"2.safetensors\""));
  add("tensor_unlisted", "does not list", map("\"z\": \"2.safetensors\""));
  add("tensor_elsewhere", "says is in '2.safetensors'", map("\"a\": \"2.safetensors\", \"b\": \"1.safetensors\""));
}

static void addValueCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, Create create) {
    cases.push_back({"value_" + name, HostileStage::Values, message, create});
  };
  auto bias = [](float value) { return floatBytes({0, 0, 0, 0, 0, value, 0, 0}); };
  add("f32_nan", "'pooler.dense.bias' of shape [8] holds NaN at index 5",
      withBias("F32", bias(std::numeric_limits<float>::quiet_NaN())));
  add("f32_infinity", "holds an infinity at index 5", withBias("F32", bias(-std::numeric_limits<float>::infinity())));
  add("f16_nan", "holds NaN at index 7", withBias("F16", std::string(14, '\0') + "\x01\x7c"));
  add("bf16_nan", "holds NaN at index 7", withBias("BF16", std::string(14, '\0') + "\xc0\xff"));
  add("f64_beyond_f32", "beyond f32's range at index 7",
      withBias("F64", std::string(56, '\0') + std::string("\0\0\0\0\0\0\xf0\x7e", 8)));
  add("gamma_and_weight", "both mean 'embeddings.LayerNorm.weight'", withWeights([](std::vector<RawTensor> &weights) {
        RawTensor twin = weightNamed(weights, "embeddings.LayerNorm.weight");
        twin.name = "embeddings.LayerNorm.gamma";
        weights.push_back(twin);
      }));
  add("with_and_without_prefix", "both mean 'pooler.dense.bias'", withWeights([](std::vector<RawTensor> &weights) {
        RawTensor twin = weightNamed(weights, "pooler.dense.bias");
        twin.name = "bert.pooler.dense.bias";
        weights.push_back(twin);
      }));
}

static void addSentenceCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, Create create) {
    cases.push_back({"sentence_" + name, HostileStage::Open, message, create});
  };
  auto withPooling = [](std::string fields) {
    return withSentenceFile("1_Pooling/config.json", "{\"word_embedding_dimension\": 8, " + fields + "}");
  };
  const std::string transformer = module("Transformer", ""), pooling = module("Pooling", "1_Pooling");
  add("modules_object", "expected an array of objects", withModules("{}"));
  add("modules_numbers", "[0] is 1; expected an object", withModules("[1]"));
  add("modules_empty", "no Pooling", withModules("[]"));
  add("modules_unknown", "models.LSTM'",
      withModules("[" + transformer + ", " + pooling + ", " + module("LSTM", "2_LSTM") + "]"));
  add("modules_early", "in place 1", withModules("[" + transformer + ", " + module("Normalize", "") + "]"));
  add("modules_order", "in place 0", withModules("[" + pooling + ", " + transformer + "]"));
  add("modules_without_pooling", "no Pooling", withModules("[" + transformer + "]"));
  add("modules_two_poolings", "in place 2", withModules("[" + transformer + ", " + pooling + ", " + pooling + "]"));
  add("path_missing", "'[0].path' is missing", withModules("[{\"type\": \"Transformer\"}]"));
  add("path_up", "inside the model's directory", withModules("[" + module("Transformer", "../other") + "]"));
  add("path_absolute", "inside the model's directory", withModules("[" + module("Transformer", "/etc") + "]"));
  add("pooling_absent", "No such file", withModules("[" + transformer + ", " + module("Pooling", "5_Pooling") + "]"));
  add("pooling_width_null", "'word_embedding_dimension' is null",
      withSentenceFile("1_Pooling/config.json", "{\"word_embedding_dimension\": null}"));
  add("pooling_width_missing", "'embedding_dimension' is missing", withSentenceFile("1_Pooling/config.json", "{}"));
  add("pooling_width_huge", "'word_embedding_dimension' is 9223372036854775807",
      withSentenceFile("1_Pooling/config.json", "{\"word_embedding_dimension\": 9223372036854775807}"));
  add("pooling_flag_mistyped", "'pooling_mode_cls_token' is 'yes'", withPooling("\"pooling_mode_cls_token\": \"yes\""));
  add("pooling_mode_unknown", "the pooling 'median'", withPooling("\"pooling_mode\": [\"cls\", \"median\"]"));
  add("pooling_mode_number", "'pooling_mode' is 3", withPooling("\"pooling_mode\": 3"));
  add("pooling_mode_empty", "names no pooling", withPooling("\"pooling_mode\": []"));
  add("length_negative", "'max_seq_length' is -1",
      withSentenceFile("sentence_bert_config.json", "{\"max_seq_length\": -1}"));
  add("length_float", "'max_seq_length' is 12.5",
      withSentenceFile("sentence_bert_config.json", "{\"max_seq_length\": 12.5}"));
  add("length_huge", "'max_seq_length' is 1e+30",
      withSentenceFile("sentence_bert_config.json", "{\"max_seq_length\": 1000000000000000000000000000000}"));
  add("lower_case_mistyped", "'do_lower_case' is 1",
      withSentenceFile("sentence_bert_config.json", "{\"do_lower_case\": 1}"));
  add("default_prompt", "'default_prompt_name' is 'query'",
      withSentenceFile("config_sentence_transformers.json", "{\"default_prompt_name\": \"query\"}"));
  add("prompt_number", "'prompts.a' is 3",
      withSentenceFile("config_sentence_transformers.json", "{\"prompts\": {\"a\": 3}}"));
  add("prompt_nul", "holds a NUL",
      withSentenceFile("config_sentence_transformers.json", "{\"prompts\": {\"a\": \"x\\u0000\"}}"));
  add("include_prompt_mistyped", "'include_prompt' is 1", withPooling("\"include_prompt\": 1"));

  auto withModule = [=](std::string type, std::string config) -> Create {
    return [=](const fs::path &model) {
      writeTinySentenceModel(model);
      writeFile(model / "modules.json", "[" + transformer + ", " + pooling + ", " + module(type, "2_Module") + "]");
      if (!config.empty())
        writeFile(model / "2_Module/config.json", config);
    };
  };
  auto dense = [&](std::string fields) { return withModule("Dense", "{\"out_features\": 3" + fields + "}"); };
  add("dense_absent", "2_Module/config.json", withModule("Dense", ""));
  add("dense_no_width", "'in_features' is missing", dense(""));
  add("dense_width", "'in_features' is 7, but what stands before the module gives vectors of width 8",
      dense(", \"in_features\": 7"));
  add("dense_activation", "'activation_function' is 'torch.nn.modules.activation.Softmax'; supported are",
      dense(", \"in_features\": 8, \"activation_function\": \"torch.nn.modules.activation.Softmax\""));
  add("dense_activation_of_others", "'activation_function' is 'evil.Tanh'",
      dense(", \"in_features\": 8, \"activation_function\": \"evil.Tanh\""));
  add("dense_of_tokens", "'module_input_name' is 'token_embeddings'",
      dense(", \"in_features\": 8, \"module_input_name\": \"token_embeddings\""));
  add("layer_norm_width", "'dimension' is 9", withModule("LayerNorm", "{\"dimension\": 9}"));
  add("layer_norm_no_width", "'dimension' is missing", withModule("LayerNorm", "{}"));
}

static void addFamilyCases(Cases &cases) {
  auto add = [&](std::string name, std::string message, Create create) {
    cases.push_back({"family_" + name, HostileStage::Family, message, create});
  };
  const std::string size = "\"hidden_size\": 8", query = "encoder.layer.0.attention.self.query.weight";
  add("unknown", "fancy", withConfig("\"bert\"", "\"fancy\""));
  add("hidden_size_null", "'hidden_size' is null", withConfig(size, "\"hidden_size\": null"));
  add("hidden_size_string", "'hidden_size' is '8'", withConfig(size, "\"hidden_size\": \"8\""));
  add("hidden_size_zero", "'hidden_size' is 0", withConfig(size, "\"hidden_size\": 0"));
  add("hidden_size_negative", "'hidden_size' is -8", withConfig(size, "\"hidden_size\": -8"));
  add("hidden_size_float", "'hidden_size' is 8.5", withConfig(size, "\"hidden_size\": 8.5"));
  add("hidden_size_beyond_63_bits", "'hidden_size' is 9223372036854775808",
      withConfig(size, "\"hidden_size\": 9223372036854775808"));
  add("hidden_size_lies", "embeddings.", withConfig(size, "\"hidden_size\": 16"));
  add("layers_huge", "num_hidden_layers",
      withConfig("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 1000000000000"));
  add("layers_too_many", "encoder.layer.1.", withConfig("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2"));
  add("layer_beyond_config", "encoder.layer.1.", withWeights([](std::vector<RawTensor> &weights) {
        RawTensor extra = weightNamed(weights, "encoder.layer.0.output.dense.bias");
        extra.name = "encoder.layer.1.output.dense.bias";
        weights.push_back(extra);
      }));
  add("heads_do_not_divide", "num_attention_heads",
      withConfig("\"num_attention_heads\": 2", "\"num_attention_heads\": 3"));
  add("heads_zero", "num_attention_heads", withConfig("\"num_attention_heads\": 2", "\"num_attention_heads\": 0"));
  add("activation_unknown", "hidden_act", withConfig("\"gelu\"", "\"swoosh\""));
  add("tensor_missing", query, withWeights([&](std::vector<RawTensor> &weights) {
        std::erase_if(weights, [&](const RawTensor &weight) { return weight.name == query; });
      }));
  add("tensor_of_other_shape", query,
      withWeights([&](std::vector<RawTensor> &weights) { weightNamed(weights, query).shape = {4, 16}; }));
  add("tensor_of_integers", "pooler.dense.bias", withBias("I32", std::string(32, '\0')));
}

const std::vector<HostileCase> &lathe::test::hostileCases() {
  static const Cases all = [] {
    Cases cases;
    addPathCases(cases);
    addConfigCases(cases);
    addWeightFileCases(cases);
    addHeaderCases(cases);
    addIndexCases(cases);
    addValueCases(cases);
    addSentenceCases(cases);
    addFamilyCases(cases);
    return cases;
  }();
  return all;
}
