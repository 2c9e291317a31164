//===- PythonContender.cpp - frameworks, as lathe bench times them ------------===//
#include "compiler/driver/bench/PythonContender.h"

#include "compiler/driver/FileWriter.h"
#include "compiler/driver/bench/LineProcess.h"
#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/checkpoint/SentenceTransformers.h"
#include "compiler/import/safetensors/Quote.h"

#include "llvm/ADT/StringExtras.h"

#include <nlohmann/json.hpp>

using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using Json = nlohmann::ordered_json;

namespace lathe {

//===----------------------------------------------------------------------===//
// The directory
//===----------------------------------------------------------------------===//

/// The files of peers/, by name.
static constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral> scripts[] = {
#include "Peers.inc"
};

Expected<ScratchDirectory> makePeerDirectory(const PeerSettings &settings, const Workload &workload) {
  Expected<std::optional<SentenceTransformer>> sentence = readSentenceTransformer(settings.model);
  if (!sentence)
    return sentence.takeError();
  std::string model = *sentence ? (*sentence)->transformerPath : settings.model;
  if (Error error = checkModelDirectory(model))
    return std::move(error);
  Expected<ScratchDirectory> directory = ScratchDirectory::create();
  if (!directory)
    return directory;
  Json json = {{"model", model},
               {"task", settings.task},
               {"outputs", settings.outputs},
               {"pooling", settings.poolings},
               {"modules", settings.modules},
               {"threads", settings.threads}};
  if (const std::optional<Generation> &generation = workload.generation)
    json["generation"] = {{"new_tokens", generation->newTokens}, {"beams", generation->beams}};
  std::string text = json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
  if (Error error = writeFile(directory->file("settings.json"), text))
    return error;
  for (const auto &[name, script] : scripts)
    if (Error error = writeFile(directory->file(name), script))
      return error;
  if (Error error = workload.padded.write(directory->file("inputs.safetensors")))
    return error;
  return directory;
}

//===----------------------------------------------------------------------===//
// The contender
//===----------------------------------------------------------------------===//

/// Tensors of f32 out of a file.
static Expected<std::vector<FloatTensor>> readFloatTensors(StringRef path) {
  Expected<SafetensorsFile> file = SafetensorsFile::open(path);
  if (!file)
    return file.takeError();
  std::vector<FloatTensor> tensors;
  for (const TensorView &view : file->tensors()) {
    if (view.dtype != DType::F32)
      return createStringError(quote(path) + ": " + quote(view.name) + " is " + dtypeName(view.dtype) + ", not F32");
    Expected<FloatTensor> tensor = makeFloatTensor(view.name, view.shape);
    if (!tensor)
      return tensor.takeError();
    std::memcpy(tensor->data.get(), view.bytes.data(), view.bytes.size());
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

static std::string scriptOf(StringRef contender) {
  std::string name = "peer_" + contender.str() + ".py";
  llvm::replace(name, '-', '_');
  return name;
}

namespace {

class PythonContender final : public Contender {
public:
  PythonContender(const PythonPeer &peer, const ScratchDirectory &directory)
      : peer(peer), label(peer.name), script(directory.file(scriptOf(peer.name))),
        results(directory.file(label + ".safetensors")), texts(directory.file(label + "-written.safetensors")),
        process(label) {}

  Error start(StringRef python);

  StringRef name() const override { return peer.name; }
  Precision precision() const override { return peer.precision; }
  Expected<std::vector<double>> time(int64_t count) override { return ask(std::to_string(count), count); }
  Expected<std::vector<double>> timeFirst(int64_t count) override {
    return ask(std::to_string(count) + " first", count);
  }
  Expected<std::vector<FloatTensor>> outputs() override { return readFloatTensors(results); }
  Expected<std::vector<std::vector<int32_t>>> written() override;
  double residentBytes() const override { return resident; }
  double loadSeconds() const override { return loading; }

private:
  Expected<std::string> answer();
  Expected<std::vector<double>> ask(const std::string &question, int64_t count);
  Expected<std::vector<double>> parseNumbers(StringRef line, size_t expected) const;

  const PythonPeer peer;
  std::string label, script, results, texts;
  LineProcess process;
  double loading = 0, resident = 0;
};

} // namespace

/// The next line, unless it says what is in the way.
Expected<std::string> PythonContender::answer() {
  constexpr int patience = 1200; // seconds: some compile and tune a large model before they answer
  Expected<std::string> line = process.readLine(patience);
  if (line)
    if (StringRef reason = *line; reason.consume_front("error "))
      return createStringError("the contender '" + label + "' cannot run: " + printable(reason));
  return line;
}

Expected<std::vector<double>> PythonContender::ask(const std::string &question, int64_t count) {
  if (Error error = process.writeLine(question))
    return std::move(error);
  Expected<std::string> line = answer();
  return line ? parseNumbers(*line, count) : line.takeError();
}

Expected<std::vector<std::vector<int32_t>>> PythonContender::written() {
  Expected<InputTensors> file = InputTensors::read(texts);
  if (!file)
    return file.takeError();
  const InputTensors::Array *ids = file->find("written");
  if (!ids || ids->shape.size() != 2 || ids->shape[1] < 1)
    return createStringError(quote(texts) + " has no tensor 'written' [prompts, tokens]");
  std::vector<std::vector<int32_t>> rows(ids->shape[0]);
  for (int64_t index = 0; index < ids->count(); ++index)
    rows[index / ids->shape[1]].push_back(static_cast<int32_t>(ids->at(index)));
  return rows;
}

Expected<std::vector<double>> PythonContender::parseNumbers(StringRef line, size_t expected) const {
  std::vector<double> numbers;
  for (StringRef word : llvm::split(line, ' '))
    if (double number; !word.getAsDouble(number))
      numbers.push_back(number);
  if (numbers.size() != expected)
    return createStringError("the contender '" + label + "' answered " + quote(line) + " where " +
                             llvm::Twine(expected) + " numbers were expected");
  return numbers;
}

Error PythonContender::start(StringRef python) {
  if (Error error = process.start({python.str(), script}))
    return error;
  Expected<std::string> line = answer();
  if (!line)
    return line.takeError();
  StringRef text = *line;
  if (!text.consume_front("ready "))
    return createStringError("the contender '" + label + "' answered " + quote(text) + " where 'ready' was expected");
  Expected<std::vector<double>> numbers = parseNumbers(text, 2);
  if (!numbers)
    return numbers.takeError();
  loading = (*numbers)[0];
  resident = (*numbers)[1];
  return Error::success();
}

llvm::ArrayRef<PythonPeer> pythonContenders() {
  static constexpr PythonPeer peers[] = {{"eager", Precision::F32, PeerAbility::Both},
                                         {"eager-bf16", Precision::BF16, PeerAbility::Both},
                                         {"torch-compile", Precision::F32},
                                         {"onnxruntime", Precision::F32},
                                         {"onnxruntime-int8", Precision::Int8},
                                         {"openvino", Precision::F32},
                                         {"openvino-bf16", Precision::BF16},
                                         {"openvino-int8", Precision::Int8},
                                         {"ctranslate2", Precision::F32, PeerAbility::Writes},
                                         {"ctranslate2-int8", Precision::Int8, PeerAbility::Writes}};
  return peers;
}

Expected<std::unique_ptr<Contender>> makePythonContender(const PythonPeer &peer, StringRef python,
                                                         const ScratchDirectory &directory) {
  auto contender = std::make_unique<PythonContender>(peer, directory);
  if (Error error = contender->start(python))
    return std::move(error);
  return contender;
}

} // namespace lathe
