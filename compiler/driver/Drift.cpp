//===- Drift.cpp - how far a precision takes a model from f32 -----------------===//
#include "compiler/driver/Drift.h"

#include "compiler/driver/ScratchDirectory.h"
#include "compiler/driver/Texts.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <nlohmann/json.hpp>

#include <random>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

namespace {

/// What both are run on: batches, padded to their longest sequence.
struct DriftInputs {
  std::string description, hash;
  int64_t sequences = 0, tokens = 0;
  std::vector<InputTensors> batches;
};

Expected<LoadedArtifact> makeProbe(ProbeCompiler compile, StringRef precision, const std::string &directory) {
  if (Error error = compile(precision, directory))
    return std::move(error);
  return LoadedArtifact::load(directory);
}

/// Adds a batch of sequences of ids.
void addBatch(DriftInputs &inputs, ArrayRef<std::vector<int32_t>> rows) {
  size_t longest = 1;
  for (const std::vector<int32_t> &row : rows)
    longest = std::max(longest, row.size());
  std::vector<int32_t> ids(rows.size() * longest), mask(ids.size());
  for (auto [r, row] : llvm::enumerate(rows)) {
    llvm::copy(row, ids.begin() + r * longest);
    std::fill_n(mask.begin() + r * longest, row.size(), 1);
    inputs.tokens += int64_t(row.size());
  }
  const int64_t shape[] = {int64_t(rows.size()), int64_t(longest)};
  inputs.sequences += shape[0];
  inputs.batches.emplace_back();
  inputs.batches.back().add("input_ids", shape, ids);
  inputs.batches.back().add("attention_mask", shape, mask);
}

/// Sequences of several lengths, up to 128 tokens and the model's own limit.
DriftInputs randomInputs(const Artifact &artifact) {
  const nlohmann::json &entry = artifact.manifest().at("entries").at(0);
  const int64_t vocabulary = entry.at("inputs").at(0).value("limit", int64_t(1));
  const int64_t positions = entry.value("position_limit", int64_t(128));
  DriftInputs inputs;
  inputs.description = "random ids";
  std::minstd_rand engine(1);
  std::vector<std::vector<int32_t>> rows;
  for (int64_t length : {1, 7, 16, 31, 48, 64, 101, 128}) {
    rows.emplace_back(std::min(length, positions));
    for (int32_t &id : rows.back())
      id = static_cast<int32_t>(engine() % vocabulary);
  }
  addBatch(inputs, rows);
  return inputs;
}

Expected<DriftInputs> textInputs(StringRef texts, const LoadedArtifact &probe) {
  constexpr size_t rowsPerBatch = 16;
  std::unique_ptr<TextTokenizer> tokenizer = tokenizerOf(probe.model);
  llvm::SmallVector<StringRef> lines;
  texts.split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  DriftInputs inputs;
  std::vector<std::vector<int32_t>> rows;
  for (auto [number, line] : llvm::enumerate(lines)) {
    Expected<TokenizedText> tokens = tokenizer->tokenize(line.rtrim('\r').str(), std::nullopt, {});
    if (!tokens)
      return tokens.takeError();
    rows.push_back(std::move(tokens->ids));
    if (rows.size() == rowsPerBatch || number + 1 == lines.size()) {
      addBatch(inputs, rows);
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
    inputs.tokens = tensors->tokens();
    const InputTensors::Array *ids = tensors->find("input_ids"), *starts = tensors->find("cu_seqlens");
    inputs.sequences = starts ? starts->count() - 1 : ids && ids->shape.size() > 1 ? ids->shape.front() : 1;
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

/// The last step of each kind of layer: its result is the layer's.
llvm::StringMap<std::string> lastSteps(const Artifact &artifact) {
  llvm::StringMap<std::string> last; // by function
  const nlohmann::json &entry = artifact.manifest().at("entries").at(0);
  for (const nlohmann::json &step : entry.at("steps")) {
    const std::string name = step.at("name");
    last[StringRef(name).split('/').first] = name;
  }
  last.erase(entry.at("name").get<std::string>());
  return last;
}

} // namespace

double DriftReport::drift() const {
  double largest = 0;
  for (const Line &output : outputs)
    largest = std::max(largest, output.distance.relative);
  return largest;
}

Expected<DriftReport> measureDrift(ProbeCompiler compile, StringRef precision, const std::string &calibrate) {
  Expected<ScratchDirectory> scratch = ScratchDirectory::create();
  if (!scratch)
    return scratch.takeError();
  Expected<LoadedArtifact> reference = makeProbe(compile, "f32", scratch->file("f32"));
  if (!reference)
    return reference.takeError();
  Expected<LoadedArtifact> probe = makeProbe(compile, precision, scratch->file("probe"));
  if (!probe)
    return probe.takeError();
  DriftInputs inputs;
  if (calibrate.empty()) {
    inputs = randomInputs(reference->artifact);
  } else {
    Expected<DriftInputs> read = readInputs(calibrate, *reference);
    if (!read)
      return read.takeError();
    inputs = std::move(*read);
  }

  const llvm::StringMap<std::string> last = lastSteps(reference->artifact);
  auto keep = [&](StringRef step) {
    auto found = last.find(step.split('/').first);
    return found != last.end() && found->second == step;
  };
  llvm::MapVector<std::string, DistanceMeter, std::map<std::string, unsigned>> layers, outputs;
  for (const InputTensors &batch : inputs.batches) {
    Expected<TracedRun> expected = traceModel(reference->model, "", batch, keep);
    if (!expected)
      return expected.takeError();
    Expected<TracedRun> run = traceModel(probe->model, "", batch, keep);
    if (!run)
      return run.takeError();
    for (const auto &[value, other] : llvm::zip(run->steps, expected->steps))
      layers[(value.function() + " " + llvm::Twine(value.call)).str()].add(value.values, other.values);
    for (const auto &[output, other] : llvm::zip_equal(run->outputs, expected->outputs))
      outputs[output.name].add(output.values(), other.values());
  }
  DriftReport report = {inputs.description, hashOf(inputs.batches), inputs.sequences, inputs.tokens, {}, {}};
  for (const auto &[name, meter] : layers)
    report.layers.push_back({name, meter.distance()});
  for (const auto &[name, meter] : outputs)
    report.outputs.push_back({name, meter.distance()});
  return report;
}

} // namespace lathe
