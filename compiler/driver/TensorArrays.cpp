//===- TensorArrays.cpp - tensors of files, as a model takes and gives them ---===//
#include "compiler/driver/TensorArrays.h"

#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/safetensors/SafetensorsWriter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"

using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

int64_t InputTensors::Array::at(int64_t index) const {
  if (dtype == LATHE_I32)
    return static_cast<int32_t>(llvm::support::endian::read32le(&bytes[index * 4]));
  return static_cast<int64_t>(llvm::support::endian::read64le(&bytes[index * 8]));
}

double InputTensors::Array::valueAt(int64_t index) const {
  if (dtype == LATHE_F32)
    return llvm::bit_cast<float>(llvm::support::endian::read32le(&bytes[index * 4]));
  return static_cast<double>(at(index));
}

/// The types that inputs are of, in files and at the ABI: integers, but for images and vectors of them.
static constexpr std::pair<DType, lathe_dtype> inputTypes[] = {
    {DType::I32, LATHE_I32}, {DType::I64, LATHE_I64}, {DType::F32, LATHE_F32}, {DType::U8, LATHE_U8}};

/// What numbers an input has, and a type; as a message lists the types.
static StringRef kindOf(StringRef input) {
  const bool ofNumbers = input == "input_modal" || input == "pixel_values" || input.starts_with("mems.") ||
                         input.starts_with("random_rotations.");
  return input == "images" ? "U8" : ofNumbers ? "F32" : "I32 and I64";
}
static StringRef kindOf(lathe_dtype type) {
  return type == LATHE_U8 ? "U8" : type == LATHE_F32 ? "F32" : "I32 and I64";
}

Expected<InputTensors> InputTensors::read(StringRef path) {
  Expected<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  InputTensors inputs;
  for (const TensorView &tensor : file->tensors()) {
    std::string what = quote(path) + ": input " + quote(tensor.name);
    auto *type = llvm::find_if(inputTypes, [&](const auto &type) { return type.first == tensor.dtype; });
    if (type == std::end(inputTypes) || kindOf(tensor.name) != kindOf(type->second))
      return llvm::createStringError(what + " is of type " + dtypeName(tensor.dtype) +
                                     "; accepted: " + kindOf(tensor.name));
    if (tensor.shape.size() > LATHE_MAX_RANK)
      return llvm::createStringError(what + " has " + llvm::Twine(tensor.shape.size()) +
                                     " dimensions; accepted are 0 to " + llvm::Twine(LATHE_MAX_RANK));
    inputs.tensors.push_back(
        {tensor.name, type->second, {tensor.shape.begin(), tensor.shape.end()}, tensor.bytes.vec()});
  }
  return inputs;
}

Error InputTensors::write(StringRef path) const {
  std::vector<TensorView> views;
  for (const Array &array : tensors)
    views.push_back({array.name,
                     llvm::find_if(inputTypes, [&](const auto &type) { return type.second == array.dtype; })->first,
                     {array.shape.begin(), array.shape.end()},
                     array.bytes});
  return writeSafetensors(path, views);
}

void InputTensors::add(StringRef name, ArrayRef<int64_t> shape, ArrayRef<int32_t> values) {
  auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
  tensors.push_back(
      {name.str(), LATHE_I32, {shape.begin(), shape.end()}, {bytes, bytes + values.size() * sizeof(int32_t)}});
}

void InputTensors::add(StringRef name, ArrayRef<int64_t> shape, ArrayRef<float> values) {
  auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
  tensors.push_back(
      {name.str(), LATHE_F32, {shape.begin(), shape.end()}, {bytes, bytes + values.size() * sizeof(float)}});
}

const InputTensors::Array *InputTensors::find(StringRef name) const {
  auto found = llvm::find_if(tensors, [&](const Array &array) { return array.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

int64_t InputTensors::tokens() const {
  int64_t most = 0;
  for (StringRef name : {"input_ids", "decoder_input_ids", "pixel_values", "images"})
    if (const Array *array = find(name))
      most += array->count();
  return most;
}

std::vector<lathe_tensor> InputTensors::views() const {
  std::vector<lathe_tensor> views;
  for (const Array &array : tensors) {
    lathe_tensor view = {};
    view.name = array.name.c_str();
    view.dtype = array.dtype;
    view.rank = static_cast<int32_t>(array.shape.size());
    llvm::copy(array.shape, view.shape);
    view.data = const_cast<uint8_t *>(array.bytes.data()); // inputs are only read
    views.push_back(view);
  }
  return views;
}

Expected<std::vector<FloatTensor>> runModel(const LoadedModel &model, StringRef entry, RunOptions options,
                                            const InputTensors &inputs) {
  Expected<const lathe_entry_info *> info =
      model.entryFor(entry, inputs.find("input_ids"), inputs.find("pixel_values") || inputs.find("images"));
  if (!info)
    return info.takeError();
  // Whoever asks for so many tokens at the command line means it: the budget is there to protect servers.
  constexpr int64_t usualBudget = 32768;
  // Of decoder_input_ids that are left out there are as many as of input_ids.
  options.maxTokens = std::max(usualBudget, 2 * inputs.tokens());
  Expected<RunContext> context = model.createContext(options);
  if (!context)
    return context.takeError();
  std::vector<lathe_tensor> views = inputs.views();
  Expected<std::vector<FloatTensor>> outputs = context->prepare(**info, views);
  if (!outputs)
    return outputs.takeError();
  if (Error error = context->run(**info, views, *outputs))
    return std::move(error);
  return outputs;
}

Error writeOutputs(StringRef path, ArrayRef<FloatTensor> outputs) {
  std::vector<TensorView> views;
  for (const FloatTensor &output : outputs)
    views.push_back({output.name,
                     DType::F32,
                     {output.shape.begin(), output.shape.end()},
                     {reinterpret_cast<const uint8_t *>(output.data.get()), size_t(output.count()) * sizeof(float)}});
  return writeSafetensors(path, views);
}

} // namespace lathe
