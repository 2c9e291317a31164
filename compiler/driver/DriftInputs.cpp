//===- DriftInputs.cpp - what a model is run on to see how far it drifts ------===//
#include "compiler/driver/DriftInputs.h"

#include "compiler/driver/Texts.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <nlohmann/json.hpp>

#include <random>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

namespace {

/// What the manifest says of an input of the first entry; null where that takes no such.
const nlohmann::json *inputOf(const Artifact &artifact, StringRef name) {
  for (const nlohmann::json &input : artifact.manifest().at("entries").at(0).at("inputs"))
    if (input.value("name", "") == name)
      return &input;
  return nullptr;
}

/// Adds a batch of sequences of ids; to a model that takes choices, each as the only one.
void addBatch(DriftInputs &inputs, const Artifact &artifact, ArrayRef<std::vector<int32_t>> rows) {
  size_t longest = 1;
  for (const std::vector<int32_t> &row : rows)
    longest = std::max(longest, row.size());
  const nlohmann::json &entry = artifact.manifest().at("entries").at(0);
  const int32_t paddingId = entry.value("padding_id", 0);
  const bool endsLast = paddingId < 0; // the result is that of the last column, so padding stands before it
  std::vector<int32_t> ids(rows.size() * longest, std::max(paddingId, 0)), mask(ids.size());
  for (auto [r, row] : llvm::enumerate(rows)) {
    const size_t first = r * longest + (endsLast ? longest - row.size() : 0);
    llvm::copy(row, ids.begin() + first);
    if (entry.contains("end_id")) // which the result is computed at
      ids[r * longest + row.size() - 1] = entry.value("end_id", 0);
    std::fill_n(mask.begin() + first, row.size(), 1);
    inputs.tokens += int64_t(row.size());
  }
  llvm::SmallVector<int64_t, 3> shape = {int64_t(rows.size()), int64_t(longest)};
  if (entry.value("choices", false))
    shape.insert(shape.begin() + 1, 1);
  inputs.sequences += shape[0];
  inputs.batches.emplace_back();
  inputs.batches.back().add("input_ids", shape, ids);
  inputs.batches.back().add("attention_mask", shape, mask);
  if (inputOf(artifact, "mc_token_ids")) { // left out, they would be the last columns, which few rows have a token in
    std::vector<int32_t> last;
    for (const std::vector<int32_t> &row : rows)
      last.push_back(int32_t(row.size()) - 1);
    inputs.batches.back().add("mc_token_ids", {shape[0], 1}, last);
  }
  if (inputOf(artifact, "global_attention_mask")) { // some, whatever the task: their projections are to be seen, too
    std::vector<int32_t> globals(ids.size());
    for (size_t column = 0; column < ids.size(); column += longest)
      globals[column] = 1;
    inputs.batches.back().add("global_attention_mask", shape, globals);
  }
  // A decoder that must be told what it reads is told the same; ids may have their own limit there.
  const nlohmann::json *targets = inputOf(artifact, "decoder_input_ids");
  if (!targets || targets->value("optional", false))
    return;
  const int64_t limit = targets->value("limit", int64_t(1));
  for (int32_t &id : ids)
    id = int32_t(id % limit);
  inputs.batches.back().add("decoder_input_ids", shape, ids);
  inputs.batches.back().add("decoder_attention_mask", shape, mask);
}

/// Numbers between -2 and 2.
std::vector<float> randomNumbers(std::minstd_rand &engine, int64_t count) {
  std::vector<float> values(count);
  for (float &value : values)
    value = float(engine() % 2001) / 500 - 2;
  return values;
}

/// A few images of the usual size, of noise, in a batch of nothing else or beside its texts.
void addRandomImages(DriftInputs &inputs, const nlohmann::json &form) {
  constexpr int64_t images = 4;
  const int64_t channels = form.value("channels", int64_t(1)), height = form.value("height", int64_t(1)),
                width = form.value("width", int64_t(1));
  std::minstd_rand engine(1);
  inputs.description += inputs.batches.empty() ? "random images" : " and images";
  inputs.sequences += images;
  inputs.tokens += images * form.value("tokens", int64_t(1));
  if (inputs.batches.empty())
    inputs.batches.emplace_back();
  inputs.batches.back().add("pixel_values", {images, channels, height, width},
                            randomNumbers(engine, images * channels * height * width));
}

/// Sequences of several lengths, up to 128 tokens and the model's own limit; each behind vectors of an image where the
/// model takes these. Images where it takes them, alone or to be compared with the sequences.
DriftInputs randomInputs(const Artifact &artifact) {
  DriftInputs inputs;
  const nlohmann::json *images = inputOf(artifact, "pixel_values");
  if (!inputOf(artifact, "input_ids")) {
    addRandomImages(inputs, *images);
    return inputs;
  }
  const nlohmann::json &entry = artifact.manifest().at("entries").at(0);
  const int64_t vocabulary = entry.at("inputs").at(0).value("limit", int64_t(1));
  const int64_t positions = entry.value("position_limit", int64_t(128));
  inputs.description = "random ids";
  std::minstd_rand engine(1);
  std::vector<std::vector<int32_t>> rows;
  for (int64_t length : {1, 7, 16, 31, 48, 64, 101, 128}) {
    rows.emplace_back(std::min(length, positions));
    for (int32_t &id : rows.back())
      id = static_cast<int32_t>(engine() % vocabulary);
  }
  addBatch(inputs, artifact, rows);
  if (const nlohmann::json *modal = inputOf(artifact, "input_modal")) {
    constexpr int64_t vectors = 3;
    const int64_t width = modal->value("width", int64_t(1));
    inputs.batches.back().add("input_modal", {int64_t(rows.size()), vectors, width},
                              randomNumbers(engine, rows.size() * vectors * width));
    inputs.description += " and vectors";
  }
  if (images)
    addRandomImages(inputs, *images);
  return inputs;
}

Expected<DriftInputs> textInputs(StringRef texts, const LoadedArtifact &probe) {
  constexpr size_t rowsPerBatch = 16;
  for (StringRef name : {"input_modal", "pixel_values"})
    if (inputOf(probe.artifact, name))
      return createStringError("the model takes " + name + ", which a text has not; accepted is a safetensors file");
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(probe.model);
  Expected<PromptedTokenizer> prompted = PromptedTokenizer::create(probe.model, *tokenizer, {});
  if (!prompted)
    return prompted.takeError();
  llvm::SmallVector<StringRef> lines;
  texts.split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  DriftInputs inputs;
  std::vector<std::vector<int32_t>> rows;
  for (auto [number, line] : llvm::enumerate(lines)) {
    Expected<TokenizedText> tokens = prompted->tokenize(line.rtrim('\r').str(), std::nullopt);
    if (!tokens)
      return tokens.takeError();
    fillUp(*tokens, probe.artifact, *tokenizer);
    rows.push_back(std::move(tokens->ids));
    if (rows.size() == rowsPerBatch || number + 1 == lines.size()) {
      addBatch(inputs, probe.artifact, rows);
      rows.clear();
    }
  }
  if (inputs.batches.empty())
    return createStringError("it has no text");
  return inputs;
}

/// A safetensors file of inputs, or a text a line.
Expected<DriftInputs> readInputs(const std::string &path, const LoadedArtifact &probe) {
  DriftInputs inputs;
  if (StringRef(path).ends_with(".safetensors")) {
    Expected<InputTensors> tensors = InputTensors::read(path);
    if (!tensors)
      return tensors.takeError();
    const InputTensors::Array *ids = tensors->find("input_ids"), *starts = tensors->find("cu_seqlens"),
                              *images = tensors->find("pixel_values");
    const InputTensors::Array *padded = images ? images : ids;
    inputs.sequences = starts ? starts->count() - 1 : padded && padded->shape.size() > 1 ? padded->shape.front() : 1;
    const nlohmann::json *form = inputOf(probe.artifact, "pixel_values");
    inputs.tokens = form ? inputs.sequences * form->value("tokens", int64_t(1)) : tensors->tokens();
    inputs.batches.push_back(std::move(*tensors));
  } else {
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
    if (!file)
      return createStringError("--calibrate: cannot read " + quote(path) + ": " + file.getError().message());
    Expected<DriftInputs> read = textInputs((*file)->getBuffer(), probe);
    if (!read)
      return createStringError("--calibrate " + quote(path) + ": " + llvm::toString(read.takeError()));
    inputs = std::move(*read);
  }
  inputs.description = llvm::sys::path::filename(path).str();
  return inputs;
}

std::string hashOf(ArrayRef<InputTensors> batches) {
  llvm::BLAKE3 hash;
  for (const InputTensors &batch : batches)
    for (const InputTensors::Array &array : batch.arrays()) {
      hash.update(array.name);
      for (int64_t extent : array.shape)
        hash.update(ArrayRef(reinterpret_cast<const uint8_t *>(&extent), sizeof extent));
      hash.update(array.bytes);
    }
  return llvm::toHex(hash.final<16>(), /*LowerCase=*/true);
}

} // namespace

Expected<DriftInputs> DriftInputs::read(const std::string &calibrate, const LoadedArtifact &model) {
  DriftInputs inputs;
  if (calibrate.empty()) {
    inputs = randomInputs(model.artifact);
  } else {
    Expected<DriftInputs> found = readInputs(calibrate, model);
    if (!found)
      return found.takeError();
    inputs = std::move(*found);
  }
  inputs.hash = hashOf(inputs.batches);
  return inputs;
}

} // namespace lathe
