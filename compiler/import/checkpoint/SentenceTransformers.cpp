#include "compiler/import/checkpoint/SentenceTransformers.h"
#include "compiler/import/checkpoint/Json.h"
#include "compiler/import/checkpoint/ModelDirectory.h"
#include "compiler/import/safetensors/Quote.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace lathe;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::formatv;
using llvm::StringRef;

/// No model of today reads texts this long; a larger number is a way to say "no limit".
static constexpr int64_t longestText = int64_t(1) << 30;

static constexpr std::pair<StringRef, PoolingMode> poolingModes[] = {{"cls", PoolingMode::Cls},
                                                                     {"max", PoolingMode::Max},
                                                                     {"mean", PoolingMode::Mean},
                                                                     {"mean_sqrt_len_tokens", PoolingMode::MeanSqrtLen},
                                                                     {"weightedmean", PoolingMode::WeightedMean},
                                                                     {"lasttoken", PoolingMode::LastToken}};

StringRef lathe::poolingName(PoolingMode mode) {
  return llvm::find_if(poolingModes, [&](const auto &entry) { return entry.second == mode; })->first;
}

std::optional<PoolingMode> lathe::findPooling(StringRef name) {
  for (auto [word, mode] : poolingModes)
    if (word == name)
      return mode;
  return std::nullopt;
}

std::string lathe::poolingNames() { return llvm::join(llvm::make_first_range(llvm::ArrayRef(poolingModes)), ", "); }

namespace {

/// A row of modules.json.
struct Module {
  std::string name;   // the class's last name: "Pooling"
  std::string folder; // of its files, inside the directory; empty: the directory itself
};

/// The old flags of a pooling's config. They concatenate in this order, whatever the file's.
struct PoolingFlag {
  StringRef name;
  PoolingMode mode;
};
constexpr PoolingFlag poolingFlags[] = {{"pooling_mode_cls_token", PoolingMode::Cls},
                                        {"pooling_mode_max_tokens", PoolingMode::Max},
                                        {"pooling_mode_mean_tokens", PoolingMode::Mean},
                                        {"pooling_mode_mean_sqrt_len_tokens", PoolingMode::MeanSqrtLen},
                                        {"pooling_mode_weightedmean_tokens", PoolingMode::WeightedMean},
                                        {"pooling_mode_lasttoken", PoolingMode::LastToken}};

} // namespace

/// Accepts a Transformer, a Pooling, and any modules that may stand behind one; of a cross-encoder a Transformer.
static Expected<std::vector<Module>> readModules(StringRef directory, bool isCrossEncoder) {
  std::string path = joinPath(directory, "modules.json");
  Expected<JsonDocument> document = JsonDocument::open(path);
  if (!document)
    return document.takeError();
  const std::string supported = isCrossEncoder
                                    ? "Transformer alone, as this is a cross-encoder"
                                    : "Transformer, then Pooling, then any of " + sentenceModuleNames().str();
  std::vector<Module> modules;
  Error error = JsonFields::readRootArray(*document, [&](JsonFields &fields) {
    std::string type = fields.getString("type"), place = fields.getString("path");
    StringRef name = StringRef(type).rsplit('.').second;
    if (name.empty())
      name = type; // no dot
    const bool isKnown = name == "Transformer" || name == "Pooling" || name == "Dropout" || isSentenceModule(name);
    if (!isKnown)
      return fields.reject("type", "is the module " + quote(type) + "; supported are " + supported);
    const StringRef wanted = modules.empty() ? "Transformer" : modules.size() == 1 ? "Pooling" : "";
    const bool standsBehind = name != "Transformer" && name != "Pooling";
    if (wanted.empty() ? !standsBehind : name != wanted || (isCrossEncoder && !modules.empty()))
      return fields.reject("type", "is " + quote(type) + " in place " + std::to_string(modules.size()) +
                                       "; supported is " + supported);
    if (!staysInside(place))
      return fields.reject("path", "is " + quote(place) + "; accepted: a path inside the model's directory");
    modules.push_back({name.str(), place});
  });
  if (error)
    return error;
  if (modules.size() < (isCrossEncoder ? 1 : 2))
    return createStringError(formatv("'{0}': no {1}; supported is {2}", path,
                                     isCrossEncoder ? "Transformer" : "Pooling after the Transformer", supported));
  return modules;
}

static void readPoolingModes(JsonFields &fields, SentenceTransformer &result) {
  if (fields.has("pooling_mode")) { // the newer spelling, which hides the flags
    for (const std::string &word : fields.getStringOrStrings("pooling_mode")) {
      if (std::optional<PoolingMode> mode = findPooling(word))
        result.poolings.push_back(*mode);
      else
        fields.reject("pooling_mode", "asks for the pooling " + quote(word) + "; supported are " + poolingNames());
    }
    if (result.poolings.empty())
      fields.reject("pooling_mode", "names no pooling; supported are " + poolingNames());
    return;
  }
  for (const PoolingFlag &flag : poolingFlags)
    if (fields.getBool(flag.name, false))
      result.poolings.push_back(flag.mode);
  if (result.poolings.empty())
    result.poolings.push_back(PoolingMode::Mean); // the class's default
}

static Error readPooling(StringRef directory, SentenceTransformer &result) {
  result.poolingFile = joinPath(directory, "config.json");
  Expected<JsonDocument> document = JsonDocument::open(result.poolingFile);
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  StringRef width = fields.has("word_embedding_dimension") ? "word_embedding_dimension" : "embedding_dimension";
  result.tokenWidth = fields.getInt(width, std::nullopt, 1, 1 << 24);
  readPoolingModes(fields, result);
  result.poolsPrompts = fields.getBool("include_prompt", true);
  return fields.takeError();
}

namespace {
/// config_sentence_transformers.json
struct OwnConfig {
  bool isCrossEncoder = false;
  std::optional<ScoreActivation> activation; ///< a cross-encoder's, where the file has it
  std::vector<Prompt> prompts;
};
} // namespace

/// Prompts by name, and which of them stands before a text that nobody gave another one. Null is the empty one.
static void readPrompts(JsonFields &fields, std::vector<Prompt> &all) {
  fields.readObject("prompts", [&](JsonFields &prompts) {
    for (StringRef prompt : prompts.names()) {
      std::string text = prompts.getOptionalString(prompt).value_or("");
      if (prompt.contains('\0') || StringRef(text).contains('\0')) // the ABI's strings end with one
        prompts.reject(prompt, "holds a NUL character; accepted is a text without");
      all.push_back({prompt.str(), std::move(text)});
    }
  });
  if (std::optional<std::string> wanted = fields.getOptionalString("default_prompt_name")) {
    auto found = llvm::find_if(all, [&](const Prompt &prompt) { return prompt.name == *wanted; });
    if (found != all.end())
      found->isDefault = true;
    else
      fields.reject("default_prompt_name",
                    "is " + quote(*wanted) + ", which is none of the file's prompts: " +
                        llvm::join(llvm::map_range(all, [](const Prompt &prompt) { return prompt.name; }), ", "));
  }
}

static constexpr std::pair<StringRef, ScoreActivation> scoreActivations[] = {
    {"identity", ScoreActivation::Identity}, {"sigmoid", ScoreActivation::Sigmoid}, {"tanh", ScoreActivation::Tanh}};

StringRef lathe::scoreActivationName(ScoreActivation activation) {
  return llvm::find_if(scoreActivations, [&](const auto &entry) { return entry.second == activation; })->first;
}

/// PyTorch's class of an activation, where a field names one.
static std::optional<ScoreActivation> readScoreActivation(JsonFields &fields, StringRef field) {
  std::optional<std::string> found = fields.getOptionalString(field);
  if (!found)
    return std::nullopt;
  StringRef className = *found;
  if (className.consume_front("torch."))
    for (auto [name, activation] : scoreActivations)
      if (className.rsplit('.').second.equals_insensitive(name))
        return activation;
  fields.reject(field, "is " + quote(*found) + "; supported are of torch.nn: Identity, Sigmoid, Tanh");
  return std::nullopt;
}

static Expected<OwnConfig> readOwnConfig(StringRef directory) {
  constexpr StringRef name = "config_sentence_transformers.json";
  OwnConfig own;
  if (!hasEntry(directory, name))
    return own;
  Expected<JsonDocument> document = JsonDocument::open(joinPath(directory, name));
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  own.isCrossEncoder = fields.getOptionalString("model_type") == "CrossEncoder";
  if (own.isCrossEncoder)
    own.activation = readScoreActivation(fields, "activation_fn");
  readPrompts(fields, own.prompts);
  if (Error error = fields.takeError())
    return std::move(error);
  return own;
}

Expected<std::optional<ScoreActivation>> lathe::readCrossEncoder(StringRef directory, const JsonDocument &config) {
  Expected<OwnConfig> own = readOwnConfig(directory);
  if (!own)
    return own.takeError();
  JsonFields fields(config);
  std::optional<ScoreActivation> stated = own->activation;
  bool isCrossEncoder = own->isCrossEncoder || fields.has("sbert_ce_default_activation_function");
  fields.readObject("sentence_transformers", [&](JsonFields &inner) {
    isCrossEncoder |= inner.has("activation_fn");
    if (!stated)
      stated = readScoreActivation(inner, "activation_fn");
  });
  if (!stated)
    stated = readScoreActivation(fields, "sbert_ce_default_activation_function");
  if (Error error = fields.takeError())
    return std::move(error);
  if (!isCrossEncoder)
    return std::nullopt;
  return stated.value_or(ScoreActivation::Sigmoid); // the library's default for one logit
}

/// Reads the lengths and casing that the Transformer module sets for texts.
static Error readTextSettings(SentenceTransformer &result) {
  // The file is named after the model in directories of the first releases.
  constexpr StringRef names[] = {"sentence_bert_config.json",       "sentence_roberta_config.json",
                                 "sentence_distilbert_config.json", "sentence_camembert_config.json",
                                 "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
                                 "sentence_xlnet_config.json"};
  const StringRef *name = llvm::find_if(names, [&](StringRef n) { return hasEntry(result.transformerPath, n); });
  if (name != std::end(names)) {
    Expected<JsonDocument> document = JsonDocument::open(joinPath(result.transformerPath, *name));
    if (!document)
      return document.takeError();
    JsonFields fields(*document);
    result.maxSeqLength = fields.getOptionalInt("max_seq_length", 1, longestText);
    result.doLowerCase = fields.getBool("do_lower_case", false);
    if (Error error = fields.takeError())
      return error;
  }
  if (!result.maxSeqLength) {
    Expected<std::optional<int64_t>> length = readModelMaxLength(result.transformerPath);
    if (!length)
      return length.takeError();
    result.maxSeqLength = *length;
  }
  return Error::success();
}

static std::string inside(StringRef directory, StringRef folder) {
  return folder.empty() ? directory.str() : joinPath(directory, folder);
}

Expected<std::optional<SentenceTransformer>> lathe::readSentenceTransformer(StringRef directory) {
  if (!hasEntry(directory, "modules.json"))
    return std::nullopt;
  Expected<OwnConfig> own = readOwnConfig(directory);
  if (!own)
    return own.takeError();
  Expected<std::vector<Module>> modules = readModules(directory, own->isCrossEncoder);
  if (!modules)
    return modules.takeError();
  SentenceTransformer result;
  result.prompts = std::move(own->prompts);
  result.transformerPath = inside(directory, (*modules)[0].folder);
  if (!own->isCrossEncoder)
    if (Error error = readPooling(inside(directory, (*modules)[1].folder), result))
      return error;
  for (const Module &module : llvm::drop_begin(*modules, std::min<size_t>(2, modules->size()))) {
    if (module.name == "Dropout") // which only training has
      continue;
    Expected<SentenceModule> read = readSentenceModule(module.name, directory, module.folder, result.embeddingWidth());
    if (!read)
      return read.takeError();
    result.modules.push_back(std::move(*read));
  }
  if (Error error = readTextSettings(result))
    return error;
  return result;
}

Expected<std::optional<int64_t>> lathe::readModelMaxLength(StringRef directory) {
  if (!hasEntry(directory, "tokenizer_config.json"))
    return std::nullopt;
  Expected<JsonDocument> document = JsonDocument::open(joinPath(directory, "tokenizer_config.json"));
  if (!document)
    return document.takeError();
  JsonFields fields(*document);
  std::optional<int64_t> length;
  // Read as a float: 1e30 is an integer of 31 digits in these files.
  std::optional<double> stated = fields.getOptionalFloat("model_max_length", 1, std::numeric_limits<double>::max());
  if (stated && *stated <= longestText)
    length = fields.getInt("model_max_length", std::nullopt, 1, longestText);
  if (Error error = fields.takeError())
    return error;
  return length;
}

Error SentenceTransformer::checkWidth(int64_t hiddenSize) const {
  if (tokenWidth == hiddenSize)
    return Error::success();
  return createStringError(formatv("'{0}': pools embeddings of width {1}, but the model's hidden size is {2}",
                                   poolingFile, tokenWidth, hiddenSize));
}
