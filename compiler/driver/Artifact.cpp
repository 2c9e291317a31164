//===- Artifact.cpp - opening what compile made -------------------------------===//
#include "compiler/driver/Artifact.h"

#include "compiler/driver/Names.h"
#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/safetensors/MappedFile.h"
#include "compiler/import/safetensors/Quote.h"
#include "compiler/import/safetensors/SafetensorsHeader.h"
#include "lathe/program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"

#include <chrono>
#include <dlfcn.h>
#include <nlohmann/json.hpp>

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace lathe {

constexpr StringRef manifestName = "manifest.json";
constexpr StringRef compileAnew = ": compile the model anew";

//===----------------------------------------------------------------------===//
// The manifest
//===----------------------------------------------------------------------===//

bool looksLikeArtifact(StringRef path) { return hasEntry(path, manifestName); }

/// Says what a path is that has no manifest.
static Error explainNoArtifact(StringRef path) {
  llvm::sys::fs::file_status status;
  if (std::error_code error = llvm::sys::fs::status(path, status))
    return createStringError(quote(path) + ": " + error.message());
  if (!llvm::sys::fs::is_directory(status))
    return createStringError(quote(path) + " is no directory; accepted is the directory of an artifact");
  if (hasEntry(path, "config.json") || hasEntry(path, "modules.json"))
    return createStringError(quote(path) + " is a model directory, not an artifact; compile it first: lathe compile " +
                             printable(path) + " -o DIR");
  return createStringError(quote(path) + " is no Lathe artifact: it has no " + manifestName);
}

Expected<Artifact> Artifact::open(StringRef directory) {
  if (!looksLikeArtifact(directory))
    return explainNoArtifact(directory);
  std::string path = joinPath(directory, manifestName);
  Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  Artifact artifact(directory, std::move(*document));
  if (Error error = artifact.read())
    return std::move(error);
  return artifact;
}

static bool isHex(StringRef text, size_t digits) {
  return text.size() == digits && llvm::all_of(text, llvm::isHexDigit);
}

Error Artifact::read() {
  constexpr int64_t anySize = std::numeric_limits<int64_t>::max();
  JsonFields fields(document);
  fields.getString("lathe_version");
  int64_t abi = fields.getInt("abi_version", std::nullopt, 0, anySize);
  name = fields.getString("name");
  buildId = fields.getString("build_id");
  fields.readObject("model", [&](JsonFields &model) {
    task = model.getString("task");
    poolings = model.getOptionalStrings("pooling").value_or(std::vector<std::string>());
    modules = model.getOptionalStrings("modules").value_or(std::vector<std::string>());
    labels = model.getOptionalStrings("labels").value_or(std::vector<std::string>());
    problem = model.getString("problem_type", "");
    features = model.getString("features", "");
    score = model.getString("score", "");
    similarity = model.getString("similarity", "");
  });
  fields.readObject("tokenizer", [&](JsonFields &tokenizer) {
    if (std::optional<int64_t> id = tokenizer.getOptionalInt("filling_id", 0, INT32_MAX))
      filling = Filling{int32_t(*id), tokenizer.getInt("max_length", std::nullopt, 1, INT32_MAX)};
  });
  fields.readObject("weights", [&](JsonFields &weights) {
    weightsBytes = weights.getInt("bytes", std::nullopt, 0, anySize);
    weightsHash = weights.getString("blake3");
    embedsWeights = weights.getBool("embedded");
  });
  if (Error error = fields.takeError())
    return error;
  std::string origin = quote(file(manifestName));
  if (abi != LATHE_ABI_VERSION)
    return createStringError(origin + ": abi_version is " + llvm::Twine(abi) + "; this lathe understands " +
                             llvm::Twine(LATHE_ABI_VERSION) + compileAnew);
  if (Error error = checkName(name)) // also keeps the library's path inside the directory
    return createStringError(origin + ": " + llvm::toString(std::move(error)));
  if (!isHex(buildId, 32) || !isHex(weightsHash, 64))
    return createStringError(origin + ": build_id or weights.blake3 is no hexadecimal number of 32 or 64 digits");

  auto list = manifest().find("files");
  if (list == manifest().end() || !list->is_array())
    return createStringError(origin + ": field 'files' is missing; accepted is an array");
  for (const nlohmann::json &entry : *list) {
    File found;
    auto text = [&](const char *field) {
      auto value = entry.is_object() ? entry.find(field) : entry.end();
      return value != entry.end() && value->is_string() ? value->get<std::string>() : std::string();
    };
    auto bytes = entry.is_object() ? entry.find("bytes") : entry.end();
    found.name = text("name");
    found.hash = text("blake3");
    if (found.name.empty() || !staysInside(found.name) || bytes == entry.end() || !bytes->is_number_unsigned() ||
        !isHex(found.hash, 64))
      return createStringError(origin + ": file " + quote(found.name) +
                               ": accepted are a name inside the directory, its bytes and its blake3");
    found.bytes = bytes->get<uint64_t>();
    files.push_back(std::move(found));
  }
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static std::string hashOf(ArrayRef<uint8_t> bytes) {
  return llvm::toHex(llvm::BLAKE3::hash<32>(bytes), /*LowerCase=*/true);
}

static Error differs(const std::string &path, const llvm::Twine &how) {
  return createStringError(quote(path) + " is not what was compiled: " + how + "; compile the model again");
}

Error checkFile(const Artifact &artifact, const Artifact::File &file) {
  std::string path = artifact.file(file.name);
  Expected<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return mapped.takeError();
  if (mapped->bytes().size() != file.bytes)
    return differs(path,
                   "it has " + llvm::Twine(mapped->bytes().size()) + " bytes, and had " + llvm::Twine(file.bytes));
  if (hashOf(mapped->bytes()) != file.hash)
    return differs(path, "its BLAKE3 differs from the manifest's");
  return Error::success();
}

Error checkWeightsFile(const Artifact &artifact) {
  std::string path = artifact.file(artifact.weights());
  Expected<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return mapped.takeError();
  ArrayRef<uint8_t> bytes = mapped->bytes();
  if (bytes.size() != artifact.weightsBytes || bytes.size() < LATHE_TENSORS_OFFSET)
    return differs(path,
                   "it has " + llvm::Twine(bytes.size()) + " bytes, and had " + llvm::Twine(artifact.weightsBytes));
  lathe_weights_header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (StringRef(header.magic, sizeof header.magic) != LATHE_WEIGHTS_MAGIC)
    return differs(path, "it does not begin as a weights file");
  if (StringRef(header.build_id, sizeof header.build_id) != artifact.buildId)
    return differs(path, "it is of build " + printable(StringRef(header.build_id, sizeof header.build_id)) +
                             ", the manifest of " + artifact.buildId);
  std::string content = hashOf(bytes.drop_front(LATHE_TENSORS_OFFSET));
  if (content != artifact.weightsHash)
    return differs(path, "the BLAKE3 of its content differs from the manifest's");
  if (content != llvm::toHex(ArrayRef(header.content_hash), /*LowerCase=*/true))
    return differs(path, "the BLAKE3 of its content differs from its header's");
  return Error::success();
}

//===----------------------------------------------------------------------===//
// The library
//===----------------------------------------------------------------------===//

Error toError(const lathe_error &error) { return createStringError(printable(error.message)); }

void LoadedModel::CloseLibrary::operator()(void *library) const { dlclose(library); }

Expected<LoadedModel> LoadedModel::load(const Artifact &artifact) {
  const Artifact::File *listed = nullptr;
  for (const Artifact::File &file : artifact.files)
    if (file.name == artifact.library())
      listed = &file;
  if (!listed)
    return createStringError(quote(artifact.file(manifestName)) + " does not list " + artifact.library());
  if (Error error = checkFile(artifact, *listed))
    return std::move(error);

  std::string path = artifact.file(artifact.library());
  llvm::SmallString<128> absolute(path); // a name without '/' would be looked for elsewhere
  if (std::error_code error = llvm::sys::fs::make_absolute(absolute))
    return createStringError(quote(path) + ": " + error.message());
  auto began = std::chrono::steady_clock::now();
  void *library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return createStringError(quote(path) + " cannot be loaded: " + printable(dlerror()));
  LoadedModel loaded(library);
  auto *getTable = reinterpret_cast<const lathe_api *(*)()>(dlsym(library, ("lathe_" + artifact.name).c_str()));
  if (!getTable)
    return createStringError(quote(path) + " does not export lathe_" + artifact.name);
  loaded.table = getTable();
  if (loaded.table->abi_version != LATHE_ABI_VERSION || loaded.table->size < sizeof(lathe_api))
    return createStringError(quote(path) + " has version " + llvm::Twine(loaded.table->abi_version) + " of the ABI, " +
                             llvm::Twine(loaded.table->size) + " bytes of it; this lathe understands " +
                             llvm::Twine(LATHE_ABI_VERSION) + ", " + llvm::Twine(sizeof(lathe_api)) + " and more" +
                             compileAnew);
  if (loaded.table->build_id() != artifact.buildId)
    return createStringError(quote(path) + " is of build " + loaded.table->build_id() + ", its manifest of " +
                             artifact.buildId);

  lathe_error error = {};
  lathe_model *model = nullptr;
  std::string weights = artifact.file(artifact.weights());
  if (loaded.table->open(artifact.embedsWeights ? nullptr : weights.c_str(), nullptr, &model, &error))
    return toError(error);
  loaded.opened = {model, CloseModel{loaded.table}};
  loaded.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return loaded;
}

Expected<LoadedArtifact> LoadedArtifact::load(StringRef directory) {
  Expected<Artifact> artifact = Artifact::open(directory);
  if (!artifact)
    return artifact.takeError();
  Expected<LoadedModel> model = LoadedModel::load(*artifact);
  if (!model)
    return model.takeError();
  return LoadedArtifact{std::move(*artifact), std::move(*model)};
}

ArrayRef<lathe_entry_info> LoadedModel::entries() const {
  const lathe_entry_info *infos = nullptr;
  const size_t count = table->entries(&infos);
  return {infos, count};
}

Expected<const lathe_entry_info *> LoadedModel::entry(StringRef name) const {
  std::string names;
  for (const lathe_entry_info &info : entries()) {
    if (name.empty() || name == info.name)
      return &info;
    names += (names.empty() ? "" : ", ") + std::string(info.name);
  }
  return createStringError("the model has no entry " + quote(name) + "; it has " + names);
}

ArrayRef<lathe_prompt> LoadedModel::prompts() const {
  const lathe_prompt *prompts = nullptr;
  const size_t count = table->prompts(&prompts);
  return {prompts, count};
}

Error checkThreads(std::optional<int64_t> threads) {
  if (threads && (*threads < 1 || *threads > std::numeric_limits<int32_t>::max()))
    return createStringError("--threads is " + llvm::Twine(*threads) +
                             "; accepted are 1 and more (without it: as many as the process may use)");
  return Error::success();
}

Expected<const lathe_entry_info *> LoadedModel::entryFor(StringRef name, bool hasTexts, bool hasImages) const {
  if (name.empty())
    for (const lathe_entry_info &entry : entries())
      if (hasInput(entry, "input_ids") == hasTexts && hasInput(entry, "pixel_values") == hasImages)
        return &entry;
  return entry(name);
}

Expected<RunContext> LoadedModel::createContext(const RunOptions &options) const {
  lathe_context_options settings = {};
  settings.size = sizeof settings;
  settings.threads = static_cast<int32_t>(options.threads);
  settings.max_tokens = options.maxTokens;
  settings.profile = options.profile;
  if (options.trace) {
    using Trace = std::function<void(const lathe_traced &)>;
    settings.trace_user = const_cast<Trace *>(options.trace);
    settings.trace = [](void *user, const lathe_traced *result) { (*static_cast<const Trace *>(user))(*result); };
  }
  lathe_context *context = nullptr;
  lathe_error error = {};
  if (table->context_create(model(), &settings, &context, &error))
    return toError(error);
  return RunContext(table, context);
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

int64_t FloatTensor::count() const {
  int64_t product = 1;
  for (int64_t extent : shape)
    product *= extent;
  return product;
}

Expected<FloatTensor> makeFloatTensor(StringRef name, ArrayRef<int64_t> shape) {
  FloatTensor tensor{name.str(), {shape.begin(), shape.end()}, nullptr};
  // Half the address space: a lie about a size, or a batch that no machine holds.
  constexpr int64_t most = int64_t(1) << 45;
  int64_t count = 1;
  bool fits = true;
  for (int64_t extent : shape) {
    fits &= extent == 0 || count <= most / extent;
    count = fits ? count * extent : count;
  }
  if (fits)
    tensor.data.reset(new (std::nothrow) float[count]);
  if (!tensor.data)
    return createStringError("no memory for output " + quote(name) + " of shape " + shapeText(shape));
  return tensor;
}

bool hasInput(const lathe_entry_info &entry, StringRef name) {
  return llvm::any_of(ArrayRef(entry.inputs, entry.n_inputs), [&](const lathe_io &io) { return name == io.name; });
}
bool hasOutput(const lathe_entry_info &entry, StringRef name) {
  return llvm::any_of(ArrayRef(entry.outputs, entry.n_outputs), [&](const lathe_io &io) { return name == io.name; });
}

Expected<std::vector<FloatTensor>> RunContext::prepare(const lathe_entry_info &entry, ArrayRef<lathe_tensor> inputs,
                                                       ArrayRef<std::string> names) const {
  std::vector<lathe_tensor> shapes;
  for (const lathe_io &io : ArrayRef(entry.outputs, entry.n_outputs))
    if (names.empty() || llvm::is_contained(names, io.name)) {
      shapes.push_back({});
      shapes.back().name = io.name;
    }
  lathe_error error = {};
  if (api->infer(context.get(), entry.name, inputs.data(), inputs.size(), shapes.data(), shapes.size(), &error))
    return toError(error);
  std::vector<FloatTensor> outputs;
  for (const lathe_tensor &shape : shapes) {
    Expected<FloatTensor> tensor = makeFloatTensor(shape.name, ArrayRef(shape.shape, shape.rank));
    if (!tensor)
      return tensor.takeError();
    outputs.push_back(std::move(*tensor));
  }
  return outputs;
}

Error RunContext::run(const lathe_entry_info &entry, ArrayRef<lathe_tensor> inputs,
                      ArrayRef<FloatTensor> outputs) const {
  std::vector<lathe_tensor> arrays;
  for (const FloatTensor &output : outputs) {
    lathe_tensor array = {};
    array.name = output.name.c_str();
    array.dtype = LATHE_F32;
    array.rank = static_cast<int32_t>(output.shape.size());
    llvm::copy(output.shape, array.shape);
    array.data = output.data.get();
    arrays.push_back(array);
  }
  lathe_error error = {};
  if (api->run(context.get(), entry.name, inputs.data(), inputs.size(), arrays.data(), arrays.size(), &error))
    return toError(error);
  return Error::success();
}

std::vector<lathe_profile_step> RunContext::profile() const {
  std::vector<lathe_profile_step> steps(api->profile(context.get(), nullptr, 0));
  api->profile(context.get(), steps.data(), steps.size());
  return steps;
}

} // namespace lathe
