#include "compiler/import/checkpoint/SentenceModules.h"
#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using llvm::Expected;
using llvm::StringRef;
using Kind = SentenceModule::Kind;

static constexpr int64_t largestWidth = int64_t(1) << 24;

static constexpr std::pair<StringRef, Kind> kinds[] = {
    {"Dense", Kind::Dense}, {"LayerNorm", Kind::LayerNorm}, {"Normalize", Kind::Normalize}};

/// PyTorch's classes of activations, as they are without arguments, and Transformers' names of the same functions.
static constexpr std::pair<StringRef, StringRef> activations[] = {
    {"GELU", "gelu"},   {"Identity", "linear"}, {"LeakyReLU", "leaky_relu"}, {"Mish", "mish"}, {"ReLU", "relu"},
    {"ReLU6", "relu6"}, {"SiLU", "silu"},       {"Sigmoid", "sigmoid"},      {"Tanh", "tanh"}};

StringRef SentenceModule::name() const {
  return llvm::find_if(kinds, [&](const auto &entry) { return entry.second == kind; })->first;
}

bool lathe::isSentenceModule(StringRef name) { return llvm::is_contained(llvm::make_first_range(kinds), name); }

StringRef lathe::sentenceModuleNames() { return "Dense, LayerNorm, Normalize and Dropout"; }

/// The function that the class of a Dense module's activation computes. One that is not PyTorch's own would be code
/// from somewhere.
static std::string readActivation(JsonFields &fields) {
  std::string found = fields.getString("activation_function", "torch.nn.modules.activation.Tanh");
  StringRef className = found;
  if (className.consume_front("torch."))
    for (auto [name, function] : activations)
      if (className.rsplit('.').second == name)
        return function.str();
  fields.reject("activation_function", "is " + quote(found) + "; supported are of torch.nn: " +
                                           llvm::join(llvm::make_first_range(llvm::ArrayRef(activations)), ", "));
  return "linear";
}

static void requireWidth(JsonFields &fields, StringRef field, int64_t found, int64_t width) {
  if (found != width)
    fields.reject(field, "is " + llvm::Twine(found) + ", but what stands before the module gives vectors of width " +
                             llvm::Twine(width));
}

static void readDense(JsonFields &fields, SentenceModule &module) {
  const int64_t inputs = fields.getInt("in_features", std::nullopt, 1, largestWidth);
  requireWidth(fields, "in_features", inputs, module.inputs);
  module.outputs = fields.getInt("out_features", std::nullopt, 1, largestWidth);
  module.biased = fields.getBool("bias", true);
  module.activation = readActivation(fields);
  constexpr StringRef embedding = "sentence_embedding";
  for (StringRef field : {"module_input_name", "module_output_name"})
    if (std::string name = fields.getOptionalString(field).value_or(embedding.str()); name != embedding)
      fields.reject(field, "is " + quote(name) + "; supported is " + quote(embedding));
}

static void readLayerNorm(JsonFields &fields, SentenceModule &module) {
  requireWidth(fields, "dimension", fields.getInt("dimension", std::nullopt, 1, largestWidth), module.inputs);
}

Expected<SentenceModule> lathe::readSentenceModule(StringRef name, StringRef root, StringRef folder, int64_t width) {
  const Kind kind = llvm::find_if(kinds, [&](const auto &entry) { return entry.first == name; })->second;
  SentenceModule module = {.kind = kind, .directory = joinPath(root, folder), .inputs = width, .outputs = width};
  if (kind == Kind::Normalize)
    return module;
  module.prefix = folder.str();
  Expected<JsonDocument> document = JsonDocument::open(joinPath(module.directory, "config.json"));
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  if (kind == Kind::Dense)
    readDense(fields, module);
  else
    readLayerNorm(fields, module);
  if (llvm::Error error = fields.takeError())
    return std::move(error);
  return module;
}
