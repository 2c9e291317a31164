//===- Workload.cpp - what contenders run -------------------------------------===//
#include "compiler/driver/bench/Workload.h"

#include "compiler/driver/JsonText.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"

#include <nlohmann/json.hpp>

#include <numeric>
#include <random>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

int64_t Workload::longest() const { return lengths.empty() ? 0 : *llvm::max_element(lengths); }
int64_t Workload::tokens() const { return std::accumulate(lengths.begin(), lengths.end(), int64_t(0)); }
int64_t Workload::mostTokens() const { return padded.find("pixel_values") ? tokens() : padded.tokens(); }

/// Seeded, so that every run and every contender sees the same inputs.
static std::mt19937 makeRandom() {
  return std::mt19937(20240607); // NOLINT(bugprone-random-generator-seed)
}

/// The same ids for a decoder, each below its limit, under the names that it has for them.
static void addTargets(InputTensors &inputs, int64_t targetLimit) {
  const std::vector<InputTensors::Array> given(inputs.arrays().begin(), inputs.arrays().end());
  for (const InputTensors::Array &array : given) {
    std::vector<int32_t> values;
    for (int64_t i = 0; i < array.count(); ++i)
      values.push_back(int32_t(array.name == "input_ids" ? array.at(i) % targetLimit : array.at(i)));
    inputs.add("decoder_" + array.name, array.shape, values);
  }
}

Workload makeWorkload(ArrayRef<int64_t> lengths, int64_t idLimit, int64_t targetLimit) {
  Workload workload;
  workload.lengths = lengths.vec();
  std::mt19937 random = makeRandom();
  std::uniform_int_distribution<int32_t> anyId(0, static_cast<int32_t>(idLimit - 1));
  int64_t batch = workload.batch(), longest = workload.longest();
  std::vector<int32_t> ragged, offsets = {0}, padded(batch * longest), mask(batch * longest);
  for (auto [row, length] : llvm::enumerate(lengths)) {
    for (int64_t column = 0; column < length; ++column) {
      ragged.push_back(anyId(random));
      padded[row * longest + column] = ragged.back();
      mask[row * longest + column] = 1;
    }
    offsets.push_back(static_cast<int32_t>(ragged.size()));
  }
  workload.padded.add("input_ids", {batch, longest}, padded);
  if (llvm::all_equal(lengths)) {
    if (targetLimit)
      addTargets(workload.padded, targetLimit);
    workload.inputs = workload.padded;
    return workload;
  }
  workload.padded.add("attention_mask", {batch, longest}, mask);
  workload.inputs.add("input_ids", {int64_t(ragged.size())}, ragged);
  workload.inputs.add("cu_seqlens", {batch + 1}, offsets);
  if (targetLimit)
    for (InputTensors *inputs : {&workload.padded, &workload.inputs})
      addTargets(*inputs, targetLimit);
  return workload;
}

Workload makeImageWorkload(int64_t batch, const ImageSize &image) {
  Workload workload;
  workload.lengths.assign(batch, image.tokens);
  std::mt19937 random = makeRandom();
  std::normal_distribution<float> pixel;
  std::vector<float> pixels(batch * image.channels * image.height * image.width);
  for (float &value : pixels)
    value = pixel(random);
  workload.padded.add("pixel_values", {batch, image.channels, image.height, image.width}, pixels);
  workload.inputs = workload.padded;
  return workload;
}

Expected<std::vector<int64_t>> parseLengths(StringRef text, StringRef origin) {
  std::vector<int64_t> lengths;
  size_t number = 0;
  for (StringRef line : llvm::split(text, '\n')) {
    ++number;
    line = line.trim();
    if (line.empty())
      continue;
    int64_t length;
    if (line.getAsInteger(10, length) || length < 1)
      return createStringError(quote(origin) + ", line " + llvm::Twine(number) + ": " + quote(line) +
                               " is no length; accepted are 1 and more");
    lengths.push_back(length);
  }
  if (lengths.empty())
    return createStringError(quote(origin) + " lists no lengths; accepted is one a line");
  return lengths;
}

//===----------------------------------------------------------------------===//
// What the manifest says
//===----------------------------------------------------------------------===//

/// A whole number of the manifest.
static Expected<int64_t> manifestNumber(const Artifact &artifact, const nlohmann::json &object, StringRef field) {
  int64_t number = 0;
  std::string text = fieldText(object, {field.str().c_str()});
  if (StringRef(text).getAsInteger(10, number) || number < 0)
    return createStringError(quote(artifact.file("manifest.json")) + ": " + field + " is " + quote(text) +
                             "; accepted is a whole number");
  return number;
}

/// The first entry's input of that name, or null.
static const nlohmann::json *findInput(const Artifact &artifact, StringRef name) {
  const nlohmann::json &manifest = artifact.manifest();
  if (!manifest.contains("entries") || !manifest["entries"].is_array() || manifest["entries"].empty())
    return nullptr;
  const nlohmann::json &entry = manifest["entries"][0];
  if (!entry.contains("inputs") || !entry["inputs"].is_array())
    return nullptr;
  for (const nlohmann::json &input : entry["inputs"])
    if (fieldText(input, {"name"}) == name)
      return &input;
  return nullptr;
}

Expected<std::optional<ImageSize>> imageSize(const Artifact &artifact) {
  const nlohmann::json *input = findInput(artifact, "pixel_values");
  if (!input)
    return std::nullopt;
  ImageSize image = {};
  for (auto [field, value] : {std::pair("channels", &image.channels),
                              {"height", &image.height},
                              {"width", &image.width},
                              {"tokens", &image.tokens}}) {
    Expected<int64_t> number = manifestNumber(artifact, *input, field);
    if (!number)
      return number.takeError();
    constexpr int64_t most = 1 << 20; // a product of three is a number, too
    if (*number < 1 || *number > most)
      return createStringError(quote(artifact.file("manifest.json")) + ": " + field + " is " + llvm::Twine(*number) +
                               "; accepted are 1 to " + llvm::Twine(most));
    *value = *number;
  }
  return image;
}

Expected<int64_t> idLimit(const Artifact &artifact) {
  const nlohmann::json *ids = findInput(artifact, "input_ids");
  if (!ids)
    return createStringError(quote(artifact.file("manifest.json")) + " describes no input_ids");
  if (findInput(artifact, "input_modal"))
    return createStringError("the model takes input_modal, and there are no images to time it on; accepted are models "
                             "of ids alone, or of pixel_values");
  return manifestNumber(artifact, *ids, "limit");
}

int64_t targetIdLimit(const Artifact &artifact) {
  const nlohmann::json *ids = findInput(artifact, "decoder_input_ids");
  return ids ? ids->value("limit", int64_t(1)) : 0;
}

} // namespace lathe
