#include "compiler/import/checkpoint/Checkpoint.h"
#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace lathe;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;

Expected<std::unique_ptr<Checkpoint>> Checkpoint::open(StringRef directory) {
  if (Error error = checkModelDirectory(directory))
    return error;
  Expected<JsonDocument> config = JsonDocument::open(joinPath(directory, "config.json"));
  if (!config)
    return config.takeError();
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint(directory, std::move(*config)));
  if (Error error = checkpoint->readConfig())
    return error;
  if (Error error = checkpoint->openWeights())
    return error;
  return checkpoint;
}

Error Checkpoint::readConfig() {
  JsonFields fields(configFile);
  fields.readObject("quantization_config", [&](JsonFields &quantization) {
    std::optional<std::string> method = quantization.getOptionalString("quant_method");
    fields.reject("quantization_config", "says that the weights are quantised (quant_method " +
                                             quote(method.value_or("unknown")) +
                                             "); accepted: weights stored as F32, F16, BF16 or F64");
  });
  type = fields.getString("model_type");
  classes = fields.getOptionalStrings("architectures").value_or(std::vector<std::string>());
  return fields.takeError();
}

Error Checkpoint::openWeights() {
  if (hasEntry(path, "model.safetensors")) {
    Expected<SafetensorsFile> file = SafetensorsFile::open(joinPath(path, "model.safetensors"));
    if (!file)
      return file.takeError();
    files.push_back(std::move(*file));
  } else if (hasEntry(path, "model.safetensors.index.json")) {
    if (Error error = openShards(joinPath(path, "model.safetensors.index.json")))
      return error;
  } else {
    return explainMissingWeights();
  }

  for (const SafetensorsFile &file : files)
    for (const TensorView &tensor : file.tensors())
      sorted.push_back(&tensor);
  sortTensors();
  return Error::success();
}

void Checkpoint::sortTensors() {
  llvm::sort(sorted, [](const TensorView *a, const TensorView *b) { return a->name < b->name; });
}

Error Checkpoint::addModule(StringRef directory, StringRef prefix) {
  constexpr StringRef name = "model.safetensors", pickled = "pytorch_model.bin";
  if (!hasEntry(directory, name) && hasEntry(directory, pickled))
    return createStringError(
        formatv("'{0}' has no {1}, only {2}, which is not read; convert it once with python3 -c \"import torch; from "
                "safetensors.torch import save_file; save_file(torch.load('{0}/{2}', weights_only=True), '{0}/{1}')\"",
                directory, name, quote(pickled)));
  Expected<SafetensorsFile> file = SafetensorsFile::open(joinPath(directory, name));
  if (!file)
    return file.takeError();
  auto module = std::make_unique<Module>(Module{std::move(*file), {}});
  for (const TensorView &tensor : module->file.tensors()) {
    TensorView renamed = tensor;
    renamed.name = (prefix + "." + tensor.name).str();
    if (find(renamed.name))
      return createStringError(formatv("'{0}' holds tensor {1}, which '{2}' holds too, under the name {3}",
                                       module->file.path(), quote(tensor.name), path, quote(renamed.name)));
    module->tensors.push_back(std::move(renamed));
  }
  for (const TensorView &tensor : module->tensors)
    sorted.push_back(&tensor);
  sortTensors();
  modules.push_back(std::move(module));
  return Error::success();
}

/// An index is `{"metadata": {...}, "weight_map": {TENSOR: FILE, ...}}`. Its metadata's total_size is not looked at:
/// real files state it with and without tied tensors.
Error Checkpoint::openShards(StringRef indexPath) {
  Expected<JsonDocument> index = JsonDocument::open(indexPath);
  if (!index)
    return index.takeError();
  std::map<std::string, std::string> shardOf;
  JsonFields fields(*index);
  fields.readObject("weight_map", [&](JsonFields &map) {
    for (StringRef tensor : map.names()) {
      std::string shard = map.getString(tensor);
      if (!staysInside(shard) || !StringRef(shard).ends_with(".safetensors"))
        map.reject(tensor, "is " + quote(shard) + "; accepted: a .safetensors file in the model's directory");
      shardOf.emplace(tensor, std::move(shard));
    }
  });
  if (shardOf.empty())
    fields.reject("weight_map", "is missing or empty; accepted: an object of file names by tensor");
  if (Error error = fields.takeError())
    return error;

  std::map<StringRef, size_t> shards; // by file name, where in `files`
  for (const auto &[tensor, shard] : shardOf)
    shards.try_emplace(shard, 0);
  for (auto &[shard, position] : shards) {
    Expected<SafetensorsFile> file = SafetensorsFile::open(joinPath(path, shard));
    if (!file)
      return createStringError(formatv("{0} (listed in '{1}')", llvm::toString(file.takeError()), indexPath));
    position = files.size();
    files.push_back(std::move(*file));
    for (const TensorView &tensor : files.back().tensors()) {
      auto mapped = shardOf.find(tensor.name);
      if (mapped == shardOf.end())
        return createStringError(formatv("'{0}' holds tensor {1}, which '{2}' does not list", files.back().path(),
                                         quote(tensor.name), indexPath));
      if (mapped->second != shard)
        return createStringError(formatv("'{0}' holds tensor {1}, which '{2}' says is in {3}", files.back().path(),
                                         quote(tensor.name), indexPath, quote(mapped->second)));
    }
  }
  for (const auto &[tensor, shard] : shardOf)
    if (const SafetensorsFile &file = files[shards.find(shard)->second]; !file.find(tensor))
      return createStringError(formatv("'{0}' says that tensor {1} is in '{2}', which does not hold it", indexPath,
                                       quote(tensor), file.path()));
  return Error::success();
}

/// Python that writes model.safetensors beside other weights. A class name comes from the config, which nobody should
/// have to trust, and is used only if it is nothing but a name.
static std::string conversion(StringRef directory, StringRef className, StringRef loadOption) {
  bool isName = !className.empty() && llvm::all_of(className, [](char c) { return llvm::isAlnum(c) || c == '_'; });
  return formatv("python3 -c \"from transformers import {0} as Model; Model.from_pretrained('{1}'{2})"
                 ".save_pretrained('{1}', safe_serialization=True)\"",
                 isName ? className : "AutoModel", directory, loadOption);
}

Error Checkpoint::explainMissingWeights() const {
  constexpr StringRef accepted = "accepted: model.safetensors, or shards with model.safetensors.index.json";
  struct Format {
    StringRef prefix, extension;
    std::optional<StringRef> loadOption; // for Transformers, where it can convert the file
  };
  // The first that is present is the one to speak of.
  constexpr Format formats[] = {{"pytorch_model", ".bin", ""},
                                {"tf_model", ".h5", ", from_tf=True"},
                                {"flax_model", ".msgpack", ", from_flax=True"},
                                {"", ".onnx", std::nullopt},
                                {"", ".gguf", std::nullopt},
                                {"", ".safetensors", std::nullopt},
                                {"", ".bin", std::nullopt},
                                {"", ".pt", std::nullopt},
                                {"", ".pth", std::nullopt}};
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
    names.push_back(llvm::sys::path::filename(entry->path()).str());
  llvm::sort(names);
  for (const Format &format : formats)
    for (StringRef name : names) {
      if (!name.starts_with(format.prefix) || !name.ends_with(format.extension))
        continue;
      std::string found = formatv("'{0}' has no model.safetensors, only {1}", path, quote(name));
      if (!format.loadOption)
        return createStringError(formatv("{0}; {1}", found, accepted));
      return createStringError(
          formatv("{0}, which is not read; convert it once with {1}", found,
                  conversion(path, classes.empty() ? "" : StringRef(classes.front()), *format.loadOption)));
    }
  return createStringError(formatv("'{0}' has no weights; {1}", path, accepted));
}

const TensorView *Checkpoint::find(StringRef name) const {
  auto found = llvm::partition_point(sorted, [&](const TensorView *tensor) { return tensor->name < name; });
  return found != sorted.end() && (*found)->name == name ? *found : nullptr;
}

uint64_t Checkpoint::totalBytes() const {
  uint64_t bytes = 0;
  for (const TensorView *tensor : sorted)
    bytes += tensor->bytes.size();
  return bytes;
}

void Checkpoint::releasePages(const TensorView &tensor) const {
  for (const SafetensorsFile &file : files)
    if (file.find(tensor.name) == &tensor)
      return file.releasePages(tensor);
  for (const std::unique_ptr<Module> &module : modules)
    for (const TensorView &own : module->tensors)
      if (&own == &tensor)
        return module->file.releasePages(tensor);
}
